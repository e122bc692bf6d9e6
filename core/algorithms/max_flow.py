"""Maximum flow between two sets of nodes of an undirected graph (Dinic 1970), and the cut that it shows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.errors import InputError

Array = NDArray[Any]


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
    """Return the source side of a minimum cut, for checked (E, 2) int64 pairs, float64 weights and `terminals`.

    All sources become one node and all sinks another, so a large contracted rest costs only its border.
    """
    node = np.cumsum(kind == 0) + 1
    node[kind == 1], node[kind == 2] = 0, 1
    ends = node[pairs]
    used = (ends[:, 0] != ends[:, 1]) & (weights > 0)
    reached = _dinic(np.ascontiguousarray(ends[used]), weights[used], int((kind == 0).sum()) + 2)
    return reached[node]


@njit(cache=True, nogil=True)
def arcs_of(ends: Array, nodes: int) -> tuple[Array, Array]:
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
    start, arcs = arcs_of(ends, nodes)
    residual = np.repeat(weights, 2)
    level = np.empty(nodes, np.int64)
    queue = np.empty(nodes, np.int64)
    path = np.empty(nodes, np.int64)
    while _levels(ends, residual, start, arcs, queue, level):
        _augment(ends, residual, start, arcs, level, start[:-1].copy(), path)
    return level >= 0
