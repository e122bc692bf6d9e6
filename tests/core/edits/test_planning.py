"""What a resolved edit changes: the right moves, and refusals for what does not fit."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from segmend.core.edits.locks import refuse_locked
from segmend.core.edits.model import (
    Cleave,
    Detach,
    Erase,
    Lock,
    MarkFinished,
    Merge,
    Paint,
    Resolved,
    Spot,
    Verdict,
)
from segmend.core.edits.numbering import MOST_NEW, NextIds
from segmend.core.edits.places import segment_at
from segmend.core.edits.planning import plan
from segmend.core.edits.resolving import resolve
from segmend.core.errors import EditRefused
from segmend.core.segmentation.segmentation import Mark


class Bench:
    """Resolves, plans and applies edits on a world's segmentation, without a journal."""

    def __init__(self, world):
        self.world, self.number = world, 0
        self.segmentation, self.voxels = world.segmentation, world.voxels
        base = world.base
        self.free = NextIds(base.segment_count + 1, base.supervoxel_count + 1)

    def resolve(self, edit):
        return resolve(edit, self.segmentation, self.voxels, self.free)

    def plan(self, resolved):
        return plan(resolved, self.segmentation, self.voxels)

    def apply(self, edit):
        resolved = self.resolve(edit)
        return self.carry_out(resolved), resolved

    def carry_out(self, resolved):
        change = self.plan(resolved)
        self.number += 1
        self.segmentation.apply(self.number, change)
        self.free = NextIds(
            self.free.segment + len(resolved.new_segments),
            self.free.supervoxel + len(resolved.children),
        )
        return self.number, change

    def members(self, segment):
        return set(self.segmentation.members(segment).tolist())


@pytest.fixture
def bench(world):
    return Bench(world)


def whole(world):
    """One segment of everything, and its members."""
    return world.merge(*range(1, int(world.labels.max()) + 1))


def test_detached_supervoxels_leave_together_and_come_back(bench):
    before = bench.segmentation.state()
    (number, change), resolved = bench.apply(Detach((bench.world.spot(1),)))
    (new,) = resolved.new_segments
    assert change.old_ids == (1,)
    assert set(change.new_ids) == {1, new}
    assert sorted((len(bench.members(1)), len(bench.members(new)))) == [1, 2]
    bench.segmentation.revert(number, change)
    assert bench.segmentation.state().same_as(before)


def test_detaching_everything_is_refused(bench):
    with pytest.raises(EditRefused, match="nothing of segment 1 would stay"):
        bench.resolve(Detach(tuple(map(bench.world.spot, (1, 2, 3)))))


def test_the_larger_side_keeps_the_id_also_when_it_is_the_detached_one(bench):
    size = bench.segmentation.mapping.size
    small = min((1, 2, 3), key=lambda s: size[s])
    others = tuple(bench.world.spot(s) for s in (1, 2, 3) if s != small)
    bench.apply(Detach(others))
    assert small not in bench.members(1)


def test_a_cleave_makes_as_many_segments_as_groups(bench):
    bench.apply(whole(bench.world))
    (segment,) = set(bench.segmentation.segment_of[1:].tolist())
    groups = tuple((bench.world.spot(s),) for s in (1, 12, 24))
    (_, change), resolved = bench.apply(Cleave(groups))
    named = [int(bench.segmentation.segment_of[s]) for s in (1, 12, 24)]
    assert len(set(named)) == 3
    assert set(named) <= set(change.new_ids)
    assert change.old_ids == (segment,)
    assert not any(resolved.patches)


@pytest.mark.parametrize(
    ("sides", "new", "told"),
    [
        ((), (), "no sides"),
        (((1,),), (), "no sides"),
        (((1,),), (1,), "in use or out of range"),
        (((1,), (2,)), (50, 50), "in use or out of range"),
        (((1,),), (2**32 - 1,), "in use or out of range"),
        (((1,),), (8 + MOST_NEW + 1,), "in use or out of range"),
        (((1, 2, 3),), (50,), "side empty"),
        (((1,), (1,)), (50, 51), "on two sides"),
        (((1, 4),), (50,), "no longer in one segment"),
        (((1, 77),), (50,), "supervoxel 77 of this edit does not exist"),
        (((1, 2**32 - 1),), (50,), "does not exist"),
    ],
)
def test_recorded_sides_that_do_not_fit_are_refused(bench, sides, new, told):
    before = bench.segmentation.state()
    with pytest.raises(EditRefused, match=told):
        bench.plan(Resolved(bench.world.split(1, 2), sides, new))
    assert bench.segmentation.state().same_as(before)


