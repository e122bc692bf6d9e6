"""Runs stages in order, skips what is finished, and makes the result current at the very end."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from segmend.core.errors import Cancelled, InputError, ProjectError, SegmendError
from segmend.core.geometry import Box
from segmend.core.pipeline.counts import Counts, counts_of
from segmend.core.pipeline.executors import Executor, Told, executor_for
from segmend.core.pipeline.last_settings import keep_settings
from segmend.core.pipeline.marks import DoneMark, StageMarks
from segmend.core.pipeline.plan import Plan
from segmend.core.pipeline.progress import (
    CancelToken,
    NullProgress,
    Progress,
    RunReport,
    StageReport,
    StageState,
)
from segmend.core.pipeline.registry import build_stages
from segmend.core.pipeline.settings import PipelineSettings
from segmend.core.pipeline.stage import Stage, Summary
from segmend.core.pipeline.tasks import Action, Outcome, Place, Task
from segmend.core.project import Project

Report = Callable[[Progress], None]


def run_pipeline(
    project: Project,
    stages: Sequence[str | Stage] | None = None,
    settings: PipelineSettings | None = None,
    *,
    device: str = "auto",
    scheduler: str | None = None,
    workers: int | None = None,
    block_timeout: float | None = None,
    new_generation: bool = False,
    edit_count: int | Callable[[], int] = 0,
    box: Box | None = None,
    progress: Report | None = None,
    cancel: CancelToken | None = None,
) -> RunReport:
    """Run stages of the pipeline on a project; may be called again to go on after an interruption.

    Parameters
    ----------
    project : Project
        Nobody else may write to it meanwhile; hold its lock.
    stages : sequence of str or Stage, optional
        In any order; by default those that make sense for what the project was made from (`default_stages`).
    settings : PipelineSettings, optional
        The defaults where they are left out; where they are given the project keeps them for the next run.
    device : str
        ``auto``, ``cpu`` or ``cuda`` for networks.
    scheduler : str, optional
        None: worker processes on this machine. ``synchronous``: this thread. Else the address of a Dask scheduler.
    workers : int, optional
        Worker processes on this machine; by default one per GPU, or one less than the cores without GPUs.
    block_timeout : float, optional
        Seconds after which a block is taken from its worker, which is ended, and given to another one. By default
        blocks may take as long as they want: only the caller knows what is too long for the blocks' size.
    new_generation : bool
        Start again beside the edits of an edited project.
    edit_count : int or callable
        Edits in effect on the current generation.
    box : Box, optional
        Count supervoxels, segments and candidates inside this box only; the work is done on everything.
    progress : callable, optional
        Told about every block, from the calling thread.
    cancel : CancelToken, optional

    Returns
    -------
    RunReport

    Raises
    ------
    InputError
        If a stage or device does not exist, or `workers` and `block_timeout` make no sense.
    ProjectError
        If the project has edits and `new_generation` is false.
    StageError
        If a stage fails; its traceback is in ``details``. Finished blocks are kept.
    Cancelled
        If `cancel` was set. Finished blocks are kept.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise InputError(f"device {device!r} is unknown: expected auto, cpu or cuda")
    names = default_stages(project) if stages is None else stages
    chosen = build_stages(names, settings or PipelineSettings())
    _refuse_edited(project, chosen, new_generation, edit_count)
    plan = Plan(project, chosen, new_generation=new_generation)
    plan.check()
    if settings is not None:
        keep_settings(project.path, settings)
    blocks = max((len(stage.blocks(project)) for stage in chosen), default=1)
    use_gpus = device != "cpu" and any(stage.uses_device for stage in chosen)
    executor = executor_for(
        scheduler, blocks, workers=workers, use_gpus=use_gpus, block_timeout=block_timeout
    )
    with executor:
        run = _Run(plan, executor, device, progress or NullProgress(), cancel or CancelToken())
        reports = tuple(run.stage(stage) for stage in chosen)
    generation = plan.commit()
    counts = _counts(plan, box)
    return RunReport(reports, counts.supervoxels, counts.segments, counts.candidates, generation)


def default_stages(project: Project) -> tuple[str, ...]:
    """Return the stages that make a reviewable project of what it was made from.

    Imported affinities, supervoxels and segmentations are kept, not computed again.
    """
    imported = project.config.sources
    labels = "supervoxels" in imported or "segmentation" in imported
    network = project.image is not None and "affinities" not in imported
    affinities = network or "affinities" in imported
    wanted = {
        "affinities": network,
        "watershed": not labels,
        "graph": affinities or not labels,
        "agglomeration": affinities or not labels,
        "skeletons": True,
        "candidates": True,
    }
    return tuple(name for name, run in wanted.items() if run)


