"""What a journal needs of a database; the two that there are say the same in their own words."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

LAST = 2**63 - 1
FIRST = -(2**63)

SHARED_TABLES = (
    "CREATE TABLE IF NOT EXISTS {}claims ("
    "candidate VARCHAR(128) NOT NULL PRIMARY KEY, author VARCHAR(256) NOT NULL, until FLOAT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS {}members ("
    "author VARCHAR(256) NOT NULL PRIMARY KEY, role VARCHAR(16) NOT NULL)",
    "CREATE TABLE IF NOT EXISTS {}settings ("
    "name VARCHAR(32) NOT NULL PRIMARY KEY, value VARCHAR(256) NOT NULL)",
)
"""Who works on what and who may; ``{}`` stands for the schema. Seconds since 1970, UTC."""


class Storage(Protocol):
    """A database with the tables of one journal.

    Every method raises JournalError where the database fails. Values are always bound, never part of the SQL.
    """

    @property
    def shared(self) -> bool:
        """Whether others write to it at the same time."""
        ...

    @property
    def has_team(self) -> bool:
        """Whether it has the tables for claims and roles; a journal of 0.1 has none until it is written to."""
        ...

    @property
    def select_operations(self) -> str:
        """The query for rows ``:first`` to ``:last``."""
        ...

    def section(self, *, alone: bool = True) -> AbstractContextManager[None]:
        """Commit what changes inside at the end, all or nothing; inside another section it is part of that one.

        Parameters
        ----------
        alone : bool
            Exclude every other writer; what is one statement, as a claim is, need not wait for them.
        """
        ...

    def rows(self, sql: str, **values: Any) -> Sequence[tuple[Any, ...]]:
        """Return all rows of a query."""
        ...

    def change(self, sql: str, *values: dict[str, Any]) -> int:
        """Carry a statement out for each set of values, inside a section; return the number of rows changed."""
        ...

    def position(self) -> tuple[int, float]:
        """Return the highest number in use and the time, inside a section."""
        ...

    def now(self) -> float:
        """Return the time by the clock that all writers share, seconds since 1970."""
        ...

    def integrity(self) -> list[str]:
        """Return what the database says is wrong with itself."""
        ...

    def close(self) -> None:
        """Give the database back."""
        ...
