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
from segmend.core.algorithms.heap import pop, push
from segmend.core.algorithms.joined_contacts import (
    AREA,
    QUEUED,
    TIE,
    TOTAL,
    announce,
    entered,
    lay_out,
    merge_ends,
)
from segmend.core.errors import InputError

Array = NDArray[Any]

BINS = 65536


class MergeTree(NamedTuple):
    """What merged, in order.

    Parameters
    ----------
    edges : (M, 2) uint32
        Supervoxel pair (a row of the region graph) across whose contact the merge happened; of contacts that were
        joined before, the one that had waited under the higher score.
    scores : (M,) float32
        Mean affinity of the two regions when they merged; never rises.
    """

    edges: Array
    scores: Array


def agglomerate(
    edges: Array, affinity: Array, area: Array, n: int, *, lowest: float = 0.0
) -> MergeTree:
    """Merge regions by falling mean affinity until none touch.

    Contacts are taken in one strict order: by falling mean affinity, of equal ones first the contact with the smallest
    row of `edges` among those joined into it. So the tree does not depend on the order of work: sums are rounded once,
    to multiples of 1/255 (as stored affinities have) where single precision does not tell the difference, else of
    2^-20/255, and no addition rounds them again. Means of stored affinities that are equal are ties, however they came
    about, for contacts of up to five million faces.

    Parameters
    ----------
    edges : (E, 2) integer array
        Pairs of supervoxels 1..n, each pair once.
    affinity : (E,) float array
        Mean over the contact, 0..1.
    area : (E,) array
        Contact faces, whole and positive.
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
        If an edge is out of range or joins a supervoxel with itself, an affinity is not in 0..1 or an area is not a
        positive whole number.
    """
    pairs = graph_edges(edges, n + 1)
    if (pairs[:, 0] == pairs[:, 1]).any():
        raise InputError(
            "the graph has a contact of a supervoxel with itself; build the graph again"
        )
    mean = np.asarray(affinity, dtype=np.float64)
    faces = np.asarray(area)
    if len(pairs) and not (mean.min() >= 0 and mean.max() <= 1 and _are_counts(faces)):
        raise InputError(
            "the graph's affinities must lie in 0..1 and areas be positive whole numbers; build the graph again"
        )
    rows = np.empty((len(pairs), 4), np.float64)
    rows[:, TOTAL] = _sums(mean, faces)
    whole = rows.view(np.int32)
    whole[:, AREA], whole[:, TIE], whole[:, 6:] = faces, np.arange(len(pairs)), pairs
    del pairs
    merged, scores = _merges(rows, n, lowest)
    taken = np.asarray(edges).reshape(-1, 2)[merged]
    return MergeTree(taken.astype(np.uint32), scores.astype(np.float32))


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


def _are_counts(faces: Array) -> bool:
    """Say whether all are whole numbers from 1 to 2^31 - 1."""
    if not (faces.min() > 0 and faces.max() < 2**31):
        return False
    return faces.dtype.kind in "iu" or bool((faces == np.rint(faces)).all())


def _sums(mean: Array, faces: Array) -> Array:
    """Return the sum of the affinities of each contact in steps of 1/255, such that no addition will round it."""
    exact = mean * faces * 255.0
    near = np.rint(exact)
    if np.array_equal(exact, near):
        return near
    fine = np.rint(exact * 2.0**20) * 2.0**-20
    return np.where(np.abs(exact - near) <= exact * 2.0**-23, near, fine)


def _merges(rows: Array, n: int, lowest: float) -> tuple[Array, Array]:
    """Return the rows of `edges` across which regions merge, in order, and their scores.

    One row of four float64, half a cache line, holds all of a contact: the first and third are sums and scores, the
    second and fourth two int32 each: area and tie, and the two ends. Large arrays are made here and not in the kernels:
    NumPy asks for huge pages, which random access lives on.
    """
    count = len(rows)
    keys = np.empty((1 << max(10, (2 * count - 1).bit_length()), 2), np.int64)
    regions, halves = np.zeros((n + 1, 8), np.int32), np.empty(2 * count, np.int32)
    waiting = np.empty(count, np.float64), np.empty(count, np.int64), np.empty(count, np.int32)
    merged, scores = np.empty(n + 1, np.int32), np.empty(n + 1, np.float64)
    whole = rows.view(np.int32)
    ends = whole[:, 6:]
    lay_out(ends, regions, halves)
    merges = _agglomerate(
        rows, whole, ends, keys, regions, halves, waiting, float(lowest), merged, scores
    )
    return merged[:merges], scores[:merges]


@njit(cache=True, nogil=True)
def _bin_of(score: Any) -> Any:
    return max(np.int64(0), min(np.int64(BINS - 1), np.int64(score * (BINS / 255.0))))


@njit(cache=True, nogil=True, inline="always")
def _item(e: Any, whole: Array) -> Any:
    """Return what a contact is called in the heap, where the smaller goes first of equal scores."""
    return (np.int64(whole[e, TIE]) << 32) | np.int64(e)


@njit(cache=True, nogil=True)
def _agglomerate(
    rows: Array, whole: Array, ends: Array, keys: Array, regions: Array, halves: Array, waiting: tuple[Array, ...],
    lowest: float, merged: Array, scores: Array,
) -> int:  # fmt: skip
    """Take the bins of scores from the top; inside a bin a heap gives the exact order. Return the number of merges."""
    heap_score, heap_item, bin_next = waiting
    used = np.full(1, entered(whole, ends, keys), np.int64)
    bin_head = np.full(BINS, -1, np.int32)
    for e in range(len(rows)):
        rows[e, QUEUED] = rows[e, TOTAL] / whole[e, AREA]
        b = _bin_of(rows[e, QUEUED])
        bin_next[e], bin_head[b] = bin_head[b], e
    merges = 0
    for b in range(BINS - 1, max(_bin_of(lowest * 255.0) - 1, 0) - 1, -1):
        size = _heaped(np.int64(bin_head[b]), rows, whole, ends, bin_next, heap_score, heap_item)
        announce(heap_item, size, ends, regions, halves)
        while size > 0 and heap_score[0] / 255.0 >= lowest:
            e, score = heap_item[0] & 0xFFFFFFFF, heap_score[0]
            pop(heap_score, heap_item, size)
            size -= 1
            if whole[e, AREA] == 0:
                continue
            now = min(rows[e, TOTAL] / whole[e, AREA], score)
            if now == score:
                merged[merges], scores[merges] = e, score / 255.0
                merges += 1
                merge_ends(e, rows, whole, ends, keys, regions, halves, used)
                continue
            rows[e, QUEUED] = now  # it fell since it was queued: put it back where it belongs
            place = _bin_of(now)
            if place == b:
                push(heap_score, heap_item, size, now, _item(e, whole))
                size += 1
            else:
                bin_next[e], bin_head[place] = bin_head[place], e
    return merges


@njit(cache=True, nogil=True)
def _heaped(
    e: Any, rows: Array, whole: Array, ends: Array, bin_next: Array, heap_score: Array, heap_item: Array
) -> int:  # fmt: skip
    """Put the contacts of a bin into the heap; return their number."""
    size = 0
    while e >= 0:
        if whole[e, AREA] > 0:
            push(heap_score, heap_item, size, rows[e, QUEUED], _item(e, whole))
            size += 1
        e = np.int64(bin_next[e])
    return size
