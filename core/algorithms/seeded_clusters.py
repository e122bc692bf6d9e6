"""Agglomeration by mean affinity that keeps the seeds of different sides apart.

The best pair merges first, as in `agglomeration`, but never two regions with seeds of different sides. All pairs that
are the best of one end and nearly the best of the other merge in one round, so a round costs the edges that are left
and there are few rounds. What is left at the end are regions with only weak contacts: a boundary lies between them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.algorithms.basins import find_root
from segmend.core.algorithms.heap import pop, push

Array = NDArray[Any]

SIZE_WEIGHT = 0.03
"""Taken from the score for every factor of ten in the smaller region's size: small regions merge earlier."""
TOLERANCE = 0.01
"""A contact merges in the same round if its score is this close to the best of its other end."""


def clusters(
    pairs: Array, affinity: Array, area: Array, size: Array, kind: Array, boundary: float
) -> tuple[NDArray[np.int64], Array, Array, Array]:
    """Merge regions while contacts are at least `boundary` strong and seeds stay apart.

    Parameters
    ----------
    pairs : (E, 2) int64
    affinity, area : (E,) float64
    size : (n,) float64
    kind : (n,) int64
        Side + 1 of seeds, 0 for other nodes.
    boundary : float

    Returns
    -------
    cluster : (n,) int64
        The smallest node of each node's region.
    pairs : (F, 2) int64
        Regions that touch.
    total, area : (F,) float64
        Sum of affinity over the contact faces, and their number.
    """
    cluster, ends, total, faces = _clusters(
        pairs, affinity * area, area.astype(np.float64), size.astype(np.float64), kind, boundary
    )
    return cluster, ends, total, faces


@njit(cache=True, nogil=True)
def _clusters(
    pairs: Array, total: Array, area: Array, size: Array, kind: Array, boundary: float
) -> Any:
    n = len(kind)
    parent = np.arange(n)
    size, kind = size.copy(), kind.copy()
    ends, total, area = _gathered(pairs, total, area, parent)
    later = SIZE_WEIGHT * np.log10(np.maximum(size, 1.0))
    best = np.empty(n, np.float64)
    score = np.empty(len(ends), np.float64)
    while True:
        best[:] = -np.inf
        for e in range(len(ends)):
            u, v = ends[e, 0], ends[e, 1]
            score[e] = -np.inf
            if (kind[u] and kind[v] and kind[u] != kind[v]) or total[e] < boundary * area[e]:
                continue
            score[e] = total[e] / max(area[e], 1e-9) - min(later[u], later[v])
            best[u], best[v] = max(best[u], score[e]), max(best[v], score[e])
        chosen = np.empty(len(ends), np.int64)
        count = 0
        for e in range(len(ends)):
            low = min(best[ends[e, 0]], best[ends[e, 1]])
            high = max(best[ends[e, 0]], best[ends[e, 1]])
            if score[e] > -np.inf and score[e] == low and score[e] >= high - TOLERANCE:
                chosen[count] = e
                count += 1
        if count == 0:
            break
        chosen = chosen[:count]
        for e in chosen[np.argsort(-score[chosen], kind="mergesort")]:
            u, v = find_root(parent, ends[e, 0]), find_root(parent, ends[e, 1])
            if u == v or (kind[u] and kind[v] and kind[u] != kind[v]):
                continue
            low, high = min(u, v), max(u, v)
            parent[high] = low
            size[low] += size[high]
            later[low] = SIZE_WEIGHT * np.log10(max(size[low], 1.0))
            kind[low] = max(kind[low], kind[high])
        ends, total, area = _gathered(ends, total, area, parent)
    for i in range(n):
        parent[i] = find_root(parent, i)
    return parent, ends, total, area


