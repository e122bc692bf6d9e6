"""Colleagues: who is there, what they did, whose candidate is whose."""

from datetime import datetime
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest

from segmend.app.presenters.claims import CandidateClaims
from segmend.app.presenters.ports import ReviewView, SceneView
from segmend.app.presenters.review import ReviewPresenter
from segmend.app.presenters.team import MOST_NEWS, TeamPresenter, TeamView, doing
from segmend.core.errors import JournalError


def presence(author, time="", claims=()):
    return SimpleNamespace(author=author, operation=1, time=time, claims=claims)


class Shared:
    """A session of several people, without a database."""

    author = "ada"

    def __init__(self):
        self.journal = MagicMock()
        self.journal.shared = True
        self.journal.who.return_value = [presence("bob", claims=("c1",)), presence("ada")]
        self.journal.team.members.return_value = [SimpleNamespace(author="bob", role="owner")]
        self.journal.team.default_role = "proofreader"
        self.rows = []
        self.journal.operations.side_effect = lambda after, up_to: [
            row for row in self.rows if after < row.number <= up_to
        ]
        self.timeline = SimpleNamespace(newest_row=0)
        self.behind = []
        self.catch_up = MagicMock(side_effect=self.take_in)

    def take_in(self):
        """Return the changes of the rows that are not in memory yet."""
        behind, self.behind = self.behind, []
        self.timeline.newest_row = len(self.rows)
        return behind

    def did(self, author, *kinds):
        """Write rows, and return their changes."""
        changes = []
        for kind in kinds:
            number = len(self.rows) + 1
            self.rows.append(
                SimpleNamespace(number=number, kind=kind, author=author, verdict="reject")
            )
            changes.append(
                SimpleNamespace(operation=number, old_export_ids=(12, 40), author=author)
            )
        return changes

    def bob_did(self, *kinds):
        self.behind += self.did("bob", *kinds)


@pytest.fixture
def shared():
    return Shared()


@pytest.fixture
def view():
    return MagicMock(spec=TeamView)


@pytest.fixture
def caught_up():
    return MagicMock()


@pytest.fixture
def lost():
    return MagicMock()


@pytest.fixture
def keep():
    return MagicMock()


@pytest.fixture
def team(shared, jobs, view, caught_up, lost, keep):
    return TeamPresenter(shared, jobs, view, caught_up=caught_up, lost=lost, keep=keep)


def test_people_are_listed_with_their_roles_oneself_first(team, view):
    team.look()
    people = view.show_team.call_args.args[0]
    assert [(p.name, p.role, p.me, p.busy) for p in people] == [
        ("ada", "proofreader", True, False),
        ("bob", "owner", False, True),
    ]


def test_who_only_looks_is_there_too(team, shared, view):
    shared.journal.who.return_value = []
    team.look()
    (me,) = view.show_team.call_args.args[0]
    assert (me.name, me.doing) == ("ada", "looking on")


def test_edits_of_others_are_told_at_once(team, shared, view, caught_up):
    shared.bob_did("merge")
    team.look()
    assert caught_up.call_args.args[0] == "Bob merged 12 and 40"
    assert view.show_news.call_args.args[0] == ["Bob merged 12 and 40"]


def test_what_came_in_with_an_edit_of_ones_own_is_told_too(team, shared, view, caught_up):
    (change,) = shared.did("bob", "merge")
    team.hear(change)
    for own in shared.did("ada", "split"):
        team.hear(own)
    shared.take_in()
    team.look()
    caught_up.assert_called_once_with("Bob merged 12 and 40")
    team.look()
    assert caught_up.call_count == 1


def test_a_verdict_that_came_in_with_an_edit_of_ones_own_is_told_too(team, shared, caught_up):
    shared.did("bob", "verdict")
    shared.take_in()
    team.look()
    caught_up.assert_called_once_with("Bob rejected a candidate")


def test_what_one_did_in_another_window_is_told(team, shared, caught_up):
    shared.behind = shared.did("ada", "merge")
    team.look()
    caught_up.assert_called_once_with("Ada merged 12 and 40")


def test_news_outlive_a_look_that_failed(team, shared, caught_up):
    shared.bob_did("merge")
    shared.journal.who.side_effect = JournalError("the server is gone")
    team.look()
    caught_up.assert_not_called()
    shared.journal.who.side_effect = None
    team.look()
    caught_up.assert_called_once_with("Bob merged 12 and 40")


def test_many_edits_are_told_in_one_line(team, shared, caught_up):
    shared.bob_did("merge", "split", "merge")
    team.look()
    assert caught_up.call_args.args[0] == "Bob merged 12 and 40, and 2 more edits"


