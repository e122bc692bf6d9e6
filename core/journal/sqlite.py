"""A journal in an SQLite file, in WAL mode.

With ``synchronous=NORMAL`` a row survives the death of the program; with ``FULL`` also a power cut, at the price of one
flush to disk per row.

The file may come from a stranger: SQLite is told to trust nothing that its schema names, and a schema with anything in
it that could act by itself (triggers, views, virtual tables, generated columns, checks) is refused before a row is
read or written.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from segmend.core.errors import JournalError
from segmend.core.journal.rows import COLUMNS, MOST_OPERATIONS, select
from segmend.core.journal.storage import SHARED_TABLES

_OPERATIONS = """CREATE TABLE IF NOT EXISTS operations (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    kind VARCHAR(32) NOT NULL,
    author VARCHAR(256) NOT NULL,
    time VARCHAR(40) NOT NULL,
    generation INTEGER NOT NULL,
    place_z_nm FLOAT,
    place_y_nm FLOAT,
    place_x_nm FLOAT,
    payload TEXT NOT NULL,
    candidate VARCHAR(128),
    verdict VARCHAR(16),
    reason TEXT NOT NULL,
    milliseconds INTEGER,
    version VARCHAR(32) NOT NULL
)"""
_TABLES = {
    "operations": COLUMNS,
    "claims": ("candidate", "author", "until"),
    "members": ("author", "role"),
    "settings": ("name", "value"),
}
_FAILURES = (sqlite3.Error, UnicodeDecodeError, OverflowError)
"""What sqlite3 raises where a file is damaged; also its messages may quote what is no text."""
_ACTS_BY_ITSELF = re.compile(r"\b(check|generated|references|default|collate|as)\b", re.IGNORECASE)
# The second term keeps the number of a row that somebody deleted from being used again.
_HIGHEST = (
    "SELECT max(coalesce((SELECT max(number) FROM operations WHERE number <= :most), 0),"
    " coalesce((SELECT max(seq) FROM sqlite_sequence WHERE name = 'operations'"
    " AND typeof(seq) = 'integer' AND seq <= :most), 0))"
)


class SqliteStorage:
    """The tables of a journal in a file.

    Parameters
    ----------
    file : Path
    durable : bool
        Flush every commit to disk.
    read_only : bool
        Make and change nothing; a missing file is an empty journal.

    Raises
    ------
    JournalError
        If the file is no journal or cannot be opened.
    """

    shared = False
    select_operations = select("length(CAST({} AS BLOB))")

    def __init__(self, file: Path, *, durable: bool, read_only: bool) -> None:
        self._file = file
        self._inside = False
        self._connection: sqlite3.Connection | None = None
        self._tables: frozenset[str] = frozenset()
        if file.exists() and not file.is_file():
            raise JournalError(f"the journal {file} is no file: expected a journal.sqlite")
        try:
            if read_only:
                self._open_to_read()
            else:
                self._open_to_write(durable)
        except _FAILURES as error:
            self.close()
            raise self._broken("opened", error) from error
        except BaseException:
            self.close()
            raise

    @property
    def has_team(self) -> bool:
        """Whether it has the tables for claims and roles."""
        return self._tables.issuperset(_TABLES)

    @contextmanager
    def section(self, *, alone: bool = True) -> Iterator[None]:
        """Exclude every other writer; commit at the end."""
        if self._inside:
            yield
            return
        connection = self._open_connection()
        try:
            connection.execute("BEGIN IMMEDIATE")
        except _FAILURES as error:
            raise self._broken("written", error) from error
        self._inside = True
        try:
            yield
            connection.execute("COMMIT")
        except _FAILURES as error:
            raise self._broken("written", error) from error
        finally:
            self._inside = False
            if connection.in_transaction:
                with suppress(*_FAILURES):  # a disk that failed a moment ago may fail again
                    connection.execute("ROLLBACK")

    def rows(self, sql: str, **values: Any) -> Sequence[tuple[Any, ...]]:
        """Return all rows of a query; none where there is no journal yet."""
        if self._connection is None:
            return []
        try:
            return self._connection.execute(sql, values).fetchall()
        except _FAILURES as error:
            if "decode to UTF-8" not in str(error):
                raise self._broken("read", error) from error
        return self._rows_with_damaged_text(self._connection, sql, values)

    def change(self, sql: str, *values: dict[str, Any]) -> int:
        """Carry a statement out for each set of values."""
        connection = self._open_connection()
        try:
            if len(values) == 1:
                return connection.execute(sql, values[0]).rowcount
            return connection.executemany(sql, values).rowcount
        except _FAILURES as error:
            raise self._broken("written", error) from error

    def position(self) -> tuple[int, float]:
        """Return the highest number in use and the time."""
        return int(self.rows(_HIGHEST, most=MOST_OPERATIONS)[0][0]), self.now()

    def now(self) -> float:
        """Return the time of this machine."""
        return time.time()

    def integrity(self) -> list[str]:
        """Return what SQLite says is wrong with the file."""
        try:
            answer = [row[0] for row in self.rows("PRAGMA integrity_check")]
        except JournalError as error:
            return [str(error.__cause__ or error)]
        return [line for line in answer if line != "ok"]

    def close(self) -> None:
        """Give the file back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # -- opening -------------------------------------------------------------------------------

    def _open_to_write(self, durable: bool) -> None:
        connection = self._connection = _connect(f"file:{quote(self._file.as_posix())}?mode=rwc")
        self._tables = _checked_tables(connection, self._file)
        connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        connection.execute("PRAGMA journal_mode=WAL")
        if not self.has_team:
            with self.section():
                for sql in (_OPERATIONS, *SHARED_TABLES):
                    connection.execute(sql.format(""))
            self._tables = _checked_tables(connection, self._file)

    def _open_to_read(self) -> None:
        if not self._file.exists():
            return
        try:
            self._read_through("mode=ro")
        except _FAILURES:
            # A disk that cannot be written has no room for the shared memory of WAL mode; without rows that wait in
            # a log beside it, the file alone is the whole journal.
            log = self._file.with_name(f"{self._file.name}-wal")
            if log.exists() and log.stat().st_size:
                raise
            self.close()
            self._read_through("immutable=1")

    def _read_through(self, mode: str) -> None:
        self._connection = _connect(f"file:{quote(self._file.as_posix())}?{mode}")
        self._tables = _checked_tables(self._connection, self._file)
        if "operations" not in self._tables:
            self.close()

    def _open_connection(self) -> sqlite3.Connection:
        if self._connection is None:
            raise JournalError(f"the journal {self._file} is closed: open the project again")
        return self._connection

    def _rows_with_damaged_text(
        self, connection: sqlite3.Connection, sql: str, values: dict[str, Any]
    ) -> Sequence[tuple[Any, ...]]:
        """Read again with texts that are none as bytes, so that only their rows are damaged."""
        connection.text_factory = _text_or_bytes
        try:
            return connection.execute(sql, values).fetchall()
        except _FAILURES as error:
            raise self._broken("read", error) from error
        finally:
            connection.text_factory = str

    def _broken(self, what: str, error: Exception) -> JournalError:
        advice = (
            "check that the disk is not full and that the folder can be written, then try again"
        )
        if "malformed" in str(error) or "not a database" in str(error):
            advice = "the file is damaged: put it back from a copy of the project"
        return JournalError(
            f"the journal {self._file} cannot be {what} ({error}); {advice}",
            details=str(error),
        )


