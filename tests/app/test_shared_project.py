"""Two people review one project with its journal in PostgreSQL: nobody is asked what the other is looking at."""

from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import pytest
from edits_world import voronoi
from postgresql_server import running_server

from segmend.app.open_project import open_for_review
from segmend.app.presenters.claims import CandidateClaims
from segmend.app.presenters.history import HistoryPresenter, HistoryView
from segmend.app.presenters.ports import ReviewView, SceneView
from segmend.app.presenters.review import ReviewPresenter
from segmend.app.presenters.team import TeamPresenter, TeamView
from segmend.core.candidates.candidate import Candidate, candidate_id
from segmend.core.candidates.store import save_candidates
from segmend.core.edits.model import Merge
from segmend.core.project import create_project
from segmend.core.session import Session
from segmend.core.volumes.memory import MemoryVolume


@pytest.fixture(scope="module")
def server():
    with running_server() as server:
        yield server


@pytest.fixture
def path(server, tmp_path) -> Path:
    path = tmp_path / "team.segmend"
    create_project(
        path, supervoxels=MemoryVolume(voronoi()), journal=server.url, owner="ada"
    )  # fmt: skip
    with Session.open(path, author="ada") as session:
        candidates = []
        for pair in session.segmentation.edges_around(1).pairs[:4]:
            points = session.segmentation.points(np.array(pair))
            places = [session.project.grid.to_nm(tuple(map(int, point))) for point in points]
            edit = Merge(tuple(map(session.spot_at, places)))
            candidates.append(
                Candidate(candidate_id(edit), "merge", edit.place_nm, edit, {"area": 9.0}, 0.5, 0.5)
            )
        save_candidates(session.project.candidates_path, candidates)
        session.journal.team.set_role("ada", "bob", "proofreader")
        session.journal.team.set_role("ada", "cleo", "viewer")
    return path


class Desk:
    """What one person has, without a window."""

    def __init__(self, path, author, jobs):
        opened = open_for_review(path, author)
        self.session, self.no_edit = opened.session, opened.no_edit
        self.view, self.team_view, self.history_view = (
            MagicMock(spec=kind) for kind in (ReviewView, TeamView, HistoryView)
        )
        self.claims = CandidateClaims(self.session, allowed=not self.no_edit)
        self.review = ReviewPresenter(
            self.session, jobs, self.view, MagicMock(spec=SceneView), claims=self.claims,
            look_only=bool(self.no_edit),
        )  # fmt: skip
        self.told = MagicMock()
        self.team = TeamPresenter(
            self.session,
            jobs,
            self.team_view,
            caught_up=self.told,
            lost=self.told,
            keep=self.claims.keep,
        )
        self.session.edited.connect(self.team.hear)
        self.history = HistoryPresenter(
            self.session, jobs, self.history_view,
            changed=self.told, switched=self.told, failed=self.told,
        )  # fmt: skip
        self.review.start()

    @property
    def shown(self):
        return self.review.scene.candidate.id


@pytest.fixture
def desks(path, jobs):
    desks = [Desk(path, author, jobs) for author in ("ada", "bob")]
    yield desks
    for desk in desks:
        desk.session.close()


def test_two_people_never_see_the_same_candidate(desks):
    ada, bob = desks
    seen = {ada.shown, bob.shown}
    assert len(seen) == 2
    ada.review.reject()
    assert ada.shown not in seen
    bob.review.reject()
    assert bob.shown not in (seen | {ada.shown})


def test_what_was_left_can_be_had_by_the_other(desks):
    ada, bob = desks
    left = ada.shown
    ada.claims.give_back()
    bob.session.queue.skip(bob.shown)
    assert left in [candidate.id for candidate in bob.session.queue.peek(4)]
    assert bob.claims.take(left)


def test_edits_are_seen_by_the_other_at_the_next_look(desks):
    ada, bob = desks
    bob.review.accept()
    ada.team.look()
    assert ada.told.call_args.args[0].startswith("Bob merged ")
    assert ada.session.state().same_as(bob.session.state())
    people = {p.name: p for p in ada.team_view.show_team.call_args.args[0]}
    assert people["bob"].role == "proofreader"
    assert people["ada"].me


def test_an_edit_that_came_in_with_ones_own_is_news(desks):
    ada, bob = desks
    bob.review.accept()
    ada.review.reject()
    assert {o.author for o in ada.session.operations_in_effect} == {"ada", "bob"}
    ada.team.look()
    (news,) = ada.team_view.show_news.call_args.args[0]
    assert news.startswith("Bob merged ")


def test_undo_names_and_takes_ones_own_edit(desks):
    ada, bob = desks
    ada.review.reject()
    bob.review.accept()
    ada.team.look()
    ada.history.refresh()
    assert ada.history.undo_words == "rejection"
    ada.review.undo()
    bob.team.look()
    assert [o.author for o in bob.session.operations_in_effect] == ["bob"]


def test_a_viewer_looks_and_holds_nothing(path, jobs, desks):
    cleo = Desk(path, "cleo", jobs)
    try:
        assert "viewer" in cleo.no_edit
        before = cleo.shown
        cleo.review.skip()
        assert cleo.shown != before
        assert {claim.author for claim in cleo.session.journal.claims.active()} == {"ada", "bob"}
        assert cleo.session.log() == []
    finally:
        cleo.session.close()
