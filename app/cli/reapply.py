"""``segmend reapply PROJECT``: decisions of earlier generations made good on the present one."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from segmend.app.cli.answer import Answer
from segmend.app.cli.arguments import add_author_option

if TYPE_CHECKING:
    from segmend.core.reapplying.meaning import ConflictingDecision, Reapplied

HELP = "bring the decisions of earlier generations over to the present segmentation"
MOST_LINES = 200


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("project", type=Path, help="a NAME.segmend folder")
    parser.add_argument(
        "--since", type=int, default=1, metavar="GENERATION", help="leave out older ones (1)"
    )
    add_author_option(parser)


def execute(options: argparse.Namespace) -> Answer:
    """Re-apply and tell what could not be."""
    found = reapply_to(options.project, since=options.since, author=options.author)
    return Answer(found.to_json(), describe(found))


def reapply_to(project: Path, *, since: int = 1, author: str | None = None) -> Reapplied:
    """Open the project and bring the decisions over."""
    from segmend.core.reapplying.reapplication import reapply_edits
    from segmend.core.session import Session

    with Session.open(project, author=author) as session:
        return reapply_edits(session, since)


def describe(found: Reapplied) -> str:
    """Return what a person reads."""
    lines = [
        f"{found.decisions} decisions: {found.satisfied} kept, {found.applied} re-applied, "
        f"{len(found.conflicts)} in conflict, {len(found.overruled)} superseded by newer edits of this generation; "
        f"{found.superseded} were taken back by later ones"
    ]
    lines += _listed("conflict", found.conflicts)
    lines += _listed("superseded", found.overruled)
    return "\n".join(lines)


def _listed(what: str, found: Sequence[ConflictingDecision]) -> Iterator[str]:
    for one in found[:MOST_LINES]:
        place = "" if one.place_nm is None else " at " + " ".join(f"{v:g}" for v in one.place_nm)
        yield (
            f"{what}: operation {one.operation} of generation {one.generation} ({one.kind}) by {one.author}"
            f"{place}: {one.reason}"
        )
    if len(found) > MOST_LINES:
        yield f"and {len(found) - MOST_LINES} more: --json lists them all"
