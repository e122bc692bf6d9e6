"""``segmend team PROJECT``: who may do what, and who is at work."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from segmend.app.cli.answer import Answer
from segmend.app.cli.arguments import add_author_option

if TYPE_CHECKING:
    from segmend.core.journal.journal import Journal

HELP = "who may do what in a project, and who is working on what"
DESCRIPTION = """what to do; without it: list
  list               roles, and the SQL that gives a database account as much
  set NAME ROLE      make somebody owner, proofreader or viewer (owners only)
  default ROLE       the role of everybody else (owners only)
  who                who worked lately and on which candidates they are now"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.formatter_class = argparse.RawTextHelpFormatter
    parser.add_argument("project", type=Path, help="a NAME.segmend folder")
    parser.add_argument("request", nargs="*", metavar="REQUEST", help=DESCRIPTION)
    add_author_option(parser)


def execute(options: argparse.Namespace) -> Answer:
    """Show or change the team."""
    from segmend.core.errors import InputError
    from segmend.core.journal.journal import Journal
    from segmend.core.project import open_project
    from segmend.core.session import default_author

    project = open_project(options.project)
    author = options.author or default_author()
    match options.request:
        case [] | ["list"] | ["who"]:
            changes = False
        case ["set", _, _] | ["default", _]:
            changes = True
        case _:
            raise InputError(
                f"{' '.join(options.request)!r} is no request: expected list, set NAME ROLE, default ROLE or who"
            )
    journal = Journal(project.journal_location, read_only=not changes)
    try:
        match options.request:
            case ["who"]:
                return _who(journal)
            case ["set", name, role]:
                journal.team.set_role(author, name, role)
            case ["default", role]:
                journal.team.set_default_role(author, role)
        schema = f"segmend_{project.config.id}" if project.shared else None
        return _list(journal, author, schema)
    finally:
        journal.close()


def _list(journal: Journal, author: str, schema: str | None) -> Answer:
    from segmend.core.journal.team import grants

    team = journal.team
    members = team.members()
    statements = grants(schema) if schema else ()
    values = {
        "author": author,
        "role": team.role_of(author),
        "members": members,
        "default": team.default_role,
        "grants": statements,
    }
    if not members:
        text = (
            "nobody has a role yet: everybody is an owner; whoever gives the first role stays one"
        )
        return Answer(values, text)
    lines = [f"{member.role:<12} {member.author}" for member in members]
    lines.append(f"{team.default_role:<12} everybody else")
    if statements:
        lines += ["names are trusted; what an account may do in the database is the fence:"]
        lines += [
            f"  {role}: {sql}" for role, sql in zip(("editing", "viewing"), statements, strict=True)
        ]
    return Answer(values, "\n".join(lines))


def _who(journal: Journal) -> Answer:
    people = journal.who()
    lines = [
        f"{person.author}: "
        + (
            f"operation {person.operation} at {person.time}"
            if person.operation
            else "no operation lately"
        )
        + (f"; working on {', '.join(person.claims)}" if person.claims else "")
        for person in people
    ]
    return Answer({"people": people}, "\n".join(lines) or "nobody worked on this project yet")
