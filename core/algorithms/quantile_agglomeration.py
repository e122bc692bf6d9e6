"""Hierarchical agglomeration by a quantile of the affinities of a contact.

Funke et al. 2018 (arXiv 1709.02974): the score of two regions is a quantile
of the affinities of all faces between them. It comes from a histogram per contact; histograms of contacts that become
one are added up. The maximum, the quantile of 1, is single linkage.

A quantile is reducible, like the mean: below the smaller of two quantiles both contacts have too few affinities, so
has their sum, and at the larger one both have enough. So a joined contact never scores above the better of its parts,
an edge's place in the queue is never too low, and scores in merge order never rise: every threshold is a prefix.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.algorithms.agglomeration import MergeTree
from segmend.core.algorithms.arrays import graph_edges
from segmend.core.algorithms.contraction import Table, contract, new_table
from segmend.core.algorithms.heap import pop, push
from segmend.core.errors import InputError

Array = NDArray[Any]


def agglomerate_by_quantile(
    edges: Array, histogram: Array, n: int, *, quantile: float = 0.5, lowest: float = 0.0
) -> MergeTree:
    """Merge regions by a falling quantile of the affinities between them until none touch.

    Affinities count as spread evenly over their bin: the score is where the distribution function, a line within each
    bin, reaches `quantile`. Ties go to the edge that stands first in `edges`.

    Parameters
    ----------
    edges : (E, 2) integer array
        Pairs of supervoxels 1..n, each pair once.
    histogram : (E, B) uint32 array
        Contact faces by affinity: bin b holds those from b / B to (b + 1) / B. Copied once.
    n : int
        Largest supervoxel.
    quantile : float
        0..1; 0.5 is the median, 1 the upper end of the highest bin in use.
    lowest : float
        Merges with a lower score are left out.

    Returns
    -------
    MergeTree

    Raises
    ------
    InputError
        If an edge or the quantile is out of range or the histogram does not fit.
    """
    pairs = graph_edges(edges, n + 1)
    counts = checked_histogram(histogram, len(pairs)).copy()
    if not 0 <= quantile <= 1:
        raise InputError(f"quantile {quantile} is none: expected 0 to 1; 0.5 is the median")
    order, scores = _agglomerate(new_table(pairs, n), counts, float(quantile), float(lowest))
    return MergeTree(pairs[order].astype(np.uint32), scores.astype(np.float32))


def largest_affinity(histogram: Array) -> NDArray[np.float64]:
    """Return the largest affinity of each contact, rounded up to the end of its bin.

    Parameters
    ----------
    histogram : (E, B) integer array

    Returns
    -------
    (E,) float64
        Less than 1 / B above the truth; 0 where nothing was counted.
    """
    counts = np.asarray(histogram)
    bins = counts.shape[1]
    used = counts[:, ::-1] > 0
    last: NDArray[np.float64] = (bins - used.argmax(axis=1)) / bins * used.any(axis=1)
    return last


def checked_histogram(histogram: Array, edges: int) -> Array:
    """Return a histogram as C-contiguous uint32.

    Raises
    ------
    InputError
        If it does not have one row per edge and at least one bin, or holds anything but counts.
    """
    counts = np.asarray(histogram)
    if counts.ndim != 2 or len(counts) != edges or not counts.shape[1] or counts.dtype.kind != "u":
        raise InputError(
            f"a histogram of shape {counts.shape} and type {counts.dtype} does not fit {edges} contacts: "
            "expected one row of unsigned counts each; build the graph again with histogram bins"
        )
    return np.ascontiguousarray(counts, np.uint32)


@njit(cache=True, nogil=True)
def quantile_of(counts: Array, quantile: float) -> Any:
    """Return a quantile of a histogram over 0..1, see `agglomerate_by_quantile`; 0 where nothing was counted."""
    bins = len(counts)
    total = 0.0
    for b in range(bins):
        total += counts[b]
    wanted = quantile * total
    below = 0.0
    for b in range(bins):
        here = float(counts[b])
        if here > 0 and below + here >= wanted:
            return (b + (wanted - below) / here) / bins
        below += here
    return 0.0


@njit(cache=True, nogil=True)
def _agglomerate(
    table: Table, counts: Array, quantile: float, lowest: float
) -> tuple[Array, Array]:
    """Take edges from a queue that holds each of them once; one whose score has fallen is put back."""
    edges = len(counts)
    rank = np.empty(edges)
    heap_score, heap_edge = np.empty(edges), np.empty(edges, np.int32)
    for e in range(edges):
        rank[e] = quantile_of(counts[e], quantile)
        push(heap_score, heap_edge, e, rank[e], e)
    dead, handed = np.zeros(edges, np.bool_), np.empty((edges, 2), np.int32)
    order, scores = np.empty(len(table[2]), np.int64), np.empty(len(table[2]))
    merges, size = 0, edges
    while size > 0 and heap_score[0] >= lowest:
        score, e = heap_score[0], heap_edge[0]
        pop(heap_score, heap_edge, size)
        size -= 1
        if dead[e]:
            continue
        rank[e] = min(score, quantile_of(counts[e], quantile))
        if rank[e] < score:
            push(heap_score, heap_edge, size, rank[e], e)
            size += 1
            continue
        order[merges], scores[merges] = e, score
        merges += 1
        for k in range(contract(e, table, dead, rank, handed)[2]):
            if handed[k, 1] >= 0:
                for b in range(counts.shape[1]):
                    counts[handed[k, 0], b] += counts[handed[k, 1], b]
    return order[:merges].copy(), scores[:merges].copy()
