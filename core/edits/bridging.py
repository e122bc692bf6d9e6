"""Edges that a person made: between supervoxels that belong together and do not touch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.segmentation.change import Birth
from segmend.core.segmentation.segmentation import Segmentation
from segmend.core.segmentation.supervoxel_graph import Edges

Array = NDArray[Any]


def bridges(pairs: Array, middles: Array) -> Edges:
    """Return edges as strong as there are, because a person said that these belong together.

    Parameters
    ----------
    pairs : (k, 2) supervoxels, the lower one first
    middles : (k, 3) z, y, x voxels
    """
    ones = np.ones(len(pairs))
    return Edges(
        np.asarray(pairs, np.uint32).reshape(-1, 2),
        ones.astype(np.float32),
        ones.astype(np.uint32),
        ones.astype(np.float32),
        np.asarray(middles, np.float32).reshape(-1, 3),
    )


def bridges_to_strokes(birth: Birth, target: int, anchor: int, segmentation: Segmentation) -> Edges:
    """Return bridges from a supervoxel of the target to painted ones that do not touch the target.

    Parameters
    ----------
    birth : Birth
        Of the strokes; painted supervoxels are those without an origin.
    target : int
        Segment.
    anchor : int
        A living supervoxel of it.
    segmentation : Segmentation
        Before the birth.
    """
    painted = [
        child
        for patch in birth.patches
        for child, origin in zip(patch.ids, patch.origins, strict=True)
        if child and not origin
    ]
    ends = birth.edges.pairs.astype(np.int64)
    known = np.where(ends <= segmentation.supervoxel_count, ends, 0)
    at_target = segmentation.segment_of[known] == target
    apart = [c for c in painted if not (at_target & (ends == c)[:, ::-1]).any()]
    rows = np.array([birth.children.index(child) for child in apart], np.int64)
    middles = (birth.nodes.point[rows] + segmentation.points(np.array([anchor]))) / 2
    return bridges(np.array([(anchor, child) for child in apart]), middles)
