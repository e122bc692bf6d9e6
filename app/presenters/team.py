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
        Told in words what colleagues did since the last look.
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
        caught_up: Callable[[str], None],
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
        self._told = session.timeline.newest_row
        self._names: dict[int, tuple[int, ...]] = {}

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

    def hear(self, changes: Any) -> None:
        """Remember what segments a change touched, also one that came in with an edit of one's own.

        Called by the session on its own thread, where `_look` runs, too.
        """
        if changes.author != self._session.author:
            self._names[changes.operation] = changes.old_export_ids

    def _look(self) -> tuple[list[str], tuple[Person, ...]]:
        self._keep()
        for change in self._session.catch_up():
            self._names[change.operation] = change.old_export_ids
        newest = self._session.timeline.newest_row
        words, people = self._words(newest), self._people()
        self._told = newest  # only now: what could not be told is told at the next look
        self._names.clear()
        return words, people

    def _words(self, newest: int) -> list[str]:
        """Put the rows since the last look into words, without those that were written here."""
        if newest <= self._told:
            return []
        rows = self._session.journal.operations(after=self._told, up_to=newest)
        return [
            foreign_words(row.author, row.kind, self._names.get(row.number, ()), row.verdict)
            for row in rows
            if row.kind != "run"
            and (row.author != self._session.author or row.number in self._names)
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

    def _show(self, found: tuple[list[str], tuple[Person, ...]]) -> None:
        self._waiting = self._is_lost = False
        words, people = found
        self._view.show_team(people)
        if words:
            self._news = [*reversed(words), *self._news][:MOST_NEWS]
            self._view.show_news(self._news)
            rest = len(words) - 1
            more = f", and {rest} more edit{'s' * (rest > 1)}" if rest > 0 else ""
            self._caught_up(f"{words[-1]}{more}")

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
