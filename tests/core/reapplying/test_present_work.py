"""What people did in the present generation stays when decisions of earlier ones are re-applied, once or again."""

import numpy as np
import pytest
from edits_world import voronoi
from resegmented_world import Again

from segmend.core.edits.model import Erase, Lock, MarkFinished, Paint, Verdict
from segmend.core.geometry import Box

NOWHERE = (0.0, 0.0, 0.0)


@pytest.fixture
def stroke(fine_world):
    return fine_world.stroke((1, 1, 1), (3, 4, 4))


@pytest.fixture
def painted(fine_world, stroke):
    """A world with a stroke."""
    fine_world.commit(Paint(stroke, fine_world.spot(20), NOWHERE))
    return fine_world


def rows(again):
    return len(again.journal.operations())


def finest(again):
    voxels = again.tissue.voxels
    return voxels.read(Box.of_shape(voxels.shape_zyx))


def test_a_stroke_is_not_repeated_over_what_was_erased_since(painted, stroke, tmp_path):
    again = Again(painted, tmp_path, voronoi(count=40, seed=11))
    assert again.reapply(painted).applied == 1
    again.timeline.commit(Erase(stroke, None, NOWHERE))
    count = rows(again)
    done = again.reapply(painted)
    assert (done.decisions, done.satisfied, done.applied, done.conflicts) == (1, 1, 0, ())
    assert rows(again) == count
    assert not again.tissue.voxels.read(stroke.box).any()


def test_a_stroke_that_was_taken_back_is_told_not_repeated(painted, tmp_path):
    again = Again(painted, tmp_path, voronoi(count=40, seed=11))
    again.reapply(painted)
    again.timeline.undo()
    count = rows(again)
    done = again.reapply(painted)
    (told,) = done.overruled
    assert (told.operation, told.kind, done.decisions, done.satisfied) == (1, "paint", 1, 0)
    assert "taken back" in told.reason
    assert rows(again) == count


def test_overlapping_strokes_are_laid_once(painted, tmp_path):
    world = painted
    world.commit(Paint(world.stroke((1, 1, 1), (3, 4, 8)), world.spot(22), NOWHERE))
    world.commit(Erase(world.stroke((2, 2, 2), (3, 6, 6)), None, NOWHERE))
    again = Again(world, tmp_path, voronoi(count=40, seed=11))
    assert again.reapply(world).applied == 3
    whole = finest(again)
    count = rows(again)
    assert again.reapply(world).satisfied == 3
    assert rows(again) == count
    assert np.array_equal(finest(again), whole)


def test_an_old_stroke_keeps_off_newer_ones(painted, tmp_path):
    world = painted
    again = Again(world, tmp_path, voronoi(count=40, seed=11))
    newer = world.stroke((1, 1, 1), (2, 4, 4))
    again.timeline.commit(Erase(newer, None, NOWHERE))
    assert again.reapply(world).applied == 1
    assert not again.tissue.voxels.read(newer.box).any()
    rest = world.stroke((2, 1, 1), (3, 4, 4))
    segments = again.timeline.segmentation.segment_of[again.tissue.voxels.read(rest.box)]
    assert set(np.unique(segments)) == {again.tissue.segment_at(world.spot(20).place_nm)}


def test_a_stroke_that_newer_ones_cover_is_superseded(painted, stroke, tmp_path):
    again = Again(painted, tmp_path, voronoi(count=40, seed=11))
    again.timeline.commit(Erase(stroke, None, NOWHERE))
    done = again.reapply(painted)
    assert [told.kind for told in done.overruled] == ["paint"]
    assert rows(again) == 1


def test_locks_of_an_earlier_run_are_in_nobodys_way(painted, tmp_path):
    world = painted
    world.commit(Paint(world.stroke((1, 1, 1), (3, 4, 8)), world.spot(22), NOWHERE))
    world.commit(world.merge(1, 2))
    world.commit(Lock(world.spot(20)))
    world.commit(Lock(world.spot(22)))
    world.commit(MarkFinished(world.spot(15)))
    again = Again(world, tmp_path, voronoi(count=40, seed=11))
    first = again.reapply(world)
    assert first.conflicts == ()
    kinds = [row.kind for row in again.journal.operations()]
    assert kinds[-3:] == ["lock", "lock", "mark"]
    second = again.reapply(world)
    assert (second.conflicts, second.overruled) == ((), ())
    assert (second.satisfied, second.applied) == (first.decisions, 0)
    assert rows(again) == len(kinds)


