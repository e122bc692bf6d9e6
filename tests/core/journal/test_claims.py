"""Two people never get the same candidate, and nobody keeps one for ever."""

import sqlite3
from multiprocessing import get_context

import pytest

from segmend.core.errors import InputError, JournalError
from segmend.core.journal.journal import Journal
from segmend.core.journal.sqlite import SqliteStorage


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.sqlite"


@pytest.fixture
def journal(path):
    journal = Journal(path)
    yield journal
    journal.close()


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test moves."""
    now = [1000.0]
    monkeypatch.setattr(SqliteStorage, "now", lambda _storage: now[0])
    return now


def test_the_first_one_gets_it(journal, clock):
    assert journal.claims.claim("c", "ada", 60)
    assert not journal.claims.claim("c", "bob", 60)
    (claim,) = journal.claims.active()
    assert (claim.candidate, claim.author, claim.until) == ("c", "ada", 1060.0)


def test_it_can_be_kept_for_longer(journal, clock):
    journal.claims.claim("c", "ada", 60)
    clock[0] += 50
    assert journal.claims.claim("c", "ada", 60)
    clock[0] += 50
    assert not journal.claims.claim("c", "bob", 60)


def test_it_ends_by_itself(journal, clock):
    journal.claims.claim("c", "ada", 60)
    clock[0] += 60
    assert journal.claims.active() == ()
    assert journal.claims.claim("c", "bob", 60)
    assert not journal.claims.claim("c", "ada", 60)


def test_it_is_given_back_by_who_has_it(journal, clock):
    journal.claims.claim("c", "ada", 60)
    journal.claims.release("c", "bob")
    assert [claim.author for claim in journal.claims.active()] == ["ada"]
    journal.claims.release("c", "ada")
    assert journal.claims.active() == ()


def test_another_connection_sees_it(journal, path):
    journal.claims.claim("c", "ada", 60)
    reader = Journal(path, read_only=True)
    assert [claim.candidate for claim in reader.claims.active()] == ["c"]
    with pytest.raises(JournalError, match="read-only"):
        reader.claims.claim("d", "ada", 60)
    reader.close()


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), 10**6])
def test_a_time_out_of_range_is_refused(journal, seconds):
    with pytest.raises(InputError, match="seconds"):
        journal.claims.claim("c", "ada", seconds)
    assert journal.claims.active() == ()


@pytest.mark.parametrize("name", ["", " ", "a\0", "\udc80", "x" * 300])
def test_a_name_that_cannot_be_stored_is_refused(journal, name):
    with pytest.raises(InputError):
        journal.claims.claim(name, "ada", 60)
    with pytest.raises(InputError):
        journal.claims.claim("c", name, 60)


def test_a_claim_without_end_from_a_strange_file_does_not_hold(journal, path):
    with sqlite3.connect(path) as database:
        database.executemany(
            "INSERT INTO claims VALUES (?, ?, ?)",
            [("a", "eve", 1e300), ("b", "eve", "for ever"), ("c", b"eve", 2e9)],
        )
    database.close()
    assert journal.claims.active() == ()
    assert all(journal.claims.claim(name, "ada", 60) for name in "ab")


def _claim_all(path, author, queue):
    journal = Journal(path)
    queue.put([name for name in range(30) if journal.claims.claim(str(name), author, 600)])
    journal.close()


def test_processes_that_race_share_the_candidates(journal, path):
    context = get_context("fork")
    queue = context.Queue()
    people = [context.Process(target=_claim_all, args=(path, f"p{n}", queue)) for n in range(3)]
    for person in people:
        person.start()
    got = [queue.get(timeout=60) for _ in people]
    for person in people:
        person.join(60)
    assert sorted(name for names in got for name in names) == list(range(30))
