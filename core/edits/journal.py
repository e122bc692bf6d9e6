"""The append-only journal: one row per operation, the only commit point of every edit.

SQLite in WAL mode. With ``synchronous=NORMAL`` a row survives the death of the program; with ``FULL`` it also
survives a power cut, at the price of one flush to disk per row.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from segmend.core.errors import JournalError
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
    """

    def __init__(self, url: str | Path, *, durable: bool = False) -> None:
        self._name = str(url)
        address = url if "://" in str(url) else f"sqlite:///{Path(url).absolute()}"
        self._engine = sa.create_engine(str(address))
        if self._engine.dialect.name == "sqlite":
            sa.event.listen(self._engine, "connect", _sqlite_settings(durable))
        self._version = version("segmend")
        try:
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
        """
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        try:
            with self._connection.begin():
                result = self._connection.execute(_operations.insert(), self._row(operation, time))
        except SQLAlchemyError as error:
            raise self._broken("written", error) from error
        number = int(result.inserted_primary_key[0])  # type: ignore[index]
        return _stamped(operation, number, time, self._version)

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
        try:
            with self._connection.begin():
                rows = self._connection.execute(query).all()
        except SQLAlchemyError as error:
            raise self._broken("read", error) from error
        return [_operation(row) for row in rows]

    def integrity(self) -> list[str]:
        """Return what the database says is wrong with itself."""
        if self._engine.dialect.name != "sqlite":
            return []
        try:
            with self._connection.begin():
                answer = self._connection.execute(sa.text("PRAGMA integrity_check")).scalars().all()
        except SQLAlchemyError as error:
            return [str(error.__cause__ or error)]
        return [line for line in answer if line != "ok"]

    def close(self) -> None:
        """Give the database back."""
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


def _stamped(operation: Operation, number: int, time: str, version: str) -> Operation:
    return replace(operation, number=number, time=time, version=version)


def _operation(row: Any) -> Operation:
    try:
        payload = json.loads(row.payload)
    except ValueError as error:
        raise JournalError(
            f"journal row {row.number} is damaged (its payload is not JSON); run `segmend check`"
        ) from error
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
