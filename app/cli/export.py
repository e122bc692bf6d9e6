"""``segmend export PROJECT OUT``: what others can open."""

from __future__ import annotations

import argparse
from pathlib import Path

from segmend.app.cli.answer import Answer, Steps
from segmend.app.cli.arguments import add_box_option

HELP = "write the proofread segmentation, meshes, skeletons, journal or candidates"
KINDS = ("segmentation", "meshes", "skeletons", "journal", "candidates")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("project", type=Path, help="a NAME.segmend folder")
    parser.add_argument("out", type=Path, help=".h5, .zarr, .tif, .npy; a folder for meshes; .json")
    parser.add_argument("--what", choices=KINDS, default="segmentation")
    add_box_option(parser, "only this part, in voxels")


def execute(options: argparse.Namespace) -> Answer:
    """Write to a temporary name, then rename."""
    from segmend.core.exporting import export

    report = export(
        options.project, options.out, what=options.what, box=options.box, progress=Steps()
    )
    return Answer(report, f"{options.out}: {options.what} written")
