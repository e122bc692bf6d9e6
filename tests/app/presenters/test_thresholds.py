"""Trying thresholds: the slider is followed, nothing is changed, the truth is asked where there is one."""

from dataclasses import replace
from types import SimpleNamespace
from unittest.mock import MagicMock

import numpy as np
import pytest

from segmend.app.presenters.thresholds import (
    ThresholdPresenter,
    ThresholdStage,
    ThresholdView,
    no_cut,
)
from segmend.core.algorithms.agglomeration import MergeTree, cut_tree
from segmend.core.algorithms.contingency import contingency
from segmend.core.algorithms.metrics import vi_from_table

TREE = MergeTree(
    np.array([[1, 2], [3, 4], [2, 3]], np.uint32), np.array([0.9, 0.6, 0.3], np.float32)
)


def make_session(stages=None, sources=None, tree=TREE, patches=None, edits=0):
    base = SimpleNamespace(
        merge_edges=tree.edges, merge_scores=tree.scores, size=np.array([0, 4, 3, 2, 1])
    )
    segmentation = SimpleNamespace(
        base=base,
        segment_of=cut_tree(tree, 4, 0.5),
        patches=patches or MagicMock(operations=(), __bool__=lambda _: False),
    )
    config = SimpleNamespace(
        stages={"agglomeration": {"threshold": 0.5}} if stages is None else stages,
        sources=sources or {},
    )
    return SimpleNamespace(
        project=SimpleNamespace(config=config), segmentation=segmentation, edit_count=edits
    )


@pytest.fixture
def view():
    return MagicMock(spec=ThresholdView)


@pytest.fixture
def stage():
    stage = MagicMock(spec=ThresholdStage)
    stage.show_cut.side_effect = lambda colours, drawn: drawn()
    return stage


@pytest.fixture
def calls():
    calls = MagicMock()
    calls.truth.return_value = None
    return calls


@pytest.fixture
def make(jobs, view, stage, calls):
    def make(session=None, jobs=jobs):
        return ThresholdPresenter(
            session or make_session(),
            jobs,
            view,
            stage,
            use=calls.use,
            truth=calls.truth,
            changed=calls.changed,
            failed=calls.failed,
        )

    return make


def line(view):
    return view.show_threshold.call_args.args[0]


def test_it_begins_with_what_is_in_use(make, view, stage):
    presenter = make()
    presenter.begin()
    assert presenter.active
    assert line(view).threshold == 0.5
    assert line(view).segments == "2 segments"
    assert line(view).ready
    np.testing.assert_array_equal(stage.show_cut.call_args.args[0], [0, 1, 1, 2, 2])


def test_moving_recolours(make, view, stage):
    presenter = make()
    presenter.begin()
    presenter.move_to(0.2)
    assert line(view).segments == "1 segment"
    assert len(set(stage.show_cut.call_args.args[0][1:])) == 1
    presenter.step(0.55)
    assert line(view).threshold == 0.75
    assert line(view).segments == "3 segments"


def test_the_number_of_segments_is_written_when_the_colours_are_there(make, view, stage):
    stage.show_cut.side_effect = None
    presenter = make()
    presenter.begin()
    assert not line(view).ready
    stage.show_cut.call_args.args[1]()
    assert line(view).segments == "2 segments"
    presenter.cancel()
    view.show_threshold.reset_mock()
    stage.show_cut.call_args.args[1]()
    view.show_threshold.assert_not_called()


def test_thresholds_stay_between_0_and_1(make):
    presenter = make()
    presenter.begin()
    presenter.step(-3)
    assert presenter.threshold == 0
    presenter.move_to(7)
    assert presenter.threshold == 1


def test_cancelling_shows_what_is_there(make, view, stage, calls):
    presenter = make()
    presenter.begin()
    presenter.cancel()
    stage.end_cuts.assert_called_once()
    view.hide_threshold.assert_called_once()
    calls.use.assert_not_called()
    assert not presenter.active
    assert calls.changed.call_count == 2


def test_using_ends_it_and_says_which(make, stage, calls):
    presenter = make()
    presenter.begin()
    presenter.move_to(0.25)
    presenter.use()
    calls.use.assert_called_once_with(0.25)
    stage.end_cuts.assert_called_once()


def test_a_slider_that_runs_ahead_is_answered_for_its_last_place(make, view, stage):
    waiting = []
    late = SimpleNamespace(
        query=lambda work, then, failed=None, topic="": waiting.append((work, then))
    )
    presenter = make(jobs=late)
    presenter.begin()
    presenter.use()
    assert presenter.active  # there is nothing to use yet
    for threshold in (0.4, 0.3, 0.2):
        presenter.move_to(threshold)
        assert line(view).threshold == threshold
    while waiting:
        work, then = waiting.pop(0)
        then(work())
    assert stage.show_cut.call_count == 1
    assert line(view).segments == "1 segment"


def test_an_answer_after_the_end_shows_nothing(make, stage):
    waiting = []
    late = SimpleNamespace(
        query=lambda work, then, failed=None, topic="": waiting.append((work, then))
    )
    presenter = make(jobs=late)
    presenter.begin()
    presenter.cancel()
    work, then = waiting.pop()
    then(work())
    stage.show_cut.assert_not_called()


def test_the_truth_is_told_for_each_threshold(make, view, calls):
    supervoxels, truth = np.array([1, 1, 2, 3, 4, 4]), np.array([1, 1, 1, 2, 2, 0])
    calls.truth.return_value = contingency(supervoxels, truth)
    presenter = make()
    presenter.begin()
    assert "VI 0.000 bits" in line(view).words
    presenter.move_to(0.2)
    merged = vi_from_table(contingency(np.minimum(supervoxels, 1), truth))
    assert f"merge {merged.merge:.3f}" in line(view).words


def test_a_truth_that_comes_later_is_told_too(make, view, calls):
    presenter = make()
    presenter.begin()
    assert "VI" not in line(view).words
    calls.truth.return_value = contingency(np.array([1, 2]), np.array([1, 1]))
    presenter.truth_changed()
    assert "VI 0.000" in line(view).words


def test_edits_are_said_not_to_be_in_the_colours(make, view):
    make(make_session(edits=2)).begin()
    assert "Edits are not" in line(view).words
    divided = MagicMock(operations=(), __bool__=lambda _: True)
    make(make_session(patches=divided)).begin()
    assert "Divided supervoxels" in line(view).words


def test_an_error_ends_it(make, stage, calls):
    session = make_session()
    session.segmentation.base.size = None
    make(session).begin()
    stage.end_cuts.assert_called_once()
    calls.failed.assert_called_once()


@pytest.mark.parametrize(
    ("session", "why"),
    [
        (make_session(), ""),
        (make_session(stages={}, sources={"segmentation": "s.h5"}), "imported"),
        (make_session(stages={"watershed": {}}, sources={"segmentation": "s.h5"}), ""),
        (make_session(stages={"agglomeration": {"method": "lifted_multicut"}}), "multicut"),
        (make_session(tree=MergeTree(np.empty((0, 2), np.uint32), np.empty(0))), "no merge tree"),
    ],
)
def test_where_there_is_nothing_to_try(make, view, session, why):
    assert why in no_cut(session)
    assert bool(why) == bool(no_cut(session))
    presenter = make(session)
    presenter.begin()
    assert presenter.active == (not why)


def test_a_line_says_when_it_is_not_ready(make, view):
    presenter = make(jobs=SimpleNamespace(query=lambda *args, **more: None))
    presenter.begin()
    assert line(view) == replace(line(view), segments="Reading the merge tree…", ready=False)
