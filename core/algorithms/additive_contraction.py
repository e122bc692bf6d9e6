"""Greedy additive edge contraction on arrays: the kernel of `segmend.core.algorithms.multicut`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.algorithms.basins import find_root
from segmend.core.algorithms.edge_table import forget, half_edges, hashed, pair_key, slot_of
from segmend.core.algorithms.heap import pop, push

Array = NDArray[Any]

GONE, LIFTED, ONCE, OFTEN = -1, 0, 1, 2
"""How many contacts of graph edges lie between two pieces: none, one, or several apart from each other."""


@njit(cache=True, nogil=True)
def contract(
    ends: Array, weights: Array, kinds: Array, n: int, acyclic: bool, boxes: Array, reach: float
) -> Array:
    """Contract as long as a positive graph edge is left; return the number of each node's piece.

    Parameters
    ----------
    ends : (E, 2) int64
        Pairs of nodes 1..n, each once.
    weights : (E,) float64
    kinds : (E,) int64
        ``ONCE`` for graph edges, ``LIFTED`` for others.
    n : int
        Largest node.
    acyclic : bool
        Edges that became ``OFTEN`` are not contracted.
    boxes : (E, 2, 3) float64
        First and last corner of what holds the contacts of graph edges; lifted ones: infinite and the wrong way round.
    reach : float
        Diagonal up to which a box is one contact; negative: no two are one.

    Returns
    -------
    (n + 1,) uint32
        1..m in the order of the smallest node; 0 for background.
    """
    ends, weights, kinds, boxes = ends.copy(), weights.copy(), kinds.copy(), boxes.copy()
    state = (ends, hashed(ends), half_edges(ends, n))
    parent = np.arange(n + 1).astype(np.uint32)
    # Every change of a weight removes an edge, so no more entries than twice the edges are ever made.
    scores, items = np.empty(2 * len(ends), np.float64), np.empty(2 * len(ends), np.int64)
    size = np.zeros(1, np.int64)
    for e in range(len(ends)):
        _offer(e, weights, kinds, acyclic, scores, items, size)
    while size[0] > 0:
        score, e = scores[0], items[0]
        pop(scores, items, size[0])
        size[0] -= 1
        if kinds[e] == GONE or weights[e] != score or (acyclic and kinds[e] == OFTEN):
            continue  # gone, or its weight has changed since and it was offered again
        degree = state[2][2]
        a, b = ends[e, 0], ends[e, 1]
        keeper, gone = (a, b) if degree[a] >= degree[b] else (b, a)
        parent[gone] = keeper
        _absorb(keeper, gone, state, weights, kinds, acyclic, scores, items, size, boxes, reach)
    return _numbered(parent)


@njit(cache=True, nogil=True)
def _offer(
    e: Any, weights: Array, kinds: Array, acyclic: bool, scores: Array, items: Array, size: Array
) -> None:
    if weights[e] > 0 and (kinds[e] == ONCE or (kinds[e] == OFTEN and not acyclic)):
        push(scores, items, size[0], weights[e], e)
        size[0] += 1


@njit(cache=True, nogil=True)
def _absorb(
    keeper: Any, gone: Any, state: tuple[Array, Array, tuple[Array, ...]], weights: Array,
    kinds: Array, acyclic: bool, scores: Array, items: Array, size: Array, boxes: Array, reach: float,
) -> None:  # fmt: skip
    """Hand the edges of `gone` to `keeper`; weights of edges that become parallel add up."""
    ends, keys, (first, last, degree, following) = state
    half = first[gone]
    while half >= 0:
        onward, e, side = following[half], half >> 1, half & 1
        following[half] = -1
        if kinds[e] != GONE:
            other = ends[e, 1 - side]
            forget(pair_key(gone, other), keys)
            slot = slot_of(pair_key(keeper, other), keys)
            if other == keeper:
                kinds[e] = GONE
                degree[keeper] -= 1
            elif keys[slot, 0] == -1:
                keys[slot, 0], keys[slot, 1] = pair_key(keeper, other), e
                ends[e, side] = keeper
                _append(half, keeper, first, last, following)
                degree[keeper] += 1
            else:
                rival = keys[slot, 1]
                weights[rival] += weights[e]
                kinds[rival] = _united(boxes[rival], boxes[e], kinds[rival], kinds[e], reach)
                kinds[e] = GONE
                degree[other] -= 1
                _offer(rival, weights, kinds, acyclic, scores, items, size)
        half = onward


@njit(cache=True, nogil=True)
def _united(box: Array, other: Array, kind: int, more: int, reach: float) -> int:
    """Widen a box of contacts by another; return whether there is no contact (lifted), one or several."""
    diagonal = 0.0
    for axis in range(3):
        box[0, axis] = min(box[0, axis], other[0, axis])
        box[1, axis] = max(box[1, axis], other[1, axis])
        diagonal += (box[1, axis] - box[0, axis]) ** 2
    if kind == LIFTED or more == LIFTED:
        return max(kind, more)
    one = kind == ONCE and more == ONCE and diagonal <= reach * abs(reach)
    return ONCE if one else OFTEN


@njit(cache=True, nogil=True)
def _append(half: Any, node: Any, first: Array, last: Array, following: Array) -> None:
    if first[node] < 0:
        first[node] = half
    else:
        following[last[node]] = half
    last[node] = half


@njit(cache=True, nogil=True)
def _numbered(parent: Array) -> Array:
    """Give the pieces numbers 1..m in the order of their smallest node."""
    out = np.zeros(len(parent), np.uint32)
    number = np.zeros(len(parent), np.uint32)
    count = 0
    for i in range(1, len(parent)):
        root = find_root(parent, i)
        if number[root] == 0:
            count += 1
            number[root] = count
        out[i] = number[root]
    return out
