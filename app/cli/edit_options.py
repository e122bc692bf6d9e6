"""The actions of `segmend edit` as options, and what they ask for in the JSON form of `--stdin`."""

from __future__ import annotations

import argparse
from typing import Any

from segmend.app.cli.arguments import OneLineParser, add_author_option, add_output_options, triples

_PLACE: dict[str, Any] = {"nargs": 3, "type": float, "metavar": ("Z", "Y", "X")}
_PLACES: dict[str, Any] = {"nargs": "+", "type": float, "action": "append", "metavar": "Z Y X"}


def add_actions(parser: argparse.ArgumentParser) -> None:
    """Add one sub-command for each kind of edit."""
    add_edit_options(parser)
    parser.set_defaults(action=None, nm=False, author=None, reason="", preview=False, durable=False)
    actions = parser.add_subparsers(metavar="ACTION", parser_class=OneLineParser)
    merge = _action(actions, "merge", "join the segments at two or more places")
    merge.add_argument(
        "--at", action="append", required=True, help="a place; twice or more", **_PLACE
    )
    split = _action(actions, "split", "cut a segment between two sides or more")
    _add_sides(split, "--side", "places on one side; twice or more")
    cleave = _action(actions, "cleave", "take parts out of a segment, what no seed reaches stays")
    _add_sides(cleave, "--group", "places in one part; twice or more")
    divide = _action(actions, "divide", "divide one supervoxel; its parts stay in their segment")
    _add_sides(divide, "--side", "places in one part; twice or more")
    detach = _action(actions, "detach", "take the supervoxels at some places out of their segment")
    detach.add_argument(
        "--at", action="append", required=True, help="a place; may be repeated", **_PLACE
    )
    _add_marks(actions)
    _add_strokes(actions)
    switch = _action(actions, "switch", "turn operations off and on, whatever came after them")
    for name in ("--off", "--on"):
        switch.add_argument(name, nargs="+", type=int, metavar="N", help="numbers as in the log")
    for name, text in (("undo", "take back the last edits"), ("redo", "do them again")):
        counted = _action(actions, name, text)
        counted.add_argument("count", type=int, nargs="?", default=1, help="how many (1)")
    _action(actions, "log", "list all operations")


def add_edit_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that all edits share."""
    parser.add_argument("--nm", action="store_true", help="places are nm, not voxels")
    parser.add_argument("--reason", help="why; kept in the journal")
    parser.add_argument(
        "--durable",
        action="store_true",
        help="flush each edit to disk before it is acknowledged, so that it survives a power cut, too",
    )
    add_author_option(parser)


def request_of(options: argparse.Namespace) -> dict[str, Any]:
    """Return the request that options stand for, in the form of a line on stdin.

    Raises
    ------
    InputError
        If the numbers of a side are not triples.
    """
    given = vars(options)
    request: dict[str, Any] = {"kind": options.action, "reason": options.reason}
    for option, name in (("side", "sides"), ("group", "groups")):
        if option in given:
            request[name] = [triples(side, f"--{option}") for side in given[option]]
    if "points" in given:
        request["points"] = [p for stroke in given["points"] for p in triples(stroke, "--points")]
    for name in (
        "at", "finished", "mask", "box", "radius", "into", "new", "only", "off", "on", "count",
    ):  # fmt: skip
        if name in given:
            request[name] = given[name]
    if options.preview:
        request["preview"] = True
    return request


def _add_sides(parser: argparse.ArgumentParser, name: str, text: str) -> None:
    parser.add_argument(name, required=True, help=text, **_PLACES)
    parser.add_argument(
        "--preview", action="store_true", help="say what the pieces would be; change nothing"
    )


def _add_marks(actions: Any) -> None:
    mark = _action(actions, "mark", "say that a segment is finished")
    mark.add_argument("--at", required=True, help="a place in the segment", **_PLACE)
    mark.add_argument(
        "--not", dest="finished", action="store_false", default=True, help="that it is not"
    )
    for name, text in (("lock", "protect a segment from edits"), ("unlock", "allow them again")):
        lock = _action(actions, name, text)
        lock.add_argument("--at", required=True, help="a place in the segment", **_PLACE)


def _add_strokes(actions: Any) -> None:
    paint = _action(actions, "paint", "give voxels to a segment")
    target = paint.add_mutually_exclusive_group(required=True)
    target.add_argument("--into", help="a place in the segment that gets them", **_PLACE)
    target.add_argument("--new", action="store_true", help="they become a new segment")
    erase = _action(actions, "erase", "make voxels background")
    erase.add_argument("--only", help="a place in the one segment that loses them (all)", **_PLACE)
    for action in (paint, erase):
        voxels = action.add_mutually_exclusive_group(required=True)
        voxels.add_argument("--mask", metavar="FILE.npy", help="z y x array, chosen where not 0")
        voxels.add_argument("--points", help="a stroke through these places", **_PLACES)
        action.add_argument(
            "--box", metavar="Z0:Z1,Y0:Y1,X0:X1", help="where the mask lies (the whole volume)"
        )
        action.add_argument("--radius", type=float, metavar="NM", help="of the stroke, in nm")


def _action(actions: Any, name: str, help_text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(
        name, help=help_text, description=help_text, argument_default=argparse.SUPPRESS
    )
    add_output_options(parser)
    add_edit_options(parser)
    parser.set_defaults(action=name)
    return parser
