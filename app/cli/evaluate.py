"""``segmend evaluate SEGMENTATION LABELS``: how far a segmentation is from the truth."""

from __future__ import annotations

import argparse

from segmend.app.cli.answer import Answer
from segmend.app.cli.arguments import add_box_option

HELP = "compare a segmentation with ground truth"
KEYS = ("vi_split", "vi_merge", "vi_sum", "vi_sum_tolerant", "adapted_rand_error", "unlabelled")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("segmentation", help="FILE or FILE:/DATASET")
    parser.add_argument("labels", help="ground truth, FILE or FILE:/DATASET; 0 is not counted")
    add_box_option(parser, "count only inside this box, in voxels")


def execute(options: argparse.Namespace) -> Answer:
    """Read both and count."""
    from segmend.core.review import evaluate
    from segmend.core.volumes.opening import open_labels

    scores = evaluate(open_labels(options.segmentation), open_labels(options.labels), options.box)
    values = {key: getattr(scores, key) for key in KEYS}
    return Answer(values, "\n".join(f"{key:>20}  {value:.4f}" for key, value in values.items()))
