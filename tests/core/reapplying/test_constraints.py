"""What decisions say about places, and how they are made good on other supervoxels."""

from dataclasses import replace

import numpy as np
import pytest
from edits_world import GRID, make_world, voronoi
from resegmented_world import Again, decided, tissue

from segmend.core.edits.model import (
    Cleave,
    Detach,
    Erase,
    Lock,
    MarkFinished,
    Merge,
    Paint,
    Split,
    Verdict,
)
from segmend.core.reapplying.constraints import Decision, decisions_of
from segmend.core.reapplying.reapplying import reapply
from segmend.core.reapplying.tissue import Pins


def constraints(world, candidates=None):
    return [c for decision in decided(world, candidates)[0] for c in decision.constraints]


def pairs(world, found):
    """Base supervoxels of each constraint, and whether they belong together."""
    at = tissue(world).supervoxel_at
    return {(frozenset((at(c.first), at(c.second))), c.together) for c in found}


def test_merges_join_and_splits_part_and_join_each_side(fine_world):
    world = fine_world
    world.commit(world.merge(1, 2, 3, 4))
    world.commit(world.split([1, 2], [3, 4]))
    found = pairs(world, constraints(world))
    assert (frozenset((1, 2)), True) in found
    assert (frozenset((3, 4)), True) in found
    assert (frozenset((1, 3)), False) in found
    assert (frozenset((2, 3)), True) not in found  # said by the merge, taken back by the split


def test_the_seeds_of_a_candidate_join_nothing(world):
    sides = [world.segmentation.members(1)[:1], world.segmentation.members(1)[1:]]
    world.timeline.commit(world.split(*sides), candidate="c", verdict="accept")
    assert {together for _, together in pairs(world, constraints(world))} == {False}


def test_cleaving_and_detaching_part(world):
    a, b, _ = world.segmentation.members(1).tolist()
    world.commit(Cleave(((world.spot(a),), (world.spot(b),))))
    world.commit(Detach((world.spot(int(world.segmentation.members(2)[0])),)))
    cleaved, detached = decided(world)[0]
    assert (frozenset((a, b)), False) in pairs(world, cleaved.constraints)
    assert detached.constraints
    assert not any(together for _, together in pairs(world, detached.constraints))


def test_a_damaged_row_says_nothing_but_that_it_is(world, monkeypatch):
    first, *others = world.segmentation.members(1).tolist()
    row = world.commit(world.split(first, others)).row
    damaged = [replace(row, kind="merge"), row]
    monkeypatch.setattr("segmend.core.edits.numbering.MOST_NEW", -24)
    for row, told in zip(damaged, ("another kind", "up to 0"), strict=True):
        (decision,) = decisions_of([row], tissue(world), {})
        assert told in decision.problem
        assert not decision.constraints


def test_rejections_say_the_opposite_of_what_was_asked(world):
    a, b, _ = world.segmentation.members(1).tolist()
    other = int(world.segmentation.members(2)[0])
    asked = {
        "join": Merge((world.spot(a), world.spot(other))),
        "part": Split(((world.spot(a),), (world.spot(b),))),
    }
    for name in (*asked, "lost"):
        world.commit(Verdict(name, "reject", (0.0, 0.0, 0.0)))
    world.commit(Verdict("join", "unsure", (0.0, 0.0, 0.0)))
    found, _ = decided(world, asked)
    assert pairs(world, found[0].constraints) == {(frozenset((a, other)), False)}
    assert pairs(world, found[1].constraints) == {(frozenset((a, b)), True)}
    assert "not known any more" in found[2].problem
    assert len(found) == 3


def test_what_a_later_edit_took_back_is_superseded(fine_world):
    world = fine_world
    world.commit(world.merge(1, 2))
    world.commit(world.split(1, 2))
    world.commit(MarkFinished(world.spot(5)))
    world.commit(world.merge(5, 6))
    found, superseded = decided(world)
    assert superseded == 2
    assert [decision.kind for decision in found] == ["split", "merge"]


def test_decisions_that_hold_cost_no_edit(fine_world, tmp_path):
    world = fine_world
    world.commit(world.merge(1, 2))
    again = Again(world, tmp_path, segment_of=[0, 1, 1, *range(2, 24)])
    done = again.reapply(world)
    assert (done.decisions, done.satisfied, done.applied, done.conflicts) == (1, 1, 0, ())
    assert again.journal.operations() == []


