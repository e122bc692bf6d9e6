"""Rows go in once and come out as they were."""

import sqlite3
from dataclasses import replace

import pytest

from segmend.core.edits.history import history, references
from segmend.core.edits.journal import Journal, Operation
from segmend.core.edits.timeline import named_files
from segmend.core.errors import InputError, JournalError


def operation(kind="merge", **fields):
    return Operation(kind=kind, generation=1, payload={"kind": kind}, author="ada", **fields)


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


def test_a_damaged_row_is_named(journal, tmp_path):
    journal.append(operation())
    with sqlite3.connect(tmp_path / "journal.sqlite") as database:
        database.execute("UPDATE operations SET payload = '{'")
    database.close()
    with pytest.raises(JournalError, match="row 1 is damaged"):
        journal.operations()


def test_a_file_that_is_no_database_is_one_clear_error(tmp_path):
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"nothing of the kind" * 100)
    with pytest.raises(JournalError, match="cannot be opened"):
        Journal(path)


@pytest.mark.parametrize(("durable", "level"), [(False, 1), (True, 2)])
def test_durability_is_what_was_asked(tmp_path, durable, level):
    journal = Journal(tmp_path / "j.sqlite", durable=durable)
    with journal._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == level
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
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


@pytest.mark.parametrize("payload", ["[]", "1", "null", "[" * 100_000, "1" * 5000])
def test_a_payload_that_is_no_object_is_named(journal, tmp_path, payload):
    journal.append(operation())
    with sqlite3.connect(tmp_path / "journal.sqlite") as database:
        database.execute("UPDATE operations SET payload = ?", (payload,))
    database.close()
    with pytest.raises(JournalError, match="row 1 is damaged"):
        journal.operations()


def row(number, kind, target=None):
    payload = {"target": target} if target else {"kind": kind}
    return Operation(kind=kind, generation=1, payload=payload, author="a", number=number)


def test_history_follows_undo_and_redo():
    rows = [
        row(1, "merge"),
        row(2, "split"),
        row(3, "undo", 2),
        row(4, "undo", 1),
        row(5, "redo", 1),
    ]
    past = history(rows, 1)
    assert [o.number for o in past.done] == [1]
    assert [o.number for o in past.undone] == [2]


def test_a_new_edit_ends_what_can_be_redone():
    past = history([row(1, "merge"), row(2, "undo", 1), row(3, "merge")], 1)
    assert [o.number for o in past.done] == [3]
    assert past.undone == ()


def test_other_generations_and_runs_do_not_count():
    assert history([row(1, "merge"), row(2, "run")], 2).done == ()
    assert [o.number for o in history([row(1, "merge"), row(2, "run")], 1).done] == [1]


def test_an_undo_out_of_line_is_named():
    with pytest.raises(JournalError, match="row 3"):
        history([row(1, "merge"), row(2, "merge"), row(3, "undo", 1)], 1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("chunks", 5),
        ("chunks", [[0, 0, 0, "a"]]),
        ("chunks", [[0, 0, 0, 0, 7]]),
        ("chunks", [[0, -1, 0, 0, "a"]]),
        ("chunks", ["abcde"]),
        ("tables", ["a"]),
        ("new_segments", {"a": 1}),
        ("new_segments", [2**32]),
        ("children", [True]),
        ("children", [1.0]),
        ("children", None),
        ("target", "1"),
        ("target", [1]),
    ],
)
def test_a_field_that_cannot_be_read_is_named_with_its_row(name, value):
    damaged = Operation(kind="divide", generation=1, payload={name: value}, author="a", number=4)
    with pytest.raises(JournalError, match=f"row 4 is damaged .its {name}"):
        references(damaged)
    with pytest.raises(JournalError, match="row 4"):
        named_files([damaged])


@pytest.mark.parametrize("target", [None, "1", [1], True, -1, 1.0])
def test_an_undo_names_an_operation(target):
    undo = Operation(kind="undo", generation=1, payload={"target": target}, author="a", number=2)
    with pytest.raises(JournalError, match=r"row 2 is damaged .its target"):
        history([row(1, "merge"), undo], 1)
