"""Minimum cuts on undirected graphs, and the split of a segment between two sets of seeds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.algorithms.arrays import graph_edges
from segmend.core.errors import InputError

Array = NDArray[Any]


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


def terminals(sources: Array, sinks: Array, n: int) -> NDArray[np.int8]:
    """Return 1 for sources, 2 for sinks, 0 for all other nodes, after a check.

    Raises
    ------
    InputError
        If a set is empty, names a node out of range, or shares a node with the other.
    """
    kind = np.zeros(n, dtype=np.int8)
    for value, nodes in ((1, sources), (2, sinks)):
        rows = np.asarray(nodes, dtype=np.int64).ravel()
        if not rows.size or rows.min() < 0 or rows.max() >= n:
            raise InputError(f"a cut needs at least one seed on each side, all within 0..{n - 1}")
        if value == 2 and (kind[rows] == 1).any():
            raise InputError("both sides of a cut have a seed at the same place: move one of them")
        kind[rows] = value
    return kind


def cut_between(pairs: Array, weights: Array, kind: Array) -> NDArray[np.bool_]:
    """Do as `min_cut`, for checked (E, 2) int64 pairs, float64 weights and terminals.

    All sources become one node and all sinks another, so a large contracted rest costs only its border.
    """
    node = np.cumsum(kind == 0) + 1
    node[kind == 1], node[kind == 2] = 0, 1
    ends = node[pairs]
    used = (ends[:, 0] != ends[:, 1]) & (weights > 0)
    reached = _dinic(np.ascontiguousarray(ends[used]), weights[used], int((kind == 0).sum()) + 2)
    return reached[node]


@njit(cache=True, nogil=True)
def _arcs(ends: Array, nodes: int) -> tuple[Array, Array]:
    """Return compressed lists of the arcs that leave each node; arc 2 e leaves ends[e, 0], arc 2 e + 1 ends[e, 1]."""
    start = np.zeros(nodes + 1, np.int64)
    for e in range(len(ends)):
        start[ends[e, 0] + 1] += 1
        start[ends[e, 1] + 1] += 1
    for i in range(nodes):
        start[i + 1] += start[i]
    place = start[:-1].copy()
    arcs = np.empty(2 * len(ends), np.int64)
    for e in range(len(ends)):
        for side in range(2):
            arcs[place[ends[e, side]]] = 2 * e + side
            place[ends[e, side]] += 1
    return start, arcs


@njit(cache=True, nogil=True)
def _levels(
    ends: Array, residual: Array, start: Array, arcs: Array, queue: Array, level: Array
) -> Any:
    """Breadth-first levels from node 0 over arcs with room; return whether node 1 is reached."""
    level[:] = -1
    level[0] = 0
    queue[0] = 0
    head, tail = 0, 1
    while head < tail:
        u = queue[head]
        head += 1
        for k in range(start[u], start[u + 1]):
            a = arcs[k]
            v = ends[a >> 1, 1 - (a & 1)]
            if level[v] < 0 and residual[a] > 0:
                level[v] = level[u] + 1
                queue[tail] = v
                tail += 1
    return level[1] >= 0


@njit(cache=True, nogil=True)
def _augment(
    ends: Array, residual: Array, start: Array, arcs: Array, level: Array, place: Array, path: Array
) -> None:
    """Send a blocking flow along the levels, depth first with a current arc per node."""
    depth = 0
    u = 0
    while True:
        if u == 1:
            room = np.inf
            for k in range(depth):
                room = min(room, residual[path[k]])
            first = depth
            for k in range(depth - 1, -1, -1):
                residual[path[k]] -= room
                residual[path[k] ^ 1] += room
                if residual[path[k]] <= 0:
                    first = k
            depth = first
            u = ends[path[first] >> 1, path[first] & 1]
        advanced = False
        while place[u] < start[u + 1]:
            a = arcs[place[u]]
            v = ends[a >> 1, 1 - (a & 1)]
            if residual[a] > 0 and level[v] == level[u] + 1:
                path[depth] = a
                depth += 1
                u = v
                advanced = True
                break
            place[u] += 1
        if not advanced:
            if depth == 0:
                return
            depth -= 1
            a = path[depth]
            u = ends[a >> 1, a & 1]
            place[u] += 1


@njit(cache=True, nogil=True)
def _dinic(ends: Array, weights: Array, nodes: int) -> Array:
    start, arcs = _arcs(ends, nodes)
    residual = np.repeat(weights, 2)
    level = np.empty(nodes, np.int64)
    queue = np.empty(nodes, np.int64)
    path = np.empty(nodes, np.int64)
    while _levels(ends, residual, start, arcs, queue, level):
        _augment(ends, residual, start, arcs, level, start[:-1].copy(), path)
    return level >= 0


def seeded_partition(
    edges: Array, affinity: Array, area: Array, seeds_a: Array, seeds_b: Array, n: int
) -> NDArray[np.bool_]:
    """Divide a segment's supervoxels between two sets of seeds.

    First every supervoxel goes to the seed that it reaches over the strongest weakest contact (maximum spanning forest
    from the seeds). Then an exact minimum cut is sought in a band around the border between the two, with all that lies
    outside contracted into its side; the band grows while the cut runs along its rim. The band is never allowed to
    swallow a side: a global cut between single seeds would only isolate a seed.

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
        True on the side of `seeds_a`. Pieces without any seed go to the side with more supervoxels.

    Raises
    ------
    InputError
        If a node is out of range, or the seed sets are empty or overlap.
    """
    pairs = graph_edges(edges, n)
    kind = terminals(seeds_a, seeds_b, n)
    mean = np.clip(np.asarray(affinity, dtype=np.float64), 0, 1)
    order = np.argsort(-mean, kind="stable")
    side = _forest(pairs[order], kind)
    if (side == 0).any():
        side[side == 0] = 1 if (side == 1).sum() >= (side == 2).sum() else 2
    capacity = np.asarray(area, dtype=np.float64) * mean**STEEPNESS + 1e-9
    return _refined(pairs, capacity, kind, side) == 1


STEEPNESS = 4
"""Capacity of a contact = area x affinity ** STEEPNESS."""
FIRST_BAND = 2
"""Steps from the border that the first band reaches."""


def _refined(pairs: Array, capacity: Array, kind: Array, side: Array) -> Array:
    """Move the border to the least cut that keeps at least half of either side."""
    depth = _depth(pairs, side)
    if not (depth >= 0).any():
        return side  # the two sides do not touch
    best, reach = side, FIRST_BAND
    while True:
        free = (depth >= 0) & (depth < reach) & (kind == 0)
        cut = np.where(cut_between(pairs, capacity, np.where(free, 0, side)), 1, 2)
        if any(((cut == s) & (side == s)).sum() * 2 < (side == s).sum() for s in (1, 2)):
            return best
        best = cut
        crossing = cut[pairs[:, 0]] != cut[pairs[:, 1]]
        rim = (depth >= reach) & (kind == 0)
        if not rim[pairs[crossing]].any():
            return best
        reach *= 2


@njit(cache=True, nogil=True)
def _forest(pairs: Array, kind: Array) -> Array:
    """Kruskal from the strongest edge on, never joining the two sides."""
    parent = np.arange(len(kind))
    side = kind.copy()
    for k in range(len(pairs)):
        a, b = pairs[k, 0], pairs[k, 1]
        while parent[a] != a:
            parent[a] = parent[parent[a]]
            a = parent[a]
        while parent[b] != b:
            parent[b] = parent[parent[b]]
            b = parent[b]
        if a == b or (side[a] and side[b] and side[a] != side[b]):
            continue
        parent[b] = a
        side[a] = max(side[a], side[b])
    for i in range(len(parent)):
        a = i
        while parent[a] != a:
            a = parent[a]
        parent[i] = a
    return side[parent]


@njit(cache=True, nogil=True)
def _depth(pairs: Array, side: Array) -> Array:
    """Return the steps of each node to the border between the sides; -1 where it cannot be reached."""
    start, arcs = _arcs(pairs, len(side))
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
