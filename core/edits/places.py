"""What lies at the spots of an edit now: supervoxels die by voxel edits, places stay."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from segmend.core.edits.model import Spot
from segmend.core.edits.voxels import SupervoxelVoxels
from segmend.core.errors import EditRefused
from segmend.core.segmentation.segmentation import Segmentation


def supervoxel_at(spot: Spot, segmentation: Segmentation, voxels: SupervoxelVoxels | None) -> int:
    """Return the living supervoxel of a spot.

    It is the one that the spot names; where that died or is not known, the one at its place; where there is none,
    the largest part that is left of it.

    Raises
    ------
    EditRefused
        If nothing is left.
    """
    if segmentation.is_alive(spot.supervoxel):
        return spot.supervoxel
    there = voxels.supervoxel_at_nm(spot.place_nm) if voxels else 0
    if segmentation.is_alive(there):
        return there
    left = segmentation.living(spot.supervoxel)
    if not left:
        raise EditRefused(
            f"supervoxel {spot.supervoxel} is not part of the segmentation (any more): "
            "it was erased or never existed; look the place up again"
        )
    return max(left, key=lambda s: (int(segmentation.mapping.size[s]), -s))


def segment_at(spot: Spot, segmentation: Segmentation, voxels: SupervoxelVoxels | None) -> int:
    """Return the segment of a spot; see `supervoxel_at`."""
    return int(segmentation.segment_of[supervoxel_at(spot, segmentation, voxels)])


def common_segment(
    spots: Iterable[Spot], segmentation: Segmentation, voxels: SupervoxelVoxels | None
) -> int:
    """Return the one segment that all spots lie in.

    Raises
    ------
    EditRefused
        If they lie in several.
    """
    segments = {segment_at(spot, segmentation, voxels) for spot in spots}
    if len(segments) > 1:
        names = segmentation.export_ids(np.array(sorted(segments)))
        raise EditRefused(
            f"the seeds lie in different segments ({', '.join(map(str, names))}): expected places in one segment"
        )
    return segments.pop()
