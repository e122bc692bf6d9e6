"""What the views need to show of a candidate: its two sides and where to look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.candidates.candidate import Candidate
from segmend.core.edits.model import Merge
from segmend.core.edits.resolving import split_sides
from segmend.core.geometry import Grid, Zyx, ZyxNm

_SMALLEST_EXTENT_NM = 800.0
_LARGEST_EXTENT_NM = 3000.0
_CONTACTS_PER_VIEW = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class CandidateScene:
    """A candidate made ready to be shown.

    Parameters
    ----------
    candidate : Candidate
    first, second : (k,) uint32
        Supervoxels of the blue and of the orange side.
    centre_nm : tuple of 3 float
    extent_nm : float
        What should be visible around the centre.
    """

    candidate: Candidate
    first: NDArray[Any]
    second: NDArray[Any]
    centre_nm: ZyxNm
    extent_nm: float


def candidate_scene(
    candidate: Candidate, segmentation: Any, grid: Grid, shape_zyx: Zyx
) -> CandidateScene:
    """Work out the sides of a candidate and how to frame it.

    Parameters
    ----------
    candidate : Candidate
    segmentation : Segmentation
        As it is now; a split shows the cut it would make.
    grid, shape_zyx
        Of the volume.

    Raises
    ------
    EditRefused
        If the candidate no longer fits the segmentation.
    """
    first, second = sides(candidate, segmentation)
    return CandidateScene(
        candidate,
        first,
        second,
        candidate.place_nm,
        field_of_view_nm(float(candidate.evidence.get("area", 0.0)), grid, shape_zyx),
    )


def sides(candidate: Candidate, segmentation: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the supervoxels of the two sides of a candidate, as the edit would see them now."""
    one, two = (int(segmentation.segment_of[anchor]) for anchor in candidate.anchors)
    if isinstance(candidate.edit, Merge):
        return segmentation.members(one), segmentation.members(two)
    leaving = np.asarray(split_sides(candidate.edit, segmentation)[0], np.uint32)
    staying = np.setdiff1d(segmentation.members(one), leaving)
    if candidate.anchors[0] in leaving:
        return leaving, staying
    return staying, leaving


def field_of_view_nm(contact_faces: float, grid: Grid, shape_zyx: Zyx) -> float:
    """Return how much to show: the contact with its surroundings, never more than the volume.

    Parameters
    ----------
    contact_faces : float
        Faces of voxels in contact, 0 if unknown.
    """
    in_plane = (grid.voxel_size_nm_zyx[1] + grid.voxel_size_nm_zyx[2]) / 2
    wanted = _CONTACTS_PER_VIEW * max(contact_faces, 1.0) ** 0.5 * in_plane
    whole = max(n * s for n, s in zip(shape_zyx[1:], grid.voxel_size_nm_zyx[1:], strict=True))
    return min(max(wanted, _SMALLEST_EXTENT_NM), _LARGEST_EXTENT_NM, whole)