def test_a_mark_that_was_taken_away_is_not_set_again(fine_world, tmp_path):
    world = fine_world
    world.commit(Lock(world.spot(20)))
    again = Again(world, tmp_path)
    again.reapply(world)
    again.timeline.commit(Lock(world.spot(20), locked=False))
    done = again.reapply(world)
    assert [told.kind for told in done.overruled] == ["lock"]
    assert again.timeline.segmentation.locked == set()


def test_newer_edits_win_over_a_decision_that_was_re_applied(fine_world, tmp_path):
    world = fine_world
    world.commit(world.merge(1, 2))
    again = Again(world, tmp_path)
    assert again.reapply(world).applied == 1
    again.timeline.commit(world.split(1, 2))
    count = rows(again)
    for _ in range(2):
        done = again.reapply(world)
        assert [told.operation for told in done.overruled] == [1]
        assert (done.applied, done.conflicts) == (0, ())
        assert rows(again) == count


@pytest.mark.parametrize("together", [True, False])
def test_newer_edits_win_over_a_decision_that_held_anyway(fine_world, tmp_path, together):
    world = fine_world
    world.commit(world.merge(1, 2))
    if not together:
        world.commit(world.split(1, 2))
    segment_of = [0, 1, 1, *range(2, 24)] if together else None
    again = Again(world, tmp_path, segment_of=segment_of)
    again.timeline.commit((world.split if together else world.merge)(1, 2))
    done = again.reapply(world)
    assert (done.decisions, done.satisfied, done.applied) == (1, 0, 0)
    assert "say otherwise" in done.overruled[0].reason
    assert rows(again) == 1


def test_newer_edits_win_over_what_another_decision_made_hold(fine_world, tmp_path):
    world = fine_world
    world.commit(world.merge(1, 2))
    world.commit(world.merge(2, 3))
    world.commit(world.split(1, 3))
    world.commit(world.merge(1, 3))
    again = Again(world, tmp_path)
    first = again.reapply(world)
    assert first.satisfied > 0  # without a row of its own
    again.timeline.commit(world.split([1], [2, 3]))
    apart = again.tissue.segment_at(world.spot(1).place_nm)
    count = rows(again)
    assert again.reapply(world).overruled
    assert rows(again) == count
    assert again.tissue.segment_at(world.spot(1).place_nm) == apart
    assert again.tissue.segment_at(world.spot(2).place_nm) != apart


def test_other_newer_work_does_not_keep_a_decision_from_being_re_applied(fine_world, tmp_path):
    world = fine_world
    world.commit(world.merge(1, 2))
    again = Again(world, tmp_path)
    again.timeline.commit(world.merge(10, 11))
    again.timeline.commit(Erase(world.stroke((6, 10, 10), (7, 11, 11)), None, NOWHERE))
    done = again.reapply(world)
    assert (done.applied, done.overruled) == (1, ())


def test_a_rejection_that_was_taken_back_is_not_made_again(world, tmp_path):
    a, b = (int(world.segmentation.members(s)[0]) for s in (1, 2))
    asked = {"c": world.merge(a, b)}
    world.commit(Verdict("c", "reject", NOWHERE))
    again = Again(world, tmp_path)
    again.reapply(world, asked, waiting=["c"])
    again.timeline.undo()
    count = rows(again)
    again.reapply(world, asked, waiting=["c"])
    assert rows(again) == count


def test_a_reason_counts_only_from_the_one_who_decided(fine_world, tmp_path):
    world = fine_world
    world.commit(world.merge(1, 2))
    again = Again(world, tmp_path)
    said = "re-applied operation 1 of generation 1 (merge)"
    again.timeline.commit(
        world.merge(10, 11), reason=said
    )  # by bob, who has nothing to say about it
    assert again.reapply(world).applied == 1
