"""``segmend edit PROJECT``: merges, splits, undo and redo, one at a time or as a stream of JSON lines."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from segmend.app.cli.answer import Answer, to_json, write_line
from segmend.app.cli.arguments import OneLineParser, add_author_option, add_output_options, triples
from segmend.core.errors import InputError, SegmendError

if TYPE_CHECKING:
    from segmend.core.session import Session

HELP = "merge, split, undo, redo, or list what was done"
LONGEST_LINE = 1 << 20
STREAM = """one JSON edit per line on stdin, one JSON answer per line on stdout once it is in the journal:
{"kind": "merge", "at": [[Z, Y, X], [Z, Y, X]]}
{"kind": "split", "sides": [[[Z, Y, X], ...], [[Z, Y, X], ...]]}
{"kind": "undo", "count": 1}   {"kind": "redo", "count": 1};   "reason": "..." may be added"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = f"--stdin: {STREAM}"
    parser.add_argument("project", type=Path, help="a NAME.segmend folder")
    parser.add_argument("--stdin", action="store_true", help="read edits from stdin, see below")
    _add_edit_options(parser)
    parser.set_defaults(action=None, nm=False, author=None, reason="")
    actions = parser.add_subparsers(metavar="ACTION", parser_class=OneLineParser)
    merge = _action(actions, "merge", "join the segments at two or more places")
    point = {"nargs": 3, "type": float, "action": "append", "required": True}
    merge.add_argument(
        "--at", metavar=("Z", "Y", "X"), help="a place in a segment; twice or more", **point
    )
    split = _action(actions, "split", "cut the segment between two sides")
    side = {"nargs": "+", "type": float, "action": "append", "required": True}
    split.add_argument("--side", metavar="Z Y X", help="places on one side; give it twice", **side)
    for name, text in (("undo", "take back the last edits"), ("redo", "do them again")):
        counted = _action(actions, name, text)
        counted.add_argument("count", type=int, nargs="?", default=1, help="how many (1)")
    _action(actions, "log", "list all operations")


def execute(options: argparse.Namespace) -> Answer:
    """Apply one edit, or every edit on stdin."""
    if options.stdin == bool(options.action):
        raise InputError(
            "expected one of merge, split, undo, redo, log, or --stdin; see segmend edit --help"
        )
    request = None if options.stdin else _request(options)
    from segmend.core.session import Session

    read_only = options.action == "log"
    with Session.open(
        options.project, author=options.author, read_only=read_only, durable=not read_only
    ) as session:
        if options.action == "log":
            return _log(session)
        if request is None:
            return _stream(session, sys.stdin.buffer, nm=options.nm)
        values = carry_out(session, request, nm=options.nm)
    text = (
        f"operation {values['operation']}: {_ids(values['old_ids'])} -> {_ids(values['new_ids'])}"
    )
    return Answer(values, text)


def carry_out(session: Session, request: dict[str, Any], *, nm: bool) -> dict[str, Any]:
    """Apply one edit in its JSON form and return the answer.

    Raises
    ------
    SegmendError
        If the request has another form or the edit does not fit; nothing was changed.
    """
    from segmend.app.cli.edit_requests import answer_of, edit_of, steps_of

    kind = request.get("kind")
    if kind in ("undo", "redo"):
        step = session.undo if kind == "undo" else session.redo
        return answer_of([step() for _ in range(steps_of(request, session))])
    edit = edit_of(request, session, nm=nm)
    return answer_of([session.apply(edit, reason=request.get("reason", ""))])


def _stream(session: Session, stream: BinaryIO, *, nm: bool) -> Answer:
    """Answer line by line; a line that cannot be carried out is answered with its error."""
    from segmend.app.cli.edit_requests import parse_line

    done = failed = 0
    for line in _lines(stream):
        try:
            answer = carry_out(session, parse_line(line), nm=nm)
            done += 1
        except SegmendError as error:
            answer = {"error": " ".join(str(error).split())}
            failed += 1
        write_line(to_json(answer))
    return Answer({"applied": done, "refused": failed})


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """Yield lines of bounded length; one that is longer ends the stream with an error."""
    while line := stream.readline(LONGEST_LINE + 1):
        if len(line) > LONGEST_LINE:
            raise InputError(
                f"a line on stdin is longer than {LONGEST_LINE} bytes: expected one JSON edit per line"
            )
        if line.strip():
            yield line


def _log(session: Session) -> Answer:
    from segmend.app.cli.edit_requests import describe_log

    operations = describe_log(session)
    lines = [
        f"{o['operation']:>6}  {o['time']}  {o['author']:<16} {o['kind']:<8} {o['verdict'] or '':<7} {o['state']}"
        for o in operations
    ]
    return Answer({"operations": operations}, "\n".join(lines) or "no operations yet")


def _request(options: argparse.Namespace) -> dict[str, Any]:
    request: dict[str, Any] = {"kind": options.action, "reason": options.reason}
    if options.action == "merge":
        request["at"] = options.at
    elif options.action == "split":
        request["sides"] = [triples(side, "--side") for side in options.side]
    elif options.action in ("undo", "redo"):
        request["count"] = options.count
    return request


def _action(actions: Any, name: str, help_text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(
        name, help=help_text, description=help_text, argument_default=argparse.SUPPRESS
    )
    add_output_options(parser)
    _add_edit_options(parser)
    parser.set_defaults(action=name)
    return parser


def _add_edit_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--nm", action="store_true", help="places are nm, not voxels")
    parser.add_argument("--reason", help="why; kept in the journal")
    add_author_option(parser)


def _ids(ids: list[int]) -> str:
    return " ".join(map(str, ids)) or "nothing"
