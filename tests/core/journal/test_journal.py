"""Rows go in once and come out as they were."""

import math
import sqlite3
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segmend.core.errors import InputError, JournalError
from segmend.core.journal.journal import Journal, Operation


def operation(kind="merge", **fields):
    return Operation(kind=kind, generation=1, payload={"kind": kind}, author="ada", **fields)


def write_together(journal, *operations):
    with journal.writing() as section:
        return [section.append(operation) for operation in operations]


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path / "journal.sqlite")
    yield journal
    journal.close()


def test_rows_come_back_in_order(journal):
    first = journal.append(operation(place_nm=(1.0, 2.0, 3.0), reason="same dark core"))
    second = journal.append(operation("verdict", candidate="c", verdict="reject", milliseconds=900))
    assert (first.number, second.number) == (1, 2)
    assert journal.operations() == [first, second]
    assert journal.operations(up_to=1) == [first]
    assert first.time.endswith("+00:00")
    assert journal.integrity() == []


def test_a_second_reader_sees_committed_rows(journal, tmp_path):
    journal.append(operation())
    other = Journal(tmp_path / "journal.sqlite")
    assert len(other.operations()) == 1
    other.close()


def test_numbers_are_never_used_again(journal, tmp_path):
    journal.append(operation())
    with sqlite3.connect(tmp_path / "journal.sqlite") as database:
        database.execute("DELETE FROM operations")
    database.close()
    assert journal.append(operation()).number == 2


@pytest.mark.parametrize(("durable", "level"), [(False, 1), (True, 2)])
def test_durability_is_what_was_asked(tmp_path, durable, level):
    journal = Journal(tmp_path / "j.sqlite", durable=durable)
    assert journal._storage.rows("PRAGMA synchronous") == [(level,)]
    assert journal._storage.rows("PRAGMA journal_mode") == [("wal",)]
    journal.close()


@pytest.mark.parametrize("read_only", [False, True])
def test_signs_with_a_meaning_in_addresses_are_part_of_the_name(tmp_path, read_only):
    names = ["why?a", "why?b", "50%25#"]
    for name in names:
        folder = tmp_path / name
        folder.mkdir()
        journal = Journal(folder / "journal.sqlite")
        journal.append(operation(reason=name))
        journal.close()
    for name in names:
        journal = Journal(tmp_path / name / "journal.sqlite", read_only=read_only)
        assert [o.reason for o in journal.operations()] == [name]
        journal.close()
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(names)


def test_reading_sees_what_is_committed_and_writes_nothing(journal, tmp_path):
    kept = journal.append(operation())
    reader = Journal(tmp_path / "journal.sqlite", read_only=True)
    assert reader.operations() == [kept]
    assert reader.integrity() == []
    with pytest.raises(JournalError, match="read-only"):
        reader.append(operation())
    later = journal.append(operation())
    assert reader.operations() == [kept, later]
    reader.close()


def test_reading_makes_no_file(tmp_path):
    reader = Journal(tmp_path / "journal.sqlite", read_only=True)
    assert reader.operations() == []
    assert reader.integrity() == []
    with pytest.raises(JournalError, match="read-only"):
        reader.append(operation())
    reader.close()
    assert list(tmp_path.iterdir()) == []


def test_a_database_without_a_log_is_empty_to_a_reader(tmp_path):
    (tmp_path / "journal.sqlite").touch()
    reader = Journal(tmp_path / "journal.sqlite", read_only=True)
    assert reader.operations() == []
    reader.close()


def test_a_disk_that_cannot_be_written_is_read(journal, tmp_path, monkeypatch):
    kept = journal.append(operation())
    path = tmp_path / "journal.sqlite"
    connect = sqlite3.connect

    def on_such_a_disk(address, **options):
        if "mode=ro" in address:
            raise sqlite3.OperationalError("unable to open database file")
        return connect(address, **options)

    monkeypatch.setattr(sqlite3, "connect", on_such_a_disk)
    with pytest.raises(JournalError, match="cannot be opened"):  # rows wait in the -wal file
        Journal(path, read_only=True)
    journal.close()
    reader = Journal(path, read_only=True)
    assert reader.operations() == [kept]
    reader.close()


@pytest.mark.parametrize("field", ["author", "candidate", "reason"])
def test_half_a_character_is_refused_before_anything_is_written(journal, field):
    with pytest.raises(InputError, match=field):
        journal.append(replace(operation(), **{field: "a\udc80"}))
    assert journal.operations() == []


# -- writing together -----------------------------------------------------------------------------


def test_what_is_written_together_is_there_together(journal, tmp_path):
    reader = Journal(tmp_path / "journal.sqlite", read_only=True)
    with journal.writing() as section:
        rows = [section.append(operation()), section.append(operation("split"))]
        assert section.newer(0) == rows
        assert reader.operations() == []
    assert reader.operations() == rows
    assert section.newer(1) == rows[1:]
    reader.close()


def test_an_exception_takes_back_what_was_written(journal):
    kept = journal.append(operation())
    with pytest.raises(InputError):
        write_together(journal, operation(), operation(reason="\0"))
    assert journal.operations() == [kept]
    assert journal.append(operation()).number == 2


