"""``segmend picture PROJECT OUT.png``: the window as a picture, for reports and for this project's README."""

from __future__ import annotations

import argparse
from pathlib import Path

from segmend.app.cli.answer import Answer
from segmend.app.cli.open import check_screen

HELP = "take a picture of the window"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("project", type=Path, help="a NAME.segmend folder")
    parser.add_argument("out", type=Path, help="a .png file")
    parser.add_argument("--queue", action="store_true", help="with the first candidate framed")


def execute(options: argparse.Namespace) -> Answer:
    """Open the window, wait until it is drawn, write the picture."""
    check_screen()
    from segmend.app.application import take_picture

    take_picture(options.project, options.out, queue=options.queue)
    return Answer({"picture": str(options.out)}, str(options.out))
