"""The append-only journal: one row per operation, the only commit point of every edit.

In a file (SQLite) for one person at a time, or in a schema of a PostgreSQL database for several. Rows are read as what
they are, something from outside: one that is damaged is listed and the others stay usable.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from segmend.core.errors import InputError, JournalError
from segmend.core.journal import rows
from segmend.core.journal.claims import Claims
from segmend.core.journal.operation import Operation, Problem
from segmend.core.journal.sqlite import SqliteStorage
from segmend.core.journal.storage import FIRST, LAST, Storage
from segmend.core.journal.team import Presence, Team, present

__all__ = ["Journal", "Operation", "Problem", "Writing"]


class Journal:
    """Operations in a database, appended and read, never changed.

    Parameters
    ----------
    location : str or Path
        A file (SQLite), or the URL of one project's schema in a PostgreSQL database as `Project.journal_location`
        gives it.
    durable : bool
        Flush every row to disk; a server always does.
    read_only : bool
        Make and change nothing; a missing file is an empty journal.

    Raises
    ------
    JournalError
        If the database cannot be opened.
    """

    def __init__(
        self, location: str | Path, *, durable: bool = False, read_only: bool = False
    ) -> None:
        self._read_only = read_only
        self._version = version("segmend")
        self._damaged: dict[int, Problem] = {}
        self._storage = _storage(location, durable, read_only)
        self._writing: Writing | None = None
        self.claims = Claims(self._storage, read_only=read_only)
        """Who works on which candidate."""
        self.team = Team(self._storage, read_only=read_only)
        """Who may do what."""

    @property
    def shared(self) -> bool:
        """Whether others write to it at the same time."""
        return self._storage.shared

    @property
    def damaged(self) -> tuple[Problem, ...]:
        """Rows that could not be used, of all that were read so far."""
        return tuple(self._damaged[number] for number in sorted(self._damaged))

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        """Exclude every other writer: nothing is newer inside than what `Writing.newer` returns.

        What is appended inside is committed at the end, all of it or, after an exception, nothing. Inside another such
        section it is part of that one.

        Raises
        ------
        JournalError
            If the journal cannot be written, also at the end; then nothing of it is in the journal, unless the
            message says that this is not known.
        """
        if self._read_only:
            raise JournalError(
                "the journal was opened read-only: open the project for writing to edit it"
            )
        if self._writing is not None:
            yield self._writing
            return
        with self._storage.section():
            self._writing = Writing(self)
            try:
                yield self._writing
            finally:
                self._writing = None

    def append(self, operation: Operation) -> Operation:
        """Commit one operation and return it with its number, time and version.

        Raises
        ------
        JournalError
            If the row could not be written.
        InputError
            If it cannot be stored.
        NotAllowed
            If its author may only look on.
        """
        with self.writing() as section:
            return section.append(operation)

    def operations(self, *, up_to: int | None = None, after: int | None = None) -> list[Operation]:
        """Return the operations in order; the damaged ones are left out and listed in `damaged`.

        Parameters
        ----------
        up_to : int, optional
            The last number.
        after : int, optional
            Only those with higher numbers.

        Raises
        ------
        JournalError
            If the journal cannot be read.
        """
        first = FIRST if after is None else after + 1
        last = LAST if up_to is None else up_to
        found = self._storage.rows(self._storage.select_operations, first=first, last=last)
        with _collection_paused():
            return list(self._checked(found))

    def _checked(self, found: Iterable[tuple[Any, ...]]) -> Iterator[Operation]:
        before = FIRST
        for row in found:
            try:
                if row[0] <= before:
                    raise InputError("its number is there twice")
                before = row[0]
                yield rows.operation_of(row)
            except InputError as error:
                self._damaged[row[0]] = Problem(row[0], f"journal row {row[0]} is damaged: {error}")

    def who(self) -> tuple[Presence, ...]:
        """Return who worked lately or has a claim: the last first."""
        return present(self._storage, self.claims.active())

    def integrity(self) -> list[str]:
        """Return what the database says is wrong with itself."""
        return self._storage.integrity()

    def close(self) -> None:
        """Give the database back."""
        self._storage.close()


class Writing:
    """What can be done while all other writers wait; made by `Journal.writing`."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._storage = journal._storage
        self._last: int | None = None
        self._time = ""
        self._may: set[str] = set()

    def newer(self, than: int) -> list[Operation]:
        """Return every operation with a higher number; no other appears before this section ends."""
        return self._journal.operations(after=than)

    def append(self, operation: Operation) -> Operation:
        """Add an operation and return it with its number, time and version; raises what `Journal.append` raises."""
        if self._last is None:
            self._last, now = self._storage.position()
            self._time = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
        number = self._last + 1
        given = replace(
            operation,
            number=number,
            time=operation.time or self._time,
            version=operation.version or self._journal._version,
        )
        try:
            row = rows.row_of(given)
        except InputError as error:
            raise InputError(f"the operation cannot be written: {error}") from None
        if operation.author not in self._may:
            self._journal.team.check_may_edit(operation.author)
            self._may.add(operation.author)
        self._storage.change(rows.INSERT, row)
        self._last = number
        return given


@contextmanager
def _collection_paused() -> Iterator[None]:
    """Keep the garbage collector from going through the rows again and again while they are made."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def _storage(location: str | Path, durable: bool, read_only: bool) -> Storage:
    if isinstance(location, str) and "://" in location:
        # Only a shared journal needs SQLAlchemy, which takes long to import.
        from segmend.core.journal.postgresql import PostgresqlStorage

        return PostgresqlStorage(location, read_only=read_only)
    return SqliteStorage(Path(location).absolute(), durable=durable, read_only=read_only)
