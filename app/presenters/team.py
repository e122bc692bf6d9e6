"""Who is working on what, when several people share one journal. No Qt, no napari."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from segmend.app.presenters.edit_words import foreign_words
from segmend.app.presenters.ports import Jobs
from segmend.core.errors import JournalError

MOST_NEWS = 30


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody at work.

    Parameters
    ----------
    name, role : str
    doing : str
        What they are at, or when they did something last.
    me : bool
    busy : bool
        They hold a candidate now.
    """

    name: str
    role: str
    doing: str
    me: bool = False
    busy: bool = False


class TeamView(Protocol):
    """The team panel."""

    def show_team(self, people: Sequence[Person]) -> None:
        """Show who is at work."""

    def show_news(self, news: Sequence[str]) -> None:
        """Show what colleagues did, newest first."""


class TeamPresenter:
    """Catches up with the journal and tells what others did.

    Parameters
    ----------
    session : Session
    jobs : Jobs
    view : TeamView
    caught_up : callable
        Told of the changes of colleagues, all at once, and of what they did in words.
    lost : callable
        Told once, in words, that the journal cannot be reached, and why; it is tried again at every look.
    keep : callable, optional
        Done at every look, on the thread of the session.
    """

    def __init__(
        self,
        session: Any,
        jobs: Jobs,
        view: TeamView,
        *,
        caught_up: Callable[[Sequence[Any], str], None],
        lost: Callable[[str, str], None],
        keep: Callable[[], None] = lambda: None,
    ) -> None:
        self._session = session
        self._jobs = jobs
        self._view = view
        self._caught_up = caught_up
        self._lost = lost
        self._keep = keep
        self._is_lost = False
        self._news: list[str] = []
        self._waiting = False

    @property
    def shared(self) -> bool:
        """Whether there is anybody to watch."""
        return bool(self._session.journal.shared)

    def look(self) -> None:
        """Catch up, unless the last look is not back yet."""
        if self._waiting:
            return
        self._waiting = True
        self._jobs.edit(self._look, self._show, self._on_failure)

    def _look(self) -> tuple[list[Any], list[str], tuple[Person, ...]]:
        self._keep()
        changes = list(self._session.catch_up())
        return changes, self._words(changes), self._people()

    def _words(self, changes: Sequence[Any]) -> list[str]:
        if not changes:
            return []
        first = min(change.operation for change in changes)
        rows = {row.number: row for row in self._session.journal.operations(after=first - 1)}
        return [
            foreign_words(row.author, row.kind, change.old_export_ids, row.verdict)
            for change in changes
            if (row := rows.get(change.operation)) is not None
        ]

    def _people(self) -> tuple[Person, ...]:
        journal, me = self._session.journal, self._session.author
        present = list(journal.who())
        roles = {member.author: member.role for member in journal.team.members()}
        default = journal.team.default_role if roles else "owner"
        people = [
            Person(p.author, roles.get(p.author, default), doing(p), p.author == me, bool(p.claims))
            for p in present
        ]
        if all(person.name != me for person in people):
            people.append(Person(me, roles.get(me, default), "looking on", me=True))
        return tuple(sorted(people, key=lambda p: (not p.me, not p.busy)))

    def _show(self, found: tuple[list[Any], list[str], tuple[Person, ...]]) -> None:
        self._waiting = self._is_lost = False
        changes, words, people = found
        self._view.show_team(people)
        if changes:
            self._news = [*reversed(words), *self._news][:MOST_NEWS]
            self._view.show_news(self._news)
            rest = len(words) - 1
            more = f", and {rest} more edit{'s' * (rest > 1)}" if rest > 0 else ""
            self._caught_up(changes, f"{words[-1]}{more}" if words else "")

    def _on_failure(self, error: Exception) -> None:
        self._waiting = False
        if not isinstance(error, JournalError):
            raise error
        if not self._is_lost:
            self._lost(
                "The journal of this project cannot be reached; edits wait until it is there again",
                str(error),
            )
        self._is_lost = True


def doing(presence: Any, now: datetime | None = None) -> str:
    """Say what somebody is at, or how long ago they did something."""
    if presence.claims:
        count = len(presence.claims)
        return "reviewing a candidate" if count == 1 else f"reviewing {count} candidates"
    try:
        moment = datetime.fromisoformat(presence.time).astimezone()
    except ValueError:
        return ""
    minutes = int(((now or datetime.now().astimezone()) - moment).total_seconds() // 60)
    if minutes < 1:
        return "edited just now"
    if minutes < 60:
        return f"edited {minutes} min ago"
    return f"edited {minutes // 60} h ago" if minutes < 48 * 60 else f"edited {moment:%d %b}"
