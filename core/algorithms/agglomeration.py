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
from segmend.core.algorithms.edge_table import enter_edges, forget, link_edges, pair_key, slot_of
from segmend.core.algorithms.heap import pop, push
from segmend.core.errors import InputError

Array = NDArray[Any]

BINS = 65536


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
    # Large arrays are made here and not in the kernel: NumPy asks for huge pages, which random access lives on.
    size = 1 << max(10, (2 * len(pairs) - 1).bit_length())
    keys = np.full((size, 2), -1, np.int64)
    lists = tuple(np.full(k, -1, np.int32) for k in (n + 1, n + 1, n + 1, 2 * len(pairs)))
    order, scores = _agglomerate(
        pairs.astype(np.int32), mean * faces, faces.copy(), mean.copy(), keys, lists, float(lowest)
    )
    return MergeTree(pairs[order].astype(np.uint32), scores.astype(np.float32))


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


@njit(cache=True, nogil=True)
def _absorb(
    keeper: Any, gone: Any, state: tuple[Array, ...], total: Array, area: Array, queued: Array
) -> None:
    """Hand the edges of `gone` to `keeper`; of two edges to the same neighbour, the one queued higher survives."""
    ends, keys, first, last, degree, following = state
    half = first[gone]
    while half >= 0:
        onward = following[half]
        e = half >> 1
        side = half & 1
        if area[e] == 0:
            half = onward
            continue
        other = ends[e, 1 - side]
        forget(pair_key(gone, other), keys)
        if other == keeper:
            area[e] = 0
            half = onward
            continue
        slot = slot_of(pair_key(keeper, other), keys)
        if keys[slot, 0] == -1:
            keys[slot, 0], keys[slot, 1] = pair_key(keeper, other), e
        else:
            rival = keys[slot, 1]
            degree[other] -= 1
            if queued[rival] > queued[e] or (queued[rival] == queued[e] and rival < e):
                total[rival] += total[e]
                area[rival] += area[e]
                area[e] = 0
                half = onward
                continue
            total[e] += total[rival]
            area[e] += area[rival]
            area[rival] = 0
            degree[keeper] -= 1
            keys[slot, 1] = e
        ends[e, side] = keeper
        following[half] = -1
        if first[keeper] < 0:
            first[keeper] = half
        else:
            following[last[keeper]] = half
        last[keeper] = half
        degree[keeper] += 1
        half = onward
    degree[keeper] -= 1
    first[gone] = -1


@njit(cache=True, nogil=True)
def _bin_of(score: Any) -> Any:
    return min(np.int64(BINS - 1), np.int64(score * BINS))


@njit(cache=True, nogil=True)
def _bins(queued: Array) -> tuple[Array, Array]:
    """Sort edges into bins by score: the first edge of each bin and the next of each edge."""
    head = np.full(BINS, -1, np.int32)
    following = np.empty(len(queued), np.int32)
    for e in range(len(queued)):
        b = _bin_of(queued[e])
        following[e] = head[b]
        head[b] = e
    return head, following


@njit(cache=True, nogil=True)
def _agglomerate(
    ends: Array, total: Array, area: Array, queued: Array, keys: Array, lists: tuple[Array, ...], lowest: float
) -> tuple[Array, Array]:  # fmt: skip
    """Take the bins from the top; inside a bin a heap gives the exact order. Return merged edges and their scores."""
    first, last, degree, following = lists
    link_edges(ends, first, last, degree, following)
    enter_edges(ends, keys)
    state = (ends, keys, first, last, degree, following)
    order, scores = np.empty(len(first), np.int64), np.empty(len(first), np.float64)
    bin_head, bin_next = _bins(queued)
    heap_score, heap_edge = np.empty(len(ends), np.float64), np.empty(len(ends), np.int32)
    merges = 0
    for b in range(BINS - 1, _bin_of(lowest) - 1, -1):
        size = 0
        e = bin_head[b]
        while e >= 0:
            if area[e] > 0:
                push(heap_score, heap_edge, size, queued[e], e)
                size += 1
            e = bin_next[e]
        while size > 0 and heap_score[0] >= lowest:
            e, score = heap_edge[0], heap_score[0]
            pop(heap_score, heap_edge, size)
            size -= 1
            if area[e] == 0:
                continue
            now = min(total[e] / area[e], score)
            if now == score:
                order[merges], scores[merges] = e, score
                merges += 1
                _merge_ends(e, state, total, area, queued)
                continue
            queued[e] = now  # it fell since it was queued: put it back where it belongs
            place = _bin_of(now)
            if place == b:
                push(heap_score, heap_edge, size, now, e)
                size += 1
            else:
                bin_next[e] = bin_head[place]
                bin_head[place] = e
    return order[:merges].copy(), scores[:merges].copy()


@njit(cache=True, nogil=True)
def _merge_ends(e: Any, state: tuple[Array, ...], total: Array, area: Array, queued: Array) -> None:
    """Merge the two regions of an edge; the one with fewer neighbours hands over."""
    ends, degree = state[0], state[4]
    u, v = ends[e, 0], ends[e, 1]
    if degree[u] >= degree[v]:
        _absorb(u, v, state, total, area, queued)
    else:
        _absorb(v, u, state, total, area, queued)
