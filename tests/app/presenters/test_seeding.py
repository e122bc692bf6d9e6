"""Seeds with a real session: what is previewed, what is dropped, what is carried out."""

from unittest.mock import MagicMock

import numpy as np
import pytest

from segmend.app.presenters.seeding import SeedingPresenter, SeedsStage, SeedsView
from segmend.core.edits.model import Lock, Merge
from segmend.core.errors import EditRefused, StaleEdit


@pytest.fixture
def view():
    return MagicMock(spec=SeedsView)


@pytest.fixture
def stage():
    return MagicMock(spec=SeedsStage)


@pytest.fixture
def told():
    return MagicMock()


@pytest.fixture
def seeding(session, jobs, view, stage, told):
    return SeedingPresenter(
        session, jobs, view, stage, changed=told.changed, applied=told.applied, failed=told.failed
    )


def place(session, supervoxel):
    point = session.segmentation.points(np.array([supervoxel]))[0]
    return session.project.grid.to_nm(tuple(point.tolist()))


@pytest.fixture
def places(session):
    """Places in the three supervoxels of one segment, and one outside it."""
    return [place(session, supervoxel) for supervoxel in (16, 17, 18, 1)]


def line(view):
    return view.show_seeding.call_args.args[0]


def pieces(stage):
    return stage.show_pieces.call_args.args[0]


def segments(session, supervoxels=(16, 17, 18)):
    return [int(session.segmentation.segment_of[s]) for s in supervoxels]


def test_two_clicks_make_a_preview_and_change_nothing(seeding, session, view, stage, places):
    before = session.state()
    seeding.begin("split", places[0])
    seeding.place(places[:1])
    assert not seeding.solved
    assert "side 2" in line(view).words
    seeding.place(places[1:2])
    assert seeding.solved
    assert line(view).ready
    found = pieces(stage)
    assert sorted(found.supervoxels) == [1, 2]
    assert 16 in found.supervoxels[1]
    assert 17 in found.supervoxels[2]
    assert session.state().same_as(before)
    assert session.log() == []


def test_the_second_click_is_of_side_two_unless_another_is_chosen(seeding, places):
    seeding.begin("split", places[0])
    seeding.place(places[:1])
    assert seeding.side == 2
    seeding.choose_side(1)
    seeding.place(places[2:3])
    assert (seeding.side, [stroke.side for stroke in seeding.strokes]) == (1, [1, 1])


def test_apply_carries_out_what_was_shown(seeding, session, stage, told, places):
    seeding.begin("split", places[0])
    seeding.place(places[:1])
    seeding.place(places[1:2])
    shown = pieces(stage)
    seeding.apply()
    for ids in shown.supervoxels.values():
        assert len({int(session.segmentation.segment_of[s]) for s in ids}) == 1
    assert segments(session)[0] != segments(session)[1]
    assert not seeding.active
    stage.end_seeds.assert_called_once()
    changes, words = told.applied.call_args.args
    assert changes.operation == 1
    assert words.startswith("Split ")
    assert session.log()[0].milliseconds is not None


def test_cleave_takes_many_apart(seeding, session, view, places):
    seeding.begin("cleave", places[0])
    for side in (1, 2, 3):
        seeding.choose_side(side)
        seeding.place(places[side - 1 : side])
    assert line(view).apply == "Cleave into 3"
    seeding.apply()
    assert len(set(segments(session))) == 3


def test_a_seed_elsewhere_is_said_and_not_kept(seeding, view, stage, places):
    seeding.begin("split", places[0])
    seeding.place(places[:1])
    seeding.place(places[3:4])
    assert line(view).warning
    assert "not in segment" in line(view).words
    assert len(seeding.strokes) == 1
    seeding.place(places[1:2])
    assert seeding.solved
    assert not line(view).warning