def test_news_are_newest_first_and_not_without_end(team, shared, view):
    for _ in range(MOST_NEWS):
        shared.bob_did("merge", "split")
        team.look()
    news = view.show_news.call_args.args[0]
    assert news[0] == "Bob split 12 and 40"
    assert len(news) == MOST_NEWS


def test_nothing_new_is_not_told(team, view, caught_up):
    team.look()
    caught_up.assert_not_called()
    view.show_news.assert_not_called()


def test_looks_do_not_pile_up(shared, view, caught_up):
    slow = MagicMock()
    team = TeamPresenter(shared, slow, view, caught_up=caught_up, lost=MagicMock())
    team.look()
    team.look()
    assert slow.edit.call_count == 1


def test_a_lost_journal_is_told_once_and_tried_again(team, shared, lost, keep, caught_up):
    shared.catch_up.side_effect = JournalError("the server is gone")
    team.look()
    team.look()
    assert lost.call_count == 1
    assert "the server is gone" in lost.call_args.args[1]
    shared.catch_up.side_effect = shared.take_in
    shared.bob_did("merge")
    team.look()
    caught_up.assert_called_once()
    assert keep.call_count == 3
    shared.catch_up.side_effect = JournalError("again")
    team.look()
    assert lost.call_count == 2


@pytest.mark.parametrize(
    ("time", "claims", "words"),
    [
        ("2026-02-03T11:59:30+00:00", (), "edited just now"),
        ("2026-02-03T11:30:00+00:00", (), "edited 30 min ago"),
        ("2026-02-03T09:00:00+00:00", (), "edited 3 h ago"),
        ("2026-01-03T09:00:00+00:00", (), "edited 03 Jan"),
        ("2026-01-03T09:00:00+00:00", ("c",), "reviewing a candidate"),
        ("", ("c", "d"), "reviewing 2 candidates"),
        ("nonsense", (), ""),
    ],
)
def test_what_somebody_is_doing(time, claims, words):
    now = datetime.fromisoformat("2026-02-03T12:00:00+00:00")
    assert doing(presence("bob", time, claims), now) == words


# -- claims ---------------------------------------------------------------------------------------------------------


class FakeClaims:
    """Claims in memory."""

    def __init__(self, **held):
        self.held = dict(held)

    def claim(self, candidate, author, seconds):
        return self.held.setdefault(candidate, author) == author

    def release(self, candidate, author):
        if self.held.get(candidate) == author:
            del self.held[candidate]


@pytest.fixture
def desk(shared):
    shared.journal.claims = FakeClaims(theirs="bob")
    return CandidateClaims(shared)


def test_one_candidate_is_held_at_a_time(desk, shared):
    assert desk.take("one")
    assert desk.take("two")
    assert shared.journal.claims.held == {"theirs": "bob", "two": "ada"}
    desk.give_back()
    assert shared.journal.claims.held == {"theirs": "bob"}


def test_what_a_colleague_holds_is_not_taken(desk, shared):
    assert not desk.take("theirs")
    desk.give_back()
    assert shared.journal.claims.held == {"theirs": "bob"}


def test_who_only_looks_claims_nothing(shared):
    shared.journal.claims = FakeClaims()
    assert CandidateClaims(shared, allowed=False).take("one")
    assert shared.journal.claims.held == {}


def test_alone_nobody_claims(session):
    claims = CandidateClaims(session)
    assert claims.take("one")
    assert session.journal.claims.active() == ()


class ClaimsOf:
    """Claims for the review of a real session: some candidates are in other hands."""

    def __init__(self, *theirs):
        self.theirs, self.given_back = set(theirs), 0

    def take(self, candidate):
        return candidate not in self.theirs

    def give_back(self):
        self.given_back += 1


def reviewing(session, jobs, claims):
    view = MagicMock(spec=ReviewView)
    review = ReviewPresenter(session, jobs, view, MagicMock(spec=SceneView), claims=claims)
    review.start()
    return review, view


def test_review_skips_what_others_hold(session, jobs):
    first, second = (candidate.id for candidate in session.queue.peek(2))
    review, _ = reviewing(session, jobs, ClaimsOf(first))
    assert review.scene.candidate.id == second
    assert session.log() == []


def test_review_ends_where_others_hold_all_that_is_left(session, jobs):
    claims = ClaimsOf(*(candidate.id for candidate in session.queue))
    review, view = reviewing(session, jobs, claims)
    assert review.scene is None
    assert "other hands" in view.show_end.call_args.args[0]
    assert claims.given_back == 1
