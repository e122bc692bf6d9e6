"""One journal for several people, on a real PostgreSQL server."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
import sqlalchemy as sa
from data import four_pieces, save_hdf5
from edits_world import GRID, voronoi
from many_hands import append_each, claim_all, digest, hands, proofread, run_each
from postgresql_server import PASSWORD, Server, running_server

from segmend.core.candidates.candidate import Candidate, candidate_id
from segmend.core.candidates.store import save_candidates
from segmend.core.edits.model import Merge, Spot
from segmend.core.errors import InputError, JournalError, NotAllowed, ProjectError
from segmend.core.journal.database import database_url, engine, make_journal, remove_journal
from segmend.core.journal.journal import Journal, Operation
from segmend.core.project import create_project
from segmend.core.segmentation.graph_files import load_graph
from segmend.core.session import Session
from segmend.core.volumes.memory import MemoryVolume


def write_together(journal, *operations):
    with journal.writing() as section:
        return [section.append(operation) for operation in operations]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server() as server:
        yield server


@pytest.fixture
def location(server: Server) -> str:
    """A new journal, owned by ada."""
    location = f"{server.url}?schema=segmend_{uuid4().hex}"
    make_journal(location, "ada")
    return location


@pytest.fixture
def journals(location: str) -> Iterator[tuple[Journal, Journal]]:
    """Two people's views of it."""
    pair = Journal(location), Journal(location)
    yield pair
    for journal in pair:
        journal.close()


def operation(author: str = "ada", **fields: object) -> Operation:
    return Operation(kind="merge", generation=1, payload={"a": [1, "ü"]}, author=author, **fields)


def on_the_server(location: str, *statements: str) -> None:
    url = database_url(location)
    made = engine(url, f"-c search_path={url.query['schema']}")
    with made.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
    made.dispose()


# -- rows -----------------------------------------------------------------------------------------


def test_everybody_sees_every_row_in_order(journals):
    ada, bob = journals
    assert ada.shared
    first = ada.append(operation(place_nm=(1.0, 2.5, -3.0), milliseconds=5, reason="same core"))
    second = bob.append(operation("bob", candidate="c", verdict="accept"))
    assert (first.number, second.number) == (1, 2)
    assert ada.operations() == bob.operations() == [first, second]
    assert ada.operations(after=1) == [second]
    assert ada.operations(up_to=1) == [first]


def test_an_exception_takes_back_what_was_written_and_its_numbers(journals):
    ada, bob = journals
    with pytest.raises(InputError):
        write_together(ada, operation(), operation(reason="\0"))
    assert bob.append(operation("bob")).number == 1
    assert ada.append(operation()).number == 2


def test_nothing_is_written_between_looking_and_writing(journals):
    ada, bob = journals
    bob.append(operation("bob"))
    with ada.writing() as section:
        assert [row.number for row in section.newer(0)] == [1]
        on_the_server_lock = bob._storage.rows(
            "SELECT pg_try_advisory_lock(:key)", key=bob._storage._lock
        )
        assert on_the_server_lock == [(False,)]
        assert section.append(operation()).number == 2
    assert bob.append(operation("bob")).number == 3


def test_processes_that_write_at_once_miss_nothing(location):
    run_each([(append_each, location, f"p{n}", 50) for n in range(4)])
    journal = Journal(location, read_only=True)
    rows = journal.operations()
    assert [row.number for row in rows] == list(range(1, 201))
    assert {row.author for row in rows} == {"p0", "p1", "p2", "p3"}
    journal.close()


def test_damaged_rows_are_listed(journals, location):
    ada, _ = journals
    rows = [ada.append(operation()) for _ in range(5)]
    on_the_server(
        location,
        "UPDATE operations SET payload = '[1' WHERE number = 1",
        "UPDATE operations SET generation = 1000000000000 WHERE number = 2",
        "UPDATE operations SET place_x_nm = 'Infinity' WHERE number = 3",
        "UPDATE operations SET reason = repeat('x', 100000) WHERE number = 4",
        "INSERT INTO operations SELECT -7, kind, author, time, generation, 1, 1, 1, payload, candidate, verdict,"
        " reason, milliseconds, version FROM operations WHERE number = 5",
    )
    assert ada.operations() == [rows[4]]
    assert [problem.number for problem in ada.damaged] == [-7, 1, 2, 3, 4]
    assert ada.append(operation()).number == 6


def test_a_reader_cannot_write(location):
    reader = Journal(location, read_only=True)
    with pytest.raises(JournalError, match="read-only"):
        reader.append(operation())
    with pytest.raises(JournalError, match="read-only transaction"):
        reader._storage.rows("INSERT INTO settings VALUES ('a', 'b')")
    reader.close()


