"""The one aggregate: project, segmentation, journal and queue, changed together and announced."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from psygnal import Signal

from segmend.core.candidates.candidate import Candidate
from segmend.core.candidates.queue import CandidateQueue
from segmend.core.candidates.rescoring import PairScorer
from segmend.core.candidates.store import load_candidates
from segmend.core.edits.codec import kind_of, resolved_to_json
from segmend.core.edits.dividing import SupervoxelVoxels
from segmend.core.edits.history import history
from segmend.core.edits.journal import Journal, Operation
from segmend.core.edits.model import DivideSupervoxel, Edit, Spot, Verdict
from segmend.core.edits.planning import plan
from segmend.core.edits.replay import replay, replayed_change
from segmend.core.edits.resolving import NextIds, resolve
from segmend.core.errors import EditRefused, ProjectError
from segmend.core.geometry import Box, Zyx, ZyxNm
from segmend.core.project import Project, open_project
from segmend.core.project_lock import ProjectLock
from segmend.core.segmentation.graph_files import GraphArrays, load_graph
from segmend.core.segmentation.overlay import OverlaidVolume, OverlayFiles
from segmend.core.segmentation.segmentation import Change, State
from segmend.core.session_changes import Changes, changes_of


class Session:
    """A project that is open for reading or for proofreading.

    Parameters
    ----------
    project : Project
    author : str, optional
        Written into the journal; else ``$SEGMEND_AUTHOR``, else the user of the operating system.
    read_only : bool
        Readers never lock and never change anything.
    durable : bool
        Flush every journal row to disk, so that it survives a power cut too.

    Raises
    ------
    ProjectLocked
        If somebody else writes to the project.
    ProjectError, JournalError
        If the project has no supervoxels yet or is damaged.
    """

    edited = Signal(Changes)
    """After every change of the segmentation, also by undo and redo."""
    decided = Signal(object, str)
    """After a verdict: the candidate and "accept", "reject", "unsure", or "open" when it was undone."""
    queue_changed = Signal()
    """After the order or the content of the queue may be different."""

    def __init__(
        self,
        project: Project,
        *,
        author: str | None = None,
        read_only: bool = False,
        durable: bool = False,
    ) -> None:
        self.project = project
        self.author = author or default_author()
        self.read_only = read_only
        self._lock = None if read_only else ProjectLock(project.path, self.author)
        if self._lock:
            self._lock.acquire()
        try:
            self._load(durable)
        except BaseException:
            self.close()
            raise

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        author: str | None = None,
        read_only: bool = False,
        durable: bool = False,
    ) -> Session:
        """Open the project in a folder; see the class for the arguments."""
        return cls(open_project(path), author=author, read_only=read_only, durable=durable)

    def _load(self, durable: bool) -> None:
        if self.project.supervoxel_pyramid is None:
            raise ProjectError(
                f"{self.project.path} has no supervoxels yet: run `segmend run` on it first"
            )
        self._base = load_graph(self.project.graph_dir)
        self._files = OverlayFiles(self.project.overlay_dir)
        self.journal = Journal(self.project.journal_path, durable=durable)
        operations = self.journal.operations()
        past = history(operations, self.project.generation)
        self._done, self._undone = list(past.done), list(past.undone)
        self.segmentation, self._changes = replay(self._base, self._done, self._files)
        self._free = _free_ids(operations, self.project.generation, self._base)
        if not self.read_only:
            self._files.sweep(_named_files(operations))
        self.supervoxels: tuple[OverlaidVolume, ...] = tuple(
            OverlaidVolume(level, number, self._files, self.segmentation.chunks)
            for number, level in enumerate(self.project.supervoxel_pyramid)
        )
        self._queue: CandidateQueue | None = None

    @property
    def queue(self) -> CandidateQueue:
        """What may be wrong, in the order of review; loaded when it is first asked for."""
        if self._queue is None:
            self._queue = self._load_queue()
        return self._queue

    def _load_queue(self) -> CandidateQueue:
        path = self.project.candidates_path
        count = self.segmentation.supervoxel_count
        candidates = load_candidates(path, count) if path.exists() else []
        z, y, x = self.project.grid.voxel_size_nm_zyx
        verdicts = {o.candidate: o.verdict for o in self._done if o.candidate and o.verdict}
        return CandidateQueue(
            candidates,
            self.segmentation,
            scorer=PairScorer(self.segmentation, z * y * x),
            verdicts=verdicts,
        )

    # -- reading ------------------------------------------------------------------------------------------------

    def supervoxel_at(self, point_zyx: Zyx) -> int:
        """Return the supervoxel of a voxel, 0 for background.

        Raises
        ------
        EditRefused
            If the voxel lies outside the volume.
        """
        shape = self.project.shape_zyx
        if not Box.of_shape(shape).contains(point_zyx):
            raise EditRefused(
                f"voxel {' '.join(map(str, point_zyx))} (z y x) lies outside the volume of "
                f"{' x '.join(map(str, shape))} voxels"
            )
        z, y, x = point_zyx
        return int(self.supervoxels[0].read(Box((z, y, x), (z + 1, y + 1, x + 1)))[0, 0, 0])

    def segment_at(self, point_zyx: Zyx) -> int:
        """Return the dense segment of a voxel, 0 for background."""
        return int(self.segmentation.segment_of[self.supervoxel_at(point_zyx)])

    def spot_at(self, place_nm: ZyxNm) -> Spot:
        """Return the spot at a place, ready for an edit."""
        return Spot(self.supervoxel_at(self.project.grid.to_index(place_nm)), place_nm)

    def log(self) -> list[Operation]:
        """Return every operation of the journal, oldest first."""
        return self.journal.operations()

    def state(self) -> State:
        """Return the segmentation as it is now, as a value."""
        return self.segmentation.state()

    def state_at(self, operation: int) -> State:
        """Return the segmentation as it was after an operation, as a value (0: the start)."""
        past = history(self.journal.operations(up_to=operation), self.project.generation)
        return replay(self._base, past.done, self._files)[0].state()

    @property
    def edit_count(self) -> int:
        """Number of edits in effect, verdicts without an edit not counted."""
        return sum(operation.kind != "verdict" for operation in self._done)

    @property
    def can_undo(self) -> bool:
        """Whether there is anything to undo."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether there is anything to redo."""
        return bool(self._undone)

    # -- changing -----------------------------------------------------------------------------------------------

    def apply(self, edit: Edit, *, reason: str = "", milliseconds: int | None = None) -> Changes:
        """Check an edit, commit it to the journal, carry it out and announce it.

        Raises
        ------
        EditRefused
            If it does not fit; nothing was changed.
        JournalError
            If it could not be committed; nothing was changed.
        """
        return self._apply(edit, None, None, reason, milliseconds)

    def decide(
        self,
        candidate: Candidate,
        verdict: str,
        *,
        reason: str = "",
        milliseconds: int | None = None,
    ) -> Changes:
        """Accept a candidate (its edit is applied), reject it, or say that one is unsure."""
        edit: Edit = candidate.edit
        if verdict != "accept":
            edit = Verdict(candidate.id, verdict, candidate.place_nm)
        return self._apply(edit, candidate, verdict, reason, milliseconds)

    def undo(self) -> Changes:
        """Take the last operation back.

        Raises
        ------
        EditRefused
            If there is nothing to undo.
        """
        self._check_writable()
        if not self._done:
            raise EditRefused("nothing to undo: the segmentation is as it was at the start")
        target, change = self._done[-1], self._changes[-1]
        row = self._append("undo", {"target": target.number}, target.place_nm)
        self.segmentation.revert(target.number, change)
        self._undone.append(self._done.pop())
        self._changes.pop()
        return self._announce(changes_of(row, change, self.segmentation, back=True), target, "open")

    def redo(self) -> Changes:
        """Carry out again what was undone last.

        Raises
        ------
        EditRefused
            If there is nothing to redo.
        """
        self._check_writable()
        if not self._undone:
            raise EditRefused("nothing to redo: no operation was undone since the last edit")
        target = self._undone[-1]
        change = replayed_change(target, self.segmentation, self._files)
        row = self._append("redo", {"target": target.number}, target.place_nm)
        self._carry_out(self._undone.pop(), change)
        return self._announce(changes_of(row, change, self.segmentation), target, target.verdict)

    def _apply(
        self,
        edit: Edit,
        candidate: Candidate | None,
        verdict: str | None,
        reason: str,
        milliseconds: int | None,
    ) -> Changes:
        self._check_writable()
        voxels = self._voxels() if isinstance(edit, DivideSupervoxel) else None
        resolved = resolve(edit, self.segmentation, voxels, self._free)
        change = plan(resolved, self.segmentation, self._files)
        row = self.journal.append(
            Operation(
                kind=kind_of(edit),
                generation=self.project.generation,
                payload=resolved_to_json(resolved),
                author=self.author,
                place_nm=edit.place_nm,
                candidate=candidate.id if candidate else None,
                verdict=verdict,
                reason=reason,
                milliseconds=milliseconds,
            )
        )
        self._free = NextIds(
            self._free.segment + len(resolved.new_segments),
            self._free.supervoxel + len(resolved.children),
        )
        self._undone.clear()
        self._carry_out(row, change)
        return self._announce(changes_of(row, change, self.segmentation), row, verdict)

    def _carry_out(self, operation: Operation, change: Change) -> None:
        self.segmentation.apply(operation.number, change)
        self._done.append(operation)
        self._changes.append(change)

    def _append(self, kind: str, payload: dict[str, int], place_nm: ZyxNm | None) -> Operation:
        return self.journal.append(
            Operation(
                kind=kind,
                generation=self.project.generation,
                payload=payload,
                author=self.author,
                place_nm=place_nm,
            )
        )

    def _announce(self, changes: Changes, decided: Operation, verdict: str | None) -> Changes:
        """Tell the queue first, then everybody else."""
        candidate = self._tell_queue(changes, decided.candidate, verdict)
        if changes.old_ids:
            self.edited.emit(changes)
        if candidate and verdict:
            self.decided.emit(candidate, verdict)
        self.queue_changed.emit()
        return changes

    def _tell_queue(
        self, changes: Changes, candidate_id: str | None, verdict: str | None
    ) -> Candidate | None:
        if self._queue is None:
            return None
        if changes.old_ids:
            self._queue.update((*changes.old_ids, *changes.new_ids))
        if not candidate_id or not verdict or candidate_id not in self._queue:
            return None
        if verdict == "open":
            self._queue.reopen(candidate_id)
        else:
            self._queue.mark(candidate_id, verdict)
        return self._queue.get(candidate_id)

    def _voxels(self) -> SupervoxelVoxels:
        return SupervoxelVoxels(self.supervoxels, self._files, self.project.affinities)

    def _check_writable(self) -> None:
        if self.read_only:
            raise EditRefused("this project is open read-only: open it for writing to edit it")

    # -- ending -------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Give the journal and the writer's lock back."""
        journal = getattr(self, "journal", None)
        if journal:
            journal.close()
        if self._lock:
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def default_author() -> str:
    """Return ``$SEGMEND_AUTHOR``, else the user of the operating system."""
    return os.environ.get("SEGMEND_AUTHOR") or getpass.getuser()


def _free_ids(operations: Iterable[Operation], generation: int, base: GraphArrays) -> NextIds:
    segment = base.segment_count + 1
    supervoxel = base.supervoxel_count + 1
    for operation in operations:
        if operation.generation == generation:
            segment = max([segment, *(i + 1 for i in operation.payload.get("new_segments", []))])
            supervoxel = max([supervoxel, *(i + 1 for i in operation.payload.get("children", []))])
    return NextIds(segment, supervoxel)


def _named_files(operations: Iterable[Operation]) -> set[str]:
    names: set[str] = set()
    for operation in operations:
        names.update(chunk[4] for chunk in operation.payload.get("chunks", []))
        if operation.payload.get("tables"):
            names.add(operation.payload["tables"])
    return names