@njit(cache=True, nogil=True)
def _gathered(pairs: Array, total: Array, area: Array, parent: Array) -> Any:
    """Return the contacts between roots, each once: sorted into one bucket per smaller root, then added up."""
    n = len(parent)
    start = np.zeros(n + 1, np.int64)
    ends = np.empty((len(pairs), 2), np.int64)
    for e in range(len(pairs)):
        u, v = find_root(parent, pairs[e, 0]), find_root(parent, pairs[e, 1])
        ends[e, 0], ends[e, 1] = min(u, v), max(u, v)
        if u != v:
            start[min(u, v) + 1] += 1
    for i in range(n):
        start[i + 1] += start[i]
    order = np.empty(start[n], np.int64)
    place = start[:-1].copy()
    for e in range(len(pairs)):
        if ends[e, 0] != ends[e, 1]:
            order[place[ends[e, 0]]] = e
            place[ends[e, 0]] += 1
    row = np.full(n, -1, np.int64)
    out = np.empty((len(order), 2), np.int64)
    sums, faces = np.empty(len(order)), np.empty(len(order))
    used = 0
    for u in range(n):
        first = used
        for k in range(start[u], start[u + 1]):
            e = order[k]
            v = ends[e, 1]
            if row[v] < first:
                row[v] = used
                out[used, 0], out[used, 1] = u, v
                sums[used], faces[used] = 0.0, 0.0
                used += 1
            sums[row[v]] += total[e]
            faces[row[v]] += area[e]
    return out[:used].copy(), sums[:used].copy(), faces[:used].copy()


@njit(cache=True, nogil=True)
def assign_loose(
    pairs: Array, total: Array, area: Array, size: Array, kind: Array, sides: int, boundary: float
) -> Array:
    """Give regions without a seed to sides; return the kind of each node that is a region, 0 where nothing leads there.

    Every contact of such a region is a boundary. The weaker it is, the surer the region does not belong to that side;
    a side that it does not touch has nothing against it. Where several such sides are left, the largest gets it. The
    surest region goes first and then counts as part of its side.

    Parameters
    ----------
    pairs : (F, 2) int64
        Regions that touch, by their smallest node.
    total, area : (F,) float64
    size : (n,) float64
        Of each region, at its smallest node.
    kind : (n,) int64
        Side + 1 of each region, at its smallest node; 0 for loose regions and all other nodes.
    sides : int
    boundary : float
    """
    n = len(kind)
    kind = kind.copy()
    start = np.zeros(n + 1, np.int64)
    for e in range(len(pairs)):
        start[pairs[e, 0] + 1] += 1
        start[pairs[e, 1] + 1] += 1
    for i in range(n):
        start[i + 1] += start[i]
    arcs = np.empty(2 * len(pairs), np.int64)
    place = start[:-1].copy()
    for e in range(len(pairs)):
        for k in range(2):
            arcs[place[pairs[e, k]]] = 2 * e + k
            place[pairs[e, k]] += 1
    sums, faces = np.zeros((n, sides)), np.zeros((n, sides))
    room = np.zeros(sides)
    scores, items = np.empty(4 * len(pairs) + n + 1), np.empty(4 * len(pairs) + n + 1, np.int64)
    waiting = 0
    fresh = np.flatnonzero(kind)
    for i in range(n):
        if kind[i]:
            room[kind[i] - 1] += size[i]
    while True:
        for near in fresh:
            for k in range(start[near], start[near + 1]):
                e = arcs[k] >> 1
                j = pairs[e, 1 - (arcs[k] & 1)]
                if kind[j]:
                    continue
                sums[j, kind[near] - 1] += total[e]
                faces[j, kind[near] - 1] += area[e]
                _, sure = _side_of(sums[j], faces[j], room, boundary)
                push(scores, items, waiting, sure, j)
                waiting += 1
        while waiting > 0:
            sure, j = scores[0], items[0]
            pop(scores, items, waiting)
            waiting -= 1
            if kind[j]:
                continue
            side, now = _side_of(sums[j], faces[j], room, boundary)
            if now < sure:
                push(scores, items, waiting, now, j)
                waiting += 1
                continue
            kind[j] = side + 1
            room[side] += size[j]
            fresh = np.full(1, j)
            break
        else:
            return kind


@njit(cache=True, nogil=True)
def _side_of(sums: Array, faces: Array, room: Array, boundary: float) -> Any:
    """Return the side that has least against a region, and how much more the next has."""
    best, least, second = 0, np.inf, np.inf
    for k in range(len(sums)):
        against = max(boundary - sums[k] / faces[k], 0.0) if faces[k] > 0 else 0.0
        if against < least or (against == least and room[k] > room[best]):
            if against < least:
                second = least
            best, least = k, against
        elif against > least:
            second = min(second, against)
    return best, (second - least if second < np.inf else 0.0)