# -- people ---------------------------------------------------------------------------------------


def test_processes_that_race_share_the_candidates(location, tmp_path):
    run_each([(claim_all, location, f"p{n}", tmp_path / f"p{n}") for n in range(3)])
    got = [name for n in range(3) for name in (tmp_path / f"p{n}").read_text().split()]
    assert sorted(got, key=int) == [str(n) for n in range(40)]


def test_a_claim_ends_by_the_clock_of_the_server(journals):
    ada, bob = journals
    assert ada.claims.claim("c", "ada", 0.2)
    assert not bob.claims.claim("c", "bob", 60)
    time.sleep(0.25)
    assert bob.claims.claim("c", "bob", 60)
    assert [claim.author for claim in ada.claims.active()] == ["bob"]
    bob.claims.release("c", "bob")
    assert ada.claims.active() == ()


def test_a_claim_does_not_wait_for_an_edit(journals):
    ada, bob = journals
    with ada.writing():
        assert bob.claims.claim("c", "bob", 60)
        assert [claim.author for claim in ada.claims.active()] == ["bob"]


def test_roles_hold_for_everybody(journals):
    ada, bob = journals
    assert (bob.team.role_of("ada"), bob.team.role_of("bob")) == ("owner", "proofreader")
    bob.append(operation("bob"))
    ada.team.set_role("ada", "bob", "viewer")
    with pytest.raises(NotAllowed, match="bob is a viewer"):
        bob.append(operation("bob"))
    with pytest.raises(NotAllowed):
        bob.team.set_role("bob", "bob", "owner")
    assert [row.author for row in ada.operations()] == ["bob"]


def test_who_is_at_work(journals):
    ada, bob = journals
    bob.append(operation("bob"))
    ada.append(operation())
    bob.claims.claim("c", "bob", 60)
    people = [(person.author, person.operation, person.claims) for person in ada.who()]
    assert people == [("ada", 2, ()), ("bob", 1, ("c",))]


# -- what goes wrong ------------------------------------------------------------------------------


def test_a_lost_server_is_told_and_found_again(server, journals):
    ada, bob = journals
    kept = ada.append(operation())

    def lose_it_midway():
        with ada.writing() as section:
            section.append(operation())
            server.stop()

    try:
        with pytest.raises(JournalError, match="not known"):
            lose_it_midway()
        with pytest.raises(JournalError, match="check the network, the server"):
            ada.append(operation())
    finally:
        server.start()
    with pytest.raises(JournalError):  # the connection of before
        bob.operations()
    assert bob.operations() == [kept]
    assert ada.append(operation()).number == 2


@pytest.mark.parametrize(
    ("address", "complaint"),
    [
        ("mysql://u@h/d", "is not known"),
        ("postgresql://u@h", "names no database"),
        ("postgresql://u@h/d?service=x", "option 'service'"),
        ("postgresql://u@h/d?options=-c%20x", "option 'options'"),
        ("postgresql://u@h:port/d", "cannot be read"),
        ("postgresql://u@h/d?schema=public", "names no journal"),
        ("postgresql://u@h/d", "names no journal"),
    ],
)
def test_an_address_that_is_none_is_refused(address, complaint):
    with pytest.raises(InputError, match=complaint):
        Journal(address)


def test_a_server_that_is_not_there_is_one_clear_error(server):
    with pytest.raises(JournalError, match="check the"):
        Journal(f"postgresql://u@127.0.0.1:1/d?schema=segmend_{uuid4().hex}")
    with pytest.raises(JournalError, match="has no journal of this project"):
        Journal(f"{server.url}?schema=segmend_{uuid4().hex}")


def test_a_wrong_password_is_one_clear_error(location, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "wrong")
    with pytest.raises(JournalError, match="password authentication failed") as caught:
        Journal(location)
    assert "wrong" not in str(caught.value)


def test_a_journal_with_rows_is_never_removed(location):
    journal = Journal(location)
    journal.append(operation())
    remove_journal(location)
    assert len(journal.operations()) == 1
    journal.close()


# -- projects -------------------------------------------------------------------------------------


@pytest.fixture
def labels(tmp_path: Path) -> str:
    return f"{save_hdf5(tmp_path / 'labels.h5', labels=four_pieces())}:/labels"


