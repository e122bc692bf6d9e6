"""The division of a region graph between the seeds of two or more sides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.algorithms.arrays import graph_edges
from segmend.core.algorithms.max_flow import arcs_of, cut_between
from segmend.core.algorithms.seeded_clusters import assign_loose, clusters
from segmend.core.errors import InputError

Array = NDArray[Any]

WEAKEST = 1e-12
"""No contact counts as weaker than this."""
BOUNDARY = 0.1
"""A contact with less mean affinity than this is a boundary between two neurites."""
FIRST_BAND = 1
"""Steps from the border that the first band reaches."""
KEPT = 0.8
"""Share of either side's nodes that a cut may not take away."""


def seeded_partition(
    edges: Array,
    affinity: Array,
    area: Array,
    seeds: Sequence[Array],
    n: int,
    *,
    size: Array | None = None,
    boundary: float = BOUNDARY,
) -> NDArray[np.int64]:
    """Divide a segment's supervoxels between sides, each given by seeds.

    1. Agglomeration by mean affinity that keeps the seeds of different sides apart (`seeded_clusters`).
    2. What only weak contacts join to the rest goes to the side that has least against it: a piece that a boundary
       parts from one side, its only neighbour, belongs to the other.
    3. For each two sides that touch, an exact minimum cut in a band around their border, with all that lies outside
       contracted into its side; the band grows while the cut runs along its rim. A cut that would take more than a
       fifth of a side away is not accepted: a global cut between single seeds would only isolate a seed.

    Parameters
    ----------
    edges : (E, 2) integer array
        Contacts between supervoxels 0..n - 1; parallel edges add up, loops are ignored.
    affinity : (E,) float array
        Mean affinity of the contact, 0..1.
    area : (E,) array
        Contact faces.
    seeds : sequence of integer arrays
        Supervoxels of each side; two sides or more, none empty, none shared.
    n : int
        Number of supervoxels.
    size : (n,) array, optional
        Voxels of each supervoxel; equal by default.
    boundary : float
        Weaker contacts part neurites; 0 to have everything go where it is held most.

    Returns
    -------
    (n,) int64
        Side 0, 1, ... of each supervoxel; -1 for what no contact joins to a seed.

    Raises
    ------
    InputError
        If a supervoxel is out of range, or the seeds are missing or overlap.
    """
    pairs = graph_edges(edges, n)
    kind = _kinds(seeds, n)
    mean = np.clip(np.asarray(affinity, dtype=np.float64), 0, 1)
    faces = np.asarray(area, dtype=np.float64)
    voxels = np.ones(n) if size is None else np.asarray(size, np.float64)
    cluster, ends, total, contact = clusters(pairs, mean, faces, voxels, kind, boundary)
    held, whole = np.zeros(n, np.int64), np.bincount(cluster, voxels, minlength=n)
    np.maximum.at(held, cluster, kind)
    given = assign_loose(ends, total, contact, whole, held, len(seeds), boundary)
    fixed = (kind > 0) | (held[cluster] == 0)
    return _refined(pairs, cut_capacity(mean, faces), fixed, given[cluster], len(seeds)) - 1


def cut_capacity(affinity: Array, area: Array) -> NDArray[np.float64]:
    """Return what cutting each contact costs: area x affinity ** 4, so that a weak contact of any size is cheap."""
    squared = np.square(affinity)
    return np.maximum(area * np.square(squared), WEAKEST)


def _kinds(seeds: Sequence[Array], n: int) -> NDArray[np.int64]:
    """Return side + 1 for seeds, 0 for other nodes."""
    if len(seeds) < 2:
        raise InputError("a split needs seeds on two sides or more")
    kind = np.zeros(n, np.int64)
    for number, nodes in enumerate(seeds, start=1):
        rows = np.asarray(nodes, np.int64).ravel()
        if not rows.size or rows.min() < 0 or rows.max() >= n:
            raise InputError(f"a split needs a seed on each side, all within 0..{n - 1}")
        if (kind[rows] % number).any():
            raise InputError("two sides have a seed at the same place: move one of them")
        kind[rows] = number
    return kind


def _refined(pairs: Array, capacity: Array, fixed: Array, side: Array, sides: int) -> Array:
    """Refine the border of every two sides that touch, once, in the order of the sides."""
    for a in range(1, sides + 1):
        for b in range(a + 1, sides + 1):
            ends, weights, row = _between(pairs, capacity, side, a, b)
            ours = row >= 0
            one = np.where(side[ours] == a, 1, 2)
            if len(ends):
                two = _refined_pair(ends, weights, fixed[ours], one)
                side[ours] = np.where(two == 1, a, b)
    return side


@njit(cache=True, nogil=True)
def _between(
    pairs: Array, capacity: Array, side: Array, a: int, b: int
) -> tuple[Array, Array, Array]:
    """Return the graph of two sides and the row of each node in it; no edges where the two do not touch."""
    row = np.full(len(side), -1, np.int64)
    count = 0
    for i in range(len(side)):
        if side[i] == a or side[i] == b:
            row[i] = count
            count += 1
    ends = np.empty((len(pairs), 2), np.int64)
    weights = np.empty(len(pairs), np.float64)
    used = 0
    touch = False
    for e in range(len(pairs)):
        u, v = pairs[e, 0], pairs[e, 1]
        if row[u] >= 0 and row[v] >= 0:
            ends[used, 0], ends[used, 1], weights[used] = row[u], row[v], capacity[e]
            touch |= side[u] != side[v]
            used += 1
    if not touch:
        used = 0
    return ends[:used], weights[:used], row


def _refined_pair(pairs: Array, capacity: Array, fixed: Array, side: Array) -> Array:
    """Move the border between sides 1 and 2 to the least cut, in bands of growing width."""
    depth = _depth(pairs, side)
    best, reach = side, FIRST_BAND
    while True:
        free = (depth >= 0) & (depth < reach) & ~fixed
        cut = np.where(cut_between(pairs, capacity, np.where(free, 0, side)), 1, 2)
        if any(((cut == s) & (side == s)).sum() < KEPT * (side == s).sum() for s in (1, 2)):
            return best
        best = cut
        crossing = cut[pairs[:, 0]] != cut[pairs[:, 1]]
        rim = (depth >= reach) & ~fixed
        if not rim[pairs[crossing]].any():
            return best
        reach *= 2


@njit(cache=True, nogil=True)
def _depth(pairs: Array, side: Array) -> Array:
    """Return the steps of each node to the border between the sides; -1 where it cannot be reached."""
    start, arcs = arcs_of(pairs, len(side))
    depth = np.full(len(side), -1, np.int64)
    queue = np.empty(len(side), np.int64)
    tail = 0
    for e in range(len(pairs)):
        if side[pairs[e, 0]] != side[pairs[e, 1]]:
            for k in range(2):
                if depth[pairs[e, k]] < 0:
                    depth[pairs[e, k]] = 0
                    queue[tail] = pairs[e, k]
                    tail += 1
    head = 0
    while head < tail:
        u = queue[head]
        head += 1
        for k in range(start[u], start[u + 1]):
            v = pairs[arcs[k] >> 1, 1 - (arcs[k] & 1)]
            if depth[v] < 0:
                depth[v] = depth[u] + 1
                queue[tail] = v
                tail += 1
    return depth
