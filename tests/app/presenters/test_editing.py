"""Edits at a place, with a real session."""

from unittest.mock import MagicMock

import numpy as np
import pytest

from segmend.app.presenters.editing import EditingPresenter
from segmend.core.errors import EditRefused


@pytest.fixture
def told():
    return MagicMock()


@pytest.fixture
def editing(session, jobs, told):
    return EditingPresenter(session, jobs, applied=told.applied, failed=told.failed)


def place(session, supervoxel):
    point = session.segmentation.points(np.array([supervoxel]))[0]
    return session.project.grid.to_nm(tuple(point.tolist()))


def segment(session, supervoxel):
    return int(session.segmentation.segment_of[supervoxel])


def words(told):
    return told.applied.call_args.args[1]


def test_merge_joins_all_that_is_picked(editing, session, told):
    editing.merge([session.spot_at(place(session, s)) for s in (1, 4, 7)])
    assert segment(session, 1) == segment(session, 4) == segment(session, 7)
    assert words(told) == "Merged 101, 102 and 103"


def test_detach_takes_one_supervoxel_out(editing, session, told):
    editing.detach(place(session, 16))
    assert segment(session, 16) != segment(session, 17) == segment(session, 18)
    assert words(told).startswith("Detached a supervoxel of ")


def test_lock_protects_until_it_is_taken_away(editing, session, told):
    editing.toggle_lock(place(session, 16))
    assert segment(session, 16) in session.segmentation.locked
    assert words(told) == "Locked 106"
    editing.detach(place(session, 16))
    assert isinstance(told.failed.call_args.args[0], EditRefused)
    editing.toggle_lock(place(session, 17))
    assert words(told) == "Unlocked 106"
    assert not session.segmentation.locked


def test_finished_is_a_mark_that_can_be_taken_away(editing, session, told):
    editing.toggle_finished(place(session, 16))
    assert segment(session, 16) in session.segmentation.finished
    assert words(told) == "Marked 106 finished"
    editing.toggle_finished(place(session, 16))
    assert words(told) == "Marked 106 unfinished"


def test_what_cannot_be_done_is_said(editing, session, told):
    editing.merge([session.spot_at(place(session, s)) for s in (1, 2)])
    assert isinstance(told.failed.call_args.args[0], EditRefused)
    told.applied.assert_not_called()
    assert session.log() == []