def test_a_section_inside_another_ends_with_it(journal):
    def write_and_fail():
        with journal.writing():
            journal.append(operation())
            assert journal.claims.claim("c", "ada", 60)
            raise KeyError

    with pytest.raises(KeyError):
        write_and_fail()
    assert journal.operations() == []
    assert journal.claims.active() == ()


def test_rows_after_a_number(journal):
    rows = [journal.append(operation()) for _ in range(5)]
    assert journal.operations(after=2) == rows[2:]
    assert journal.operations(after=2, up_to=4) == rows[2:4]
    assert journal.operations(after=5) == []
    assert journal.operations(up_to=0) == []


def test_a_second_writer_waits_its_turn(journal, tmp_path):
    other = Journal(tmp_path / "journal.sqlite")
    other._storage.rows("PRAGMA busy_timeout=1")
    with journal.writing() as section:
        section.append(operation())
        with pytest.raises(JournalError, match="locked"):
            other.append(operation())
    assert other.append(operation()).number == 2
    other.close()


def test_an_imported_operation_keeps_its_time_and_version(journal):
    row = journal.append(
        replace(operation(), time="2020-01-01T00:00:00.000+00:00", version="0.0.9")
    )
    assert (row.time, row.version) == ("2020-01-01T00:00:00.000+00:00", "0.0.9")
    assert journal.operations() == [row]


def test_a_payload_that_is_too_large_is_refused(journal, monkeypatch):
    monkeypatch.setattr("segmend.core.journal.rows.MOST_PAYLOAD", 20)
    with pytest.raises(InputError, match="smaller parts"):
        journal.append(replace(operation(), payload={"text": "x" * 20}))
    assert journal.operations() == []


def test_a_payload_of_too_many_values_is_refused(journal):
    with pytest.raises(InputError, match="smaller parts"):
        journal.append(replace(operation(), payload={"a": [0] * 2**20}))
    assert journal.operations() == []


@pytest.mark.parametrize(
    "fields",
    [
        {"generation": -1},
        {"generation": 1.0},
        {"milliseconds": 1.5},
        {"milliseconds": 2**53},
        {"milliseconds": True},
        {"place_nm": (0.0, 1e15, 0.0)},
        {"place_nm": (10**400, 0, 0)},
        {"place_nm": (0.0, math.nan, 0.0)},
        {"place_nm": (0.0, 1.0)},
        {"kind": ""},
        {"payload": {"a": math.inf}},
        {"payload": {"a": {1}}},
    ],
)
def test_what_could_not_be_read_again_is_not_written(journal, fields):
    with pytest.raises(InputError, match="cannot be"):
        journal.append(replace(operation(), **fields))
    assert journal.operations() == []


# -- journals of 0.1 ------------------------------------------------------------------------------

TABLE_OF_0_1 = """CREATE TABLE operations (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, kind VARCHAR(32) NOT NULL,
    author VARCHAR(256) NOT NULL, time VARCHAR(40) NOT NULL, generation INTEGER NOT NULL,
    place_z_nm FLOAT, place_y_nm FLOAT, place_x_nm FLOAT, payload TEXT NOT NULL,
    candidate VARCHAR(128), verdict VARCHAR(16), reason TEXT NOT NULL, milliseconds INTEGER,
    version VARCHAR(32) NOT NULL)"""


def test_a_journal_of_0_1_is_read_as_it_is_and_written_to(tmp_path):
    path = tmp_path / "journal.sqlite"
    database = sqlite3.connect(path)
    database.execute(TABLE_OF_0_1)
    database.execute(
        "INSERT INTO operations (kind, author, time, generation, payload, reason, version)"
        " VALUES ('merge', 'ada', '2026-01-01', 1, '{}', '', '0.1.0')"
    )
    database.commit()
    database.close()
    before = path.read_bytes()
    reader = Journal(path, read_only=True)
    assert [row.kind for row in reader.operations()] == ["merge"]
    assert reader.claims.active() == ()
    assert reader.team.role_of("ada") == "owner"
    assert [presence.author for presence in reader.who()] == ["ada"]
    reader.close()
    assert path.read_bytes() == before
    writer = Journal(path)
    assert writer.append(operation()).number == 2
    assert writer.claims.claim("c", "ada", 5)
    writer.close()


# -- any operation --------------------------------------------------------------------------------

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
finite = st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | finite | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(
    payload=st.dictionaries(texts, json_values, max_size=4),
    author=texts,
    place=st.none() | st.tuples(*[st.floats(-1e14, 1e14)] * 3),
    candidate=st.none() | texts,
    milliseconds=st.none() | st.integers(0, 2**40),
)
@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_operation_comes_back_as_it_was(
    journal, payload, author, place, candidate, milliseconds
):
    row = journal.append(
        Operation("merge", 1, payload, author, place, candidate, None, author, milliseconds)
    )
    assert journal.operations(after=row.number - 1) == [row]
    assert journal.damaged == ()
    assert row.payload == payload
