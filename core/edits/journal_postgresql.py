"""A journal in a schema of a PostgreSQL database, for several people at once.

Writers take one advisory lock per project for as long as their transaction: rows become visible in the order of their
numbers, and the numbers have no gaps, so nobody who asks for what is newer than the last row they know misses one.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from segmend.core.edits.journal_rows import MOST_OPERATIONS, select
from segmend.core.edits.storage import SHARED_TABLES
from segmend.core.errors import InputError, JournalError

_SCHEMA = re.compile(r"segmend_[0-9a-f]{32}")
_QUERY = {"schema", "sslmode", "sslrootcert"}
_OPTIONS = (
    "-c statement_timeout=120s -c lock_timeout=60s -c idle_in_transaction_session_timeout=120s"
)
_OPERATIONS = """CREATE TABLE {}operations (
    number BIGINT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    author TEXT NOT NULL,
    time TEXT NOT NULL,
    generation BIGINT NOT NULL,
    place_z_nm DOUBLE PRECISION,
    place_y_nm DOUBLE PRECISION,
    place_x_nm DOUBLE PRECISION,
    payload TEXT NOT NULL,
    candidate TEXT,
    verdict TEXT,
    reason TEXT NOT NULL,
    milliseconds BIGINT,
    version TEXT NOT NULL
)"""


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
        schema = url.query.get("schema")
        if not isinstance(schema, str) or not _SCHEMA.fullmatch(schema):
            raise JournalError(
                f"{plain(url)} names no journal: expected ?schema=segmend_ID at its end"
            )
        self._schema = schema
        self._url = url.difference_update_query(["schema"])
        self._name = plain(self._url)
        self._lock = zlib.crc32(schema.encode()) << 31 | int(schema[-7:], 16)
        options = f"{_OPTIONS} -c search_path={schema}"
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
    def section(self) -> Iterator[None]:
        """Exclude every other writer; commit at the end."""
        if self._inside:
            yield
            return
        connection = self._connected()
        self._inside = True
        committing = False
        try:
            with self._told("written"):
                transaction = connection.begin()
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

    def highest(self) -> int:
        """Return the highest number in use."""
        query = "SELECT coalesce(max(number), 0) FROM operations WHERE number <= :most"
        return int(self.rows(query, most=MOST_OPERATIONS)[0][0])

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


_LOCK = sa.text("SELECT pg_advisory_xact_lock(:key)")


def make_journal(location: str, owner: str) -> None:
    """Make the schema of a new project, with its owner.

    Raises
    ------
    JournalError
        If the server cannot be reached or does not allow it.
    """
    url = database_url(location)
    schema = url.query["schema"]
    assert isinstance(schema, str)
    assert _SCHEMA.fullmatch(schema)
    with _administering(url) as connection:
        connection.execute(sa.text(f"CREATE SCHEMA {schema}"))
        for sql in (_OPERATIONS, *SHARED_TABLES):
            connection.execute(sa.text(sql.format(f"{schema}.")))
        connection.execute(
            sa.text(f"INSERT INTO {schema}.members (author, role) VALUES (:author, 'owner')"),
            {"author": owner},
        )


def remove_journal(location: str) -> None:
    """Remove the schema of a project that could not be made; one with operations is kept.

    Raises
    ------
    JournalError
        If the server cannot be reached or does not allow it.
    """
    url = database_url(location)
    schema = url.query["schema"]
    assert isinstance(schema, str)
    assert _SCHEMA.fullmatch(schema)
    with _administering(url) as connection:
        if not connection.execute(sa.text(f"SELECT 1 FROM {schema}.operations LIMIT 1")).all():
            connection.execute(sa.text(f"DROP SCHEMA {schema} CASCADE"))


def check_server(location: str) -> None:
    """Refuse a database in which no journal could be made.

    Raises
    ------
    JournalError
    """
    url = database_url(location)
    with _administering(url) as connection:
        allowed = connection.execute(
            sa.text("SELECT has_database_privilege(current_database(), 'CREATE')")
        ).scalar()
    if not allowed:
        raise JournalError(
            f"{plain(url)} does not allow this account to make a schema: ask for "
            f"GRANT CREATE ON DATABASE {url.database} TO {url.username}"
        )


def database_url(location: str) -> sa.URL:
    """Return a checked address of a PostgreSQL database.

    Raises
    ------
    InputError
        If it is none, or has options that this program does not know.
    """
    try:
        url = sa.make_url(location)
    except (SQLAlchemyError, ValueError):
        raise InputError(
            "the journal's address cannot be read: expected postgresql://USER@HOST/DATABASE"
        ) from None
    if url.drivername not in ("postgresql", "postgresql+psycopg"):
        raise InputError(
            f"a journal in {url.drivername!r} is not known: expected postgresql://USER@HOST/DATABASE"
        )
    strange = sorted(set(url.query) - _QUERY)
    if strange or not url.database:
        what = f"has the option {strange[0]!r}" if strange else "names no database"
        raise InputError(
            f"the journal's address {what}: expected postgresql://USER@HOST/DATABASE, "
            "with ?sslmode= and sslrootcert= at most"
        )
    return url.set(drivername="postgresql+psycopg")


def plain(url: sa.URL) -> str:
    """Return an address to show and to store: without password and schema."""
    bare = url.set(drivername="postgresql", password=None).difference_update_query(["schema"])
    return bare.render_as_string(hide_password=False)


def engine(url: sa.URL, options: str) -> sa.Engine:
    """Return an engine with time limits; a password in plain text is never sent."""
    return sa.create_engine(
        url.difference_update_query(["schema"]),
        isolation_level="READ COMMITTED",
        pool_size=1,
        connect_args={
            "connect_timeout": 10,
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "tcp_user_timeout": 30_000,
            "application_name": "segmend",
            "require_auth": "!password",
            "options": options,
        },
    )


@contextmanager
def _administering(url: sa.URL) -> Iterator[sa.Connection]:
    made = engine(url, _OPTIONS)
    try:
        with made.begin() as connection:
            yield connection
    except SQLAlchemyError as error:
        cause = " ".join(str(getattr(error, "orig", None) or error).split())
        raise JournalError(
            f"the journal cannot be made on {plain(url)} ({cause}); check the server, the account and the password",
            details=str(error),
        ) from error
    finally:
        made.dispose()
