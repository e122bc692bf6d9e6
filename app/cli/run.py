"""``segmend run PROJECT``: the automated pipeline."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from segmend.app.cli.answer import Answer, Steps
from segmend.app.cli.arguments import add_box_option
from segmend.core.errors import InputError
from segmend.core.geometry import Box, Zyx

if TYPE_CHECKING:
    from segmend.core.pipeline.progress import Progress
    from segmend.core.pipeline.settings import PipelineSettings

HELP = "run the automated pipeline: affinities, watershed, graph, agglomeration, candidates"
STAGES = ("affinities", "watershed", "graph", "agglomeration", "skeletons", "candidates")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("project", type=Path, help="a NAME.segmend folder")
    parser.add_argument(
        "--stages", help=f"some of {','.join(STAGES)} (default: those not imported)"
    )
    parser.add_argument("--model", help="affinity network: a name (segmend models) or a file")
    parser.add_argument(
        "--threshold",
        type=float,
        metavar="AFFINITY",
        help="segments are cut at this mean affinity, 0 to 1 (0.4)",
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="a Dask scheduler to work on")
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


def execute(options: argparse.Namespace) -> Answer:
    """Run the stages in worker processes."""
    stages = parse_stages(options.stages)
    if options.keep_edits and not options.new_generation:
        raise InputError("--keep-edits goes with --new-generation: without it edits are never left")
    settings = _settings(options.model, options.threshold)
    from segmend.core.pipeline.runner import run_pipeline
    from segmend.core.project import open_project
    from segmend.core.project_lock import ProjectLock
    from segmend.core.session import default_author
    from segmend.core.session_counts import recorded_edits

    path = open_project(options.project).path  # a folder that is no project gets no lock file
    with ProjectLock(path, default_author()):
        project = open_project(path)  # somebody else may have written before the lock was ours
        _check_box(options.box, project.shape_zyx)
        report = run_pipeline(
            project,
            stages,
            settings,
            device=options.device,
            scheduler=options.scheduler,
            new_generation=options.new_generation,
            edit_count=lambda: recorded_edits(project),
            box=options.box,
            progress=_tell(Steps()),
        )
    values = {
        "stages": [{"name": stage.name, "seconds": stage.seconds} for stage in report.stages],
        "supervoxels": report.supervoxels,
        "segments": report.segments,
        "candidates": report.candidates,
    }
    lines = [
        f"{stage.name:>14}  {'as before' if stage.skipped else f'{stage.seconds:.1f} s'}"
        for stage in report.stages
    ]
    lines.append(
        f"{report.supervoxels} supervoxels in {report.segments} segments, {report.candidates} candidates"
    )
    if options.keep_edits:
        from segmend.app.cli.reapply import describe, reapply_to

        kept = reapply_to(path)
        values["reapplied"] = kept.to_json()
        lines.append(describe(kept))
    return Answer(values, "\n".join([*lines, f"next: segmend review {options.project}"]))


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


def _settings(model: str | None, threshold: float | None) -> PipelineSettings:
    from segmend.core.pipeline.settings import PipelineSettings

    values: dict[str, dict[str, object]] = {}
    if model is not None:
        values["affinities"] = {"model": model}
    if threshold is not None:
        values["agglomeration"] = {"threshold": threshold}
    return PipelineSettings.from_values(values)


def _tell(steps: Steps) -> Callable[[Progress], None]:
    def tell(progress: Progress) -> None:
        steps(progress.stage, progress.fraction)

    return tell
