"""A journal in a schema of a PostgreSQL database, for several people at once.

Writers take one advisory lock per project for as long as their transaction: rows become visible in the order of their
numbers, and the numbers have no gaps, so nobody who asks for what is newer than the last row they know misses one.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from segmend.core.errors import JournalError
from segmend.core.journal.database import OPTIONS, database_url, engine, plain, schema_of
from segmend.core.journal.rows import MOST_OPERATIONS, select

_LOCK = sa.text("SELECT pg_advisory_xact_lock(:key)")


class PostgresqlStorage:
    """The tables of a journal on a server.

    Parameters
    ----------
    location : str
        The database's URL with ``schema=`` in its query.
    read_only : bool

    Raises
    ------
    JournalError
        If the server cannot be reached or has no such journal.
    """

    shared = True
    has_team = True
    select_operations = select("octet_length({})")

    def __init__(self, location: str, *, read_only: bool) -> None:
        url = database_url(location)
        schema = schema_of(url)
        self._schema = schema
        self._url = url.difference_update_query(["schema"])
        self._name = plain(self._url)
        self._lock = zlib.crc32(schema.encode()) << 31 | int(schema[-7:], 16)
        options = f"{OPTIONS} -c search_path={schema}"
        if read_only:
            options += " -c default_transaction_read_only=on"
        self._engine = engine(self._url, options)
        self._connection: sa.Connection | None = None
        self._inside = False
        if not self.rows("SELECT 1 FROM pg_namespace WHERE nspname = :schema", schema=schema):
            self.close()
            raise JournalError(
                f"{self._name} has no journal of this project ({schema}): check the `journal` in project.toml, "
                "or put the database back from a copy"
            )

    @contextmanager
    def section(self, *, alone: bool = True) -> Iterator[None]:
        """Exclude every other writer unless told not to; commit at the end."""
        if self._inside:
            yield
            return
        connection = self._connected()
        self._inside = True
        committing = False
        try:
            with self._told("written"):
                transaction = connection.begin()
                if alone:
                    connection.execute(_LOCK, {"key": self._lock})
            yield
            committing = True
            transaction.commit()
        except SQLAlchemyError as error:
            raise self._broken("written", error, unknown=committing) from error
        finally:
            self._inside = False
            self._end(connection)

    def rows(self, sql: str, **values: Any) -> Sequence[tuple[Any, ...]]:
        """Return all rows of a query."""
        connection = self._connected()
        with self._told("read"):
            if self._inside:
                return [tuple(row) for row in connection.execute(sa.text(sql), values)]
            try:
                with connection.begin():
                    return [tuple(row) for row in connection.execute(sa.text(sql), values)]
            finally:
                self._end(connection)

    def change(self, sql: str, *values: dict[str, Any]) -> int:
        """Carry a statement out for each set of values."""
        with self._told("written"):
            return self._connected().execute(sa.text(sql), list(values)).rowcount

    def position(self) -> tuple[int, float]:
        """Return the highest number in use and the time."""
        query = (
            "SELECT coalesce(max(number), 0), extract(epoch FROM clock_timestamp())"
            " FROM operations WHERE number <= :most"
        )
        highest, now = self.rows(query, most=MOST_OPERATIONS)[0]
        return int(highest), float(now)

    def now(self) -> float:
        """Return the time of the server."""
        return float(self.rows("SELECT extract(epoch FROM clock_timestamp())")[0][0])

    def integrity(self) -> list[str]:
        """Return nothing: the server looks after its own files."""
        return []

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._engine.dispose()

    def _connected(self) -> sa.Connection:
        if self._connection is None:
            with self._told("opened"):
                self._connection = self._engine.connect()
        return self._connection

    def _end(self, connection: sa.Connection) -> None:
        """Leave no transaction open; forget a connection that broke, so that the next call makes another."""
        try:
            if connection.in_transaction():
                connection.rollback()
        except SQLAlchemyError:
            connection.invalidate()
        if connection.invalidated or connection.closed:
            connection.close()
            self._connection = None

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            raise self._broken(what, error) from error

    def _broken(self, what: str, error: SQLAlchemyError, *, unknown: bool = False) -> JournalError:
        cause = " ".join(str(getattr(error, "orig", None) or error).split()) or "no answer"
        kept = (
            "whether the last edit was kept is not known until it can be read again"
            if unknown
            else "nothing of this edit was kept"
            if what == "written"
            else "nothing was changed"
        )
        return JournalError(
            f"the journal on {self._name} cannot be {what} ({cause}); {kept}; check the network, the server and the "
            "password (PGPASSWORD or ~/.pgpass), then try again",
            details=str(error),
        )
