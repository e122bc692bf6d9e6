"""What was done in the present generation before decisions of earlier ones are made good on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from segmend.core.edits.codec import resolved_from_json
from segmend.core.edits.mask import VoxelMask
from segmend.core.edits.model import Erase, Lock, MarkFinished, Paint, Resolved
from segmend.core.edits.numbering import most_supervoxels
from segmend.core.edits.voxels import SupervoxelVoxels
from segmend.core.geometry import Box, ZyxNm
from segmend.core.journal.operation import Operation
from segmend.core.reapplying.constraints import Constraint, Decision
from segmend.core.reapplying.meaning import is_marked
from segmend.core.reapplying.tissue import Tissue, nearest_place
from segmend.core.segmentation.patches import PatchStack
from segmend.core.segmentation.segmentation import State
from segmend.core.timeline.timeline import Timeline

_UNDONE = "it was re-applied before and taken back since"
_OTHERWISE = "later edits of the present generation say otherwise"


@dataclass(frozen=True, slots=True)
class Sorted:
    """Decisions, and which of them need nothing more.

    Parameters
    ----------
    decisions : tuple of Decision
        Without what later edits of the present generation contradict.
    settled : frozenset of int
        Positions of those that were re-applied before, which is not repeated.
    overruled : tuple of (Decision, str)
        Left out altogether, and why.
    """

    decisions: tuple[Decision, ...]
    settled: frozenset[int]
    overruled: tuple[tuple[Decision, str], ...]


class PresentWork:
    """The rows of the present generation: those that re-applied a decision, and newer work of people.

    A row is known to have re-applied a decision by its author and its whole reason, which names the decision.

    Parameters
    ----------
    timeline : Timeline
        With voxels.
    decisions : sequence of Decision
        Of earlier generations.
    """

    def __init__(self, timeline: Timeline, decisions: Sequence[Decision]) -> None:
        assert timeline.voxels is not None
        self._timeline = timeline
        self._voxels = timeline.voxels
        self._now = Tissue(timeline.segmentation, timeline.voxels)
        self._decisions = decisions
        named = {(decision.author, decision.because) for decision in decisions}
        known = timeline.history
        rows = sorted((*known.done, *known.undone, *known.off), key=lambda row: row.number)
        self._rows = rows
        self._repeats = [row.number for row in rows if (row.author, row.reason) in named]
        self._again = {(row.author, row.reason) for row in rows} & named
        repeats = set(self._repeats)
        self._own = [row for row in timeline.done if row.number not in repeats]
        self._in_effect = {(r.author, r.reason) for r in timeline.done if r.number in repeats}

    def sort(self) -> Sorted:
        """Tell what is still to be done from what is not: newer work wins."""
        kept: list[Decision] = []
        settled: set[int] = set()
        overruled: list[tuple[Decision, str]] = []
        for decision in self._decisions:
            left, why = self._left(decision)
            if left is None:
                overruled.append((decision, why))
                continue
            if (decision.author, decision.because) in self._again:
                settled.add(len(kept))
            kept.append(left)
        return Sorted(tuple(kept), frozenset(settled), tuple(overruled))

    def _left(self, decision: Decision) -> tuple[Decision | None, str]:
        edit = decision.edit
        known = (decision.author, decision.because)
        if isinstance(edit, Paint | Erase):
            if known in self._again:
                return (decision, "") if known in self._in_effect else (None, _UNDONE)
            mask = self._uncovered(edit.mask)
            return (replace(decision, edit=replace(edit, mask=mask)) if mask else None), _OTHERWISE
        if isinstance(edit, MarkFinished | Lock):
            if is_marked(self._placed(edit), self._now):
                return decision, ""
            if known in self._again:
                return None, _UNDONE
            return (None if self._unmarked(edit) else decision), _OTHERWISE
        broken = {c for c in decision.constraints if not self._kept(c) and self._broken_since(c)}
        left = tuple(c for c in decision.constraints if c not in broken)
        if broken and all(map(self._kept, left)):
            return None, _OTHERWISE
        return replace(decision, constraints=left), ""

    # -- strokes -------------------------------------------------------------------------------

    def _uncovered(self, mask: VoxelMask) -> VoxelMask | None:
        """Return what no newer stroke covers; None if nothing is left."""
        voxels = mask.voxels.copy()
        for newer in self._strokes:
            common = mask.box.intersect(newer.box)
            if common.size:
                voxels[_within(common, mask.box)] &= ~newer.voxels[_within(common, newer.box)]
        if np.array_equal(voxels, mask.voxels):
            return mask
        return VoxelMask.of(mask.box, voxels) if voxels.any() else None

    @cached_property
    def _strokes(self) -> list[VoxelMask]:
        edits = (self._resolved(row).edit for row in self._own if row.kind in ("paint", "erase"))
        return [edit.mask for edit in edits if isinstance(edit, Paint | Erase)]

    def _resolved(self, row: Operation) -> Resolved:
        most = most_supervoxels(self._timeline.segmentation.base)
        return resolved_from_json(row.payload, row.kind, most)

    # -- constraints and marks -----------------------------------------------------------------

    def _placed(self, edit: MarkFinished | Lock) -> MarkFinished | Lock:
        return replace(
            edit, spot=replace(edit.spot, place_nm=self._now.nearest(edit.spot.place_nm))
        )

    def _kept(self, constraint: Constraint) -> bool:
        return _holds(constraint, *map(self._now.segment_at, self._ends(constraint)))

    def _ends(self, constraint: Constraint) -> tuple[ZyxNm, ZyxNm]:
        return self._now.nearest(constraint.first), self._now.nearest(constraint.second)

    def _broken_since(self, constraint: Constraint) -> bool:
        """Say whether it held in this generation until somebody's edits, not re-applied ones, broke it."""
        return any(
            before.keeps(constraint)
            and not (after.keeps(constraint) if after else self._kept(constraint))
            for before, after in self._spans
        )

    def _unmarked(self, edit: MarkFinished | Lock) -> bool:
        return any(
            before.is_marked(edit) and not (after is not None and after.is_marked(edit))
            for before, after in self._spans
        )

    @cached_property
    def _spans(self) -> list[tuple[_Moment, _Moment | None]]:
        """Moments before and after each stretch of work that re-applied nothing; None stands for now."""
        return [
            (self._moment(start), None if stop is None else self._moment(stop))
            for start, stop in self._stretches()
        ]

    def _stretches(self) -> Iterator[tuple[int, int | None]]:
        if not self._rows:
            return
        last = self._rows[0].number - 1
        for number in self._repeats:
            if number > last + 1:
                yield last, number - 1
            last = number
        if self._timeline.newest_row > last:
            yield last, None

    def _moment(self, row: int) -> _Moment:
        state = self._timeline.state_at(row)
        wanted = set(state.patches)
        stack = PatchStack()
        for operation in self._rows:
            if operation.number in wanted:
                stack.add(operation.number, self._resolved(operation).patches)
        return _Moment(state, self._voxels.over(stack))


class _Moment:
    """An earlier state of the present generation, asked by places."""

    def __init__(self, state: State, voxels: SupervoxelVoxels) -> None:
        self._state = state
        self._voxels = voxels

    def _segment_at(self, place_nm: ZyxNm) -> int:
        supervoxel = self._voxels.supervoxel_at_nm(nearest_place(place_nm, self._voxels))
        known = self._state.segment_of
        return int(known[supervoxel]) if supervoxel < len(known) else 0

    def keeps(self, constraint: Constraint) -> bool:
        """Say whether a constraint held."""
        places = constraint.first, constraint.second
        return _holds(constraint, *map(self._segment_at, places))

    def is_marked(self, edit: MarkFinished | Lock) -> bool:
        """Say whether a segment had the mark that an edit sets."""
        marked = self._state.finished if isinstance(edit, MarkFinished) else self._state.locked
        return self._segment_at(edit.spot.place_nm) in marked


def _holds(constraint: Constraint, first: int, second: int) -> bool:
    return bool(first and second) and (first == second) == constraint.together


def _within(box: Box, outer: Box) -> tuple[slice, slice, slice]:
    z, y, x = outer.start_zyx
    return box.shift((-z, -y, -x)).slices
