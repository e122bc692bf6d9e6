"""Which of the contacts between supervoxels a segmentation joins, and which it should."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.algorithms.contacts import contact_pairs
from segmend.core.algorithms.contingency import majority_truth
from segmend.core.algorithms.merge_scores import MergeScores, merge_scores
from segmend.core.geometry import Box
from segmend.core.review.overlap import counted_box, shared_voxels
from segmend.core.volumes.base import Volume

Array = NDArray[Any]

_BLOCK_ZYX = (32, 256, 256)


def merge_decisions(
    supervoxels: Volume, segmentation: Volume, labels: Volume, box: Box | None = None
) -> MergeScores:
    """Count right and wrong merges over the contacts of supervoxels.

    A contact is joined if most voxels of both supervoxels lie in one segment, and should be if most of both lie in one
    true object; contacts of supervoxels without truth do not count.

    Parameters
    ----------
    supervoxels, segmentation, labels : Volume
        Integer labels of the same shape.
    box : Box, optional
        Everything is counted as if all had been cropped to it.

    Raises
    ------
    InputError
        If the volumes do not fit each other.
    """
    inside = counted_box(supervoxels, labels, box)
    counted_box(segmentation, labels, box)
    in_segments = shared_voxels(supervoxels, segmentation, inside)
    in_truth = shared_voxels(supervoxels, labels, inside)
    ids = np.union1d(np.union1d(in_segments.labels, in_truth.labels), [0]).astype(np.uint64)
    segment_of, truth_of = (
        majority_truth(table._replace(labels=_rows(table.labels, ids)), len(ids) - 1)
        for table in (in_segments, in_truth)
    )
    edges = _contacts(supervoxels, inside, ids)
    a, b = segment_of[edges[:, 0]], segment_of[edges[:, 1]]
    return merge_scores(edges, (a == b) & (a > 0), truth_of)


def _rows(labels: Array, ids: Array) -> Array:
    """Return the place of each label among the ids, 0 for labels that are not there."""
    place = np.minimum(np.searchsorted(ids, labels), len(ids) - 1)
    place[ids[place] != labels] = 0
    return place


def _contacts(supervoxels: Volume, box: Box, ids: Array) -> Array:
    found = [np.empty((0, 2), np.uint32)]
    for block in box.blocks(_BLOCK_ZYX):
        z, y, x = block.stop_zyx  # one voxel more, for the faces between blocks
        wide = Box(block.start_zyx, (z + 1, y + 1, x + 1)).intersect(box)
        found.append(contact_pairs(_rows(supervoxels.read(wide), ids)).edges)
    edges: Array = np.unique(np.concatenate(found), axis=0)
    return edges
