"""The one aggregate: project, segmentation, journal and queue, changed together and announced."""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from psygnal import Signal

from segmend.core.candidates.candidate import Candidate
from segmend.core.candidates.queue import CandidateQueue
from segmend.core.candidates.rescoring import PairScorer
from segmend.core.candidates.store import load_candidates
from segmend.core.edits.dividing import SupervoxelVoxels
from segmend.core.edits.history import count_edits
from segmend.core.edits.journal import Journal, Operation
from segmend.core.edits.model import DivideSupervoxel, Edit, Spot, Verdict
from segmend.core.edits.timeline import Step, Timeline
from segmend.core.errors import EditRefused, ProjectError
from segmend.core.geometry import Box, Zyx, ZyxNm
from segmend.core.project import Project, open_project
from segmend.core.project_lock import ProjectLock
from segmend.core.segmentation.graph_files import load_graph
from segmend.core.segmentation.overlay import OverlaidVolume, OverlayFiles
from segmend.core.segmentation.segmentation import Segmentation, State
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
    """After a verdict: the candidate and "accept", "reject", "unsure", or "open" when undone."""
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
        self._journal: Journal | None = None
        self._queue: CandidateQueue | None = None
        self._lock = None if read_only else ProjectLock(project.path, self.author)
        if self._lock:
            self._lock.acquire()
        try:
            if self._lock:  # somebody else may have begun a generation before the lock was ours
                self.project = open_project(project.path)
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
        pyramid = self.project.supervoxel_pyramid
        if pyramid is None:
            raise ProjectError(
                f"{self.project.path} has no supervoxels yet: run `segmend run` on it first"
            )
        self._files = OverlayFiles(self.project.overlay_dir)
        self._journal = Journal(
            self.project.journal_path, durable=durable, read_only=self.read_only
        )
        if not self.read_only and not self.project.config.journal_begun:
            self.project = self.project.with_config(journal_begun=True)
        self._timeline = Timeline(
            load_graph(self.project.graph_dir),
            self._journal,
            self._files,
            self.project.generation,
            self.author,
        )
        if not self.read_only:
            self._files.sweep(self._timeline.named_files)
        self.supervoxels: tuple[OverlaidVolume, ...] = tuple(
            OverlaidVolume(level, number, self._files, self.segmentation.chunks)
            for number, level in enumerate(pyramid)
        )

    # -- reading -------------------------------------------------------------------------------

    @property
    def journal(self) -> Journal:
        """Where every operation is written."""
        assert self._journal is not None
        return self._journal

    @property
    def segmentation(self) -> Segmentation:
        """The live segmentation; only `apply`, `undo` and `redo` change it."""
        return self._timeline.segmentation

    @property
    def queue(self) -> CandidateQueue:
        """What may be wrong, in the order of review; loaded when it is first asked for."""
        if self._queue is None:
            self._queue = self._load_queue()
        return self._queue

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
        return self._timeline.state_at(operation)

    @property
    def operations_in_effect(self) -> tuple[Operation, ...]:
        """Edits and verdicts that were not undone, oldest first."""
        return self._timeline.done

    @property
    def edit_count(self) -> int:
        """Number of edits in effect, verdicts without an edit not counted."""
        return count_edits(self._timeline.done)

    @property
    def can_undo(self) -> bool:
        """Whether there is anything to undo."""
        return bool(self._timeline.done)

    @property
    def can_redo(self) -> bool:
        """Whether there is anything to redo."""
        return bool(self._timeline.undone)

    # -- changing ------------------------------------------------------------------------------

    def apply(self, edit: Edit, *, reason: str = "", milliseconds: int | None = None) -> Changes:
        """Check an edit, commit it to the journal, carry it out and announce it.

        Raises
        ------
        EditRefused
            If it does not fit; nothing was changed.
        JournalError
            If it could not be committed; nothing was changed.
        """
        self._check_writable()
        voxels = self._voxels() if isinstance(edit, DivideSupervoxel) else None
        step = self._timeline.commit(edit, voxels, reason=reason, milliseconds=milliseconds)
        return self._announce(step)

    def decide(
        self,
        candidate: Candidate,
        verdict: str,
        *,
        reason: str = "",
        milliseconds: int | None = None,
    ) -> Changes:
        """Accept a candidate (its edit is applied), reject it, or say that one is unsure.

        Edit and verdict are one journal row; raises what `apply` raises.
        """
        self._check_writable()
        edit: Edit = candidate.edit
        if verdict != "accept":
            edit = Verdict(candidate.id, verdict, candidate.place_nm)
        step = self._timeline.commit(
            edit,
            None,
            candidate=candidate.id,
            verdict=verdict,
            reason=reason,
            milliseconds=milliseconds,
        )
        return self._announce(step)

    def undo(self) -> Changes:
        """Take the last operation back.

        Raises
        ------
        EditRefused
            If there is nothing to undo.
        """
        self._check_writable()
        return self._announce(self._timeline.undo())

    def redo(self) -> Changes:
        """Carry out again what was undone last.

        Raises
        ------
        EditRefused
            If there is nothing to redo.
        """
        self._check_writable()
        return self._announce(self._timeline.redo())

    def _announce(self, step: Step) -> Changes:
        """Tell the queue first, then everybody else."""
        changes = changes_of(step, self.segmentation)
        verdict = "open" if step.backwards else step.target.verdict
        candidate = self._tell_queue(changes, step.target.candidate, verdict)
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

    def _load_queue(self) -> CandidateQueue:
        path = self.project.candidates_path
        known = load_candidates(path, self.segmentation.supervoxel_count) if path.exists() else []
        z, y, x = self.project.grid.voxel_size_nm_zyx
        return CandidateQueue(
            known,
            self.segmentation,
            scorer=PairScorer(self.segmentation, z * y * x),
            verdicts={
                o.candidate: o.verdict for o in self._timeline.done if o.candidate and o.verdict
            },
        )

    def _voxels(self) -> SupervoxelVoxels:
        return SupervoxelVoxels(self.supervoxels, self._files, self.project.affinities)

    def _check_writable(self) -> None:
        if self.read_only:
            raise EditRefused("this project is open read-only: open it for writing to edit it")

    # -- ending --------------------------------------------------------------------------------

    def close(self) -> None:
        """Give the journal and the writer's lock back."""
        if self._journal:
            self._journal.close()
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
