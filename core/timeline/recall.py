"""The state after the operations that are on, from the latest snapshot that fits; what older ones did, when asked."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path

from segmend.core.edits.voxels import SupervoxelVoxels
from segmend.core.geometry import Box
from segmend.core.journal.operation import Operation, Problem
from segmend.core.segmentation.graph_files import GraphArrays
from segmend.core.segmentation.segmentation import Segmentation, State
from segmend.core.timeline.present import Part, Present, Trace
from segmend.core.timeline.replay import carry_out
from segmend.core.timeline.restoring import problems_in, restored, snapshot_of
from segmend.core.timeline.snapshots import LATELY, Snapshot, SnapshotStore


class Recall:
    """Builds states from a base, journal rows and snapshots.

    Parameters
    ----------
    base : GraphArrays
    voxels : SupervoxelVoxels, optional
        Of the base.
    folder : Path, optional
        Of the snapshots.
    read_only : bool
        Write none.
    """

    def __init__(
        self,
        base: GraphArrays,
        voxels: SupervoxelVoxels | None,
        folder: Path | None,
        *,
        read_only: bool = False,
    ) -> None:
        self.base = base
        self._voxels = voxels
        self._store = SnapshotStore(folder)
        self._read_only = read_only
        self._kept: dict[int, int] = {}
        """Row of each snapshot that is known to fit, and the newest operation in it."""
        self._outdated: list[int] = []
        """Rows of those that fit no more."""
        if not read_only:
            self._store.sweep()
        self._unknown: list[Operation] = []
        """The first operations that are on, while what they did is not in memory."""

    def present(self, operations: Sequence[Operation]) -> tuple[Present, int]:
        """Return the state after operations, and how many were carried out for it."""
        segmentation, traces, problems, row = self._closest(operations, opening=True)
        present = Present(segmentation, self._voxels)
        present.traces = traces
        start = len(traces) + len(problems)
        self._unknown = list(operations[:start])
        self._note_kept(row)
        numbers = {o.number: o for o in self._unknown}
        for problem in problems:
            present.leave_out(numbers[problem.number], problem)
        for operation in operations[start:]:
            present.attempt(operation)
        return present, len(operations) - start

    def state(self, operations: Sequence[Operation]) -> State:
        """Return the state after operations."""
        segmentation, traces, problems, _ = self._closest(operations)
        start = len(traces) + len(problems)
        carry_out(operations[start:], segmentation, self._voxels)
        return segmentation.state()

    def ensure(self, present: Present, number: int) -> None:
        """Let the present know what every operation from a number on did."""
        while self._unknown and self._unknown[-1].number >= number:
            segmentation, traces, problems, row = self._closest(self._unknown, below=number)
            start = len(traces) + len(problems)
            past = Present(segmentation, self._voxels)
            for operation in self._unknown[start:]:
                part = past.attempt(operation)
                if isinstance(part, Part):
                    present.learn(part)
            del self._unknown[start:]
            self._note_kept(row)

    def save(self, number: int, present: Present, operations: Sequence[Operation]) -> None:
        """Keep the state after a row."""
        if self._read_only or not operations:
            return
        self._store.save(number, snapshot_of(present, operations), instead_of=self._outdated)
        self._outdated.clear()
        self._kept[number] = operations[-1].number

    def save_earlier(self, present: Present, operations: Sequence[Operation]) -> None:
        """Keep the state before the last operations, too, so that little is carried out to take these back."""
        first, last = operations[:-LATELY], operations[-LATELY:]
        if self._read_only or not first or (self._unknown and self._unknown[-1] in last):
            return
        on = [operation.number for operation in first]
        if self.behind(on) <= LATELY:
            return
        with present.without(operation.number for operation in last):
            self.save(on[-1], present, first)

    def _note_kept(self, row: int) -> None:
        if row:
            self._kept[row] = self._unknown[-1].number

    def outdate(self, number: int) -> None:
        """Note that an operation was switched: snapshots with later ones fit no more."""
        rows = [row for row, newest in self._kept.items() if newest >= number]
        self._outdated += rows
        for row in rows:
            del self._kept[row]

    def behind(self, on: Sequence[int]) -> int:
        """Return how many of the operations that are on would be carried out if the project were opened now.

        Parameters
        ----------
        on : sequence of int
            Numbers, sorted.

        Returns
        -------
        int
            0 where nothing is kept anyway.
        """
        if self._read_only or not self._store.keeps:
            return 0
        fitting = [newest for newest in self._kept.values() if not on or newest <= on[-1]]
        return len(on) - bisect_right(on, max(fitting, default=0))

    def _closest(
        self,
        operations: Sequence[Operation],
        *,
        below: int | None = None,
        opening: bool = False,
    ) -> tuple[Segmentation, dict[int, Trace], list[Problem], int]:
        """Return the state after the first of some operations, what became of each, and the row of the snapshot."""
        found = self._a_little_earlier(operations) if opening else None
        found = found or self._store.newest(self.base, operations, below=below)
        fresh = Segmentation(self.base)
        if found is None:
            return fresh, {}, [], 0
        row, snapshot = found
        first = {o.number: o for o in operations[: len(snapshot.numbers)]}
        try:
            volume = None if self._voxels is None else Box.of_shape(self._voxels.shape_zyx)
            traces = restored(snapshot, fresh, first, volume)
            problems = problems_in(snapshot)
            if sorted((*traces, *(p.number for p in problems))) != list(first):
                raise ValueError("operations are missing")
        except (ValueError, KeyError, IndexError):
            return Segmentation(self.base), {}, [], 0  # damaged: as if it were not there
        return fresh, traces, problems, row

    def _a_little_earlier(self, operations: Sequence[Operation]) -> tuple[int, Snapshot] | None:
        """Return what leaves the last operations to be carried out: those that are, can be taken back at once."""
        if self._read_only or len(operations) <= LATELY:
            return None
        start, least = operations[-LATELY].number, len(operations) - 2 * LATELY
        return self._store.newest(self.base, operations, below=start, at_least=least)
