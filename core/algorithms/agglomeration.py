"""Hierarchical agglomeration by mean affinity with a recorded merge tree.

The score of two touching regions is the mean affinity over all their contact faces; the best pair merges first
(Funke et al. 2018, arXiv 1709.02974, "mean"; Lee et al. 2017). The mean is reducible: a merge never raises a score
above the larger of the scores it joins. So an edge's place in the queue is never too low, an entry whose score has
fallen is put back when it comes up, one entry per edge is enough, and scores in merge order never rise: every
threshold is a prefix of the tree.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.algorithms.arrays import graph_edges
from segmend.core.algorithms.components import joined
from segmend.core.algorithms.edge_table import link_edges, pair_key, slot_of
from segmend.core.algorithms.heap import pop, push
from segmend.core.errors import InputError

Array = NDArray[Any]

BINS = 65536

_TOTAL, _AREA, _QUEUED = 0, 1, 2
"""Columns of an edge's row: sum of the affinities of its faces, their number (0: merged or joined with another edge),
and the score under which it waits."""


class MergeTree(NamedTuple):
    """What merged, in order.

    Parameters
    ----------
    edges : (M, 2) uint32
        Supervoxel pair (a row of the region graph) across whose contact the merge happened.
    scores : (M,) float32
        Mean affinity of the two regions when they merged; never rises.
    """

    edges: Array
    scores: Array


def agglomerate(
    edges: Array, affinity: Array, area: Array, n: int, *, lowest: float = 0.0
) -> MergeTree:
    """Merge regions by falling mean affinity until none touch.

    Ties go to the edge that stands first in `edges`.

    Parameters
    ----------
    edges : (E, 2) integer array
        Pairs of supervoxels 1..n, each pair once.
    affinity : (E,) float array
        Mean over the contact, 0..1.
    area : (E,) array
        Contact faces, positive.
    n : int
        Largest supervoxel.
    lowest : float
        Merges with a lower score are left out: the tree then answers thresholds from here up, and is there sooner.

    Returns
    -------
    MergeTree

    Raises
    ------
    InputError
        If an edge is out of range, an affinity is not in 0..1 or an area is not positive.
    """
    pairs = graph_edges(edges, n + 1)
    mean = np.asarray(affinity, dtype=np.float64)
    faces = np.asarray(area, dtype=np.float64)
    if len(pairs) and not (mean.min() >= 0 and mean.max() <= 1 and faces.min() > 0):
        raise InputError(
            "the graph's affinities must lie in 0..1 and its areas must be positive; build the graph again"
        )
    rows = np.stack([mean * faces, faces, mean, np.empty(len(pairs))], axis=1)
    rows.view(np.int32)[:, 6:] = pairs
    merged, scores = _merges(rows, n, lowest)
    return MergeTree(pairs[merged].astype(np.uint32), scores.astype(np.float32))


def cut_tree(tree: MergeTree, n: int, threshold: float) -> NDArray[np.uint32]:
    """Return the segments at a threshold.

    Parameters
    ----------
    tree : MergeTree
    n : int
        Largest supervoxel.
    threshold : float
        Merges with a score of at least this are carried out.

    Returns
    -------
    (n + 1,) uint32
        Segment of each supervoxel: 0 for background, else 1..m in the order of the smallest supervoxel.
    """
    merges = int(np.searchsorted(-np.asarray(tree.scores), -np.float32(threshold), side="right"))
    return joined(graph_edges(tree.edges[:merges], n + 1), n)


def _merges(rows: Array, n: int, lowest: float) -> tuple[Array, Array]:
    """Return the edges that merge, in order, and their scores.

    One row of four float64, half a cache line, holds all of an edge: the last one is two int32, its ends. Large arrays
    are made here and not in the kernels: NumPy asks for huge pages, which random access lives on.
    """
    edges = len(rows)
    keys = np.full((1 << max(10, (2 * edges - 1).bit_length()), 2), -1, np.int64)
    lists = tuple(np.full(k, -1, np.int32) for k in (n + 1, n + 1, n + 1, 2 * edges))
    waiting = np.empty(edges, np.float64), np.empty(edges, np.int32), np.empty(edges, np.int32)
    merged, scores = np.empty(n + 1, np.int32), np.empty(n + 1, np.float64)
    ends = rows.view(np.int32)[:, 6:]
    count = _agglomerate(rows, ends, keys, lists, waiting, float(lowest), merged, scores)
    return merged[:count], scores[:count]


@njit(cache=True, nogil=True)
def _absorb(
    keeper: Any, gone: Any, rows: Array, ends: Array, keys: Array, lists: tuple[Array, ...], used: Array
) -> None:  # fmt: skip
    """Hand the edges of `gone` to `keeper`; of two edges to the same neighbour, the one queued higher survives.

    The keys of `gone` stay in the table: nobody asks for them again.
    """
    first, last, degree, following = lists
    half, tail = np.int64(first[gone]), np.int64(last[keeper])
    more = -1
    while half >= 0:
        e, side, onward = half >> 1, half & 1, np.int64(following[half])
        other = np.int64(ends[e, 1 - side])
        if rows[e, _AREA] == 0 or other == keeper:
            rows[e, _AREA] = 0
            half = onward
            continue
        slot = slot_of(pair_key(keeper, other), keys)
        if keys[slot, 0] == -1:
            keys[slot, 0], keys[slot, 1] = pair_key(keeper, other), e
            used[0] += 1
        else:
            rival = keys[slot, 1]
            degree[other] -= 1
            if _outranks(rival, e, rows):
                _add_to(rival, e, rows)
                half = onward
                continue
            _add_to(e, rival, rows)
            keys[slot, 1] = e
            more -= 1
        ends[e, side] = keeper
        following[tail] = half
        tail = half
        more += 1
        half = onward
    following[tail] = -1
    last[keeper] = tail
    degree[keeper] += more


@njit(cache=True, nogil=True, inline="always")
def _outranks(a: Any, b: Any, rows: Array) -> Any:
    return rows[a, _QUEUED] > rows[b, _QUEUED] or (rows[a, _QUEUED] == rows[b, _QUEUED] and a < b)


@njit(cache=True, nogil=True, inline="always")
def _add_to(stays: Any, goes: Any, rows: Array) -> None:
    rows[stays, _TOTAL] += rows[goes, _TOTAL]
    rows[stays, _AREA] += rows[goes, _AREA]
    rows[goes, _AREA] = 0


@njit(cache=True, nogil=True)
def _swept(rows: Array, ends: Array, keys: Array) -> int:
    """Enter anew the edges that are left; return their number."""
    keys[:] = -1
    left = 0
    for e in range(len(rows)):
        if rows[e, _AREA] > 0:
            slot = slot_of(pair_key(ends[e, 0], ends[e, 1]), keys)
            keys[slot, 0], keys[slot, 1] = pair_key(ends[e, 0], ends[e, 1]), e
            left += 1
    return left


@njit(cache=True, nogil=True)
def _bin_of(score: Any) -> Any:
    return min(np.int64(BINS - 1), np.int64(score * BINS))


@njit(cache=True, nogil=True)
def _agglomerate(
    rows: Array, ends: Array, keys: Array, lists: tuple[Array, ...], waiting: tuple[Array, ...], lowest: float,
    merged: Array, scores: Array,
) -> int:  # fmt: skip
    """Take the bins of scores from the top; inside a bin a heap gives the exact order. Return the number of merges."""
    heap_score, heap_edge, bin_next = waiting
    link_edges(ends, *lists)
    used = np.full(1, _swept(rows, ends, keys), np.int64)
    bin_head = np.full(BINS, -1, np.int32)
    for row in range(len(rows)):
        b = _bin_of(rows[row, _QUEUED])
        bin_next[row], bin_head[b] = bin_head[b], row
    merges = 0
    for b in range(BINS - 1, _bin_of(lowest) - 1, -1):
        size, e = 0, np.int64(bin_head[b])
        while e >= 0:
            if rows[e, _AREA] > 0:
                push(heap_score, heap_edge, size, rows[e, _QUEUED], e)
                size += 1
            e = np.int64(bin_next[e])
        while size > 0 and heap_score[0] >= lowest:
            e, score = np.int64(heap_edge[0]), heap_score[0]
            pop(heap_score, heap_edge, size)
            size -= 1
            if rows[e, _AREA] == 0:
                continue
            now = min(rows[e, _TOTAL] / rows[e, _AREA], score)
            if now == score:
                merged[merges], scores[merges] = e, score
                merges += 1
                _merge_ends(e, rows, ends, keys, lists, used)
                continue
            rows[e, _QUEUED] = now  # it fell since it was queued: put it back where it belongs
            place = _bin_of(now)
            if place == b:
                push(heap_score, heap_edge, size, now, e)
                size += 1
            else:
                bin_next[e], bin_head[place] = bin_head[place], e
    return merges


@njit(cache=True, nogil=True)
def _merge_ends(
    e: Any, rows: Array, ends: Array, keys: Array, lists: tuple[Array, ...], used: Array
) -> None:
    """Merge the two regions of an edge; the one with fewer neighbours hands over."""
    degree = lists[2]
    u, v = np.int64(ends[e, 0]), np.int64(ends[e, 1])
    if degree[u] < degree[v]:
        u, v = v, u
    if 4 * (used[0] + degree[v]) > 3 * len(keys):
        used[0] = _swept(rows, ends, keys)
    _absorb(u, v, rows, ends, keys, lists, used)
