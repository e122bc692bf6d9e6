"""Hierarchical agglomeration by a scorer that judges every contact anew after each merge that touches it.

Nunez-Iglesias et al. 2013 (PLoS ONE 8(8): e71715, "Machine learning of hierarchical clustering to segment 2D and 3D
images", Methods): a policy learned from examples gives each pair of regions a probability; the best pair merges first,
the features of the new region and of its contacts come from those of the parts, and its pairs are scored again.

A large region has thousands of contacts, and a merge with a small one changes next to nothing for most of them. So
contacts are scored again at once where they are new to the region or joined, the others when the region has grown by
a given share since they last were; with a share of 0 that is after every merge.

Such a score is not reducible: a merge may raise it above that of the merge itself. Merges are carried out by the score
at the time; what is recorded is the lowest score so far. So recorded scores never rise, and the cut at t is what
agglomerating until no score reaches t for the first time would have given.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.algorithms.agglomeration import MergeTree
from segmend.core.algorithms.arrays import graph_edges
from segmend.core.algorithms.contraction import Table, contract, edges_of, new_table
from segmend.core.algorithms.edge_features import FEATURE_NAMES
from segmend.core.algorithms.indexed_heap import Heap, new_heap, remove, rescore
from segmend.core.errors import InputError

Array = NDArray[Any]

CONTACT_FEATURES: tuple[str, ...] = (*FEATURE_NAMES, "highest_affinity", "log_contacts")
"""Columns a scorer gets: those of `edge_features` for the joined contact; the highest mean affinity of the contacts
between supervoxels that it consists of; and the natural logarithm of 1 + their number."""

GROWTH = 0.02
"""Share by which a region grows before all its contacts are scored again: their sizes enter as logarithms."""

_AREA, _AFFINITY, _STRONG, _HIGHEST, _CONTACTS = range(5)


class EdgeScorer(Protocol):
    """Says how likely it is that two regions in contact are parts of one neuron.

    Attributes
    ----------
    identity : str
        Tells this scorer's results from those of others, such as a hash of its weights; part of the stage's key.
    """

    @property
    def identity(self) -> str: ...  # noqa: D102

    def score(self, features: NDArray[np.float32]) -> Array:
        """Return probabilities for contacts.

        Parameters
        ----------
        features : (K, len(CONTACT_FEATURES)) float32

        Returns
        -------
        (K,) float array, 0..1
            1: surely one neuron. The same features must always give the same probability.
        """


def agglomerate_by_scorer(
    edges: Array, affinity: Array, area: Array, strong: Array, size: Array, scorer: EdgeScorer, *,
    lowest: float = 0.0, growth: float = GROWTH,
) -> MergeTree:  # fmt: skip
    """Merge regions by falling probability that they are one, until none touch.

    The scorer is called once for the whole graph and once after each merge, for contacts of the new region. Ties go
    to the edge that stands first in `edges`.

    Parameters
    ----------
    edges : (E, 2) integer array
        Pairs of supervoxels 1..n, each pair once.
    affinity, area, strong : (E,) arrays
        Of each contact: mean affinity 0..1, faces, share of faces above 0.5.
    size : (n + 1,) array
        Voxels of each supervoxel.
    scorer : EdgeScorer
    lowest : float
        Merging ends when no probability reaches it.
    growth : float
        Share by which a region may grow before all its contacts are scored again, 0 or more.

    Returns
    -------
    MergeTree
        Scores are the lowest so far.

    Raises
    ------
    InputError
        If the graph is damaged, or the scorer returns anything but probabilities.
    """
    n = len(size) - 1
    pairs = graph_edges(edges, n + 1)
    carried = _carried(affinity, area, strong, len(pairs))
    table, voxels = new_table(pairs, n), np.asarray(size, np.float64).copy()
    touched = np.arange(len(pairs), dtype=np.int32)
    features = np.empty((len(pairs), len(CONTACT_FEATURES)), np.float32)
    _measure(touched, table[0], carried, voxels, features)
    heap = new_heap(_probabilities(scorer, features))
    dead, handed = np.zeros(len(pairs), np.bool_), np.empty_like(table[0])
    state = (carried, voxels, voxels * (1 + growth), dead, handed, touched, features)
    order, scores, found = [], [], np.empty(0)
    while True:
        best, score, count = _advance(table, state, heap, found, lowest, growth)
        if best < 0:
            break
        order.append(best)
        scores.append(score)
        found = _probabilities(scorer, features[:count]) if count else found[:0]
    recorded = np.minimum.accumulate(np.asarray(scores, np.float32)) if scores else np.empty(0)
    return MergeTree(
        pairs[np.asarray(order, np.int64)].astype(np.uint32), recorded.astype(np.float32)
    )


def _carried(affinity: Array, area: Array, strong: Array, edges: int) -> NDArray[np.float64]:
    """Return what each contact carries and a merge adds up, (E, 5)."""
    faces, mean, share = (np.asarray(a, np.float64) for a in (area, affinity, strong))
    if not faces.shape == mean.shape == share.shape == (edges,):
        raise InputError(
            f"{edges} contacts have {len(faces)} areas and {len(mean)} affinities; build the graph again"
        )
    within = all(((column >= 0) & (column <= 1)).all() for column in (mean, share))
    if not (within and (faces > 0).all()):
        raise InputError(
            "the graph's affinities must lie in 0..1 and its areas must be positive; build the graph again"
        )
    return np.stack([faces, mean * faces, share * faces, mean, np.ones(edges)], axis=1)


def _probabilities(scorer: EdgeScorer, features: Array) -> NDArray[np.float64]:
    found = np.asarray(scorer.score(features), np.float64)
    if found.shape != (len(features),) or not ((found >= 0) & (found <= 1)).all():
        raise InputError(
            f"the edge scorer gave {found.shape} values for {len(features)} contacts, or not all in 0..1: expected one "
            "probability each; use another scorer"
        )
    return found


@njit(cache=True, nogil=True)
def _measure(touched: Array, ends: Array, carried: Array, voxels: Array, out: Array) -> None:
    """Fill in the columns of `CONTACT_FEATURES` for some edges; the first seven are those of `edge_features`."""
    for row in range(len(touched)):
        e = touched[row]
        a, b = voxels[ends[e, 0]], voxels[ends[e, 1]]
        smaller, larger, faces = min(a, b), max(a, b), carried[e, _AREA]
        surface = np.pi ** (1 / 3) * (6 * max(smaller, 1.0)) ** (2 / 3)
        out[row, 0] = carried[e, _AFFINITY] / faces
        out[row, 1] = carried[e, _STRONG] / faces
        out[row, 2] = np.log1p(faces)
        out[row, 3] = np.log1p(smaller)
        out[row, 4] = np.log1p(larger)
        out[row, 5] = np.log1p(larger) - np.log1p(smaller)
        out[row, 6] = faces / surface
        out[row, 7] = carried[e, _HIGHEST]
        out[row, 8] = np.log1p(carried[e, _CONTACTS])


@njit(cache=True, nogil=True)
def _advance(
    table: Table, state: tuple[Array, ...], heap: Heap, found: Array, lowest: float, growth: float
) -> tuple[Any, Any, Any]:
    """Take in the scores of the edges touched last, merge across the best edge and measure those touched by that.

    Returns the edge (-1 if none is good enough), its score and how many edges are to be scored.
    """
    carried, voxels, limit, dead, handed, touched, features = state
    for k in range(len(found)):
        rescore(touched[k], found[k], heap)
    if heap[3][0] == 0 or heap[0][heap[1][0]] < lowest:
        return -1, 0.0, 0
    best = heap[1][0]
    remove(best, heap)
    keeper, gone, count = contract(best, table, dead, heap[0], handed)
    voxels[keeper] += voxels[gone]
    for k in range(count):
        stays, ends = handed[k, 0], handed[k, 1]
        touched[k] = stays
        if ends >= 0:
            remove(ends, heap)
            _add_up(carried[stays], carried[ends])
    if voxels[keeper] > limit[keeper]:
        limit[keeper] = voxels[keeper] * (1 + growth)
        count = edges_of(keeper, table, dead, touched)
    _measure(touched[:count], table[0], carried, voxels, features)
    return best, heap[0][best], count


@njit(cache=True, nogil=True)
def _add_up(contact: Array, other: Array) -> None:
    for column in (_AREA, _AFFINITY, _STRONG, _CONTACTS):
        contact[column] += other[column]
    contact[_HIGHEST] = max(contact[_HIGHEST], other[_HIGHEST])
