"""The append-only journal: one row per operation, the only commit point of every edit.

SQLite in WAL mode. With ``synchronous=NORMAL`` a row survives the death of the program; with ``FULL`` it also
survives a power cut, at the price of one flush to disk per row.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from segmend.core.errors import InputError, JournalError
from segmend.core.geometry import ZyxNm

_metadata = sa.MetaData()
_operations = sa.Table(
    "operations",
    _metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("author", sa.String(256), nullable=False),
    sa.Column("time", sa.String(40), nullable=False),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("place_z_nm", sa.Float),
    sa.Column("place_y_nm", sa.Float),
    sa.Column("place_x_nm", sa.Float),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("candidate", sa.String(128)),
    sa.Column("verdict", sa.String(16)),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("milliseconds", sa.Integer),
    sa.Column("version", sa.String(32), nullable=False),
    sqlite_autoincrement=True,
)


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of the journal.

    Parameters
    ----------
    number : int
        0 before it is in the journal.
    kind : str
        "merge", "split", "divide", "verdict", "undo", "redo" or "run".
    generation : int
        Of the supervoxels that the payload names.
    payload : dict
        The resolved edit, or ``{"target": number}`` for undo and redo.
    author : str
    place_nm : tuple of 3 float, optional
    candidate, verdict : str, optional
        Set when the operation decides a candidate.
    reason : str
    milliseconds : int, optional
        How long the decision took.
    time, version : str
        Filled by the journal: UTC in ISO form, Segmend's version.
    """

    kind: str
    generation: int
    payload: dict[str, Any]
    author: str
    place_nm: ZyxNm | None = None
    candidate: str | None = None
    verdict: str | None = None
    reason: str = ""
    milliseconds: int | None = None
    number: int = 0
    time: str = ""
    version: str = ""


class Journal:
    """Operations in a database, appended and read, never changed.

    Parameters
    ----------
    url : str or Path
        A file (SQLite) or an SQLAlchemy URL.
    durable : bool
        Flush every row to disk.
    read_only : bool
        Make and change nothing; a missing file is an empty log.

    Raises
    ------
    JournalError
        If the database cannot be opened.
    """

    def __init__(self, url: str | Path, *, durable: bool = False, read_only: bool = False) -> None:
        self._name = str(url)
        self._read_only = read_only
        self._version = version("segmend")
        self._connection: sa.Connection | None = None
        file = None if isinstance(url, str) and "://" in url else Path(url).absolute()
        try:
            if read_only and file is not None:
                self._engine, self._connection = _opened_to_read(file)
                return
            self._engine = sa.create_engine(
                str(url) if file is None else sa.URL.create("sqlite", database=str(file))
            )
            if self._engine.dialect.name == "sqlite" and not read_only:
                sa.event.listen(self._engine, "connect", _sqlite_settings(durable))
            if not read_only:
                _metadata.create_all(self._engine)
            self._connection = self._engine.connect()
        except SQLAlchemyError as error:
            raise self._broken("opened", error) from error

    def append(self, operation: Operation) -> Operation:
        """Commit one operation and return it with its number, time and version.

        Raises
        ------
        JournalError
            If the row could not be written; then it is not in the journal.
        InputError
            If a text cannot be stored.
        """
        if self._read_only or self._connection is None:
            raise JournalError(
                f"the journal {self._name} was opened read-only: open the project for writing to edit it"
            )
        _check_texts(operation)
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        try:
            with self._connection.begin():
                result = self._connection.execute(_operations.insert(), self._row(operation, time))
        except SQLAlchemyError as error:
            raise self._broken("written", error) from error
        number = int(result.inserted_primary_key[0])  # type: ignore[index]
        return replace(operation, number=number, time=time, version=self._version)

    def operations(self, *, up_to: int | None = None) -> list[Operation]:
        """Return the operations in order, up to and including a number.

        Raises
        ------
        JournalError
            If the journal or one of its rows cannot be read; the row is named.
        """
        query = sa.select(_operations).order_by(_operations.c.number)
        if up_to is not None:
            query = query.where(_operations.c.number <= up_to)
        if self._connection is None:
            return []
        try:
            with self._connection.begin():
                rows = self._connection.execute(query).all()
        except SQLAlchemyError as error:
            raise self._broken("read", error) from error
        return [_operation(row) for row in rows]

    def integrity(self) -> list[str]:
        """Return what the database says is wrong with itself."""
        if self._connection is None or self._engine.dialect.name != "sqlite":
            return []
        try:
            with self._connection.begin():
                answer = self._connection.execute(sa.text("PRAGMA integrity_check")).scalars().all()
        except SQLAlchemyError as error:
            return [str(error.__cause__ or error)]
        return [line for line in answer if line != "ok"]

    def close(self) -> None:
        """Give the database back."""
        if self._connection is not None:
            self._connection.close()
        self._engine.dispose()

    def _row(self, operation: Operation, time: str) -> dict[str, Any]:
        z, y, x = operation.place_nm or (None, None, None)
        return {
            "kind": operation.kind,
            "author": operation.author,
            "time": time,
            "generation": operation.generation,
            "place_z_nm": z,
            "place_y_nm": y,
            "place_x_nm": x,
            "payload": json.dumps(operation.payload, separators=(",", ":"), allow_nan=False),
            "candidate": operation.candidate,
            "verdict": operation.verdict,
            "reason": operation.reason,
            "milliseconds": operation.milliseconds,
            "version": self._version,
        }

    def _broken(self, what: str, error: SQLAlchemyError) -> JournalError:
        cause = str(getattr(error, "orig", None) or error).splitlines()[0]
        return JournalError(
            f"the journal {self._name} cannot be {what} ({cause}); check that the disk is not full and "
            "that the folder can be written, then try again",
            details=str(error),
        )


