"""Fill a space with neurites, thick ones first, then branches, then thin ones between them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.geometry import ZyxNm
from segmend.core.synthesis.skeletons import (
    GAP_NM,
    MAX_BRANCH_BALLS,
    NODE_NM,
    Room,
    clearance,
    empty_room,
    grow,
    random_direction,
    stamp,
)
from segmend.core.synthesis.specs import SampleSpec

THINNEST_NM = 24.0
ATTEMPTS = 400  # failed attempts in a row after which a population counts as complete


class Population(NamedTuple):
    """Neurites of one kind.

    share : share of the space after which no more are started.
    radius_low, radius_high : nm, drawn between with more weight on the low end.
    wiggle : how sharply they turn.
    twigs : side branches per micrometre.
    spines : short side branches with a head per micrometre.
    """

    share: float
    radius_low: float
    radius_high: float
    wiggle: float
    twigs: float
    spines: float


class Skeletons(NamedTuple):
    """Balls of all neurites; chains of balls that follow each other share a `chain` number.

    balls : (n, 4) float64, z, y, x, radius in nm; neurite, chain : (n,) int32.
    """

    balls: NDArray[np.float64]
    neurite: NDArray[np.int32]
    chain: NDArray[np.int32]


class _Store:
    """Growing arrays of balls; lives only while a tissue is made."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.parts: list[NDArray[np.float64]] = []
        self.neurites: list[int] = []
        self.volume_nm3 = 0.0
        self.neurite_count = 0
        self.beyond_nm = 0.0

    def add(self, chain: NDArray[np.float64], neurite: int) -> None:
        stamp_all(self.room, chain, neurite, self.beyond_nm)
        self.parts.append(chain)
        self.neurites.append(neurite)
        steps = np.maximum(0.55 * chain[:, 3], 12.0)
        self.volume_nm3 += float((np.pi * chain[:, 3] ** 2 * steps).sum())

    def skeletons(self) -> Skeletons:
        if not self.parts:
            none = np.zeros(0, np.int32)
            return Skeletons(np.zeros((0, 4)), none, none)
        sizes = [len(part) for part in self.parts]
        return Skeletons(
            np.concatenate(self.parts),
            np.repeat(np.array(self.neurites, np.int32), sizes),
            np.repeat(np.arange(len(sizes), dtype=np.int32), sizes),
        )


@njit(cache=True, nogil=True)
def stamp_all(room: Room, balls: NDArray, neurite: int, beyond: float) -> None:
    """Enter a chain of balls into the room."""
    for i in range(balls.shape[0]):
        stamp(room, balls[i], neurite, beyond)


@njit(cache=True, nogil=True)
def _free_place(rng: np.random.Generator, room: Room, wanted: float) -> tuple[NDArray, float]:
    """Look at 24 random places; return the first with the wanted clearance, else the roomiest."""
    best, best_free = np.zeros(3), -1.0
    for _ in range(24):
        point = rng.random(3) * room.size_nm
        free = clearance(room, point, -1)
        if free > best_free:
            best, best_free = point, free
        if free >= wanted:
            break
    return best, best_free


def populations(spec: SampleSpec, size_nm_zyx: ZyxNm) -> tuple[Population, ...]:
    """Return the kinds of neurites of a spec, thickest first; the thickest suit the size of the space."""
    # Rounded, because the last digit of a cube root is not the same on every machine.
    thickest = round(0.16 * (size_nm_zyx[0] * size_nm_zyx[1] * size_nm_zyx[2]) ** (1.0 / 3.0), 3)
    c, d, t, b = spec.calibre, spec.density, 0.5 * spec.tortuosity, spec.branching
    return (
        Population(
            0.50 * d,
            min(170 * c, thickest),
            min(340 * c, 1.2 * thickest),
            0.5 * t,
            1.5 * b,
            0.8 * b,
        ),
        Population(0.78 * d, 115 * c, 220 * c, 0.9 * t, 1.5 * b, 0.6 * b),
        Population(1.00 * d, 70 * c, 135 * c, 1.2 * t, 1.2 * b, 0.3 * b),
        Population(1.00, 34 * c, 85 * c, 1.4 * t, 0.6 * b, 0.0),
    )


