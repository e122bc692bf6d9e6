"""Minimum cuts on undirected graphs, and the split of a segment between two sets of seeds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.algorithms.arrays import graph_edges
from segmend.core.algorithms.heap import pop, push
from segmend.core.algorithms.max_flow import arcs_of, cut_between, terminals
from segmend.core.errors import InputError

Array = NDArray[Any]

PATH_STEEPNESS = 24
"""Length of a contact = 1 / (area x affinity ** PATH_STEEPNESS): between a sum and the weakest contact on the way."""
CUT_STEEPNESS = 4
"""Capacity of a contact = area x affinity ** CUT_STEEPNESS."""
WEAKEST = 1e-12
"""No contact counts as weaker than this."""
FIRST_BAND = 1
"""Steps from the border that the first band reaches."""
KEPT = 0.8
"""Share of either side's supervoxels that a cut may not take away."""


def min_cut(
    edges: Array, capacity: Array, sources: Array, sinks: Array, n: int
) -> NDArray[np.bool_]:
    """Cut a graph between two sets of nodes at the least total capacity (maximum flow, Dinic 1970).

    Exact up to the rounding of float64 sums. Of several minimum cuts, the one with the smallest source side is
    returned: the nodes that sources still reach when the flow is at its maximum.

    Parameters
    ----------
    edges : (E, 2) integer array
        Nodes 0..n - 1; parallel edges add up, loops are ignored.
    capacity : (E,) float array
        Not negative; the same in both directions.
    sources, sinks : integer arrays
        Disjoint and not empty.
    n : int
        Number of nodes.

    Returns
    -------
    (n,) bool
        True on the side of the sources.

    Raises
    ------
    InputError
        If a node is out of range, a capacity is negative or not finite, or the two sets are empty or overlap.
    """
    pairs = graph_edges(edges, n)
    weights = np.ascontiguousarray(capacity, dtype=np.float64)
    if len(weights) and not (weights.min() >= 0 and np.isfinite(weights.max())):
        raise InputError("capacities of a cut must be finite and not negative")
    return cut_between(pairs, weights, terminals(sources, sinks, n))


def seeded_partition(
    edges: Array, affinity: Array, area: Array, seeds_a: Array, seeds_b: Array, n: int
) -> NDArray[np.bool_]:
    """Divide a segment's supervoxels between two sets of seeds.

    First every supervoxel goes to the nearest seed, where a weak contact is very long: a leak is far, the whole of a
    neurite is near. Then an exact minimum cut is sought in a band around the border between the two, with all that lies
    outside contracted into its side; the band grows while the cut runs along its rim. A cut that would take more than a
    fifth of a side's supervoxels away is not accepted: a global cut between single seeds would only isolate a seed.

    Parameters
    ----------
    edges : (E, 2) integer array
        Contacts between supervoxels 0..n - 1 (rows of the segment's members).
    affinity : (E,) float array
        Mean affinity of the contact, 0..1.
    area : (E,) array
        Contact faces.
    seeds_a, seeds_b : integer arrays
        Disjoint and not empty.
    n : int
        Number of supervoxels.

    Returns
    -------
    (n,) bool
        True on the side of `seeds_a`. Pieces without any seed go to the side with more supervoxels. Of equally near
        seeds the one with the smaller index counts; of equal cuts the one with fewer supervoxels on the side of
        `seeds_a`.

    Raises
    ------
    InputError
        If a node is out of range, or the seed sets are empty or overlap.
    """
    pairs = graph_edges(edges, n)
    kind = terminals(seeds_a, seeds_b, n)
    mean = np.clip(np.asarray(affinity, dtype=np.float64), 0, 1)
    faces = np.asarray(area, dtype=np.float64)
    side = _nearest_side(pairs, 1 / np.maximum(faces * mean**PATH_STEEPNESS, WEAKEST), kind)
    if (side == 0).any():
        side[side == 0] = 1 if (side == 1).sum() >= (side == 2).sum() else 2
    return _refined(pairs, np.maximum(faces * mean**CUT_STEEPNESS, WEAKEST), kind, side) == 1


def _refined(pairs: Array, capacity: Array, kind: Array, side: Array) -> Array:
    """Move the border to the least cut, in bands of growing width."""
    depth = _depth(pairs, side)
    if not (depth >= 0).any():
        return side  # the two sides do not touch
    best, reach = side, FIRST_BAND
    while True:
        free = (depth >= 0) & (depth < reach) & (kind == 0)
        cut = np.where(cut_between(pairs, capacity, np.where(free, 0, side)), 1, 2)
        if any(((cut == s) & (side == s)).sum() < KEPT * (side == s).sum() for s in (1, 2)):
            return best
        best = cut
        crossing = cut[pairs[:, 0]] != cut[pairs[:, 1]]
        rim = (depth >= reach) & (kind == 0)
        if not rim[pairs[crossing]].any():
            return best
        reach *= 2


@njit(cache=True, nogil=True)
def _nearest_side(pairs: Array, length: Array, kind: Array) -> Array:
    """Return the terminal kind of the nearest seed of each node, 0 where there is no way (Dijkstra 1959)."""
    start, arcs = arcs_of(pairs, len(kind))
    side = kind.copy()
    distance = np.where(kind > 0, 0.0, np.inf)
    scores = np.empty(len(arcs) + len(kind), np.float64)
    items = np.empty(len(arcs) + len(kind), np.int64)
    size = 0
    for seed in np.flatnonzero(kind):
        push(scores, items, size, 0.0, seed)
        size += 1
    while size > 0:
        far, u = -scores[0], items[0]
        pop(scores, items, size)
        size -= 1
        if far > distance[u]:
            continue
        for k in range(start[u], start[u + 1]):
            v = pairs[arcs[k] >> 1, 1 - (arcs[k] & 1)]
            onward = far + length[arcs[k] >> 1]
            if onward < distance[v]:
                distance[v] = onward
                side[v] = side[u]
                push(scores, items, size, -onward, v)
                size += 1
    return side


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
