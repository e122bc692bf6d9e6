"""The pipeline in a process of its own, so that nothing it imports or computes can hold up the window.

The child runs `run_pipeline` and sends what happens through a pipe: `Progress` values, then a report or an error.
Should the window die, the pipe closes and the child cancels itself.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from segmend.core.errors import Cancelled, SegmendError, StageError
from segmend.core.pipeline.progress import CancelToken, Progress, RunReport, StageState
from segmend.core.project import Project

EDITS, REPORT = "edits", "report"
"""What re-applying and the page about the result are called among the stages of a run."""


@dataclass(frozen=True, slots=True)
class PipelineRequest:
    """What to run.

    Parameters
    ----------
    project_path : Path
    stages : tuple of str, optional
        In any order; None runs all.
    settings : dict
        Values for `PipelineSettings`, as plain types.
    device : str
        ``auto``, ``cpu`` or ``cuda``.
    author : str, optional
        Who holds the project meanwhile; by default as in a session.
    new_generation : bool
        Start again beside the edits of an edited project.
    keep_edits : bool
        Make what was decided so far good on the new generation.
    truth : str
        Labels of the project's voxels, for scores in the report; empty for none.
    """

    project_path: Path
    stages: tuple[str, ...] | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    device: str = "auto"
    author: str | None = None
    new_generation: bool = False
    keep_edits: bool = False
    truth: str = ""


@dataclass(frozen=True, slots=True)
class PipelineWatch:
    """Who is told what happens in a run."""

    progress: Callable[[Progress], None]
    finished: Callable[[RunReport], None]


class PipelineProcess:
    """One run in a child process.

    Parameters
    ----------
    request : PipelineRequest
    target : callable, optional
        What the child does; another one for tests.
    """

    def __init__(
        self,
        request: PipelineRequest,
        target: Callable[[Connection, PipelineRequest], None] | None = None,
    ) -> None:
        context = multiprocessing.get_context("spawn")  # fork would copy Qt and the GL context
        self._connection, child = context.Pipe()
        self._process = context.Process(
            target=target or _run_in_child, args=(child, request), name="segmend-pipeline"
        )
        self._process.start()
        child.close()

    def follow(self, progress: Callable[[Progress], None]) -> RunReport:
        """Pass progress on until the run ends; blocks, so call it on a thread.

        Raises
        ------
        SegmendError
            What the run raised; `Cancelled` where it was asked to stop.
        StageError
            If the process died without a word.
        """
        try:
            while True:
                message = self._connection.recv()
                if isinstance(message, RunReport):
                    return message
                if isinstance(message, Exception):
                    raise message
                progress(message)
        except EOFError:
            self._process.join(5)
            raise StageError(
                f"the pipeline process ended without a result (exit code {self._process.exitcode}); "
                "finished blocks are kept: run it again, and close other programs if memory was short"
            ) from None
        finally:
            self._connection.close()
            self._process.join(10)

    def cancel(self) -> None:
        """Ask the run to stop after the blocks in work; finished blocks are kept."""
        try:
            self._connection.send("cancel")
        except OSError:
            return  # it ended at this very moment: nothing is left to cancel


def _run_in_child(connection: Connection, request: PipelineRequest) -> None:
    cancel = CancelToken()
    threading.Thread(target=_listen, args=(connection, cancel), daemon=True).start()
    try:
        connection.send(_run(request, connection.send, cancel))
    except Exception as error:  # noqa: BLE001 - the parent shows it, whatever it is
        connection.send(_portable(error))


def _run(
    request: PipelineRequest, progress: Callable[[Progress], None], cancel: CancelToken
) -> RunReport:
    from segmend.core.pipeline.runner import run_pipeline
    from segmend.core.pipeline.settings import PipelineSettings
    from segmend.core.project import open_project
    from segmend.core.project_lock import ProjectLock
    from segmend.core.session import default_author
    from segmend.core.session_counts import recorded_edits

    path = open_project(request.project_path).path  # a folder that is no project gets no lock file
    with ProjectLock(path, request.author or default_author()):
        project = open_project(path)  # somebody else may have written before the lock was ours
        report = run_pipeline(
            project,
            request.stages,
            PipelineSettings.from_values(request.settings),
            device=request.device,
            new_generation=request.new_generation,
            edit_count=lambda: recorded_edits(project),
            progress=progress,
            cancel=cancel,
        )
        _write_page(project, report, request.truth, progress)
    if request.keep_edits:
        _reapply(path, request.author, progress)
    return report


def _write_page(
    project: Project, report: RunReport, truth: str, progress: Callable[[Progress], None]
) -> None:
    """Write the page about the result, told as one more stage; a result without a page is still a result."""
    from segmend.core.report.page import write_report_after
    from segmend.core.volumes.opening import open_labels

    progress(Progress(REPORT, StageState.RUNNING, message="Writing the report…"))
    try:
        page = write_report_after(project, report, truth=open_labels(truth) if truth else None)
    except Exception as error:  # noqa: BLE001 - the run is done and current, whatever the page stumbles over
        words = (
            str(error) if isinstance(error, SegmendError) else f"{type(error).__name__}: {error}"
        )
        progress(Progress(REPORT, StageState.FAILED, message=" ".join(words.split())))
    else:
        words = page.relative_to(project.path).as_posix()
        progress(Progress(REPORT, StageState.FINISHED, message=words))


def _reapply(path: Path, author: str | None, progress: Callable[[Progress], None]) -> None:
    """Bring the decisions over to the new generation, told as one more stage."""
    from segmend.core.reapplying.reapplication import reapply_edits
    from segmend.core.session import Session

    progress(Progress(EDITS, StageState.RUNNING, message="Bringing the edits over…"))
    with Session.open(path, author=author) as session:
        found = reapply_edits(session)
    lost = len(found.conflicts)
    words = f"{found.satisfied + found.applied} of {found.decisions} decisions kept"
    if lost:
        words += f", {lost} in conflict: `segmend reapply {path}` lists them"
    progress(Progress(EDITS, StageState.FINISHED, message=words))


def _listen(connection: Connection, cancel: CancelToken) -> None:
    with contextlib.suppress(EOFError):  # the window is gone: stop as well
        connection.recv()
    cancel.cancel()


def _portable(error: Exception) -> Exception:
    """Return an error that survives the pipe, with the traceback as its details."""
    details = "".join(traceback.format_exception(error))
    if isinstance(error, Cancelled):
        return Cancelled(str(error))
    return StageError(
        str(error) or type(error).__name__, details=getattr(error, "details", "") or details
    )
