"""``segmend report PROJECT``: one HTML page about what a run made."""

from __future__ import annotations

import argparse
from pathlib import Path

from segmend.app.cli.answer import Answer
from segmend.app.cli.arguments import add_box_option

HELP = "write one HTML page about a result: pictures, distributions, settings, times, scores"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("project", type=Path, help="a NAME.segmend folder")
    parser.add_argument(
        "--truth",
        metavar="LABELS",
        help="ground truth of the project's voxels, FILE or FILE:/DATASET; 0 is not counted",
    )
    add_box_option(
        parser, "in voxels: pictures go through its middle, and scores count only what is inside"
    )


def execute(options: argparse.Namespace) -> Answer:
    """Read what is there and write the page beside it."""
    from segmend.core.project import open_project
    from segmend.core.report.page import write_report
    from segmend.core.review.truth import open_truth

    project = open_project(options.project)
    truth = None
    if options.truth is not None:
        truth = open_truth(options.truth, project.shape_zyx, project.grid)
    page = write_report(project, truth=truth, box=options.box)
    return Answer({"report": str(page)}, str(page))