@pytest.mark.parametrize("joined", [1, 2, 4, 24])
@pytest.mark.parametrize("seed", [3, 11])
def test_decisions_are_made_good_on_other_supervoxels(tmp_path, joined, seed):
    world = make_world(tmp_path, per_segment=1)
    world.commit(world.merge(1, 2, 3))
    world.commit(world.merge(10, 11))
    world.commit(world.split(1, 2))
    world.commit(world.merge(12, 13, 14, 15))
    world.commit(world.split([12, 13], [14, 15]))
    labels = voronoi(count=40, seed=seed) if seed != 3 else world.labels
    segment_of = np.concatenate([[0], 1 + np.arange(labels.max()) // joined])
    again = Again(world, tmp_path, labels, segment_of)
    wanted = constraints(world)
    done = again.reapply(world)
    assert done.conflicts == ()
    assert done.satisfied + done.applied == done.decisions
    assert all(again.keeps(wanted))
    count = len(again.journal.operations())
    assert again.reapply(world).applied == 0
    assert len(again.journal.operations()) == count
    world.close()


def test_a_merge_does_not_join_what_was_parted(fine_world, tmp_path):
    world = fine_world
    world.commit(world.merge(1, 2, 3))
    world.commit(world.split(1, 3))
    where = world.segmentation.segment_of
    twin = 2
    own, other = (1, 3) if where[1] == where[twin] else (3, 1)
    segment_of = np.arange(25)
    segment_of[twin] = segment_of[other]  # now the middle one lies with the wrong end
    again = Again(world, tmp_path, segment_of=segment_of)
    wanted = constraints(world)
    assert not again.reapply(world).conflicts
    assert all(again.keeps(wanted))
    assert own != other


def test_authors_stay_and_reasons_name_the_old_operation(fine_world, tmp_path):
    world = fine_world
    world.timeline.commit(world.merge(1, 2), reason="one axon")
    again = Again(world, tmp_path)
    again.reapply(world)
    (row,) = again.journal.operations()
    assert row.author == "ada"
    assert row.reason == "re-applied operation 1 of generation 1 (merge): one axon"
    later = decisions_of(again.timeline.done, again.tissue, {})
    assert later == []


def test_strokes_marks_and_locks_are_made_again(fine_world, tmp_path):
    world = fine_world
    stroke = world.stroke((1, 1, 1), (3, 4, 4))
    world.commit(Paint(stroke, world.spot(20), (0.0, 0.0, 0.0)))
    hole = world.stroke((6, 10, 10), (8, 12, 12))
    world.commit(Erase(hole, None, (0.0, 0.0, 0.0)))
    world.commit(MarkFinished(world.spot(15)))
    world.commit(Lock(world.spot(16)))
    labels = voronoi(count=40, seed=11)
    again = Again(world, tmp_path, labels)
    done = again.reapply(world)
    assert (done.applied, done.conflicts) == (4, ())
    s, now = again.timeline.segmentation, again.tissue
    painted = s.segment_of[now.voxels.read(stroke.box)]
    assert set(np.unique(painted)) == {now.segment_at(world.spot(20).place_nm)}
    assert not now.voxels.read(hole.box).any()
    assert s.finished == {now.segment_at(world.spot(15).place_nm)}
    assert s.locked == {now.segment_at(world.spot(16).place_nm)}
    assert again.reapply(world).satisfied == 4


def test_rejected_candidates_that_are_there_again_are_rejected_again(world, tmp_path):
    a, b = (int(world.segmentation.members(s)[0]) for s in (1, 2))
    asked = {"c": Merge((world.spot(a), world.spot(b)))}
    world.commit(Verdict("c", "reject", (0.0, 0.0, 0.0)))
    again = Again(world, tmp_path)
    again.reapply(world, asked, waiting=["c", "d"])
    (row,) = again.journal.operations()
    assert (row.candidate, row.verdict, row.author) == ("c", "reject", "ada")


def test_what_cannot_be_made_good_is_told_with_its_reason(fine_world, tmp_path):
    world = fine_world
    world.commit(world.merge(1, 2))
    z, y, x = GRID.to_index(world.spot(1).place_nm)
    labels = world.labels.copy()
    labels[max(z - 3, 0) : z + 4, max(y - 3, 0) : y + 4, max(x - 3, 0) : x + 4] = 0
    labels = np.unique(labels, return_inverse=True)[1].reshape(labels.shape).astype(np.uint32)
    again = Again(world, tmp_path, labels)
    done = again.reapply(world)
    (conflict,) = done.conflicts
    assert (conflict.operation, conflict.author) == (1, "ada")
    assert "no segment" in conflict.reason
    assert done.to_json()["decisions"] == 1


def test_a_decision_without_a_known_question_is_a_conflict(fine_world, tmp_path):
    again = Again(fine_world, tmp_path)
    lost = Decision(1, 7, "verdict", "ada", "", None, problem="its candidate is not known any more")
    done = reapply([lost], tissue(fine_world), again.timeline)
    assert [c.reason for c in done.conflicts] == [lost.problem]


def test_pins_follow_what_becomes_of_a_supervoxel(fine_world):
    world = fine_world
    place = world.spot(1).place_nm
    pins = Pins([place, world.spot(2).place_nm], tissue(world))
    world.commit(world.divide(1))
    assert pins.segments().tolist() == [pins.segment(place), 2]
    assert pins.segment(place) == 1
    assert pins.spot(place).supervoxel in (25, 26)
