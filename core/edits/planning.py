"""From a resolved edit to a `Change`: deterministic, the same when an edit is made and when it is replayed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from segmend.core.edits.bridging import bridges
from segmend.core.edits.model import (
    Cleave,
    Detach,
    Erase,
    Lock,
    MarkFinished,
    Merge,
    Paint,
    Resolved,
    Split,
    SplitSupervoxel,
    Spots,
    Verdict,
)
from segmend.core.edits.places import segment_at, supervoxel_at
from segmend.core.edits.planning_voxels import plan_leaving, plan_patches
from segmend.core.edits.voxels import SupervoxelVoxels
from segmend.core.errors import EditRefused
from segmend.core.segmentation.segmentation import Change, Mark, Segmentation
from segmend.core.segmentation.supervoxel_graph import Edges
from segmend.core.segmentation.supervoxel_mapping import Move


def plan(resolved: Resolved, segmentation: Segmentation, voxels: SupervoxelVoxels | None) -> Change:
    """Compute what a resolved edit changes; nothing is changed yet.

    Parameters
    ----------
    resolved : Resolved
    segmentation : Segmentation
        As it is just before the edit.
    voxels : SupervoxelVoxels, optional
        Under the patches of this segmentation; without them edits of voxels are refused, and spots whose
        supervoxel died are followed by lineage alone.

    Raises
    ------
    EditRefused
        If the edit does not fit the segmentation as it is.
    """
    change = _PLANNERS[type(resolved.edit)](resolved, segmentation, voxels)
    if isinstance(resolved.edit, MarkFinished | Lock):
        return change
    touched = (s for s in sorted(change.segments) if s in segmentation.finished)
    return replace(change, marks=tuple(Mark("finished", s, True, False) for s in touched))


def _plan_merge(
    resolved: Resolved, segmentation: Segmentation, voxels: SupervoxelVoxels | None
) -> Change:
    spots: Spots = resolved.edit.spots
    supervoxels = [supervoxel_at(spot, segmentation, voxels) for spot in spots]
    segments = [int(segmentation.segment_of[supervoxel]) for supervoxel in supervoxels]
    different = sorted(set(segments))
    if len(different) < 2:
        name = int(segmentation.export_ids(np.array(different))[0])
        raise EditRefused(f"nothing to merge: all places are in segment {name} already")
    target = max(different, key=lambda s: (segmentation.voxels(s), -s))
    moves = tuple(Move(segmentation.members(s).copy(), s, target) for s in different if s != target)
    return Change(
        moves=moves,
        bridges=_bridges(supervoxels, segments, segmentation),
        old_ids=tuple(different),
        new_ids=(target,),
        box=segmentation.box_of(np.concatenate([move.supervoxels for move in moves])),
    )


def _bridges(supervoxels: list[int], segments: list[int], segmentation: Segmentation) -> Edges:
    pairs = []
    for i in range(1, len(segments)):
        before = set(segments[:i])
        if segments[i] in before:
            continue
        if not any(segmentation.touching(segments[i], other) for other in before):
            pairs.append(sorted((supervoxels[i - 1], supervoxels[i])))
    if not pairs:
        return Edges.none()
    ends = np.array(pairs, np.uint32)
    middles = (segmentation.points(ends[:, 0]) + segmentation.points(ends[:, 1])) / 2
    return bridges(ends, middles)


def _plan_mark(
    resolved: Resolved, segmentation: Segmentation, voxels: SupervoxelVoxels | None
) -> Change:
    edit = resolved.edit
    segment = segment_at(edit.spots[0], segmentation, voxels)
    if isinstance(edit, MarkFinished):
        mark = Mark("finished", segment, segment in segmentation.finished, edit.finished)
    else:
        assert isinstance(edit, Lock)
        mark = Mark("locked", segment, segment in segmentation.locked, edit.locked)
    return Change(marks=(mark,), old_ids=(segment,), new_ids=(segment,))


def _plan_nothing(
    resolved: Resolved, segmentation: Segmentation, voxels: SupervoxelVoxels | None
) -> Change:
    return Change()


_PLANNERS: dict[type, Callable[[Resolved, Segmentation, SupervoxelVoxels | None], Change]] = {
    Merge: _plan_merge,
    Split: plan_leaving,
    Cleave: plan_leaving,
    Detach: plan_leaving,
    Paint: plan_patches,
    Erase: plan_patches,
    SplitSupervoxel: plan_patches,
    MarkFinished: _plan_mark,
    Lock: _plan_mark,
    Verdict: _plan_nothing,
}
