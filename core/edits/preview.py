"""What a resolved edit would leave behind, in voxels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segmend.core.edits.model import Resolved
from segmend.core.segmentation.segmentation import Segmentation


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a segment as it would be.

    Parameters
    ----------
    segment : int
        Dense id that it would have.
    supervoxels, voxels : int
        How many.
    """

    segment: int
    supervoxels: int
    voxels: int


def pieces_of(resolved: Resolved, segmentation: Segmentation) -> tuple[Piece, ...]:
    """Return the parts into which an edit would take one segment apart; what keeps the id comes first.

    Parameters
    ----------
    resolved : Resolved
        A split, cleave or detachment that fits the segmentation.
    segmentation : Segmentation
        Not changed.
    """
    born = sizes_of_children(resolved)
    parents = [parent for patch in resolved.patches for parent in patch.parents]
    named = parents or [s for side in resolved.sides for s in side]
    source = int(segmentation.segment_of[named[0]])
    count = len(segmentation.members(source)) - len(parents) + len(born)
    left = segmentation.voxels(source)
    pieces = []
    for side, segment in zip(resolved.sides, resolved.new_segments, strict=True):
        old = np.array([s for s in side if s not in born], np.int64)
        voxels = int(segmentation.mapping.size[old].sum()) + sum(born.get(s, 0) for s in side)
        pieces.append(Piece(segment, len(side), voxels))
        count, left = count - len(side), left - voxels
    return (Piece(source, count, left), *pieces)


def sizes_of_children(resolved: Resolved) -> dict[int, int]:
    """Return the voxels of each supervoxel that an edit would make."""
    sizes: dict[int, int] = {}
    for patch in resolved.patches:
        counts = np.bincount(patch.local.reshape(-1), minlength=len(patch.ids) + 1)
        sizes |= {child: int(n) for child, n in zip(patch.ids, counts[1:], strict=True) if child}
    return sizes