def test_a_project_with_a_shared_journal(segmend, server, labels, tmp_path, monkeypatch):
    project = tmp_path / "shared.segmend"
    url = server.url.replace("tester@", f"tester:{PASSWORD.replace(' ', '%20')}@")
    made = segmend("new", project, "--segmentation", labels, "--journal", url, "--author", "ada")
    assert made.status == 0, made.err
    assert "~/.pgpass" in made.out
    assert PASSWORD not in made.out + made.err
    assert "never" not in (project / "project.toml").read_text()
    assert f'journal = "{server.url}"' in (project / "project.toml").read_text()
    answer = segmend("team", project, "set", "bob", "viewer", "--author", "ada", "--json").values
    assert {member["author"]: member["role"] for member in answer["members"]} == {
        "ada": "owner",
        "bob": "viewer",
    }
    assert len(answer["grants"]) == 2
    refused = segmend("team", project, "set", "bob", "owner", "--author", "bob")
    assert (refused.status, "bob is a viewer" in refused.err) == (2, True)
    assert segmend("team", project, "who").out.strip() == "nobody worked on this project yet"
    assert segmend("team", project, "sing").status == 2


def test_a_project_that_cannot_be_made_leaves_no_journal(server, labels, tmp_path, monkeypatch):
    folder = tmp_path / "late.segmend"

    def taken_meanwhile(_path):
        if schemas(server) != before:
            raise ProjectError("taken meanwhile")

    before = schemas(server)
    monkeypatch.setattr("segmend.core.projects.creation._check_free", taken_meanwhile)
    with pytest.raises(ProjectError, match="taken"):
        create_project(folder, segmentation=labels, journal=server.url, owner="ada")
    assert schemas(server) == before
    assert not folder.exists()


def test_a_server_that_is_not_there_makes_no_project(segmend, labels, tmp_path):
    project = tmp_path / "none.segmend"
    url = "postgresql://u@127.0.0.1:1/d"
    refused = segmend("new", project, "--segmentation", labels, "--journal", url)
    assert (refused.status, len(refused.err.splitlines())) == (2, 1)
    assert not project.exists()


def schemas(server: Server) -> set[str]:
    made = engine(database_url(server.url), "")
    with made.connect() as connection:
        found = set(connection.execute(sa.text("SELECT nspname FROM pg_namespace")).scalars())
    made.dispose()
    return found


# -- many hands -----------------------------------------------------------------------------------


@pytest.fixture
def village(server: Server, tmp_path: Path) -> Path:
    """A project of 60 supervoxels in 20 segments, with a merge candidate at every contact between segments."""
    shape = (12, 40, 44)
    labels = voronoi(shape, 60)
    affinities = np.random.default_rng(1).integers(0, 256, (3, *shape)).astype(np.uint8)
    project = create_project(
        tmp_path / "village.segmend",
        supervoxels=MemoryVolume(labels, GRID),
        segmentation=MemoryVolume((labels - 1) // 3 + 1, GRID),
        affinities=MemoryVolume(affinities, GRID),
        journal=server.url,
        owner="p0",
    )
    graph = load_graph(project.graph_dir)
    places = [GRID.to_nm(tuple(point)) for point in graph.point.tolist()]
    edits = [
        Merge((Spot(int(u), places[u]), Spot(int(v), places[v])))
        for u, v in graph.edges
        if graph.segment_of[u] != graph.segment_of[v]
    ]
    candidates = [Candidate(candidate_id(e), "merge", e.place_nm, e, {}, 0.5, 0.1) for e in edits]
    save_candidates(project.candidates_path, candidates)
    return project.path


def work_together(project: Path, people: int, each: int, folder: Path) -> list[dict]:
    """Let people proofread one project at once and return what each wrote down."""
    barrier = hands.Barrier(people)
    run_each(
        [(proofread, project, f"p{n}", each, barrier, folder / f"p{n}") for n in range(people)]
    )
    return [json.loads((folder / f"p{n}").read_text()) for n in range(people)]


CROWD = (8, 500) if os.environ.get("SEGMEND_SOAK") else (4, 60)


@pytest.mark.parametrize(("people", "each"), [CROWD])
def test_many_hands_make_one_segmentation(village, tmp_path, people, each):
    answers = work_together(village, people, each, tmp_path)
    with Session.open(village, author="p0") as session:
        rows = session.log()
        assert {answer["state"] for answer in answers} == {digest(session)}
    assert [row.number for row in rows] == list(range(1, people * each + 1))
    by_author = [[row.number for row in rows if row.author == f"p{n}"] for n in range(people)]
    assert by_author == [answer["acknowledged"] for answer in answers]
    assert [answer["twice"] for answer in answers] == [[]] * people
    assert sum(len(answer["decided"]) for answer in answers) > people
    refusals = [tuple(refused) for answer in answers for refused in answer["refused"]]
    assert all(reason.strip() for _, reason in refusals)
    assert "StaleEdit" in {kind for kind, _ in refusals}
