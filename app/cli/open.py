"""``segmend open PROJECT``: the window."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

from segmend.app.cli.answer import Answer
from segmend.app.cli.arguments import add_author_option
from segmend.core.errors import InputError

HELP = "open the window on a project"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("project", type=Path, help="a NAME.segmend folder")
    add_author_option(parser)


def execute(options: argparse.Namespace) -> Answer:
    """Open the window and return when it is closed."""
    return show_window(getattr(options, "project", None), author=getattr(options, "author", None))


def check_screen() -> None:
    """Refuse to start Qt where it would abort the program.

    Raises
    ------
    InputError
        If there is no screen.
    """
    if not has_screen():
        raise InputError(
            "no screen to open the window on: expected DISPLAY or WAYLAND_DISPLAY to be set; start it in a desktop"
            " session, or use the commands that need no window (segmend --help)"
        )


def show_window(project: Path | None, *, author: str | None = None, queue: bool = False) -> Answer:
    """Open the window on a project, or on the start page.

    Raises
    ------
    InputError
        If there is no screen, or the folder is not a project.
    """
    from segmend.core.project import open_project

    if project is not None:
        open_project(project)  # a wrong folder is told of before Qt starts
    check_screen()
    from segmend.app.application import open_window

    for number in (signal.SIGINT, signal.SIGTERM):
        # An exception would rise inside some callback of Qt. Dying is safe: every edit is in the journal.
        signal.signal(number, signal.SIG_DFL)
    return Answer(code=open_window(project, author=author, queue=queue))


def has_screen() -> bool:
    """Say whether a window can be opened here."""
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
