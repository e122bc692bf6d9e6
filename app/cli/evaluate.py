"""``segmend evaluate SEGMENTATION LABELS``: how far a segmentation is from the truth."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from segmend.app.cli.answer import Answer, Steps
from segmend.app.cli.arguments import add_box_option, triple

if TYPE_CHECKING:
    from segmend.core.geometry import ZyxNm
    from segmend.core.volumes.base import Volume

HELP = "compare a segmentation with ground truth"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("segmentation", help="FILE or FILE:/DATASET")
    parser.add_argument("labels", help="ground truth, FILE or FILE:/DATASET; 0 is not counted")
    add_box_option(parser, "count only inside this box, in voxels")
    parser.add_argument(
        "--voxel-size", nargs=3, type=float, metavar=("Z", "Y", "X"), help="nm, where the labels' file has none"
    )  # fmt: skip
    parser.add_argument(
        "--border", type=float, metavar="NM", help="leave this much beside true borders out of cremi_score (CREMI: 25)"
    )  # fmt: skip
    parser.add_argument(
        "--run-length", action="store_true", help="trace the true objects and report the expected run length"
    )  # fmt: skip
    parser.add_argument(
        "--stray-nodes", type=int, default=0, metavar="N",
        help="with --run-length: N nodes of another object in a segment are no merge",
    )  # fmt: skip
    parser.add_argument(
        "--supervoxels", metavar="P", help="report precision and recall of merges over contacts of these supervoxels"
    )  # fmt: skip


def execute(options: argparse.Namespace) -> Answer:
    """Read both and count."""
    from segmend.core.volumes.opening import open_labels

    spatial = options.run_length or options.border is not None
    segmentation = open_labels(options.segmentation)
    labels = open_labels(
        options.labels, voxel_size_nm_zyx=triple(options.voxel_size), need_voxel_size=spatial
    )
    _check_sizes(segmentation, labels, triple(options.voxel_size))
    values = _scores(options, segmentation, labels)
    if options.run_length:
        values |= _run_lengths(options, segmentation, labels)
    if options.supervoxels:
        values |= _merges(options, segmentation, labels)
    width = max(map(len, values))
    return Answer(
        values, "\n".join(f"{key:>{width}}  {value:.4f}" for key, value in values.items())
    )


def _check_sizes(segmentation: Volume, labels: Volume, given: ZyxNm | None) -> None:
    from segmend.core.review.truth import check_voxel_size
    from segmend.core.volumes.lazy import spacing_of

    theirs = given or spacing_of(labels).voxel_size_nm_zyx
    ours = spacing_of(segmentation).voxel_size_nm_zyx
    check_voxel_size(labels.source, theirs, segmentation.source, ours)


def _scores(options: argparse.Namespace, segmentation: Volume, labels: Volume) -> dict[str, float]:
    from segmend.core.review import evaluate

    steps = Steps()
    found = evaluate(
        segmentation,
        labels,
        options.box,
        border_nm=options.border,
        progress=lambda done, total: steps("comparing", done / total),
    )
    return found.to_json()


def _run_lengths(
    options: argparse.Namespace, segmentation: Volume, labels: Volume
) -> dict[str, float]:
    from segmend.core.review.run_lengths import run_lengths

    found = run_lengths(segmentation, labels, options.box, stray_nodes=options.stray_nodes)
    return {
        "run_length_nm": found.expected_nm,
        "run_length_largest_nm": found.largest_nm,
        "run_length_split": found.split,
        "run_length_merged": found.merged,
        "run_length_omitted": found.omitted,
    }


def _merges(options: argparse.Namespace, segmentation: Volume, labels: Volume) -> dict[str, float]:
    from segmend.core.review.merge_decisions import merge_decisions
    from segmend.core.volumes.opening import open_labels

    found = merge_decisions(open_labels(options.supervoxels), segmentation, labels, options.box)
    return {"merge_precision": found.precision, "merge_recall": found.recall}
