"""``segmend run PROJECT``: the automated pipeline."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from segmend.app.cli.answer import Answer, Steps, say
from segmend.app.cli.arguments import add_box_option
from segmend.app.cli.run_settings import add_settings_options, settings_of, write_settings
from segmend.core.errors import InputError, SegmendError
from segmend.core.geometry import Box, Zyx

if TYPE_CHECKING:
    from segmend.core.pipeline.progress import Progress, RunReport, StageReport
    from segmend.core.pipeline.settings import PipelineSettings
    from segmend.core.project import Project
    from segmend.core.volumes.base import Volume

HELP = "run the automated pipeline: affinities, watershed, graph, agglomeration, candidates"
STAGES = ("affinities", "watershed", "graph", "agglomeration", "skeletons", "candidates")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("project", type=Path, help="a NAME.segmend folder")
    parser.add_argument(
        "--stages", help=f"some of {','.join(STAGES)} (default: those not imported)"
    )
    add_settings_options(parser)
    _add_worker_options(parser)
    parser.add_argument(
        "--new-generation",
        action="store_true",
        help="start again beside the edits of a project that has some; they stay in the journal",
    )
    parser.add_argument(
        "--keep-edits",
        action="store_true",
        help="with --new-generation: make what was decided so far good on the new segmentation",
    )
    add_box_option(parser, "count supervoxels, segments and candidates inside this box")
    parser.add_argument(
        "--truth",
        metavar="LABELS",
        help="ground truth of the project's voxels, FILE or FILE:/DATASET: scores in the report; 0 is not counted",
    )
    parser.add_argument(
        "--report",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="write report.html about the result into its generation folder",
    )


def _add_worker_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="worker processes on this machine (default: one per GPU, else one less than the cores)",
    )
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="a Dask scheduler to work on (see docs/cluster.md); synchronous: in this process",
    )
    parser.add_argument(
        "--block-timeout",
        type=float,
        metavar="SECONDS",
        help="end a worker that takes longer for a block, and give the block to another one (default: never)",
    )


def execute(options: argparse.Namespace) -> Answer:
    """Run the stages in worker processes."""
    stages = parse_stages(options.stages)
    if options.keep_edits and not options.new_generation:
        raise InputError("--keep-edits goes with --new-generation: without it edits are never left")
    settings = settings_of(options)
    if options.write_settings is not None:
        return write_settings(settings, options.write_settings)
    path, report, page = _run(options, stages, settings)
    values: dict[str, object] = {
        "stages": [
            {"name": stage.name, "seconds": stage.seconds, "retries": stage.retries}
            for stage in report.stages
        ],
        "supervoxels": report.supervoxels,
        "segments": report.segments,
        "candidates": report.candidates,
        "report": None if page is None else str(page),
    }
    lines = [f"{stage.name:>14}  {_about(stage)}" for stage in report.stages]
    lines += _counted(report)
    if page is not None:
        lines.append(f"report: {page}")
    if options.keep_edits:
        from segmend.app.cli.reapply import describe, reapply_to

        kept = reapply_to(path)
        values["reapplied"] = kept.to_json()
        lines.append(describe(kept))
    if report.candidates is not None:
        lines.append(f"next: segmend review {options.project}")
    return Answer(values, "\n".join(lines))


def _run(
    options: argparse.Namespace, stages: tuple[str, ...] | None, settings: PipelineSettings
) -> tuple[Path, RunReport, Path | None]:
    """Run the stages and write the page about the result, both under the project's lock."""
    from segmend.core.pipeline.runner import run_pipeline
    from segmend.core.project import open_project
    from segmend.core.project_lock import ProjectLock
    from segmend.core.review.truth import open_truth
    from segmend.core.session import default_author
    from segmend.core.session_counts import recorded_edits

    path = open_project(options.project).path  # a folder that is no project gets no lock file
    with ProjectLock(path, default_author()):
        project = open_project(path)  # somebody else may have written before the lock was ours
        _check_box(options.box, project.shape_zyx)
        truth = None
        if options.truth is not None:
            truth = open_truth(options.truth, project.shape_zyx, project.grid)
        report = run_pipeline(
            project,
            stages,
            settings,
            device=options.device,
            scheduler=options.scheduler,
            workers=options.workers,
            block_timeout=options.block_timeout,
            new_generation=options.new_generation,
            edit_count=lambda: recorded_edits(project),
            box=options.box,
            progress=_tell(Steps()),
        )
        page = _page(project, report, truth, options.box) if options.report else None
    return path, report, page


def _page(
    project: Project, report: RunReport, truth: Volume | None, box: Box | None
) -> Path | None:
    """Write the page about the result; a result without a page is still a result."""
    from segmend.core.report.page import write_report_after

    try:
        return write_report_after(project, report, truth=truth, box=box)
    except Exception as error:  # noqa: BLE001  the run is done and current, whatever the page stumbles over
        line = str(error) if isinstance(error, SegmendError) else f"{type(error).__name__}: {error}"
        say(f"the run is finished, but its report was not written: {' '.join(line.split())}")
        return None


def _counted(report: RunReport) -> list[str]:
    """Say how many there are of what was made so far."""
    found = {
        "supervoxels": report.supervoxels,
        "segments": report.segments,
        "candidates": report.candidates,
    }
    told = [f"{count} {name}" for name, count in found.items() if count is not None]
    return [", ".join(told)] if told else []


def _about(stage: StageReport) -> str:
    if stage.skipped:
        return "as before"
    return f"{stage.seconds:.1f} s" + (f", {stage.retries} done again" if stage.retries else "")


def _check_box(box: Box | None, shape_zyx: Zyx) -> None:
    if box is not None and not box.intersect(Box.of_shape(shape_zyx)).size:
        raise InputError(
            f"--box lies outside the volume of {' x '.join(map(str, shape_zyx))} voxels (z y x): give another"
        )


def parse_stages(text: str | None) -> tuple[str, ...] | None:
    """Read a comma-separated list of stages; None leaves the choice to the pipeline.

    Raises
    ------
    InputError
        If the list is empty.
    """
    if text is None:
        return None
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise InputError(f"--stages {text!r} names no stage: expected some of {','.join(STAGES)}")
    return names


def _tell(steps: Steps) -> Callable[[Progress], None]:
    def tell(progress: Progress) -> None:
        if progress.is_news:
            say(f"{progress.stage}: {progress.message}")
        steps(progress.stage, progress.fraction)

    return tell
