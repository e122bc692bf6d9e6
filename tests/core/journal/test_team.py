"""Roles hold where names are honest, and nobody is locked out of a project."""

import sqlite3

import pytest

from segmend.core.errors import InputError, JournalError, NotAllowed
from segmend.core.journal.journal import Journal, Operation
from segmend.core.journal.team import grants


def operation(author):
    return Operation(kind="merge", generation=1, payload={}, author=author)


def write_together(journal, *operations):
    with journal.writing() as section:
        return [section.append(operation) for operation in operations]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.sqlite"


@pytest.fixture
def journal(path):
    journal = Journal(path)
    yield journal
    journal.close()


def test_everybody_owns_a_project_without_a_team(journal):
    assert journal.team.members() == ()
    assert journal.team.role_of("anybody") == "owner"
    assert journal.append(operation("anybody")).number == 1


def test_who_gives_the_first_role_is_an_owner(journal):
    journal.team.set_role("ada", "bob", "viewer")
    roles = {member.author: member.role for member in journal.team.members()}
    assert roles == {"ada": "owner", "bob": "viewer"}
    assert journal.team.role_of("zoe") == "proofreader"


def test_viewers_look_on(journal):
    journal.team.set_role("ada", "bob", "viewer")
    with pytest.raises(NotAllowed, match=r"bob is a viewer .*\(ada\)"):
        journal.append(operation("bob"))
    with pytest.raises(NotAllowed):
        write_together(journal, operation("ada"), operation("bob"))
    assert journal.operations() == []
    assert journal.append(operation("zoe")).number == 1


def test_only_owners_give_roles(journal):
    journal.team.set_role("ada", "bob", "proofreader")
    with pytest.raises(NotAllowed, match="bob is a proofreader"):
        journal.team.set_role("bob", "bob", "owner")
    with pytest.raises(NotAllowed):
        journal.team.set_default_role("zoe", "owner")
    with pytest.raises(NotAllowed, match="start a new generation"):
        journal.team.check_owner("bob", "start a new generation")
    journal.team.check_owner("ada", "start a new generation")
    assert journal.team.role_of("bob") == "proofreader"


def test_the_last_owner_stays(journal):
    journal.team.set_role("ada", "bob", "proofreader")
    with pytest.raises(NotAllowed, match="only owner"):
        journal.team.set_role("ada", "ada", "viewer")
    assert journal.team.role_of("ada") == "owner"
    journal.team.set_role("ada", "bob", "owner")
    journal.team.set_role("ada", "ada", "viewer")
    assert journal.team.role_of("ada") == "viewer"


def test_the_role_of_everybody_else(journal):
    journal.team.set_default_role("ada", "viewer")
    assert (journal.team.role_of("ada"), journal.team.role_of("zoe")) == ("owner", "viewer")
    with pytest.raises(NotAllowed):
        journal.append(operation("zoe"))


def test_a_role_that_is_none_is_refused(journal):
    with pytest.raises(InputError, match="'king' is no role"):
        journal.team.set_role("ada", "bob", "king")
    assert journal.team.members() == ()


def test_a_role_from_a_strange_file_lets_nobody_edit(journal, path):
    journal.team.set_role("ada", "bob", "proofreader")
    with sqlite3.connect(path) as database:
        database.execute("UPDATE members SET role = 'god' WHERE author = 'bob'")
    database.close()
    assert journal.team.role_of("bob") == "viewer"


def test_reading_changes_no_roles(journal, path):
    reader = Journal(path, read_only=True)
    with pytest.raises(JournalError, match="read-only"):
        reader.team.set_role("ada", "bob", "viewer")
    reader.close()


def test_who_is_at_work(journal):
    for author in ("ada", "bob", "ada"):
        last = journal.append(operation(author))
    journal.claims.claim("c7", "bob", 60)
    journal.claims.claim("c8", "zoe", 60)
    people = journal.who()
    assert [(person.author, person.operation, person.claims) for person in people] == [
        ("ada", 3, ()),
        ("bob", 2, ("c7",)),
        ("zoe", 0, ("c8",)),
    ]
    assert people[0].time == last.time


def test_a_viewing_account_is_granted_no_writing():
    editing, viewing = grants("segmend_00")
    assert "INSERT ON segmend_00.operations" in editing
    assert "UPDATE ON segmend_00.operations" not in editing
    assert "INSERT" not in viewing
