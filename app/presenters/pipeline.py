"""Running the pipeline: what the stages are called, what to say while they run. No Qt, no napari."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from segmend.app.pipeline_process import EDITS, REPORT, PipelineRequest, PipelineWatch
from segmend.core.errors import Cancelled
from segmend.core.pipeline.progress import Progress, RunReport, RunState, StageState

STAGES = ("affinities", "watershed", "graph", "agglomeration", "skeletons", "candidates")
STAGE_TITLES = {
    "affinities": "Affinities",
    "watershed": "Supervoxels",
    "graph": "Region graph",
    "agglomeration": "Agglomeration",
    "skeletons": "Skeletons",
    "candidates": "Suspected errors",
    EDITS: "Your edits",
    REPORT: "Report",
}
REPORT_KEY = "F6"
_STATES = {
    StageState.WAITING: "",
    StageState.RUNNING: "running",
    StageState.SKIPPED: "already done",
    StageState.FINISHED: "done",
    StageState.FAILED: "failed",
    StageState.CANCELLED: "cancelled",
}


@dataclass(frozen=True, slots=True)
class StageLine:
    """One row of the pipeline panel."""

    title: str
    state: str
    words: str
    percent: int


class PipelineView(Protocol):
    """The pipeline panel."""

    def show_stages(self, lines: tuple[StageLine, ...]) -> None:
        """Show where each stage stands."""

    def show_running(self, running: bool) -> None:
        """Offer to cancel instead of to run."""

    def show_note(self, text: str, *, warning: bool = False) -> None:
        """Show one line about the run."""

    def show_settings(self, text: str) -> None:
        """Say how the next run differs from the usual one; an empty text where it does not."""


class Runner(Protocol):
    """The part of the jobs that runs pipelines."""

    def pipeline(
        self,
        request: PipelineRequest,
        watch: PipelineWatch,
        failed: Callable[[Exception], None] | None = None,
    ) -> Any:
        """Start a run; the answer has `cancel()`."""


class PipelinePresenter:
    """Starts and cancels runs and keeps the panel true.

    Parameters
    ----------
    jobs : Runner
    view : PipelineView
    release : callable
        Gives the project back, so that the worker may write, and calls what it is given.
    reload : callable
        Called after the run, whatever its end.
    beside : callable
        Asks whether to start again beside a number of edits: True to bring them over, False to leave them behind,
        None to leave everything as it is.
    failed : callable
        Shows an error.
    """

    def __init__(
        self,
        jobs: Runner,
        view: PipelineView,
        *,
        release: Callable[[Callable[[], None]], None],
        reload: Callable[[], None],
        beside: Callable[[int], bool | None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._jobs = jobs
        self._view = view
        self._release = release
        self._reload = reload
        self._beside = beside
        self._told: list[str] = []
        self._unwritten = False
        self._failed = failed
        self._state = RunState.waiting(STAGES)
        self._process: Any = None
        self._running = False
        self._view.show_stages(stage_lines(self._state))
        self._view.show_running(False)

    @property
    def running(self) -> bool:
        """Whether a run is going on."""
        return self._running

    def run(
        self,
        project_path: Path,
        edits: int = 0,
        *,
        stages: tuple[str, ...] | None = None,
        settings: dict[str, Any] | None = None,
        truth: str = "",
    ) -> None:
        """Run stages, all by default; finished ones are skipped.

        Where there are edits the person is asked first: a run makes a new generation beside them. With a truth the
        report has scores.
        """
        if self.running:
            return
        if stages == ("affinities",):
            edits = 0  # no edit hangs on them
        keep = self._beside(edits) if edits else False
        if keep is None:
            self._view.show_note(f"Nothing was run: the project is as it was, with {edits} edits.")
            return
        request = PipelineRequest(
            project_path,
            stages,
            settings or {},
            new_generation=edits > 0,
            keep_edits=keep,
            truth=truth,
        )
        self._state = RunState.waiting([s for s in STAGES if stages is None or s in stages])
        self._view.show_stages(stage_lines(self._state))
        self._view.show_note("Starting workers…")
        self._view.show_running(True)
        self._running = True
        self._told, self._unwritten = [], False
        self._release(lambda: self._start(request))

    def _start(self, request: PipelineRequest) -> None:
        watch = PipelineWatch(self._on_progress, self._on_finished)
        self._process = self._jobs.pipeline(request, watch, self._on_failed)

    def cancel(self) -> None:
        """Stop after the blocks in work."""
        if self._process is not None:
            self._view.show_note("Cancelling after the blocks in work…")
            self._process.cancel()

    def _on_progress(self, progress: Progress) -> None:
        self._state = self._state.updated(progress)
        self._view.show_stages(stage_lines(self._state))
        if progress.state is StageState.RUNNING:
            self._view.show_note(progress.message or f"{_title(progress.stage)}…")
        elif progress.stage == EDITS:
            self._told.append(f"{progress.message}.")
        elif progress.stage == REPORT:
            self._on_report(progress)

    def _on_report(self, progress: Progress) -> None:
        self._unwritten = progress.state is StageState.FAILED
        if self._unwritten:
            self._told.append(f"The report was not written: {progress.message}.")
        else:
            self._told.append(f"Report: {progress.message}, {REPORT_KEY} opens it.")

    def _on_finished(self, report: RunReport) -> None:
        seconds = sum(stage.seconds for stage in report.stages)
        found = (
            "" if report.candidates is None else f", {report.candidates} suspected errors to review"
        )
        self._end(
            " ".join([f"Done in {seconds:.0f} s{found}.", *self._told]), warning=self._unwritten
        )

    def _on_failed(self, error: Exception) -> None:
        if isinstance(error, Cancelled):
            self._end("Cancelled. Finished blocks are kept: run again to go on.")
        else:
            self._end("The run failed. Finished blocks are kept.", warning=True)
            self._failed(error)

    def _end(self, note: str, *, warning: bool = False) -> None:
        self._process, self._running = None, False
        self._view.show_running(False)
        self._view.show_note(note, warning=warning)
        self._reload()


def stage_lines(state: RunState) -> tuple[StageLine, ...]:
    """Put the state of a run into words."""
    return tuple(
        StageLine(_title(p.stage), p.state.value, _words(p), round(100 * p.fraction))
        for p in state.stages
    )


def _words(progress: Progress) -> str:
    if progress.state is StageState.RUNNING and progress.total > 1:
        return f"block {progress.done} of {progress.total}"
    return _STATES[progress.state]


def _title(stage: str) -> str:
    return STAGE_TITLES.get(stage, stage.capitalize())