def grow_tissue(rng: np.random.Generator, size_nm_zyx: ZyxNm, spec: SampleSpec) -> Skeletons:
    """Grow the skeletons of all neurites of a sample.

    Parameters
    ----------
    rng : numpy.random.Generator
    size_nm_zyx : tuple of 3 float
        Extent of the space; neurites end where they leave it.
    spec : SampleSpec
    """
    room = empty_room(size_nm_zyx)
    store = _Store(room)
    space = size_nm_zyx[0] * size_nm_zyx[1] * size_nm_zyx[2]
    for kind in populations(spec, size_nm_zyx):
        store.beyond_nm = 1.5 * kind.radius_high + 2.0 * GAP_NM + NODE_NM
        misses = 0
        while misses < ATTEMPTS and store.volume_nm3 < kind.share * space:
            misses = 0 if _plant(rng, store, kind) else misses + 1
    return store.skeletons()


def _plant(rng: np.random.Generator, store: _Store, kind: Population) -> bool:
    """Grow one neurite with its branches; say whether there was room for it."""
    u = rng.random()
    radius = kind.radius_low + (kind.radius_high - kind.radius_low) * u * u
    place, free = _free_place(rng, store.room, radius + GAP_NM)
    radius = min(radius, free - GAP_NM)
    if radius < max(0.6 * kind.radius_low, THINNEST_NM):
        return False
    chain = _both_ways(rng, store.room, place, radius, kind)
    path = float(np.maximum(0.55 * chain[:, 3], 12.0).sum())
    if path < max(6.0 * radius, 250.0):
        return False
    store.neurite_count += 1
    neurite = store.neurite_count
    store.add(chain, neurite)
    _side_branches(rng, store, chain, neurite, kind, path)
    return True


def _both_ways(
    rng: np.random.Generator, room: Room, place: NDArray, radius: float, kind: Population
) -> NDArray[np.float64]:
    heading = random_direction(rng)
    halves = []
    for way in (heading, -heading):
        balls = np.empty((MAX_BRANCH_BALLS, 4))
        narrow = max(0.45 * radius, THINNEST_NM)
        n = grow(rng, room, place, way, radius, narrow, kind.wiggle, 1e5, 1e6, -1, balls)
        halves.append(balls[:n])
    start = np.array([[*place, radius]])
    return np.concatenate([halves[0][::-1], start, halves[1]])


def _side_branches(
    rng: np.random.Generator,
    store: _Store,
    trunk: NDArray,
    neurite: int,
    kind: Population,
    path: float,
) -> None:
    for rate, spine in ((kind.twigs, False), (kind.spines, True)):
        for _ in range(int(rate * path / 1000.0 + rng.random())):
            root = trunk[int(rng.random() * len(trunk))]
            branch = (
                _spine(rng, store.room, root, neurite)
                if spine
                else _twig(rng, store.room, root, neurite, kind)
            )
            if branch is not None:
                store.add(branch, neurite)


def _twig(
    rng: np.random.Generator, room: Room, root: NDArray, neurite: int, kind: Population
) -> NDArray[np.float64] | None:
    radius = max(float(root[3]) * (0.25 + 0.5 * rng.random()), THINNEST_NM + 6.0)
    balls = np.empty((MAX_BRANCH_BALLS, 4))
    own = float(root[3]) + 2.0 * radius + 40.0
    n = grow(
        rng, room, root[:3].copy(), random_direction(rng), radius, THINNEST_NM, kind.wiggle + 0.2, 4000.0, own,
        neurite, balls,
    )  # fmt: skip
    path = float(np.maximum(0.55 * balls[:n, 3], 12.0).sum())
    return balls[:n].copy() if path > float(root[3]) + 120.0 else None


def _spine(
    rng: np.random.Generator, room: Room, root: NDArray, neurite: int
) -> NDArray[np.float64] | None:
    balls = np.empty((60, 4))
    neck = THINNEST_NM + 14.0 * rng.random()
    length = float(root[3]) + 150.0 + 350.0 * rng.random()
    own = float(root[3]) + 60.0
    n = grow(
        rng,
        room,
        root[:3].copy(),
        random_direction(rng),
        neck,
        THINNEST_NM,
        0.3,
        length,
        own,
        neurite,
        balls,
    )
    if n < 3 or n * 13.0 < float(root[3]) + 80.0:
        return None
    tip = balls[n - 1, :3].copy()
    head = min(60.0 + 90.0 * rng.random(), clearance(room, tip, neurite) - GAP_NM)
    balls[n - 1, 3] = max(head, balls[n - 1, 3])
    return balls[:n].copy()