def test_a_seed_outside_the_volume_is_no_failure(seeding, view, told, places):
    seeding.begin("split", places[0])
    seeding.place([(-500.0, -500.0, -500.0)])
    assert line(view).warning
    told.failed.assert_not_called()


def test_a_line_keeps_what_is_inside(seeding, places):
    seeding.begin("split", places[0])
    seeding.place([places[0], places[3]])
    seeding.place(places[1:2])
    assert seeding.solved


def test_taking_back_unsolves_and_gives_the_side_back(seeding, stage, places):
    seeding.begin("split", places[0])
    seeding.place(places[:1])
    seeding.place(places[1:2])
    seeding.take_back()
    assert not seeding.solved
    assert seeding.side == 2
    assert pieces(stage) is None
    seeding.take_back()
    seeding.take_back()
    assert seeding.strokes == []
    assert seeding.active


def test_cancel_leaves_everything_as_it_was(seeding, session, view, stage, places):
    before = session.state()
    seeding.begin("split", places[0])
    seeding.place(places[:1])
    seeding.cancel()
    assert not seeding.active
    view.hide_seeding.assert_called_once()
    stage.end_seeds.assert_called_once()
    assert session.state().same_as(before)


def test_apply_without_a_preview_does_nothing(seeding, session, places):
    seeding.begin("split", places[0])
    seeding.place(places[:1])
    seeding.apply()
    assert session.log() == []
    assert seeding.active


def test_a_refusal_keeps_the_seeds(seeding, session, view, told, places):
    session.apply(Lock(session.spot_at(places[0])))
    seeding.begin("split", places[0])
    seeding.place(places[:1])
    seeding.place(places[1:2])
    seeding.apply()
    assert isinstance(told.failed.call_args.args[0], EditRefused)
    assert line(view).words.endswith("is locked: point at it and press L to unlock it.")
    assert line(view).ready
    assert len(seeding.strokes) == 2
    assert seeding.active


def test_what_went_stale_is_shown_anew_and_can_be_applied(
    seeding, session, monkeypatch, view, places
):
    seeding.begin("split", places[0])
    seeding.place(places[:1])
    seeding.place(places[1:2])
    apply = session.apply
    monkeypatch.setattr(session, "apply", MagicMock(side_effect=StaleEdit("bob was faster")))
    seeding.apply()
    monkeypatch.setattr(session, "apply", apply)
    assert "bob was faster" in line(view).words
    assert seeding.solved
    seeding.apply()
    assert len(session.log()) == 1


def test_nothing_to_take_in_hand_is_said(seeding, told):
    seeding.begin("split", (-500.0, 0.0, 0.0))
    assert not seeding.active
    told.failed.assert_called_once()


def test_overtaken_previews_are_dropped(session, view, stage, told, places):
    waiting = []
    slow = MagicMock()
    slow.edit = lambda work, then, failed=None, topic="": waiting.append((work, then))

    def answer(number):
        work, then = waiting.pop(number)
        then(work())

    seeding = SeedingPresenter(
        session, slow, view, stage, changed=told.changed, applied=told.applied, failed=told.failed
    )
    seeding.begin("split", places[0])
    answer(0)
    seeding.place(places[:1])
    seeding.place(places[1:2])
    seeding.place(places[2:3])
    stage.show_pieces.reset_mock()
    answer(0)
    answer(0)
    stage.show_pieces.assert_not_called()
    assert not seeding.solved
    answer(0)
    assert seeding.solved
    assert stage.show_pieces.call_count == 1


def test_an_answer_after_cancelling_is_dropped(session, view, stage, told, places):
    waiting = []
    slow = MagicMock()
    slow.edit = lambda work, then, failed=None, topic="": waiting.append((work, then))
    seeding = SeedingPresenter(
        session, slow, view, stage, changed=told.changed, applied=told.applied, failed=told.failed
    )
    seeding.begin("split", places[0])
    work, then = waiting.pop()
    then(work())
    seeding.place(places[:1])
    seeding.cancel()
    stage.reset_mock()
    work, then = waiting.pop()
    then(work())
    stage.show_pieces.assert_not_called()


