"""Mitochondria, vesicles, tubules and internal membranes, placed along the skeletons of neurites."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.synthesis.packing import Warp, place_of, voxel_of
from segmend.core.synthesis.skeletons import random_direction
from segmend.core.synthesis.tissue import Skeletons

OUTSIDE_NM = np.float32(1000.0)
MITOCHONDRIA_SHARE = 0.6  # of the path of thick neurites


class Organelles(NamedTuple):
    """Distances (nm) and darkness (0..1), each (z, y, x) float32.

    mitochondria : distance to the outline, negative inside, at most `OUTSIDE_NM`.
    tubules, vesicles : darkness.
    """

    mitochondria: NDArray[np.float32]
    tubules: NDArray[np.float32]
    vesicles: NDArray[np.float32]


@njit(cache=True, nogil=True)
def _stamp_outline(
    field: NDArray, labels: NDArray, warp: Warp, balls: NDArray, margin: float
) -> None:
    """Lower `field` to the distance from each ball's surface, inside the neurite that holds the ball's centre."""
    for i in range(balls.shape[0]):
        ball = balls[i]
        if not _shown(warp, ball):
            continue
        cz, cy, cx = voxel_of(warp, ball[:3])
        owner = labels[cz, cy, cx]
        reach = ball[3] + margin
        for z, y, x in _around(warp, cz, cy, cx, reach):
            if labels[z, y, x] == owner:
                pz, py, px = place_of(warp, z, y, x)
                dz, dy, dx = pz - ball[0], py - ball[1], px - ball[2]
                d = np.float32(np.sqrt(dz * dz + dy * dy + dx * dx) - ball[3])
                if d < field[z, y, x]:
                    field[z, y, x] = d


@njit(cache=True, nogil=True)
def _stamp_plates(field: NDArray, labels: NDArray, warp: Warp, plates: NDArray) -> None:
    """Darken discs (z, y, x, radius, normal z, y, x, darkness) across the neurite that holds their centre."""
    for i in range(plates.shape[0]):
        plate = plates[i]
        if not _shown(warp, plate):
            continue
        cz, cy, cx = voxel_of(warp, plate[:3])
        owner = labels[cz, cy, cx]
        for z, y, x in _around(warp, cz, cy, cx, plate[3] + 30.0):
            if labels[z, y, x] == owner:
                pz, py, px = place_of(warp, z, y, x)
                dz, dy, dx = pz - plate[0], py - plate[1], px - plate[2]
                off = abs(dz * plate[4] + dy * plate[5] + dx * plate[6]) / 24.0
                rim = max(np.sqrt(dz * dz + dy * dy + dx * dx) - plate[3], 0.0) / 24.0
                dark = plate[7] * max(0.0, 1.0 - off * off) * max(0.0, 1.0 - rim * rim)
                field[z, y, x] = max(field[z, y, x], np.float32(dark))


@njit(cache=True, nogil=True)
def _stamp_blots(field: NDArray, warp: Warp, blots: NDArray) -> None:
    """Darken soft balls (z, y, x, radius, darkness), across membranes."""
    for i in range(blots.shape[0]):
        blot = blots[i]
        if not _shown(warp, blot):
            continue
        cz, cy, cx = voxel_of(warp, blot[:3])
        for z, y, x in _around(warp, cz, cy, cx, blot[3]):
            pz, py, px = place_of(warp, z, y, x)
            dz, dy, dx = pz - blot[0], py - blot[1], px - blot[2]
            off = (dz * dz + dy * dy + dx * dx) / (blot[3] * blot[3])
            field[z, y, x] = max(field[z, y, x], np.float32(blot[4] * max(0.0, 1.0 - off)))


@njit(cache=True, nogil=True)
def _stamp_vesicles(field: NDArray, labels: NDArray, warp: Warp, vesicles: NDArray) -> None:
    """Draw dark rings (z, y, x, radius) with a clear lumen; one that would cross a membrane is cut there."""
    for i in range(vesicles.shape[0]):
        vesicle = vesicles[i]
        if not _shown(warp, vesicle):
            continue
        cz, cy, cx = voxel_of(warp, vesicle[:3])
        owner = labels[cz, cy, cx]
        for z, y, x in _around(warp, cz, cy, cx, vesicle[3] + 10.0):
            if labels[z, y, x] == owner:
                pz, py, px = place_of(warp, z, y, x)
                dz, dy, dx = pz - vesicle[0], py - vesicle[1], px - vesicle[2]
                off = (np.sqrt(dz * dz + dy * dy + dx * dx) - vesicle[3]) / 10.0
                field[z, y, x] = max(field[z, y, x], np.float32(max(0.0, 1.0 - off * off)))


@njit(cache=True, nogil=True)
def _shown(warp: Warp, ball: NDArray) -> bool:
    shape = warp.dz.shape
    for a in range(3):
        low = warp.corner_nm[a] - 60.0
        if ball[a] < low or ball[a] > warp.corner_nm[a] + shape[a] * warp.size_nm[a] + 60.0:
            return False
    return True


@njit(cache=True, nogil=True)
def _around(warp: Warp, cz: int, cy: int, cx: int, reach: float) -> list[tuple[int, int, int]]:
    """Voxels of a box around a voxel, a little wider for the warp."""
    shape = warp.dz.shape
    rz = int(1.25 * reach / warp.size_nm[0]) + 1
    ry = int(1.25 * reach / warp.size_nm[1]) + 1
    rx = int(1.25 * reach / warp.size_nm[2]) + 1
    return [
        (z, y, x)
        for z in range(max(0, cz - rz), min(shape[0], cz + rz + 1))
        for y in range(max(0, cy - ry), min(shape[1], cy + ry + 1))
        for x in range(max(0, cx - rx), min(shape[2], cx + rx + 1))
    ]


def _chains(skeletons: Skeletons) -> list[NDArray[np.float64]]:
    starts = np.flatnonzero(np.diff(skeletons.chain, prepend=-1))
    return np.split(skeletons.balls, starts[1:])


def mitochondria(
    rng: np.random.Generator, skeletons: Skeletons, share: float
) -> NDArray[np.float64]:
    """Lay sausages of balls (n, 4) along thick chains; `share` of the path is accompanied by one."""
    found = []
    for chain in _chains(skeletons):
        at = int(rng.random() * 6)
        while at < len(chain):
            length = 200.0 + 1100.0 * rng.random() ** 2
            stop = at + max(2, int(length / max(0.55 * float(chain[at, 3]), 12.0)))
            run = chain[at:stop]
            if len(run) >= 2 and run[:, 3].min() >= 75.0 and rng.random() < 1.6 * share:
                found.append(_sausage(rng, run))
            at = stop + int(rng.random() * (stop - at) * 1.2)
    return np.concatenate(found) if found else np.zeros((0, 4))


def _sausage(rng: np.random.Generator, run: NDArray[np.float64]) -> NDArray[np.float64]:
    radius = float(
        np.clip((0.45 + 0.3 * rng.random()) * run[:, 3].min(), 40.0, 60.0 + 120.0 * rng.random())
    )
    aside = random_direction(rng) * max(0.0, float(run[:, 3].min()) - radius - 25.0) * rng.random()
    places = np.arange(0.0, len(run) - 0.99, 0.2)
    dense = np.stack([np.interp(places, np.arange(len(run)), run[:, a]) for a in range(3)], axis=1)
    swell = 1.0 + 0.2 * (rng.random() - 0.5) * np.minimum(places, places[::-1])
    return np.column_stack([dense + aside, radius * np.clip(swell, 0.7, 1.3)])


def vesicles(rng: np.random.Generator, skeletons: Skeletons) -> NDArray[np.float64]:
    """Scatter clusters of synaptic vesicles (n, 4) in some swellings of thin and medium neurites."""
    found = [np.zeros((0, 4))]
    boutons = np.flatnonzero(
        (skeletons.balls[:, 3] > 70.0) & (rng.random(len(skeletons.balls)) < 0.10)
    )
    for ball in skeletons.balls[boutons]:
        count = 5 + int(25 * rng.random())
        offsets = (rng.random((count, 3)) + rng.random((count, 3)) - 1.0) * ball[3]
        radii = 15.0 + 5.0 * rng.random(count)
        found.append(np.column_stack([ball[:3] + offsets, radii]))
    return np.concatenate(found)


def tubules(rng: np.random.Generator, skeletons: Skeletons) -> NDArray[np.float64]:
    """Lay thin tubes (n, 4), endoplasmic reticulum and bundles of microtubules, along chains."""
    found = [np.zeros((0, 4))]
    for chain in _chains(skeletons):
        if len(chain) < 6 or float(chain[:, 3].mean()) < 60.0:
            continue
        for _ in range(int(float(chain[:, 3].mean()) / 35.0 + rng.random())):
            aside = random_direction(rng) * float(chain[:, 3].min()) * 0.7 * rng.random()
            places = np.arange(0.0, len(chain) - 0.99, 0.12)
            dense = np.stack(
                [np.interp(places, np.arange(len(chain)), chain[:, a]) for a in range(3)], axis=1
            )
            keep = np.repeat(rng.random(len(places) // 25 + 1) < 0.5, 25)[: len(places)]
            found.append(
                np.column_stack([dense + aside, np.full(len(places), 4.0 + 8.0 * rng.random())])[
                    keep
                ]
            )
    return np.concatenate(found)


def plates(rng: np.random.Generator, skeletons: Skeletons, count: int) -> NDArray[np.float64]:
    """Choose internal membranes (n, 8) that cross a neurite or lie in it: what makes automatic methods split."""
    n = len(skeletons.balls)
    if n < 3 or not count:
        return np.zeros((0, 8))
    at = 1 + (rng.random(count) * (n - 2)).astype(np.int64)
    way = skeletons.balls[at + 1, :3] - skeletons.balls[at - 1, :3]
    way += 0.3 * np.sqrt((way**2).sum(1, keepdims=True)) * (rng.random((count, 3)) - 0.5)
    way /= np.sqrt((way**2).sum(1, keepdims=True)) + 1e-9
    balls = skeletons.balls[at]
    radius = np.minimum(balls[:, 3] * (0.6 + 0.8 * rng.random(count)), 160.0)
    return np.column_stack([balls[:, :3], radius, way, 0.45 + 0.55 * rng.random(count)])


def synapses(rng: np.random.Generator, skeletons: Skeletons, count: int) -> NDArray[np.float64]:
    """Choose dense spots (n, 5) on the surface of neurites, as at synapses."""
    balls = skeletons.balls
    if not len(balls) or not count:
        return np.zeros((0, 5))
    balls = balls[(rng.random(count) * len(balls)).astype(np.int64)]
    aside = np.stack([random_direction(rng) for _ in range(count)])
    places = balls[:, :3] + aside * balls[:, 3:4]
    return np.column_stack([places, 25.0 + 40.0 * rng.random(count), 0.5 + 0.5 * rng.random(count)])


def place_organelles(
    rng: np.random.Generator, skeletons: Skeletons, labels: NDArray[np.uint32], warp: Warp
) -> Organelles:
    """Draw mitochondria, tubules and vesicles on the working grid of `labels`, (z, y, x) uint32."""
    outline = np.full(labels.shape, OUTSIDE_NM, np.float32)
    _stamp_outline(outline, labels, warp, mitochondria(rng, skeletons, MITOCHONDRIA_SHARE), 40.0)
    tube = np.full(labels.shape, OUTSIDE_NM, np.float32)
    _stamp_outline(tube, labels, warp, tubules(rng, skeletons), 16.0)
    ring = np.zeros(labels.shape, np.float32)
    _stamp_vesicles(ring, labels, warp, vesicles(rng, skeletons))
    return Organelles(outline, np.clip(1.0 - np.abs(tube) / 14.0, 0.0, 1.0), ring)


def place_densities(
    rng: np.random.Generator,
    skeletons: Skeletons,
    labels: NDArray[np.uint32],
    warp: Warp,
    count: int,
) -> NDArray[np.float32]:
    """Return the darkness 0..1 of `count` internal membranes and `count` synaptic densities, (z, y, x)."""
    dark = np.zeros(labels.shape, np.float32)
    _stamp_plates(dark, labels, warp, plates(rng, skeletons, count))
    _stamp_blots(dark, warp, synapses(rng, skeletons, count))
    return dark
