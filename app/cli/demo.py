"""``segmend demo``: the whole path on the synthetic sample, or the window on it."""

from __future__ import annotations

import argparse
from pathlib import Path

from segmend.app.cli.answer import Answer

HELP = (
    "make a synthetic sample and take it through everything; with a screen: open the window on it"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("--headless", action="store_true", help="no window; a report instead")
    parser.add_argument(
        "--out", type=Path, default=Path("demo-out"), help="where to write (demo-out)"
    )


def execute(options: argparse.Namespace) -> Answer:
    """Run the demo."""
    from segmend.app.cli.open import has_screen

    if options.headless or not has_screen():
        from segmend.app.cli.demo_path import headless_demo

        report = headless_demo(options.out)
        return Answer(report, f"the report is in {options.out / 'report.json'}")
    from segmend.app.cli.demo_path import prepare_demo
    from segmend.app.cli.open import show_window

    return show_window(prepare_demo(options.out), queue=True)
