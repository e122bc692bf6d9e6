"""``segmend adopt PROJECT OTHER``: take in what was edited in another copy of the project."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from segmend.app.cli.answer import Answer
from segmend.app.cli.arguments import add_author_option

if TYPE_CHECKING:
    from segmend.core.copies.adoption import Adopted, Adoption

HELP = "take in the edits of another copy of the project; overlapping ones are listed for you to decide"
MOST_LINES = 200


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("project", type=Path, help="a NAME.segmend folder")
    parser.add_argument(
        "other",
        help="another copy of it, or a journal written by segmend export OTHER OUT.jsonl --what journal",
    )
    add_author_option(parser)


def execute(options: argparse.Namespace) -> Answer:
    """Adopt in one transaction and tell what became of every operation."""
    from segmend.core.copies.copying import adopt_copy, read_copy
    from segmend.core.session import Session

    foreign = read_copy(options.other)
    with Session.open(options.project, author=options.author, durable=True) as session:
        adoption, conflicts = adopt_copy(session, foreign)
    values = adoption.to_json()
    values["conflicts"] = [{"operation": p.number, "reason": p.reason} for p in conflicts]
    lines = [*_lines(adoption), *(f"does not fit: {p.reason}" for p in conflicts)]
    return Answer(values, "\n".join(lines))


def _lines(adoption: Adoption) -> Iterator[str]:
    yield (
        f"{adoption.known} operations known, {len(adoption.applied)} applied, {len(adoption.same)} decided alike, "
        f"{len(adoption.overlapping)} overlapping, {len(adoption.damaged)} not usable"
    )
    for problem in adoption.damaged[:MOST_LINES]:
        yield f"not usable: {problem.reason}"
    for one in adoption.overlapping[:MOST_LINES]:
        yield _to_decide(one)
    if len(adoption.overlapping) > MOST_LINES:
        yield f"and {len(adoption.overlapping) - MOST_LINES} more: --json lists them all"
    if adoption.overlapping:
        yield "they are in the journal, switched off: segmend edit PROJECT switch --on NUMBER --off NUMBER decides"


def _to_decide(one: Adopted) -> str:
    place = (
        "" if one.place_nm is None else " at " + " ".join(f"{v:g}" for v in one.place_nm) + " nm"
    )
    against = f" against {_numbers(one.ours)} of this copy" if one.ours else ""
    after = f" depends on {_numbers(one.depends_on)}" if one.depends_on else ""
    return (
        f"to decide: {one.number} ({one.kind}) by {one.author}, {one.time}{place}{against}{after}"
    )


def _numbers(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers))
