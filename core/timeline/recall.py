"""The state after the operations that are on, from the latest snapshot that fits; what older ones did, when asked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from segmend.core.edits.voxels import SupervoxelVoxels
from segmend.core.journal.operation import Operation, Problem
from segmend.core.segmentation.graph_files import GraphArrays
from segmend.core.segmentation.segmentation import Segmentation, State
from segmend.core.timeline.present import Part, Present, Trace
from segmend.core.timeline.replay import carry_out
from segmend.core.timeline.restoring import problems_in, restored, snapshot_of
from segmend.core.timeline.snapshots import SnapshotStore


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
        self._unknown: list[Operation] = []
        """The first operations that are on, while what they did is not in memory."""

    def present(self, operations: Sequence[Operation]) -> tuple[Present, int]:
        """Return the state after operations, and how many were carried out for it."""
        segmentation, traces, problems = self._closest(operations)
        present = Present(segmentation, self._voxels)
        present.traces = traces
        start = len(traces) + len(problems)
        self._unknown = list(operations[:start])
        numbers = {o.number: o for o in self._unknown}
        for problem in problems:
            present.leave_out(numbers[problem.number], problem)
        for operation in operations[start:]:
            present.attempt(operation)
        return present, len(operations) - start

    def state(self, operations: Sequence[Operation]) -> State:
        """Return the state after operations."""
        segmentation, traces, problems = self._closest(operations)
        start = len(traces) + len(problems)
        carry_out(operations[start:], segmentation, self._voxels)
        return segmentation.state()

    def ensure(self, present: Present, number: int) -> None:
        """Let the present know what every operation from a number on did."""
        while self._unknown and self._unknown[-1].number >= number:
            segmentation, traces, problems = self._closest(self._unknown, below=number)
            start = len(traces) + len(problems)
            past = Present(segmentation, self._voxels)
            for operation in self._unknown[start:]:
                part = past.attempt(operation)
                if isinstance(part, Part):
                    present.learn(part)
            del self._unknown[start:]

    def save(self, number: int, present: Present, operations: Sequence[Operation]) -> None:
        """Keep the state after a row."""
        if not self._read_only and operations:
            self._store.save(number, snapshot_of(present, operations))

    def _closest(
        self, operations: Sequence[Operation], *, below: int | None = None
    ) -> tuple[Segmentation, dict[int, Trace], list[Problem]]:
        """Return the state after the first of some operations, and what became of each of these."""
        snapshot = self._store.newest(self.base, operations, below=below)
        fresh = Segmentation(self.base)
        if snapshot is None:
            return fresh, {}, []
        first = {o.number: o for o in operations[: len(snapshot.numbers)]}
        try:
            traces = restored(snapshot, fresh, first)
            problems = problems_in(snapshot)
            if sorted((*traces, *(p.number for p in problems))) != list(first):
                raise ValueError("operations are missing")
        except (ValueError, KeyError, IndexError):
            return Segmentation(self.base), {}, []  # damaged: as if it were not there
        return fresh, traces, problems
