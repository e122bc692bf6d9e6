"""``segmend review PROJECT``: decide on the candidates, in the window or with ground truth."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from segmend.app.cli.answer import Answer, Steps
from segmend.app.cli.arguments import add_author_option, add_box_option
from segmend.core.errors import InputError

HELP = "review the queue of suspected errors: in the window, or with --oracle by ground truth"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("project", type=Path, help="a NAME.segmend folder")
    parser.add_argument(
        "--oracle",
        metavar="LABELS",
        help="ground truth: the perfect reviewer decides, and is counted",
    )
    parser.add_argument("--budget", type=int, help="decisions to make (default: all)")
    parser.add_argument(
        "--order", default="gain", help="of the queue: gain, probability, affinity, size, random"
    )
    add_box_option(parser, "count and decide only inside this box, in voxels")
    add_author_option(parser)


def execute(options: argparse.Namespace) -> Answer:
    """Let the perfect reviewer work through the queue, or open the window on it."""
    if options.oracle is None:
        if options.budget is not None or options.box is not None:
            raise InputError(
                "--budget and --box belong to --oracle LABELS; leave them out for the window"
            )
        from segmend.app.cli.open import show_window

        return show_window(options.project, author=options.author, queue=True)
    if options.budget is not None and options.budget < 0:
        raise InputError(f"--budget {options.budget}: expected a number of decisions, 0 or more")
    values = review_with_truth(options)
    before, after = values["vi_before"]["sum"], values["vi_after"]["sum"]
    return Answer(
        values,
        f"{values['decisions']} decisions, {values['accepted']} accepted: VI {before:.4f} -> {after:.4f} bits"
        f" (reachable {values['vi_reachable']:.4f})",
    )


def review_with_truth(options: argparse.Namespace) -> dict[str, Any]:
    """Run the perfect reviewer and return the figures under their public names."""
    from segmend.core.review import PerfectReviewer, review
    from segmend.core.session import Session
    from segmend.core.volumes.opening import open_labels

    labels = open_labels(options.oracle)
    with Session.open(options.project, author=options.author or "perfect reviewer") as session:
        reviewer = PerfectReviewer(labels, options.box)
        report = review(session, reviewer, options.budget, order=options.order, progress=Steps())
    return {
        "decisions": report.decisions,
        "accepted": report.accepted,
        "vi_before": report.vi_before,
        "vi_after": report.vi_after,
        "curve": report.curve,
        "vi_best": report.vi_best,
        "vi_reachable": report.vi_reachable,
    }