def _operation(row: Any) -> Operation:
    try:
        payload = json.loads(row.payload)
    except (TypeError, ValueError, RecursionError) as error:
        raise JournalError(
            f"journal row {row.number} is damaged (its payload is not JSON); run `segmend check`"
        ) from error
    if not isinstance(payload, dict):
        raise JournalError(
            f"journal row {row.number} is damaged (its payload is no object); run `segmend check`"
        )
    place = (row.place_z_nm, row.place_y_nm, row.place_x_nm)
    return Operation(
        kind=row.kind,
        generation=row.generation,
        payload=payload,
        author=row.author,
        place_nm=None if None in place else place,
        candidate=row.candidate,
        verdict=row.verdict,
        reason=row.reason,
        milliseconds=row.milliseconds,
        number=row.number,
        time=row.time,
        version=row.version,
    )


def _sqlite_settings(durable: bool) -> Any:
    def apply(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        cursor.execute("PRAGMA busy_timeout=5000")
        cursor.close()

    return apply


def _opened_to_read(file: Path) -> tuple[sa.Engine, sa.Connection | None]:
    """Open a file so that nothing is written; no connection if there is no log in it yet."""
    if not file.exists():
        return _reading_engine(file, "mode=ro"), None
    try:
        return _connected(_reading_engine(file, "mode=ro"))
    except SQLAlchemyError:
        # A disk that cannot be written has no room for the shared memory of WAL mode; without rows that wait in a
        # log beside it, the file alone is the whole journal.
        log = file.with_name(f"{file.name}-wal")
        if log.exists() and log.stat().st_size:
            raise
        return _connected(_reading_engine(file, "immutable=1"))


def _reading_engine(file: Path, mode: str) -> sa.Engine:
    address = f"file:{quote(file.as_posix())}?{mode}"
    return sa.create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(address, uri=True, check_same_thread=False),
        poolclass=sa.QueuePool,
    )


def _connected(engine: sa.Engine) -> tuple[sa.Engine, sa.Connection | None]:
    connection = None
    try:
        connection = engine.connect()
        with connection.begin():
            begun = sa.inspect(connection).has_table(_operations.name)
    except SQLAlchemyError:
        if connection is not None:
            connection.close()
        engine.dispose()
        raise
    if begun:
        return engine, connection
    connection.close()
    return engine, None


def _check_texts(operation: Operation) -> None:
    """Refuse halves of surrogate pairs, which no database can store."""
    for name in ("kind", "author", "candidate", "verdict", "reason"):
        try:
            (getattr(operation, name) or "").encode()
        except UnicodeEncodeError as error:
            raise InputError(
                f"{name} holds a character that is no valid text (at position {error.start}): "
                "expected Unicode text; remove the character and try again"
            ) from None
