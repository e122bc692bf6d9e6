"""Expected run length: how far one can follow a neurite in a segmentation before an error stops one.

Januszewski et al. 2018, "High-precision automated reconstruction of neurons with flood-filling networks": a
skeleton edge is right if both ends lie in the same segment and that segment holds no other skeleton. The right edges
of one skeleton in one segment are a run; a place on the skeletons is drawn by length, and the expected run length is
the mean length of the run it lies on, 0 where the edge is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.algorithms.skeletons import Skeleton
from segmend.core.errors import InputError

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class TracedNeurites:
    """The true skeletons as flat arrays, k nodes and e edges.

    Parameters
    ----------
    points_nm : (k, 3) float32
        z, y, x.
    neurite : (k,) int64
        Which skeleton each node belongs to.
    edges : (e, 2) int64
        Rows of nodes, of one skeleton each.
    """

    points_nm: Array
    neurite: Array
    edges: Array

    @classmethod
    def of(cls, skeletons: Mapping[int, Skeleton]) -> TracedNeurites:
        """Put skeletons by object id into flat arrays."""
        labels, traced = list(skeletons), list(skeletons.values())
        nodes = [len(skeleton.vertices_nm) for skeleton in traced]
        starts = np.cumsum([0, *nodes[:-1]])
        edges = [s.edges.astype(np.int64) + k for s, k in zip(traced, starts, strict=False)]
        return cls(
            np.concatenate([np.empty((0, 3), np.float32), *(s.vertices_nm for s in traced)]),
            np.repeat(np.asarray(labels, np.int64), nodes),
            np.concatenate([np.empty((0, 2), np.int64), *edges]),
        )

    @property
    def lengths_nm(self) -> NDArray[np.float64]:
        """Length of each edge."""
        ends = self.points_nm[self.edges].astype(np.float64)
        lengths: NDArray[np.float64] = np.linalg.norm(ends[:, 0] - ends[:, 1], axis=1)
        return lengths


@dataclass(frozen=True, slots=True)
class RunLengths:
    """Expected run length and where the length is lost.

    Parameters
    ----------
    expected_nm : float
        Of the segmentation.
    largest_nm : float
        Of a perfect segmentation: the length-weighted mean length of the skeletons.
    right, split, merged, omitted : float
        Share of the total length: in a run, between two segments, in a segment that holds several skeletons, with
        an end in no segment.
    """

    expected_nm: float
    largest_nm: float
    right: float
    split: float
    merged: float
    omitted: float


def expected_run_length(
    neurites: TracedNeurites, segment_at_node: Array, *, stray_nodes: int = 0
) -> RunLengths:
    """Score a segmentation by its segment at each skeleton node.

    Parameters
    ----------
    neurites : TracedNeurites
    segment_at_node : (k,) integer array
        0: none.
    stray_nodes : int
        A segment holds a skeleton if it covers more than this many of its nodes. 0 is the definition; a few nodes
        forgive a skeleton that strays over a border of the segment next to it.

    Raises
    ------
    InputError
        If there is not one segment per node.
    """
    segment = np.asarray(segment_at_node)
    if segment.shape != (len(neurites.neurite),):
        raise InputError(
            f"{len(neurites.neurite)} skeleton nodes have segments of shape {segment.shape}: expected one per node"
        )
    lengths = neurites.lengths_nm
    total = float(lengths.sum())
    if not total:
        return RunLengths(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    a, b = segment[neurites.edges[:, 0]], segment[neurites.edges[:, 1]]
    owner = neurites.neurite[neurites.edges[:, 0]]
    omitted = (a == 0) | (b == 0)
    split = ~omitted & (a != b)
    merged = ~omitted & ~split & np.isin(a, _merging(neurites.neurite, segment, stray_nodes))
    right = ~(omitted | split | merged)
    return RunLengths(
        expected_nm=_sum_of_squares(owner[right], a[right], lengths[right]) / total,
        largest_nm=_sum_of_squares(owner, np.zeros_like(owner), lengths) / total,
        right=float(lengths[right].sum()) / total,
        split=float(lengths[split].sum()) / total,
        merged=float(lengths[merged].sum()) / total,
        omitted=float(lengths[omitted].sum()) / total,
    )


def _merging(neurite: Array, segment: Array, stray_nodes: int) -> Array:
    """Return the segments that hold more than one skeleton."""
    held = segment != 0
    _, of_neurite = np.unique(neurite[held], return_inverse=True)
    ids, of_segment = np.unique(segment[held], return_inverse=True)
    pairs, nodes = np.unique(np.stack([of_segment, of_neurite], axis=1), axis=0, return_counts=True)
    skeletons = np.bincount(pairs[nodes > stray_nodes, 0], minlength=len(ids))
    merging: Array = ids[skeletons > 1]
    return merging


def _sum_of_squares(neurite: Array, segment: Array, lengths: Array) -> float:
    """Add up the squares of the lengths of runs."""
    if not len(lengths):
        return 0.0
    _, of_neurite = np.unique(neurite, return_inverse=True)
    ids, of_segment = np.unique(segment, return_inverse=True)
    _, run = np.unique(of_neurite * len(ids) + of_segment, return_inverse=True)
    runs = np.bincount(run, lengths)
    return float(runs @ runs)
