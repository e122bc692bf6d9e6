"""Reviewing with a real session and mocked views: what is shown, what is written, what is undone."""

from unittest.mock import MagicMock

import pytest

from segmend.app.presenters.ports import ReviewView, SceneView
from segmend.app.presenters.review import ReviewPresenter
from segmend.core.errors import EditRefused, StaleEdit


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def view():
    return MagicMock(spec=ReviewView)


@pytest.fixture
def stage():
    return MagicMock(spec=SceneView)


@pytest.fixture
def prepared():
    return []


@pytest.fixture
def review(session, jobs, view, stage, clock, prepared):
    presenter = ReviewPresenter(session, jobs, view, stage, clock=clock, prepare=prepared.append)
    presenter.start()
    return presenter


def last_progress(view):
    return view.show_progress.call_args.args[0]


def test_first_candidate_is_shown_and_framed(review, session, view, stage):
    first = session.queue.next()
    assert review.scene.candidate == first
    assert view.show_card.call_args.args[0].question == "Are blue and orange the same neuron?"
    stage.show_sides.assert_called_once_with(review.scene)
    stage.frame.assert_called_once_with(first.place_nm, review.scene.extent_nm)


def test_sides_of_a_merge_are_the_two_segments(review, session):
    one, two = (session.segmentation.segment_of[a] for a in review.scene.candidate.anchors)
    assert set(review.scene.first) == set(session.segmentation.members(one))
    assert set(review.scene.second) == set(session.segmentation.members(two))


def test_accept_edits_and_goes_on(review, session):
    candidate = review.scene.candidate
    review.accept()
    one, two = (session.segmentation.segment_of[a] for a in candidate.anchors)
    assert one == two
    assert review.scene.candidate != candidate


def test_reject_changes_nothing_but_is_written(review, session):
    before = session.segmentation.segment_of.copy()
    candidate = review.scene.candidate
    review.reject()
    assert (session.segmentation.segment_of == before).all()
    assert session.log()[-1].verdict == "reject"
    assert review.scene.candidate != candidate


def test_skip_is_written_as_unsure(review, session):
    review.skip()
    assert session.log()[-1].verdict == "unsure"


def test_time_to_decide_is_recorded(review, session, clock):
    clock.now += 2.345
    review.accept()
    assert session.log()[-1].milliseconds == 2345


def test_progress_counts_decided_accepted_and_left(review, session, view):
    review.accept()
    review.reject()
    progress = last_progress(view)
    assert (progress.decided, progress.accepted) == (2, 1)
    assert progress.remaining == len(session.queue)
    assert progress.can_undo


def test_progress_of_an_earlier_sitting_counts(review, session, jobs, view, stage):
    review.accept()
    ReviewPresenter(session, jobs, view, stage).start()
    assert last_progress(view).decided == 1


def test_undo_shows_the_same_candidate_again(review, session, view):
    candidate = review.scene.candidate
    before = session.segmentation.segment_of.copy()
    review.accept()
    review.undo()
    assert review.scene.candidate == candidate
    assert (session.segmentation.segment_of == before).all()
    assert last_progress(view).can_redo


def test_undo_of_a_rejection_shows_it_again(review):
    candidate = review.scene.candidate
    review.reject()
    review.undo()
    assert review.scene.candidate == candidate


def test_redo_does_it_again(review, session):
    review.accept()
    after = session.segmentation.segment_of.copy()
    review.undo()
    review.redo()
    assert (session.segmentation.segment_of == after).all()


def test_nothing_to_undo_or_redo_is_no_error(review, session):
    review.undo()
    review.redo()
    assert session.log() == []


def test_refused_edit_is_said_and_set_aside(review, session, view, monkeypatch):
    candidate = review.scene.candidate
    decide = session.decide

    def refuse(candidate, verdict, **values):
        if verdict == "accept":
            raise EditRefused("the two places lie in one segment already")
        return decide(candidate, verdict, **values)

    monkeypatch.setattr(session, "decide", refuse)
    review.accept()
    text = view.show_note.call_args.args[0]
    assert "the two places lie in one segment already" in text
    assert view.show_note.call_args.kwargs["warning"]
    assert review.scene.candidate != candidate


def test_split_shows_the_cut_it_would_make(review, session):
    while review.scene.candidate.kind == "merge":
        review.reject()
    scene = review.scene
    segment = session.segmentation.segment_of[scene.candidate.anchors[0]]
    assert set(scene.first) | set(scene.second) == set(session.segmentation.members(segment))
    assert not set(scene.first) & set(scene.second)
    assert scene.candidate.anchors[0] in scene.first
    review.accept()
    sides = (set(session.segmentation.segment_of[side]) for side in (scene.first, scene.second))
    assert [len(side) for side in sides] == [1, 1]


def test_who_only_looks_writes_nothing_and_still_goes_on(session, jobs, view, stage):
    review = ReviewPresenter(session, jobs, view, stage, look_only=True)
    review.start()
    seen = set()
    for _ in range(6):
        seen.add(review.scene.candidate.id)
        review.skip()
    assert len(seen) == 6
    assert session.log() == []


def test_what_a_colleague_decided_first_is_said_and_not_set_aside(
    review, session, view, monkeypatch
):
    candidate = review.scene.candidate
    decide = MagicMock(side_effect=StaleEdit("bob decided this candidate meanwhile"))
    monkeypatch.setattr(session, "decide", decide)
    review.accept()
    assert "bob decided" in view.show_note.call_args.args[0]
    assert decide.call_count == 1
    assert candidate.id in session.queue


def test_refresh_keeps_the_candidate_and_where_one_looks(review, session, stage, view):
    candidate = review.scene.candidate
    stage.frame.reset_mock()
    view.show_note.reset_mock()
    other = next(c for c in session.queue if c.id != candidate.id)
    session.decide(other, "reject")
    review.refresh()
    assert review.scene.candidate == candidate
    stage.frame.assert_not_called()
    view.show_note.assert_not_called()
    assert last_progress(view).decided == 1


def test_refresh_goes_on_where_the_candidate_is_gone(review, session, stage):
    candidate = review.scene.candidate
    session.apply(candidate.edit)
    stage.frame.reset_mock()
    review.refresh()
    assert review.scene.candidate.id != candidate.id
    stage.frame.assert_called_once()


def test_end_of_the_queue_is_said(review, session, view, stage):
    for _ in range(6):
        review.reject()
    assert review.scene is None
    assert view.show_end.call_args.args[0] == "All candidates are decided"
    stage.clear_sides.assert_called()
    review.accept()
    assert len(session.log()) == 6


def test_next_candidate_is_prepared(review, session, prepared):
    assert prepared[0].candidate == session.queue.peek(2)[1]


def test_answers_wait_for_the_one_before(session, view, stage):
    pending = []
    slow = MagicMock()
    slow.edit = lambda work, then, failed=None: pending.append((work, then))

    def answer():
        work, then = pending.pop(0)
        then(work())

    review = ReviewPresenter(session, slow, view, stage)
    review.start()
    answer()
    review.accept()
    review.accept()
    assert len(pending) == 1
    answer()
    assert [o.verdict for o in session.log()] == ["accept"]


def test_failure_lets_the_person_go_on(session, jobs, view, stage, monkeypatch):
    review = ReviewPresenter(session, jobs, view, stage)
    review.start()
    monkeypatch.setattr(session, "decide", MagicMock(side_effect=OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        review.accept()
    assert review.can_decide
    assert view.set_waiting.call_args.args == (False,)
