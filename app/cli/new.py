"""``segmend new PROJECT``: make a project from volumes."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from segmend.app.cli.answer import Answer, Steps
from segmend.app.cli.arguments import add_author_option, add_box_option, triple

HELP = "make a project from an EM volume, supervoxels or a segmentation"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("project", type=Path, help="the folder to make, usually NAME.segmend")
    array = {"metavar": "FILE[:/DATASET]"}
    parser.add_argument("--image", help="EM volume, 8 or 16 bit", **array)
    parser.add_argument(
        "--supervoxels", help="labels that are never divided by the pipeline", **array
    )
    parser.add_argument("--segmentation", help="labels to proofread", **array)
    parser.add_argument("--affinities", help="(c,z,y,x) affinities from elsewhere", **array)
    parser.add_argument(
        "--mask",
        help="where there is tissue (non-zero), also at a coarser voxel size; nothing outside it is segmented",
        **array,
    )
    three = {"nargs": 3, "type": float, "metavar": ("Z", "Y", "X")}
    parser.add_argument("--voxel-size", help="nm; needed where the file does not say", **three)
    parser.add_argument("--offset", help="nm, centre of the first voxel", **three)
    parser.add_argument(
        "--journal",
        metavar="URL",
        help="postgresql://USER@HOST/DATABASE: keep the journal there, for several people; a password in it is "
        "not stored (later: $PGPASSWORD or ~/.pgpass)",
    )
    add_author_option(parser)
    add_box_option(parser, "use only this part of the volumes, in voxels")


def execute(options: argparse.Namespace) -> Answer:
    """Make the project."""
    from segmend.core.project import create_project
    from segmend.core.session import default_author

    project = create_project(
        options.project,
        image=options.image,
        supervoxels=options.supervoxels,
        segmentation=options.segmentation,
        affinities=options.affinities,
        mask=options.mask,
        voxel_size_nm_zyx=triple(options.voxel_size),
        offset_nm_zyx=triple(options.offset),
        box=options.box,
        journal=options.journal,
        owner=options.author or default_author(),
        progress=_tell(Steps()),
    )
    z, y, x = project.shape_zyx
    size = " x ".join(f"{value:g}" for value in project.grid.voxel_size_nm_zyx)
    values: dict[str, Any] = {
        "project": str(project.path),
        "shape_zyx": project.shape_zyx,
        "voxel_size_nm_zyx": project.grid.voxel_size_nm_zyx,
    }
    lines = [f"{project.path}: {z} x {y} x {x} voxels of {size} nm (z y x)"]
    if project.shared:
        values["journal"] = project.config.journal
        lines.append(_about_journal(project.config.journal, options.journal))
    return Answer(values, "\n".join([*lines, f"next: segmend run {project.path}"]))


def _about_journal(stored: str, given: str) -> str:
    text = f"the journal is kept at {stored}"
    if stored != given:
        text += "; the password was not stored: put it into ~/.pgpass or $PGPASSWORD"
    return text


def _tell(steps: Steps) -> Callable[[str, int, int], None]:
    def tell(name: str, done: int, total: int) -> None:
        steps(name, done / total if total else 0.0)

    return tell
