"""PostgreSQL databases in which journals are kept: their addresses, and making a journal in one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from segmend.core.errors import InputError, JournalError
from segmend.core.journal.storage import SHARED_TABLES

_SCHEMA = re.compile(r"segmend_[0-9a-f]{32}")
_QUERY = {"schema", "sslmode", "sslrootcert"}
OPTIONS = (
    "-c synchronous_commit=on -c statement_timeout=120s -c lock_timeout=60s"
    " -c idle_in_transaction_session_timeout=120s"
)
"""An acknowledged row survives a power cut; nobody who hangs keeps the others waiting for long."""
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


def make_journal(location: str, owner: str) -> None:
    """Make the schema of a new project, with its owner.

    Raises
    ------
    JournalError
        If the server cannot be reached or does not allow it.
    """
    url = database_url(location)
    schema = schema_of(url)
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
    schema = schema_of(url)
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


def schema_of(url: sa.URL) -> str:
    """Return the schema of a project's journal.

    Raises
    ------
    InputError
        If the address names none.
    """
    schema = url.query.get("schema")
    if not isinstance(schema, str) or not _SCHEMA.fullmatch(schema):
        raise InputError(f"{plain(url)} names no journal: expected ?schema=segmend_ID at its end")
    return schema


def plain(url: sa.URL) -> str:
    """Return an address to show and to store: without password and schema."""
    # `URL.set` takes None for "as it is"; a password must not stay.
    bare = url.set(drivername="postgresql")._replace(password=None)
    return bare.difference_update_query(["schema"]).render_as_string(hide_password=False)


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
    made = engine(url, OPTIONS)
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
