"""The one aggregate: project, segmentation, journal and queue, changed together and announced."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from psygnal import Signal

from segmend.core.candidates.candidate import Candidate
from segmend.core.candidates.queue import CandidateQueue
from segmend.core.edits.births import BirthCache
from segmend.core.edits.model import Edit, Verdict
from segmend.core.edits.voxels import SupervoxelVoxels
from segmend.core.errors import EditRefused, ProjectError
from segmend.core.journal.journal import Journal
from segmend.core.project import Project, open_project
from segmend.core.project_lock import ProjectLock
from segmend.core.segmentation.graph_files import load_graph
from segmend.core.segmentation.patches import PatchStack
from segmend.core.session_changes import Changes, changes_of, verdicts_after
from segmend.core.session_queue import load_queue, tell_queue
from segmend.core.session_reading import SessionReading
from segmend.core.timeline.timeline import Step, Timeline
from segmend.core.volumes.absent import opened_or_absent


class Session(SessionReading):
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
    """After every change of the segmentation, also by undo, redo, a switch, and by others."""
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
        self._journal = None
        self._queue: CandidateQueue | None = None
        self._timeline = None
        # where several people work, the database sees to it that one writes at a time
        alone = not read_only and not project.shared
        self._lock = ProjectLock(project.path, self.author) if alone else None
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
        graph = load_graph(self.project.graph_dir)
        births = BirthCache(self.project.overlay_dir, read_only=self.read_only)
        shape, grid = self.project.shape_zyx, self.project.grid
        affinities = opened_or_absent(lambda: self.project.affinities, shape, grid)
        image = None if affinities else opened_or_absent(lambda: self.project.image, shape, grid)
        voxels = SupervoxelVoxels.of(
            pyramid, PatchStack(), affinities=affinities, image=image, births=births
        )
        self._journal = Journal(
            self.project.journal_location, durable=durable, read_only=self.read_only
        )
        if self._lock and not self.project.config.journal_begun:
            self.project = self.project.with_config(journal_begun=True)
        self._timeline = Timeline(
            graph,
            self._journal,
            voxels,
            self.project.generation,
            self.author,
            snapshots=self.project.generation_dir / "snapshots",
            read_only=self.read_only,
        )
        if self._lock:
            births.sweep()

    @property
    def queue(self) -> CandidateQueue:
        """What may be wrong, in the order of review; loaded when it is first asked for."""
        if self._queue is None:
            self._queue = load_queue(self.project, self.segmentation, self.timeline.done)
        return self._queue

    # -- changing ------------------------------------------------------------------------------

    def apply(self, edit: Edit, *, reason: str = "", milliseconds: int | None = None) -> Changes:
        """Check an edit, commit it to the journal, carry it out and announce it.

        Raises
        ------
        StaleEdit
            If somebody else changed what it touches; that was announced, nothing else was changed.
        EditRefused
            If it does not fit; nothing was changed.
        JournalError
            If it could not be committed; nothing was changed.
        """
        return self._commit(edit, reason=reason, milliseconds=milliseconds)

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
        edit: Edit = candidate.edit
        if verdict != "accept":
            edit = Verdict(candidate.id, verdict, candidate.place_nm)
        return self._commit(
            edit,
            candidate=candidate.id,
            verdict=verdict,
            reason=reason,
            milliseconds=milliseconds,
        )

    def undo(self) -> Changes:
        """Take the newest operation back; where several people work, the newest of this author.

        Raises
        ------
        EditRefused
            If there is nothing to undo.
        """
        return self._move(lambda: self.timeline.undo())

    def redo(self) -> Changes:
        """Carry out again what was undone last.

        Raises
        ------
        EditRefused
            If there is nothing to redo.
        """
        return self._move(lambda: self.timeline.redo())

    def switch(self, off: Iterable[int] = (), on: Iterable[int] = ()) -> Changes:
        """Switch any operations off and on, as if they had never been made or never been taken back.

        Parameters
        ----------
        off, on : iterable of int
            Numbers of operations.

        Returns
        -------
        Changes
            Its conflicts are later operations that do not fit any more.

        Raises
        ------
        EditRefused
            If one is not there, or is off or on already.
        """
        return self._move(lambda: self.timeline.switch(off, on))

    def catch_up(self) -> list[Changes]:
        """Take in and announce what others did to a project of several people."""
        steps = self.timeline.catch_up() if self.journal.shared else []
        return [self._announce(step) for step in steps]

    def _commit(self, edit: Edit, **about: Any) -> Changes:
        return self._move(lambda: self.timeline.commit(edit, **about))

    def _move(self, move: Callable[[], Step]) -> Changes:
        if self.read_only:
            raise EditRefused("this project is open read-only: open it for writing to edit it")
        try:
            step = move()
        finally:  # what others did is in effect, whether or not this was refused
            for foreign in self.timeline.absorbed():
                self._announce(foreign)
        return self._announce(step)

    def _announce(self, step: Step) -> Changes:
        """Tell the queue first, then everybody else."""
        changes = changes_of(step, self.segmentation)
        decided = (
            tell_queue(self._queue, changes, verdicts_after(step))
            if self._queue is not None
            else []
        )
        if changes.old_ids or changes.new_ids:
            self.edited.emit(changes)
        for candidate, verdict in decided:
            self.decided.emit(candidate, verdict)
        self.queue_changed.emit()
        return changes

    # -- ending --------------------------------------------------------------------------------

    def close(self) -> None:
        """Keep what makes the next opening fast; give the journal and the writer's lock back."""
        with ExitStack() as ending:  # the last one first, each also where another fails
            if self._lock:
                ending.callback(self._lock.release)
            if self._journal:
                ending.callback(self._journal.close)
            if self._timeline:
                ending.callback(self._timeline.close)

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
