"""``segmend check PROJECT``: is everything that the journal names there, and does it fit together."""

from __future__ import annotations

import argparse
from pathlib import Path

from segmend.app.cli.answer import Answer

HELP = "verify journal, history, graph, mapping and volumes, and say what to do; list edits in conflict"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("project", type=Path, help="a NAME.segmend folder")


def execute(options: argparse.Namespace) -> Answer:
    """Check, read only; exit status 2 where something does not fit."""
    from segmend.core.project import open_project
    from segmend.core.verification import check_project

    report = check_project(open_project(options.project))
    values = {
        "clean": not report.findings,
        "operations": report.operations,
        "supervoxels": report.supervoxels,
        "segments": report.segments,
        "patches": report.patches,
        "findings": report.findings,
        "conflicts": report.conflicts,
    }
    looked_at = (
        f"{report.operations} operations, {report.supervoxels} supervoxels, {report.segments} segments,"
        f" {report.patches} voxel edits"
    )
    lines = [f"{finding.place}: {finding.problem}" for finding in report.findings]
    undecided = [f"{conflict.place}: {conflict.problem}" for conflict in report.conflicts]
    verdict = "see above" if lines else "clean"
    return Answer(
        values,
        "\n".join([*lines, *undecided, f"{looked_at}: {verdict}"]),
        code=2 if lines else 0,
    )
