"""``segmend check PROJECT``: is everything that the journal names there, and does it fit together."""

from __future__ import annotations

import argparse
from pathlib import Path

from segmend.app.cli.answer import Answer

HELP = "verify journal, chunks, graph and mapping, and say what to do"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("project", type=Path, help="a NAME.segmend folder")


def execute(options: argparse.Namespace) -> Answer:
    """Check, read only; exit status 2 where something is wrong."""
    from segmend.core.checking import check_project

    problems = check_project(options.project)
    values = {"clean": not problems, "problems": problems}
    text = "\n".join(problems) if problems else f"{options.project}: clean"
    return Answer(values, text, code=2 if problems else 0)
