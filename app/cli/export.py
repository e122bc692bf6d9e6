"""``segmend export PROJECT OUT``: what others can open."""

from __future__ import annotations

import argparse
from pathlib import Path

from segmend.app.cli.answer import Answer, Steps, say_what_is_left_out
from segmend.app.cli.arguments import add_box_option
from segmend.core.errors import InputError

HELP = "write the proofread segmentation, a challenge submission, meshes, skeletons, journal or candidates"
KINDS = ("segmentation", "submission", "meshes", "skeletons", "journal", "candidates")
CHALLENGES = ("isbi2012", "snemi3d", "cremi")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("project", type=Path, help="a NAME.segmend folder")
    parser.add_argument(
        "out",
        type=_place,
        help="segmentation: .h5 (dataset /segmentation), .zarr, .tif, .npy, .ckl (Crackle, the smallest), .cpso"
        " (Compresso), gs:// or s3:// (OME-Zarr), or precomputed:// and one of these or a folder;"
        " submission: .tif (isbi2012), .h5 (snemi3d) or .hdf (cremi); meshes (.ply) and skeletons (.swc):"
        " a new folder; journal (.jsonl for `segmend adopt`) and candidates: .json",
    )
    parser.add_argument("--what", choices=KINDS, default="segmentation")
    parser.add_argument(
        "--challenge", choices=CHALLENGES, help="with --what submission: whom the file is for"
    )
    add_box_option(parser, "only this part, in voxels")
    parser.add_argument(
        "--segments",
        type=_ids,
        default=(),
        metavar="ID,ID",
        help="meshes or skeletons of these segments only, ids as the window shows them",
    )
    parser.add_argument(
        "--memory",
        type=float,
        metavar="GB",
        help="for the blocks of a segmentation, 1 unless given",
    )
    parser.add_argument(
        "--since",
        type=int,
        metavar="OPERATION",
        help="rewrite only what changed since this operation in a .zarr export of the same project",
    )


def execute(options: argparse.Namespace) -> Answer:
    """Write under a temporary name, then rename, or bring an export up to date; the project is only read."""
    from segmend.app.exports import export
    from segmend.core.session import Session

    _check_place(options.out, options.what)
    with Session.open(options.project, read_only=True) as session:
        say_what_is_left_out(session.damaged)
        values = export(
            session,
            options.out,
            options.what,
            box=options.box,
            progress=Steps(),
            memory_gb=options.memory,
            since=options.since,
            challenge=options.challenge,
            segments=options.segments,
        )
    if options.since is None:
        return Answer(values, f"{values['out']}: {options.what} written")
    return Answer(
        values, f"{values['out']}: {values['chunks']} chunks written, the rest is as it was"
    )


def _ids(text: str) -> tuple[int, ...]:
    """Read segment ids separated by commas."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words or not all(word.isdecimal() and len(word) <= 20 for word in words):
        raise argparse.ArgumentTypeError(f"{text!r}: expected segment ids such as 12,15")
    return tuple(int(word) for word in words)


def _place(text: str) -> Path:
    """Read a path; an address keeps what a path would lose, the folder that a relative one starts from."""
    from segmend.core.volumes.remote import is_remote, parse_address

    try:
        return Path(parse_address(text).text if is_remote(text) else text)
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _check_place(out: Path, what: str) -> None:
    from segmend.core.volumes.remote import is_remote

    if is_remote(out):
        if what != "segmentation":
            raise InputError(
                f"{what} are written to this machine only: give the name of a file or a folder"
            )
        return
    if not out.absolute().parent.is_dir():
        raise InputError(
            f"the folder {out.absolute().parent} does not exist: make it first, or write somewhere else"
        )
