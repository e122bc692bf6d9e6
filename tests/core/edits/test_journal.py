"""Rows go in once and come out as they were."""

import sqlite3

import pytest

from segmend.core.edits.history import history
from segmend.core.edits.journal import Journal, Operation
from segmend.core.errors import JournalError


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
