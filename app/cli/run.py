"""``segmend run PROJECT``: the automated pipeline."""

from __future__ import annotations

import argparse
from pathlib import Path

from segmend.app.cli.answer import Answer, Steps
from segmend.app.cli.arguments import add_box_option
from segmend.core.errors import InputError

HELP = "run the automated pipeline: affinities, watershed, graph, agglomeration, candidates"
STAGES = ("affinities", "watershed", "graph", "agglomeration", "skeletons", "candidates")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("project", type=Path, help="a NAME.segmend folder")
    parser.add_argument("--stages", help=f"some of {','.join(STAGES)} (default: all)")
    parser.add_argument("--model", help="affinity network: a name (segmend models) or a file")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="a Dask scheduler to work on")
    parser.add_argument(
        "--new-generation",
        action="store_true",
        help="start again beside the edits of a project that has some; they stay in the journal",
    )
    add_box_option(parser, "count supervoxels, segments and candidates inside this box")


def execute(options: argparse.Namespace) -> Answer:
    """Run the stages in worker processes."""
    stages = parse_stages(options.stages)
    from segmend.core.pipeline import PipelineSettings, run_pipeline
    from segmend.core.project import open_project

    settings = PipelineSettings(
        model=options.model, device=options.device, scheduler=options.scheduler
    )
    report = run_pipeline(
        open_project(options.project),
        stages,
        settings,
        progress=Steps(),
        new_generation=options.new_generation,
        box=options.box,
    )
    values = {
        "stages": [{"name": stage.name, "seconds": stage.seconds} for stage in report.stages],
        "supervoxels": report.supervoxels,
        "segments": report.segments,
        "candidates": report.candidates,
    }
    lines = [f"{stage.name:>14}  {stage.seconds:7.1f} s" for stage in report.stages]
    lines.append(
        f"{report.supervoxels} supervoxels in {report.segments} segments, {report.candidates} candidates"
    )
    return Answer(values, "\n".join([*lines, f"next: segmend review {options.project}"]))


def parse_stages(text: str | None) -> tuple[str, ...]:
    """Read a comma-separated list of stages.

    Raises
    ------
    InputError
        If one of them does not exist.
    """
    if text is None:
        return STAGES
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in STAGES]
    if unknown or not names:
        raise InputError(
            f"--stages {text!r} names no stage called {', '.join(unknown) or 'anything'}: expected some of"
            f" {','.join(STAGES)}"
        )
    return tuple(name for name in STAGES if name in names)