def _connect(address: str) -> sqlite3.Connection:
    connection = sqlite3.connect(address, uri=True, check_same_thread=False, isolation_level=None)
    connection.execute("PRAGMA trusted_schema=OFF")
    connection.execute("PRAGMA cell_size_check=ON")
    connection.execute("PRAGMA busy_timeout=5000")
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    return connection


def _checked_tables(connection: sqlite3.Connection, file: Path) -> frozenset[str]:
    """Return which tables there are; refuse a schema that is not a journal's."""
    entries = connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
    found = set()
    for kind, name, sql in entries:
        inner = str(name).lower().startswith("sqlite_")
        if inner and kind in ("table", "index"):
            continue
        if kind != "table" or name not in _TABLES or _ACTS_BY_ITSELF.search(str(sql)):
            raise JournalError(
                f"{file} is no journal of Segmend: it holds the {kind} {str(name)[:40]!r} in a form that none has; "
                "put the journal back from a copy"
            )
        columns = connection.execute("SELECT name, hidden FROM pragma_table_xinfo(?)", (name,))
        if sorted(columns) != sorted((column, 0) for column in _TABLES[name]):
            raise JournalError(
                f"{file} is no journal of Segmend: the columns of {name} are others; put it back from a copy"
            )
        found.add(name)
    if "operations" in found and not any(name == "sqlite_sequence" for _, name, _ in entries):
        raise JournalError(
            f"{file} is no journal of Segmend: its numbers could be used twice; put it back from a copy"
        )
    return frozenset(found)


def _text_or_bytes(raw: bytes) -> str | bytes:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw
