"""Random-walk skeletons of branching neurites that keep out of each other's way.

A neurite is a set of chains of balls. A coarse field holds, for every place, the distance to the surface of the
nearest ball and of the nearest ball of another neurite; a growing tip reads it, turns towards room, narrows where
room is scarce and stops where there is none.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.geometry import ZyxNm

NODE_NM = 20.0
GAP_NM = 14.0  # two membranes and the cleft between
FAR = np.float32(1e4)
MAX_BRANCH_BALLS = 4000


class Room(NamedTuple):
    """Distances to what has grown already, on nodes `NODE_NM` apart (nm, float32; labels int32).

    Exact up to the distance the stamps reach; `FAR` or too large beyond.
    """

    nearest: NDArray[np.float32]
    owner: NDArray[np.int32]
    second: NDArray[np.float32]
    size_nm: NDArray[np.float64]


def empty_room(size_nm_zyx: ZyxNm) -> Room:
    """Return the field of a space in which nothing has grown."""
    shape = tuple(int(s / NODE_NM) + 2 for s in size_nm_zyx)
    return Room(
        np.full(shape, FAR, np.float32),
        np.zeros(shape, np.int32),
        np.full(shape, FAR, np.float32),
        np.array(size_nm_zyx, np.float64),
    )


@njit(cache=True, nogil=True)
def stamp(room: Room, ball: NDArray, label: int, beyond: float) -> None:
    """Enter a ball (z, y, x, radius in nm) of a neurite, up to `beyond` nm from its surface."""
    reach = ball[3] + beyond
    shape = room.nearest.shape
    low = np.empty(3, np.int64)
    high = np.empty(3, np.int64)
    for a in range(3):
        low[a] = max(0, int((ball[a] - reach) / NODE_NM) + 1)
        high[a] = min(shape[a], int((ball[a] + reach) / NODE_NM) + 1)
    for z in range(low[0], high[0]):
        dz = z * NODE_NM - ball[0]
        for y in range(low[1], high[1]):
            dy = y * NODE_NM - ball[1]
            for x in range(low[2], high[2]):
                dx = x * NODE_NM - ball[2]
                square = dz * dz + dy * dy + dx * dx
                bound = room.second[z, y, x] + ball[3]
                if square < reach * reach and (bound > 0.0 and square < bound * bound):
                    _enter(room, z, y, x, np.sqrt(square) - ball[3], label)


@njit(cache=True, nogil=True)
def _enter(room: Room, z: int, y: int, x: int, d: float, label: int) -> None:
    if d < room.nearest[z, y, x]:
        if room.owner[z, y, x] != label:
            room.second[z, y, x] = room.nearest[z, y, x]
            room.owner[z, y, x] = label
        room.nearest[z, y, x] = d
    elif room.owner[z, y, x] != label and d < room.second[z, y, x]:
        room.second[z, y, x] = d


@njit(cache=True, nogil=True)
def clearance(room: Room, point: NDArray, label: int) -> float:
    """Distance (nm) from a point to the nearest surface of a neurite other than `label`."""
    shape = room.nearest.shape
    base = np.empty(3, np.int64)
    part = np.empty(3, np.float64)
    for a in range(3):
        place = min(max(point[a] / NODE_NM, 0.0), shape[a] - 1.001)
        base[a] = int(place)
        part[a] = place - base[a]
    total = 0.0
    for corner in range(8):
        weight = 1.0
        z, y, x = base[0], base[1], base[2]
        if corner & 4:
            z, weight = z + 1, weight * part[0]
        else:
            weight *= 1.0 - part[0]
        if corner & 2:
            y, weight = y + 1, weight * part[1]
        else:
            weight *= 1.0 - part[1]
        if corner & 1:
            x, weight = x + 1, weight * part[2]
        else:
            weight *= 1.0 - part[2]
        own = room.owner[z, y, x] == label
        total += weight * (room.second[z, y, x] if own else room.nearest[z, y, x])
    return total


@njit(cache=True, nogil=True)
def random_direction(rng: np.random.Generator) -> NDArray:
    """Draw a unit vector without trigonometry, so that machines agree."""
    v = np.empty(3, np.float64)
    while True:
        for a in range(3):
            v[a] = 2.0 * rng.random() - 1.0
        square = v[0] * v[0] + v[1] * v[1] + v[2] * v[2]
        if 0.01 < square <= 1.0:
            return v / np.sqrt(square)


@njit(cache=True, nogil=True)
def _unit(v: NDArray) -> NDArray:
    return v / np.sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2] + 1e-12)


@njit(cache=True, nogil=True)
def _outside(room: Room, point: NDArray) -> bool:
    low = min(point[0], point[1], point[2]) < 0.0
    size = room.size_nm
    return low or point[0] > size[0] or point[1] > size[1] or point[2] > size[2]


@njit(cache=True, nogil=True)
def _turn(
    rng: np.random.Generator,
    room: Room,
    point: NDArray,
    heading: NDArray,
    step: float,
    wish: float,
    wiggle: float,
    label: int,
) -> tuple[NDArray, float]:
    """Choose among random headings the one that keeps course and finds room for the wished radius."""
    best, best_score, best_room = heading, -1e9, -1.0
    for trial in range(8):
        spread = wiggle * (0.3 + 0.35 * trial)
        way = _unit(heading + spread * random_direction(rng))
        ahead = point + 2.0 * step * way
        room_ahead = min(
            clearance(room, point + step * way, label), clearance(room, ahead, label) + step
        )
        fit = min((room_ahead - GAP_NM) / wish, 1.0)
        course = way[0] * heading[0] + way[1] * heading[1] + way[2] * heading[2]
        score = 2.0 * fit + 0.6 * course + 0.15 * rng.random()
        if score > best_score:
            best, best_score, best_room = way, score, room_ahead
    return best, best_room


@njit(cache=True, nogil=True)
def grow(
    rng: np.random.Generator,
    room: Room,
    start: NDArray,
    heading: NDArray,
    radius: float,
    thinnest: float,
    wiggle: float,
    length: float,
    own_room: float,
    label: int,
    balls: NDArray,
) -> int:
    """Grow one unbranched chain of balls from `start`.

    Parameters
    ----------
    rng : numpy.random.Generator
    room : Room
        Read, not written.
    start, heading : (3,) float64 arrays
        Place in nm and unit vector.
    radius, thinnest : float
        Wished and least radius, nm.
    wiggle : float
        How sharply it may turn.
    length : float
        Longest path, nm.
    own_room : float
        After this path (nm) the chain also keeps clear of its own neurite.
    label : int
        Its neurite.
    balls : (m, 4) float64 array
        Receives z, y, x, radius.

    Returns
    -------
    int
        Number of balls written.
    """
    point, course = start.copy(), heading.copy()
    swell, here, path, n = 1.0, radius, 0.0, 0
    while n < balls.shape[0] and path < length:
        step = max(0.55 * here, 12.0)
        as_label = label if path < own_room else -1
        swell += 0.25 * (2.0 * rng.random() - 1.0) - 0.15 * (swell - 1.0)
        wish = radius * min(max(swell, 0.6), 1.5)
        course, free = _turn(rng, room, point, course, step, wish, wiggle, as_label)
        point = point + step * course
        free = min(free, clearance(room, point, as_label))
        here = min(min(wish, here * 1.18), free - GAP_NM)
        if here < thinnest:
            break
        balls[n, 0], balls[n, 1], balls[n, 2], balls[n, 3] = point[0], point[1], point[2], here
        n += 1
        path += step
        if _outside(room, point):
            break
    return n