def _refuse_edited(
    project: Project,
    stages: Sequence[Stage],
    new_generation: bool,
    edit_count: int | Callable[[], int],
) -> None:
    if new_generation or all(stage.scope == "project" for stage in stages):
        return
    edits = edit_count() if callable(edit_count) else edit_count
    if edits:
        raise ProjectError(
            f"{project.path} has {edits} edits that a new run would leave behind (undone ones and those that are "
            "off count, too, because they can be brought back); "
            "give --new-generation to start again beside them, they stay in the journal"
        )


def _counts(plan: Plan, box: Box | None) -> Counts:
    home = plan.home
    return Counts() if home is None else counts_of(home, plan.project.grid, box)


@dataclass
class _Run:
    """One run of the chosen stages."""

    plan: Plan
    executor: Executor
    device: str
    tell: Report
    cancel: CancelToken
    retries: int = 0

    def stage(self, stage: Stage) -> StageReport:
        """Run a stage, or skip it where its result is valid."""
        self.cancel.check()
        key = self.plan.key(stage)
        if self.plan.is_done(stage, key):
            self.tell(Progress(stage.name, StageState.SKIPPED))
            return StageReport(stage.name, 0.0, True)
        began = time.perf_counter()
        self.retries = 0
        told = Progress(stage.name, StageState.RUNNING, message="preparing")
        self.tell(told)
        try:
            self._work(stage, key, told, began)
        except Cancelled:
            self.tell(replace(told, state=StageState.CANCELLED, message="cancelled"))
            raise
        except SegmendError as error:
            self.tell(replace(told, state=StageState.FAILED, message=str(error)))
            raise
        seconds = time.perf_counter() - began
        return StageReport(stage.name, seconds, False, self.retries)

    def _work(self, stage: Stage, key: str, told: Progress, began: float) -> None:
        marks = self.plan.begin(stage, key)
        scratch = marks.scratch(key)
        place = Place(self.plan.project.path, self.plan.folder(stage), scratch, self.device)
        for number in range(stage.rounds):  # a mark is written into its folder, or not at all
            (scratch.parent / f"round-{number}").mkdir(parents=True, exist_ok=True)
        self._single(Task(stage, place, Action.PREPARE), told)
        total = self._rounds(stage, key, place, marks, told)
        told = replace(told, done=total, total=total, message="putting blocks together")
        self.tell(told)
        summary = self._single(Task(stage, place, Action.FINISH), told)
        marks.finish(
            DoneMark(
                key,
                tuple(stage.outputs),
                round(time.perf_counter() - began, 3),
                summary,
                stage.settings.model_dump(mode="json"),
                self.retries,
            )
        )
        shutil.rmtree(scratch, ignore_errors=True)
        self.plan.reload()
        self.tell(Progress(stage.name, StageState.FINISHED, total, total))

    def _rounds(
        self, stage: Stage, key: str, place: Place, marks: StageMarks, told: Progress
    ) -> int:
        """Go through all blocks as often as the stage wants; return the number of blocks of all rounds."""
        boxes = list(stage.blocks(self.plan.project))
        total = stage.rounds * len(boxes)
        for number in range(stage.rounds):
            here = replace(place, round=number)
            told = replace(told, done=number * len(boxes), total=total, message="")
            self._blocks(stage, key, here, marks, boxes, told)
            if number + 1 < stage.rounds:
                joining = replace(
                    told, done=told.done + len(boxes), message="putting blocks together"
                )
                self.tell(joining)
                task = Task(stage, here, Action.JOIN, mark=marks.join_path(key, number))
                self._single(task, joining)
        return total

    def _blocks(
        self,
        stage: Stage,
        key: str,
        place: Place,
        marks: StageMarks,
        boxes: Sequence[Box],
        told: Progress,
    ) -> None:
        finished = marks.finished_blocks(key, boxes, place.round)
        now = replace(told, done=told.done + len(finished))
        self.tell(now)

        def done(task: Task, outcome: Outcome) -> None:
            nonlocal now
            now = replace(now, done=now.done + 1, message=self._about_retries())
            self.tell(now)

        tasks = [
            Task(stage, place, Action.BLOCK, box, marks.block_path(key, box, place.round))
            for box in boxes
            if box not in finished
        ]

        self.executor.run(tasks, self._told(done, lambda: now), self.cancel)

    def _told(self, done: Callable[[Task, Outcome], None], latest: Callable[[], Progress]) -> Told:
        def again(task: Task, why: str) -> None:
            self.retries += 1
            notice(f"{task.part} again: {why}")

        def notice(words: str) -> None:
            self.tell(replace(latest(), message=words, is_news=True))

        return Told(done, again, notice)

    def _about_retries(self) -> str:
        return f"{self.retries} done again" if self.retries else ""

    def _single(self, task: Task, now: Progress) -> Summary:
        found: list[Outcome] = []
        told = self._told(lambda _, outcome: found.append(outcome), lambda: now)
        self.executor.run([task], told, self.cancel)
        return found[0].summary or {}
