"""Whatever a journal's file holds, it is read as far as it can be, and nothing in it acts."""

import sqlite3
import tracemalloc

import numpy as np
import pytest

from segmend.core.errors import JournalError
from segmend.core.journal import rows as journal_rows
from segmend.core.journal.journal import Journal, Operation
from segmend.core.journal.sqlite import SqliteStorage


def operation(kind="merge", **fields):
    return Operation(kind=kind, generation=1, payload={"kind": kind}, author="ada", **fields)


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path / "journal.sqlite")
    yield journal
    journal.close()


def spoil(folder, statement, *values):
    with sqlite3.connect(folder / "journal.sqlite") as database:
        database.execute(statement, values)
    database.close()


@pytest.mark.parametrize(
    "payload",
    [
        "{",
        "[]",
        "1",
        "null",
        "[" * 100_000,
        '{"a":' + "1" * 5000 + "}",
        '{"a":NaN}',
        b"\xff",
        5,
        "",
    ],
)
def test_a_damaged_payload_is_listed_and_the_rest_is_read(journal, tmp_path, payload):
    rows = [journal.append(operation()) for _ in range(3)]
    spoil(tmp_path, "UPDATE operations SET payload = ? WHERE number = 2", payload)
    assert journal.operations() == [rows[0], rows[2]]
    assert [problem.number for problem in journal.damaged] == [2]
    assert "journal row 2 is damaged" in journal.damaged[0].reason


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("generation", "one"),
        ("generation", -1),
        ("generation", 10**15),
        ("generation", 1.5),
        ("place_y_nm", "here"),
        ("place_y_nm", None),
        ("place_y_nm", 9e999),
        ("milliseconds", "soon"),
        ("milliseconds", b"1"),
        ("kind", b"merge"),
        ("kind", ""),
        ("author", b"\xc3("),
        ("reason", b""),
        ("candidate", b"c"),
        ("verdict", b"\0"),
    ],
)
def test_a_damaged_column_is_listed_and_the_rest_is_read(journal, tmp_path, column, value):
    place = (1.0, 2.0, 3.0)
    rows = [journal.append(operation(place_nm=place)) for _ in range(3)]
    spoil(tmp_path, f"UPDATE operations SET {column} = ? WHERE number = 2", value)
    assert journal.operations() == [rows[0], rows[2]]
    assert [problem.number for problem in journal.damaged] == [2]


def test_text_that_is_none_spoils_its_own_row_only(journal, tmp_path):
    rows = [journal.append(operation()) for _ in range(2)]
    spoil(tmp_path, "UPDATE operations SET reason = CAST(x'80ff' AS TEXT) WHERE number = 1")
    assert journal.operations() == rows[1:]
    assert [problem.number for problem in journal.damaged] == [1]


def test_a_payload_of_many_values_is_not_taken_apart(journal, tmp_path):
    rows = [journal.append(operation()) for _ in range(2)]
    payload = '{"a":[' + ",".join(["{}"] * 2**20) + "]}"
    spoil(tmp_path, "UPDATE operations SET payload = ? WHERE number = 1", payload)
    tracemalloc.start()
    try:
        assert journal.operations() == rows[1:]
        assert tracemalloc.get_traced_memory()[1] < 5 * len(payload)
    finally:
        tracemalloc.stop()
    assert "more than 1048576 values" in journal.damaged[0].reason


@pytest.mark.parametrize("column", ["payload", "reason", "candidate"])
def test_a_huge_value_is_not_loaded(journal, tmp_path, column, monkeypatch):
    monkeypatch.setattr(journal_rows, "MOST_PAYLOAD", 2**16)
    query = journal_rows.select("length(CAST({} AS BLOB))")
    monkeypatch.setattr(SqliteStorage, "select_operations", query)
    rows = [journal.append(operation()) for _ in range(2)]
    spoil(tmp_path, f"UPDATE operations SET {column} = zeroblob(1000000) WHERE number = 1")
    tracemalloc.start()
    try:
        assert journal.operations() == rows[1:]
        assert tracemalloc.get_traced_memory()[1] < 500_000
    finally:
        tracemalloc.stop()
    assert "larger than any operation" in journal.damaged[0].reason


@pytest.mark.parametrize("number", [-5, 0, 2**31, 2**63 - 1, -(2**63)])
def test_a_number_out_of_range_is_listed_and_stops_nobody(journal, tmp_path, number):
    for _ in range(2):
        journal.append(operation())
    spoil(tmp_path, "UPDATE operations SET number = ? WHERE number = 1", number)
    assert [row.number for row in journal.operations()] == [2]
    assert [problem.number for problem in journal.damaged] == [number]
    assert journal.append(operation()).number == 3


HOSTILE = [
    "CREATE TRIGGER t AFTER INSERT ON operations BEGIN DELETE FROM operations; END",
    "CREATE VIEW v AS SELECT 1",
    "CREATE TABLE other (a)",
    "CREATE INDEX i ON operations (author)",
    "ALTER TABLE operations ADD COLUMN extra INTEGER",
    "ALTER TABLE operations ADD COLUMN sum INTEGER GENERATED ALWAYS AS (number + 1)",
    "ALTER TABLE operations RENAME COLUMN reason TO motive",
    "DROP TABLE operations; CREATE VIEW operations AS SELECT 1 AS number",
    "DROP TABLE operations; CREATE TABLE operations (number INTEGER PRIMARY KEY)",
    "DROP TABLE claims; CREATE VIEW claims AS SELECT 1 AS candidate",
    "DROP TABLE claims; CREATE VIRTUAL TABLE claims USING fts5(candidate, author, until)",
    "DROP TABLE members; CREATE TABLE members (author CHECK (randomblob(9)), role)",
]


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("script", HOSTILE)
def test_a_schema_that_is_no_journals_is_refused(journal, tmp_path, script, read_only):
    journal.append(operation())
    journal.close()
    database = sqlite3.connect(tmp_path / "journal.sqlite")
    database.executescript(script)
    database.close()
    with pytest.raises(JournalError, match="no journal of Segmend"):
        Journal(tmp_path / "journal.sqlite", read_only=read_only)


@pytest.mark.parametrize("read_only", [False, True])
def test_what_is_no_file_is_refused(tmp_path, read_only):
    (tmp_path / "journal.sqlite").mkdir()
    with pytest.raises(JournalError, match="is no file"):
        Journal(tmp_path / "journal.sqlite", read_only=read_only)


@pytest.mark.parametrize("seed", range(20))
def test_bytes_changed_at_random_never_crash(journal, tmp_path, seed):
    for _ in range(40):
        journal.append(operation(reason="x" * 300))
    journal.close()
    path = tmp_path / "journal.sqlite"
    raw = bytearray(path.read_bytes())
    random = np.random.default_rng(seed)
    for place in random.integers(0, len(raw), 30):
        raw[place] = random.integers(0, 256)
    path.write_bytes(raw)
    numbers, complaint = numbers_in(path)
    assert numbers == sorted(set(numbers))
    assert complaint == "" or str(path) in complaint


def numbers_in(path):
    try:
        journal = Journal(path, read_only=True)
    except JournalError as error:
        return [], str(error)
    try:
        return [row.number for row in journal.operations()], ""
    except JournalError as error:
        return [], str(error)
    finally:
        journal.close()


def test_a_file_that_is_no_database_is_one_clear_error(tmp_path):
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"nothing of the kind" * 100)
    with pytest.raises(JournalError, match="cannot be opened"):
        Journal(path)
