"""What can be asked of a timeline; nothing here changes it."""

from __future__ import annotations

from segmend.core.edits.model import Edit, Resolved
from segmend.core.edits.numbering import NextIds
from segmend.core.edits.resolving import resolve
from segmend.core.edits.voxels import SupervoxelVoxels
from segmend.core.journal.journal import Journal
from segmend.core.journal.operation import Operation, Problem
from segmend.core.segmentation.segmentation import Segmentation, State
from segmend.core.timeline.history import History, Ledger, history
from segmend.core.timeline.present import Present
from segmend.core.timeline.recall import Recall


class TimelineReading:
    """The half of a timeline that only looks."""

    _journal: Journal
    _blank: Operation
    _ledger: Ledger
    _recall: Recall
    _present: Present
    _free: NextIds
    _last: int

    @property
    def segmentation(self) -> Segmentation:
        """The live segmentation."""
        return self._present.segmentation

    @property
    def voxels(self) -> SupervoxelVoxels | None:
        """The supervoxels under the patches in effect, live."""
        return self._present.voxels

    @property
    def newest_row(self) -> int:
        """Number of the newest journal row that was taken in; 0 if there is none."""
        return self._last

    @property
    def done(self) -> tuple[Operation, ...]:
        """Operations in effect, in the order of their numbers."""
        return tuple(o for o in self._on() if self._present.in_effect(o.number))

    @property
    def history(self) -> History:
        """What is on and off."""
        return self._ledger.history()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Rows that are not in effect although nobody switched them off, by number."""
        every = (*self._journal.damaged, *self._ledger.problems, *self._present.problems.values())
        return tuple(sorted(every, key=lambda problem: problem.number))

    @property
    def can_undo(self) -> bool:
        """Whether `undo` would find an operation."""
        return self._newest() is not None

    @property
    def can_redo(self) -> bool:
        """Whether `redo` would find an operation."""
        return self._ledger.to_redo(self._blank.author) is not None

    @property
    def undone(self) -> tuple[Operation, ...]:
        """Operations that can be redone, the next one last."""
        return self._ledger.history().undone

    def segments_of(self, number: int) -> tuple[int, ...]:
        """Return the segments that an operation in effect touched."""
        trace = self._present.traces.get(number)
        return trace.segments if trace else ()

    def state_at(self, operation: int) -> State:
        """Return the segmentation as it was after a row (0: the start)."""
        past = history(self._journal.operations(up_to=operation), self._blank.generation)
        return self._recall.state(past.done)

    def preview(self, edit: Edit) -> Resolved:
        """Make the choices that an edit leaves open, without changing anything.

        Raises
        ------
        EditRefused
            If it does not fit.
        """
        return resolve(edit, self.segmentation, self.voxels, self._free)

    def _on(self) -> list[Operation]:
        return [self._ledger.operations[number] for number in self._ledger.on]

    def _newest(self) -> int | None:
        for number in reversed(self._ledger.on):
            mine = self._ledger.operations[number].author == self._blank.author
            if self._present.in_effect(number) and (mine or not self._journal.shared):
                return number
        return None
