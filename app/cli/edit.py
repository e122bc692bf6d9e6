"""``segmend edit PROJECT``: every kind of edit, undo and redo, one at a time or as a stream of JSON lines."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from segmend.app.cli.answer import Answer, say_what_is_left_out, to_json, write_line
from segmend.app.cli.edit_options import add_actions, request_of
from segmend.core.errors import InputError, SegmendError

if TYPE_CHECKING:
    from segmend.core.session import Session

HELP = "merge, split, paint, undo and more, or list what was done"
LONGEST_LINE = 1 << 20
STREAM = """one JSON edit per line on stdin, one JSON answer per line on stdout once it is in the journal:
{"kind": "merge", "at": [[Z, Y, X], [Z, Y, X]]}               "detach" likewise
{"kind": "split", "sides": [[[Z, Y, X], ...], [[Z, Y, X], ...]]}   "divide" likewise
{"kind": "cleave", "groups": [[[Z, Y, X], ...], [[Z, Y, X], ...]]}
{"kind": "paint", "mask": "FILE.npy", "box": "Z0:Z1,Y0:Y1,X0:X1", "into": [Z, Y, X]}   or "new": true
{"kind": "erase", "points": [[Z, Y, X], ...], "radius": NM, "only": [Z, Y, X]}
{"kind": "mark", "at": [Z, Y, X], "finished": true}           "lock" and "unlock" likewise
{"kind": "switch", "off": [N, ...], "on": [N, ...]}
{"kind": "undo", "count": 1}   {"kind": "redo", "count": 1}
"reason": "..." may be added; "preview": true asks a split, cleave or divide for its pieces and changes nothing.
Blank lines are skipped. A line that is refused is answered {"error": "..."} and changes nothing; the exit status is
0 all the same, and the summary that --json prints at the end counts such lines: {"applied": N, "refused": N}."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = f"--stdin: {STREAM}"
    parser.add_argument("project", type=Path, help="a NAME.segmend folder")
    parser.add_argument("--stdin", action="store_true", help="read edits from stdin, see below")
    add_actions(parser)


def execute(options: argparse.Namespace) -> Answer:
    """Apply one edit, or every edit on stdin."""
    if options.stdin == bool(options.action):
        raise InputError(
            "expected one action (merge, split, cleave, ...) or --stdin; see segmend edit --help"
        )
    request = None if options.stdin else request_of(options)
    from segmend.core.session import Session

    read_only = options.action == "log" or options.preview
    with Session.open(
        options.project, author=options.author, read_only=read_only, durable=options.durable
    ) as session:
        say_what_is_left_out(session.damaged)
        if options.action == "log":
            return _log(session)
        if request is None:
            return _stream(session, sys.stdin.buffer, nm=options.nm)
        values = carry_out(session, request, nm=options.nm)
    from segmend.app.cli.edit_answers import in_words

    return Answer(values, in_words(values))


def carry_out(session: Session, request: dict[str, Any], *, nm: bool) -> dict[str, Any]:
    """Apply one edit in its JSON form and return the answer.

    Raises
    ------
    SegmendError
        If the request has another form or the edit does not fit; nothing was changed.
    """
    from segmend.app.cli.edit_answers import answer_of, answer_of_switch, preview_of
    from segmend.app.cli.edit_requests import steps_of, switched
    from segmend.app.cli.edit_values import edit_of

    kind, reason = request.get("kind"), request.get("reason", "")
    if kind in ("undo", "redo"):
        step = session.undo if kind == "undo" else session.redo
        return answer_of([step() for _ in range(steps_of(request, session))])
    if kind == "switch":
        return answer_of_switch(session.switch(**switched(request)))
    edit = edit_of(request, session, nm=nm)
    if request.get("preview"):
        return preview_of(edit, session)
    return answer_of([session.apply(edit, reason=reason)])


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
    from segmend.app.cli.edit_answers import describe_log

    operations = describe_log(session)
    lines = [
        f"{o['operation']:>6}  {o['time']}  {o['author']:<16} {o['kind']:<8} {o['verdict'] or '':<7} {o['state']}"
        for o in operations
    ]
    return Answer({"operations": operations}, "\n".join(lines) or "no operations yet")
