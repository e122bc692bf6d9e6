"""How good a result is where the truth is known: scores, and the variation of information at other thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.algorithms.agglomeration import MergeTree, cut_tree
from segmend.core.algorithms.contingency import Contingency, add_tables
from segmend.core.algorithms.metrics import vi_from_table
from segmend.core.algorithms.run_length import RunLengths
from segmend.core.geometry import Box
from segmend.core.review.evaluation import Scores, evaluate
from segmend.core.review.overlap import shared_voxels
from segmend.core.review.run_lengths import run_lengths
from segmend.core.segmentation.mapped_labels import MappedVolume
from segmend.core.volumes.base import Volume

Array = NDArray[Any]

_THRESHOLDS = 41


@dataclass(frozen=True, slots=True, eq=False)
class ThresholdCurve:
    """Variation of information of the cuts of a merge tree, bits.

    Parameters
    ----------
    thresholds : (k,) float64
        Rising.
    split, merge : (k,) float64
    """

    thresholds: Array
    split: Array
    merge: Array


@dataclass(frozen=True, slots=True)
class Verdict:
    """A segmentation beside the truth; `curve` is None without a merge tree."""

    scores: Scores
    runs: RunLengths
    curve: ThresholdCurve | None


@dataclass(frozen=True)
class _Fixed:
    segment_of: NDArray[np.uint32]


def compared(
    supervoxels: Volume, segment_of: Array, tree: MergeTree | None, truth: Volume, box: Box | None
) -> Verdict:
    """Score a segmentation, block by block.

    Parameters
    ----------
    supervoxels : Volume
        uint32.
    segment_of : (n + 1,) uint32
    tree : MergeTree, optional
    truth : Volume
        Labels of the same shape on the grid of the project; 0 is not counted. Traced at 30 nm, and only that coarse
        volume is held in memory.
    box : Box, optional
        Counts as if everything had been cropped to it.

    Raises
    ------
    InputError
        If the volumes do not fit each other or nothing is labelled.
    """
    segments = MappedVolume(supervoxels, _Fixed(np.ascontiguousarray(segment_of, np.uint32)))
    scores = evaluate(segments, truth, box)
    runs = run_lengths(segments, truth, box)
    curve = None
    if tree is not None:
        inside = Box.of_shape(truth.shape_zyx) if box is None else box
        curve = threshold_curve(
            shared_voxels(supervoxels, truth, inside), tree, len(segment_of) - 1
        )
    return Verdict(scores, runs, curve)


def threshold_curve(table: Contingency, tree: MergeTree, n: int) -> ThresholdCurve:
    """Return the scores at thresholds from the lowest to the highest of a merge tree.

    No voxel is read: the table of supervoxels against truth becomes that of segments.

    Parameters
    ----------
    table : Contingency
        Supervoxels 0..n against truth.
    tree : MergeTree
        With at least one merge.
    n : int
        Largest supervoxel.
    """
    low, high = float(tree.scores[-1]), float(tree.scores[0])
    thresholds = np.linspace(low, high, _THRESHOLDS)
    split, merge = np.empty(_THRESHOLDS), np.empty(_THRESHOLDS)
    for k, threshold in enumerate(thresholds):
        segments = cut_tree(tree, n, threshold)[table.labels]
        found = vi_from_table(add_tables([table._replace(labels=segments)]))
        split[k], merge[k] = found.split, found.merge
    return ThresholdCurve(thresholds, split, merge)