def test_living_parts_leave_for_a_supervoxel_that_was_divided_since(bench):
    recorded = bench.resolve(Detach((bench.world.spot(1),)))
    recorded = replace(recorded, sides=((1,),))
    _, divided = bench.apply(bench.world.divide(1))
    assert len(divided.children) == 2
    bench.carry_out(replace(recorded, new_segments=(bench.free.segment,)))
    assert bench.members(recorded.new_segments[0]) == set(divided.children)


def test_a_side_of_parts_whose_operation_is_off_is_refused(bench):
    (number, change), divided = bench.apply(bench.world.divide(1))
    child = divided.children[0]
    recorded = Resolved(bench.world.split(2, 3), ((child,),), (bench.free.segment,))
    assert bench.plan(recorded).old_ids == (1,)
    bench.segmentation.revert(number, change)
    with pytest.raises(EditRefused, match="the operation that made it is off"):
        bench.plan(recorded)


def test_a_divided_supervoxel_leaves_its_segment_as_it_was(bench):
    voxels = bench.segmentation.voxels(1)
    (_, change), divided = bench.apply(bench.world.divide(1))
    assert change.old_ids == change.new_ids == (1,)
    assert bench.segmentation.voxels(1) == voxels
    assert bench.members(1) == {2, 3, *divided.children}
    assert not bench.segmentation.is_alive(1)
    assert bench.segmentation.living(1) == divided.children
    assert bench.segmentation.lineage(1) == (1, *divided.children)


def test_the_same_division_twice_is_refused(bench):
    _, divided = bench.apply(bench.world.divide(1))
    with pytest.raises(EditRefused, match="ids are taken"):
        bench.plan(divided)


def test_voxels_cannot_be_changed_without_them(bench):
    divided = bench.resolve(bench.world.divide(1))
    with pytest.raises(EditRefused, match="not at hand"):
        plan(divided, bench.segmentation, None)


@pytest.mark.parametrize("where", ["into", "new"])
def test_painted_voxels_belong_to_their_segment(bench, where):
    mask = bench.world.stroke((2, 4, 4), (5, 9, 9))
    target = bench.world.spot(24) if where == "into" else None
    (number, change), resolved = bench.apply(Paint(mask, target, (0.0, 0.0, 0.0)))
    expected = 8 if where == "into" else resolved.new_segments[0]
    painted = np.unique(bench.world.voxels.read(mask.box))
    assert set(bench.segmentation.segment_of[painted].tolist()) == {expected}
    assert expected in change.new_ids
    bench.segmentation.revert(number, change)
    assert np.array_equal(bench.world.finest(), bench.world.labels)


def test_erased_voxels_belong_to_nobody_and_an_erased_segment_is_gone(bench):
    labels = bench.world.labels
    voxels = np.argwhere(np.isin(labels, (1, 2, 3)))
    start, stop = voxels.min(axis=0), voxels.max(axis=0) + 1
    mask = bench.world.stroke(start, stop)
    (_, change), _ = bench.apply(Erase(mask, bench.world.spot(1), (0.0, 0.0, 0.0)))
    assert change.old_ids == (1,)
    assert change.new_ids == ()
    assert not bench.members(1)
    assert not np.isin(bench.world.finest(), (1, 2, 3)).any()


def test_a_spot_follows_its_place_when_its_supervoxel_died(bench):
    divide = bench.world.divide(1)
    spots = divide.spots
    (_, _), divided = bench.apply(divide)
    assert {segment_at(s, bench.segmentation, bench.voxels) for s in spots} == {1}
    (_, change), _ = bench.apply(Merge((spots[0], bench.world.spot(20))))
    assert set(divided.children) <= bench.members(change.new_ids[0])


def test_without_voxels_a_spot_follows_the_largest_part(bench):
    bench.apply(bench.world.divide(1))
    assert segment_at(Spot(1, (0.0, 0.0, 0.0)), bench.segmentation, None) == 1


@pytest.mark.parametrize("supervoxel", [99, 2**32 - 1])
def test_a_spot_nowhere_is_refused(bench, supervoxel):
    with pytest.raises(EditRefused, match="not part of the segmentation"):
        segment_at(Spot(supervoxel, (1e6, 1e6, 1e6)), bench.segmentation, bench.voxels)


