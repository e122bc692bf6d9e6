"""From what a person wants to what will be recorded: the choices are made here, once; nothing is changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from segmend.core.edits.model import (
    Cleave,
    Detach,
    Edit,
    Erase,
    Lock,
    MarkFinished,
    Paint,
    Resolved,
    Split,
    SplitSupervoxel,
)
from segmend.core.edits.numbering import NextIds
from segmend.core.edits.painting import resolve_erase, resolve_paint
from segmend.core.edits.places import common_segment, segment_at, supervoxel_at
from segmend.core.edits.splitting import resolve_cleave, resolve_split, resolve_supervoxel_split
from segmend.core.edits.voxels import SupervoxelVoxels
from segmend.core.errors import EditRefused
from segmend.core.segmentation.segmentation import Segmentation

__all__ = ["NextIds", "resolve", "split_sides"]

Voxels = SupervoxelVoxels | None


def resolve(
    edit: Edit, segmentation: Segmentation, voxels: SupervoxelVoxels | None, free: NextIds
) -> Resolved:
    """Make the choices that an edit leaves open.

    Parameters
    ----------
    edit : Edit
    segmentation : Segmentation
        As it is; not changed, so this is the preview, too.
    voxels : SupervoxelVoxels, optional
        Under the patches of the segmentation; without them nothing can be done to voxels.
    free : NextIds

    Raises
    ------
    EditRefused
        If the edit does not fit the segmentation as it is.
    """
    resolver = _RESOLVERS.get(type(edit))
    return resolver(edit, segmentation, voxels, free) if resolver else Resolved(edit)


def split_sides(edit: Split, segmentation: Segmentation) -> tuple[tuple[int, ...], ...]:
    """Return the supervoxels that would leave the segment if none of them could be divided."""
    return resolve_split(edit, segmentation, None, NextIds(0, 0)).sides


def _detach(edit: Detach, segmentation: Segmentation, voxels: Voxels, free: NextIds) -> Resolved:
    segment = common_segment(edit.spots, segmentation, voxels)
    chosen = {supervoxel_at(spot, segmentation, voxels) for spot in edit.spots}
    members = segmentation.members(segment)
    leaving = np.sort(np.fromiter(chosen, np.uint32))
    if len(leaving) == len(members):
        name = int(segmentation.export_ids(np.array([segment]))[0])
        raise EditRefused(
            f"nothing of segment {name} would stay behind: choose fewer places, or another segment"
        )
    if 2 * int(segmentation.mapping.size[leaving].sum()) > segmentation.voxels(segment):
        leaving = np.setdiff1d(members, leaving)  # the larger side keeps the id
    return Resolved(edit, (tuple(leaving.tolist()),), free.segments(1))


def _mark(edit: MarkFinished, segmentation: Segmentation, voxels: Voxels, free: Any) -> Resolved:
    segment = segment_at(edit.spot, segmentation, voxels)
    if (segment in segmentation.finished) == edit.finished:
        _refuse_again(segment, segmentation, "finished" if edit.finished else "not finished")
    return Resolved(edit)


def _lock(edit: Lock, segmentation: Segmentation, voxels: Voxels, free: Any) -> Resolved:
    segment = segment_at(edit.spot, segmentation, voxels)
    if (segment in segmentation.locked) == edit.locked:
        _refuse_again(segment, segmentation, "locked" if edit.locked else "not locked")
    return Resolved(edit)


def _refuse_again(segment: int, segmentation: Segmentation, state: str) -> None:
    name = int(segmentation.export_ids(np.array([segment]))[0])
    raise EditRefused(f"segment {name} is {state} already: there is nothing to change")


def _paint(edit: Paint, segmentation: Segmentation, voxels: Voxels, free: NextIds) -> Resolved:
    return resolve_paint(edit, segmentation, _at_hand(voxels), free)


def _erase(edit: Erase, segmentation: Segmentation, voxels: Voxels, free: NextIds) -> Resolved:
    return resolve_erase(edit, segmentation, _at_hand(voxels), free)


def _at_hand(voxels: Voxels) -> SupervoxelVoxels:
    if voxels is None:
        raise EditRefused(
            "the voxels of this project are not at hand: open it with its supervoxels"
        )
    return voxels


_RESOLVERS: dict[type, Callable[[Any, Segmentation, Voxels, NextIds], Resolved]] = {
    Split: resolve_split,
    Cleave: resolve_cleave,
    SplitSupervoxel: resolve_supervoxel_split,
    Detach: _detach,
    Paint: _paint,
    Erase: _erase,
    MarkFinished: _mark,
    Lock: _lock,
}
