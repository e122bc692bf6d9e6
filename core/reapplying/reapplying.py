"""Decisions made good on another segmentation of the same volume.

Each decision that is in effect becomes constraints between places. Those that the new segmentation keeps anyway cost
nothing; for the others the edit is made that keeps them. What was one segment and what was several when the person
stopped is known for every place, and all constraints agree with it, so that carrying one out never has to undo another.

Only what was decided is brought over, not the rest of the former partition: a segment that old edits left in two pieces
that do not touch may be two segments afterwards, and is in no list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from segmend.core.edits.model import (
    Edit,
    Erase,
    Lock,
    MarkFinished,
    Merge,
    Paint,
    Split,
    Spot,
    Verdict,
)
from segmend.core.errors import EditRefused, InputError
from segmend.core.geometry import ZyxNm
from segmend.core.reapplying.constraints import Constraint, Decision
from segmend.core.reapplying.meaning import ConflictingDecision, Reapplied, is_marked
from segmend.core.reapplying.present_work import PresentWork, Sorted
from segmend.core.reapplying.tissue import Pins, Tissue
from segmend.core.timeline.timeline import Timeline

MOST_PASSES = 8
SUPPORT = 16
"""Supervoxels of a former segment that show on which side of a cut it lies."""


def reapply(
    decisions: Sequence[Decision],
    former: Tissue,
    timeline: Timeline,
    rejected: Sequence[str] = (),
    superseded: int = 0,
) -> Reapplied:
    """Make decisions good on the segmentation of a timeline, in their order, as edits with their authors.

    Decisions that were re-applied to this generation before are not repeated, even if that was taken back since; to
    have one again, switch its row on. Where people decided otherwise in this generation, their work stays.

    Parameters
    ----------
    decisions : sequence of Decision
        That are still meant.
    former : Tissue
        What they left behind.
    timeline : Timeline
        Open for writing, with voxels.
    rejected : sequence of str
        Candidates of the new segmentation that are waiting for a verdict; those that were rejected before are
        rejected again.
    superseded : int
        Passed on.
    """
    work = PresentWork(timeline, decisions).sort()
    done = _Reapplication(work, former, timeline, set(rejected)).run(superseded)
    overruled = tuple(_told(decision, why) for decision, why in work.overruled)
    return replace(done, decisions=done.decisions + len(overruled), overruled=overruled)


def _told(decision: Decision, reason: str) -> ConflictingDecision:
    return ConflictingDecision(
        decision.generation, decision.number, decision.kind, decision.author, decision.place_nm, reason
    )  # fmt: skip


class _Reapplication:
    def __init__(
        self,
        work: Sorted,
        former: Tissue,
        timeline: Timeline,
        waiting: set[str],
    ) -> None:
        assert timeline.voxels is not None
        self._decisions = decisions = work.decisions
        self._settled = work.settled
        self._former = former
        self._timeline = timeline
        self._waiting = waiting
        self._now = Tissue(timeline.segmentation, timeline.voxels)
        self._edited: set[int] = set()
        self._reasons: dict[int, str] = {}
        constraints = [c for decision in decisions for c in decision.constraints]
        self._pins = Pins((p for c in constraints for p in (c.first, c.second)), self._now)
        self._label = np.array([former.segment_at(p) for p in self._pins.places], np.int64)
        row = self._pins.row
        apart = [(row[c.first], row[c.second]) for c in constraints if not c.together]
        self._apart: NDArray[np.int64] = np.array(apart, np.int64).reshape(-1, 2)
        self._support: dict[ZyxNm, list[ZyxNm]] = {}

    def run(self, superseded: int) -> Reapplied:
        """Work through the decisions until all hold or nothing more helps."""
        for turn in range(MOST_PASSES):
            before = len(self._timeline.done)
            for number, decision in enumerate(self._decisions):
                if not isinstance(decision.edit, MarkFinished | Lock):
                    self._make_good(number, decision, again=turn > 0)
            if len(self._timeline.done) == before:
                break
        for number, decision in enumerate(self._decisions):
            if isinstance(decision.edit, MarkFinished | Lock):
                self._make_good(number, decision, again=False)
        for number, decision in enumerate(self._decisions):
            if number not in self._settled:
                self._reject(decision)
        return self._result(superseded)

    def _result(self, superseded: int) -> Reapplied:
        broken = [n for n, decision in enumerate(self._decisions) if not self._holds(n, decision)]
        applied = self._edited - set(broken)
        conflicts = tuple(self._conflict(n, self._decisions[n]) for n in broken)
        total = len(self._decisions)
        return Reapplied(
            total, total - len(broken) - len(applied), len(applied), superseded, conflicts
        )

    def _conflict(self, number: int, decision: Decision) -> ConflictingDecision:
        default = "it contradicts other decisions"
        if number in self._settled:
            default = "it was re-applied before and does not hold: look at it"
        return _told(decision, decision.problem or self._reasons.get(number, default))

    def _holds(self, number: int, decision: Decision) -> bool:
        if decision.problem:
            return False
        if decision.edit is not None:
            return number not in self._reasons
        return all(self._kept(c) for c in decision.constraints)

    def _kept(self, constraint: Constraint) -> bool:
        first, second = map(self._pins.segment, (constraint.first, constraint.second))
        return bool(first and second) and (first == second) == constraint.together

    # -- one decision --------------------------------------------------------------------------

    def _make_good(self, number: int, decision: Decision, *, again: bool) -> None:
        if decision.problem or number in self._settled or (again and decision.edit is not None):
            return
        try:
            if decision.edit is not None:
                self._repeat(number, decision, decision.edit)
            for constraint in decision.constraints:
                if not self._kept(constraint):
                    self._keep(number, decision, constraint)
        except (EditRefused, InputError) as error:
            self._reasons[number] = str(error)

    def _keep(self, number: int, decision: Decision, constraint: Constraint) -> None:
        if not constraint.together:
            self._part(number, decision, constraint.first, constraint.second)
            return
        for first, second in self._in_the_way(constraint):
            self._part(number, decision, first, second)
        if not self._kept(constraint):
            spots = self._pins.spot(constraint.first), self._pins.spot(constraint.second)
            self._commit(number, decision, Merge(spots))

    def _in_the_way(self, constraint: Constraint) -> list[tuple[ZyxNm, ZyxNm]]:
        """Return pairs to be parted first, so that a merge does not join what was decided to be apart."""
        pins, segments = self._pins, self._pins.segments()
        ends = {pins.segment(place): place for place in (constraint.first, constraint.second)}
        a, b = (segments[self._apart[:, side]] for side in (0, 1))
        concerned = (a != b) & np.isin(a, list(ends)) & np.isin(b, list(ends))
        own = self._label[pins.row[constraint.first]]
        pairs = {}
        for row in np.unique(self._apart[concerned]).tolist():
            if self._label[row] != own:
                key = int(segments[row]), int(self._label[row])
                pairs[key] = (ends[key[0]], pins.places[row])
        return list(pairs.values())

    def _part(self, number: int, decision: Decision, first: ZyxNm, second: ZyxNm) -> None:
        segment = self._pins.segment(first)
        if not segment or not self._pins.segment(second):
            raise EditRefused("there is no segment at its place any more")
        if segment != self._pins.segment(second):
            return
        sides = [self._side(place, segment) for place in (first, second)]
        shared = {s.supervoxel for s in sides[0]} & {s.supervoxel for s in sides[1]}
        seeds = tuple(
            (self._pins.spot(place), *(s for s in side if s.supervoxel not in shared))
            for place, side in zip((first, second), sides, strict=True)
        )
        self._commit(number, decision, Split(seeds))

    def _side(self, place: ZyxNm, segment: int) -> list[Spot]:
        """Return seeds in a segment that lay in the same former segment as a place."""
        pins = self._pins
        alike = (self._label == self._label[pins.row[place]]) & (pins.segments() == segment)
        spots = [pins.spot(pins.places[row]) for row in np.flatnonzero(alike).tolist()]
        if place not in self._support:
            self._support[place] = self._former.around(place, SUPPORT)
        near = (p for p in self._support[place] if self._now.segment_at(p) == segment)
        spots += (Spot(self._now.supervoxel_at(p), p) for p in near)
        return list({spot.supervoxel: spot for spot in reversed(spots)}.values())

    def _repeat(self, number: int, decision: Decision, edit: Edit) -> None:
        if isinstance(edit, Paint | Erase):
            moved = self._moved_stroke(edit)
            if self._painted(moved):
                return
            self._commit(number, decision, moved)
        elif isinstance(edit, MarkFinished | Lock):
            moved_mark = replace(edit, spot=self._moved(edit.spot))
            if not is_marked(moved_mark, self._now):
                self._commit(number, decision, moved_mark)

    def _moved(self, spot: Spot) -> Spot:
        place = self._now.nearest(spot.place_nm)
        return Spot(self._now.supervoxel_at(place), place)

    def _moved_stroke(self, edit: Paint | Erase) -> Paint | Erase:
        if isinstance(edit, Paint):
            target = None if edit.target is None else self._moved(edit.target)
            return replace(edit, target=target)
        return replace(edit, only=None if edit.only is None else self._moved(edit.only))

    def _painted(self, edit: Paint | Erase) -> bool:
        """Say whether a stroke changes nothing."""
        inside = self._now.voxels.read(edit.mask.box)[edit.mask.voxels]
        segments = self._now.segmentation.segment_of[inside]
        if isinstance(edit, Erase):
            if edit.only is None:
                return not segments.any()
            return not (segments == self._now.segment_at(edit.only.place_nm)).any()
        if edit.target is not None:
            return bool((segments == self._now.segment_at(edit.target.place_nm)).all())
        only = int(segments[0])
        return bool(only and (segments == only).all()) and (
            self._now.segmentation.voxels(only) == len(segments)
        )

    def _reject(self, decision: Decision) -> None:
        """Say no again to a candidate that the new segmentation has, too."""
        if decision.candidate in self._waiting and decision.candidate and not decision.problem:
            edit = Verdict(decision.candidate, "reject", decision.place_nm or (0.0, 0.0, 0.0))
            self._waiting.discard(decision.candidate)
            self._timeline.commit(
                edit,
                candidate=edit.candidate,
                verdict="reject",
                author=decision.author,
                reason=decision.because,
            )

    def _commit(self, number: int, decision: Decision, edit: Edit) -> None:
        self._timeline.commit(edit, author=decision.author, reason=decision.because)
        self._edited.add(number)