def test_any_change_takes_the_finished_mark_away_and_undo_brings_it_back(bench):
    bench.apply(MarkFinished(bench.world.spot(1)))
    assert bench.segmentation.finished == {1}
    (number, change), _ = bench.apply(bench.world.merge(1, 24))
    assert Mark("finished", 1, True, False) in change.marks
    assert bench.segmentation.finished == set()
    bench.segmentation.revert(number, change)
    assert bench.segmentation.finished == {1}


def test_marks_and_locks_keep_the_finished_mark(bench):
    bench.apply(MarkFinished(bench.world.spot(1)))
    bench.apply(Lock(bench.world.spot(1)))
    assert bench.segmentation.finished == bench.segmentation.locked == {1}
    bench.apply(MarkFinished(bench.world.spot(2), finished=False))
    assert bench.segmentation.finished == set()


@pytest.mark.parametrize("edit", [MarkFinished, Lock])
def test_what_is_marked_already_is_refused_when_made_but_fits_in_replay(bench, edit):
    _, recorded = bench.apply(edit(bench.world.spot(1)))
    with pytest.raises(EditRefused, match=r"segment 1 is .* already"):
        bench.resolve(edit(bench.world.spot(2)))
    (mark,) = bench.plan(recorded).marks
    assert mark.before
    assert mark.after


def test_a_locked_segment_is_not_changed(bench):
    bench.apply(Lock(bench.world.spot(1)))
    for edit in (bench.world.merge(1, 24), Detach((bench.world.spot(1),)), bench.world.divide(2)):
        change = bench.plan(bench.resolve(edit))
        with pytest.raises(EditRefused, match="segment 1 is locked: unlock it first"):
            refuse_locked(edit, change, bench.segmentation)
    for edit in (
        bench.world.merge(5, 24),
        Lock(bench.world.spot(1), locked=False),
        MarkFinished(bench.world.spot(1)),
        Verdict("a", "reject", (0.0, 0.0, 0.0)),
    ):
        refuse_locked(edit, bench.plan(bench.resolve(edit)), bench.segmentation)


def test_independent_changes_commute_in_any_order_of_reverting(bench):
    before = bench.segmentation.state()
    far = [bench.world.merge(4, 24), bench.world.divide(1), Detach((bench.world.spot(10),))]
    done = [bench.apply(edit)[0] for edit in far]
    assert not any(a.segments & b.segments for (_, a), (_, b) in pairwise(done))
    for number, change in (done[1], done[0], done[2]):
        bench.segmentation.revert(number, change)
    assert bench.segmentation.state().same_as(before)
    for number, change in reversed(done):
        bench.segmentation.apply(number, change)
    after = bench.segmentation.state()
    for number, change in done:
        bench.segmentation.revert(number, change)
    for number, change in done:
        bench.segmentation.apply(number, change)
    assert bench.segmentation.state().same_as(after)
    assert not after.same_as(before)


def test_a_bridge_stands_between_living_supervoxels(fine_world):
    bench = Bench(fine_world)
    around = bench.segmentation.edges_around(1).pairs
    far = max(set(range(1, 25)) - set(around.ravel().tolist()))
    spots = (fine_world.spot(1), fine_world.spot(far))
    bench.apply(fine_world.divide(1))
    (_, change), _ = bench.apply(Merge(spots))
    (pair,) = change.bridges.pairs.tolist()
    assert pair[0] == far
    assert pair[1] in bench.segmentation.living(1)


def test_ids_run_out_in_words():
    full = NextIds(2**32 - 1, 2**32 - 1)
    assert full.segments(1) == (2**32 - 1,)
    with pytest.raises(EditRefused, match="no ids left for 2 new supervoxels"):
        full.supervoxels(2)


def test_rows_with_ids_too_high_to_be_real_do_not_use_ids_up(bench):
    base = bench.world.base
    rows = [((9, 10), (25,)), ((2**32 - 1,), ()), ((), (2**31,)), ((3,), ())]
    assert NextIds.after(base, rows) == NextIds(11, 26)


def test_each_id_of_a_row_counts_on_its_own(bench):
    base = bench.world.base
    assert NextIds.after(base, [((9, 3), (5, 25)), ((2**32 - 1,), (26,))]) == NextIds(10, 27)
    assert NextIds(20, 26).past(base, (9,), (5, 30, 2**31)) == NextIds(20, 31)
