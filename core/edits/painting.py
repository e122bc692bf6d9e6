"""Painting and erasing: which supervoxels die, and what their voxels become."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cc3d
import fastremap
import numpy as np
from numpy.typing import NDArray

from segmend.core.edits.mask import VoxelMask
from segmend.core.edits.model import Erase, Paint, Resolved
from segmend.core.edits.places import segment_at
from segmend.core.edits.voxels import SupervoxelVoxels
from segmend.core.errors import EditRefused
from segmend.core.geometry import Box
from segmend.core.segmentation.mapped_labels import map_labels
from segmend.core.segmentation.packing import MOST_VOXELS
from segmend.core.segmentation.patches import MOST_PARTS, Patch
from segmend.core.segmentation.segmentation import Segmentation

if TYPE_CHECKING:
    from segmend.core.edits.resolving import NextIds

Array = NDArray[Any]
_STROKE = 1
"""Local label of the stroke itself; the rests of the parents come after it."""


def resolve_paint(
    edit: Paint, segmentation: Segmentation, voxels: SupervoxelVoxels, free: NextIds
) -> Resolved:
    """Turn the voxels that the segment does not have yet into new supervoxels of it.

    That is one supervoxel, connected or not; more only where the stroke leaves over 255 pieces of others. What is left
    of a supervoxel that loses voxels becomes one new supervoxel per 26-connected piece, in the same segment as before.

    Parameters
    ----------
    edit : Paint
        What lies outside the volume is cut off.
    segmentation : Segmentation
    voxels : SupervoxelVoxels
    free : NextIds

    Raises
    ------
    EditRefused
        If nothing would change, or the stroke and the supervoxels under it take a box of more than 512^3 voxels.
    """
    target = segment_at(edit.target, segmentation, voxels) if edit.target else 0
    box, chosen, segments = _under(edit.mask, segmentation, voxels)
    stroke = chosen & (segments != target) if target else chosen
    if not stroke.any():
        name = int(segmentation.export_ids(np.array([target]))[0])
        raise EditRefused(
            f"nothing to paint: all of these voxels are in segment {name} already; paint outside it"
        )
    return Resolved(
        edit,
        new_segments=() if target else (free.segment,),
        patches=_patches(_Stroke(box, stroke, True), segmentation, voxels, free.supervoxel),
    )


def resolve_erase(
    edit: Erase, segmentation: Segmentation, voxels: SupervoxelVoxels, free: NextIds
) -> Resolved:
    """Turn voxels into background; arguments, rests and refusals as in `resolve_paint`."""
    only = segment_at(edit.only, segmentation, voxels) if edit.only else 0
    box, chosen, segments = _under(edit.mask, segmentation, voxels)
    stroke = chosen & (segments == only if only else segments > 0)
    if not stroke.any():
        raise EditRefused(
            "nothing to erase: none of these voxels is in the segment; move the stroke onto it"
            if only
            else "nothing to erase: all of these voxels are background already"
        )
    return Resolved(
        edit, patches=_patches(_Stroke(box, stroke, False), segmentation, voxels, free.supervoxel)
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Stroke:
    """(z, y, x) bool voxels of a box, and whether they become a supervoxel or background."""

    box: Box
    voxels: Array
    kept: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Pieces:
    """A box with everything that changes in it: stroke, supervoxels below, and the number of each rest."""

    box: Box
    stroke: Array
    below: Array
    rests: Array
    origins: Array


def _under(
    mask: VoxelMask, segmentation: Segmentation, voxels: SupervoxelVoxels
) -> tuple[Box, Array, Array]:
    box = mask.box.intersect(Box.of_shape(voxels.shape_zyx))
    if not box.size:
        raise EditRefused(
            f"the stroke lies outside the volume of {' x '.join(map(str, voxels.shape_zyx))} voxels (z y x)"
        )
    chosen = mask.voxels[_within(box, mask.box)]
    below = np.ascontiguousarray(voxels.read(box))
    return box, chosen, map_labels(below, segmentation.segment_of)


def _patches(
    stroke: _Stroke, segmentation: Segmentation, voxels: SupervoxelVoxels, first: int
) -> tuple[Patch, ...]:
    pieces = _pieces(stroke, segmentation, voxels)
    patches: list[Patch] = []
    for parents, rests in _groups(pieces):
        patch = _patch(pieces, parents, rests, stroke.kept, first, with_background=not patches)
        patches.append(patch)
        first += len(patch.children)
    return tuple(patches)


def _pieces(stroke: _Stroke, segmentation: Segmentation, voxels: SupervoxelVoxels) -> _Pieces:
    under = voxels.read(stroke.box)[stroke.voxels]
    parents = np.unique(under[under > 0])
    box = stroke.box.union(segmentation.box_of(parents)) if len(parents) else stroke.box
    if box.size > MOST_VOXELS:
        raise EditRefused(
            f"the stroke and the supervoxels under it take {' x '.join(map(str, box.shape_zyx))} voxels: expected at "
            f"most {MOST_VOXELS}; paint a smaller part, or split the supervoxel first"
        )
    chosen = np.zeros(box.shape_zyx, bool)
    chosen[_within(stroke.box, box)] = stroke.voxels
    below = np.ascontiguousarray(voxels.read(box))
    dying = fastremap.mask_except(below, parents.tolist()) if len(parents) else np.zeros_like(below)
    rests = cc3d.connected_components(np.where(chosen, 0, dying), connectivity=26)
    origins = np.zeros(int(rests.max()) + 1, np.uint32)
    origins[rests] = dying
    origins[0] = 0
    return _Pieces(box, chosen, below, rests, origins)


def _groups(pieces: _Pieces) -> Iterator[tuple[Array, Array]]:
    """Yield parents with a local label for each rest, so that no patch has more parts than it may."""
    sizes = np.bincount(pieces.rests.reshape(-1), minlength=len(pieces.origins))
    parents = np.unique(pieces.below[pieces.stroke])
    group: list[int] = []
    local = np.zeros(len(sizes), np.uint8)
    used = _STROKE
    for parent in parents[parents > 0].tolist():
        own = np.flatnonzero(pieces.origins == parent)
        own = own[np.argsort(-sizes[own], kind="stable")]
        count = min(len(own), MOST_PARTS - _STROKE)
        if used + count > MOST_PARTS:
            yield np.array(group, np.uint32), local
            group, local, used = [], np.zeros(len(sizes), np.uint8), _STROKE
        # the smallest rests of a supervoxel in very many pieces share the last label
        local[own] = used + np.minimum(np.arange(len(own)), count - 1) + 1
        group.append(parent)
        used += count
    yield np.array(group, np.uint32), local


def _patch(
    pieces: _Pieces, parents: Array, rests: Array, kept: bool, first: int, *, with_background: bool
) -> Patch:
    mine = np.append(parents, np.uint32(0)) if with_background else parents
    local = rests[pieces.rests]
    local[pieces.stroke & np.isin(pieces.below, mine)] = _STROKE
    box, local = _cut(pieces.box, local)
    labels = np.unique(rests[rests > 0])
    origins = tuple(int(pieces.origins[rests == label][0]) for label in labels)
    start = first + kept
    ids = (first if kept else 0, *range(start, start + len(labels)))
    return Patch.of(box, tuple(parents.tolist()), ids, (0, *origins), local)


def _cut(box: Box, local: Array) -> tuple[Box, Array]:
    """Return the smallest box with every voxel that changes."""
    spans = [np.flatnonzero(local.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    start: Any = tuple(int(a + s[0]) for a, s in zip(box.start_zyx, spans, strict=True))
    stop: Any = tuple(int(a + s[-1]) + 1 for a, s in zip(box.start_zyx, spans, strict=True))
    tight = Box(start, stop)
    return tight, local[_within(tight, box)]


def _within(part: Box, box: Box) -> tuple[slice, slice, slice]:
    z, y, x = box.start_zyx
    return part.shift((-z, -y, -x)).slices