def test_edits_of_others_are_followed(seeding, session, stage, places):
    seeding.begin("split", places[0])
    seeding.place(places[:1])
    seeding.place(places[1:2])
    session.edited.connect(seeding.follow)
    session.apply(Merge((session.spot_at(places[0]), session.spot_at(places[3]))))
    shown = np.concatenate(list(pieces(stage).supervoxels.values()))
    members = session.segmentation.members(segments(session, [1])[0])
    assert set(shown.tolist()) == set(members.tolist())
    stage.show_segment.assert_called_once_with(segments(session, [1])[0])


@pytest.fixture
def merged(session, seeding, places):
    """Seeds in a segment that was merged of two; the merge can be switched off."""
    merge = session.apply(Merge((session.spot_at(places[0]), session.spot_at(places[3]))))
    seeding.begin("split", places[0])
    seeding.place(places[:1])
    seeding.place(places[1:2])
    assert seeding.solved
    return merge.operation


def test_a_switch_of_the_history_is_seen_in_the_colours(
    seeding, session, stage, view, merged, places
):
    session.edited.connect(seeding.follow)
    session.switch(off=[merged])
    assert seeding.solved
    shown = np.concatenate(list(pieces(stage).supervoxels.values()))
    assert sorted(shown.tolist()) == [16, 17, 18]
    seeding.apply()
    assert len(set(segments(session))) == 2


def test_apply_refuses_to_do_something_else_than_the_colours_show(
    seeding, session, stage, view, told, merged
):
    session.switch(off=[merged])
    rows = len(session.log())
    seeding.apply()
    assert len(session.log()) == rows
    assert isinstance(told.failed.call_args.args[0], StaleEdit)
    assert "press Enter again" in line(view).words
    shown = pieces(stage).supervoxels
    seeding.apply()
    assert len(session.log()) == rows + 1
    for ids in shown.values():
        assert len({int(session.segmentation.segment_of[s]) for s in ids}) == 1


def test_edits_elsewhere_cost_no_second_look(seeding, session, stage, told, merged):
    stage.show_pieces.reset_mock()
    session.edited.connect(seeding.follow)
    spots = tuple(session.spot_at(place(session, supervoxel)) for supervoxel in (31, 35))
    session.apply(Merge(spots))
    stage.show_pieces.assert_not_called()
    seeding.apply()
    told.failed.assert_not_called()
    assert not seeding.active


def test_a_change_while_the_pieces_are_worked_out_is_not_missed(session, view, stage, told, places):
    waiting = []
    slow = MagicMock()
    slow.edit = lambda work, then, failed=None, topic="": waiting.append((work, then))

    def answer(number=0):
        work, then = waiting.pop(number)
        then(work())

    seeding = SeedingPresenter(
        session, slow, view, stage, changed=told.changed, applied=told.applied, failed=told.failed
    )
    seeding.begin("split", places[0])
    answer()
    seeding.place(places[:1])
    seeding.place(places[1:2])
    work, then = waiting.pop()
    found = work()
    session.edited.connect(seeding.follow)
    session.apply(Merge((session.spot_at(places[0]), session.spot_at(places[3]))))
    then(found)
    assert not seeding.solved
    answer(-1)
    assert seeding.solved
    assert 1 in np.concatenate(list(pieces(stage).supervoxels.values()))


def test_unlocking_while_seeds_are_placed_takes_the_refusal_away(seeding, session, view, places):
    session.edited.connect(seeding.follow)
    session.apply(Lock(session.spot_at(places[0])))
    seeding.begin("split", places[0])
    seeding.place(places[:1])
    seeding.place(places[1:2])
    seeding.apply()
    assert line(view).warning
    session.apply(Lock(session.spot_at(places[0]), False))
    assert not line(view).warning
    seeding.apply()
    assert not seeding.active
