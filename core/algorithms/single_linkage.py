"""Agglomeration by the largest affinity of a contact."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.algorithms.agglomeration import MergeTree
from segmend.core.algorithms.arrays import graph_edges
from segmend.core.algorithms.basins import find_root
from segmend.core.errors import InputError

Array = NDArray[Any]


def agglomerate_by_maximum(edges: Array, largest: Array, n: int) -> MergeTree:
    """Merge regions by falling largest affinity: single linkage.

    The merges are a maximum spanning forest of the graph, found edge after edge (Kruskal 1956): the linkage of
    Zlateski & Seung 2015 (arXiv 1505.00249) without its criterion of size.

    Parameters
    ----------
    edges : (E, 2) integer array
        Pairs of supervoxels 1..n.
    largest : (E,) float array
        Largest affinity of the contact's faces, 0..1. Ties go to the edge that stands first.
    n : int
        Largest supervoxel.

    Returns
    -------
    MergeTree

    Raises
    ------
    InputError
        If an edge is out of range or an affinity is not in 0..1.
    """
    pairs = graph_edges(edges, n + 1)
    score = np.asarray(largest, dtype=np.float64)
    if len(pairs) and not (score.min() >= 0 and score.max() <= 1):
        raise InputError("the graph's affinities must lie in 0..1; build the graph again")
    order = np.argsort(-score, kind="stable")
    kept = order[_forest(pairs[order], n)]
    return MergeTree(pairs[kept].astype(np.uint32), score[kept].astype(np.float32))


@njit(cache=True, nogil=True)
def _forest(pairs: Array, n: int) -> Array:
    """Say which of the edges, taken in order, join two trees."""
    parent = np.arange(n + 1).astype(np.uint32)
    joins = np.zeros(len(pairs), np.bool_)
    for k in range(len(pairs)):
        a, b = find_root(parent, pairs[k, 0]), find_root(parent, pairs[k, 1])
        if a != b:
            parent[max(a, b)] = min(a, b)
            joins[k] = True
    return joins
