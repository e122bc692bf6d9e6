"""Edits change what they say, replay builds the same, each can be switched, and refusals change nothing."""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from edits_world import GRID, World, make_world
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from segmend.core.algorithms.region_graph import region_graph, supervoxel_table
from segmend.core.edits.model import (
    Cleave,
    Detach,
    Erase,
    Lock,
    MarkFinished,
    Merge,
    Paint,
    Spot,
    Verdict,
)
from segmend.core.errors import EditRefused, InputError, JournalError, StaleEdit
from segmend.core.geometry import Box
from segmend.core.timeline import recall, timeline
from segmend.core.timeline.replay import Conflict, replay

NOWHERE = (0.0, 0.0, 0.0)


def replayed(world):
    """The state of a fresh copy, and the operations left out of it."""
    segmentation, _, problems = replay(world.base, world.timeline.history.done, world.base_voxels)
    return segmentation.state(), [problem.number for problem in problems]


def assert_graph_is_that_of_the_voxels(world):
    s, labels = world.segmentation, world.finest()
    truth = region_graph(labels, world.affinities.read(Box.of_shape(labels.shape)))
    found = s.graph.in_force(s.segment_of)
    bridges = s.graph.in_force(s.segment_of).take(
        np.flatnonzero(~np.isin(_keys(found.pairs), _keys(truth.edges)))
    )
    assert (bridges.affinity == 1).all()  # a person's word, not a contact
    found = found.take(np.flatnonzero(np.isin(_keys(found.pairs), _keys(truth.edges))))
    order = np.lexsort((found.area, found.pairs[:, 1], found.pairs[:, 0]))
    found = found.take(order)
    assert np.array_equal(found.pairs, truth.edges)
    assert np.array_equal(found.area, truth.area)
    assert np.array_equal(found.affinity, truth.affinity)
    assert np.array_equal(found.strong, truth.strong)
    assert np.array_equal(found.centroid, truth.centroid)
    table, alive = supervoxel_table(labels), np.flatnonzero(s.segment_of)
    assert np.array_equal(s.mapping.size[alive], table.size[alive])
    assert np.array_equal(s.boxes(alive), table.box[alive])
    assert np.array_equal(s.points(alive), table.point[alive])


def _keys(pairs):
    return pairs[:, 0].astype(np.int64) << 32 | pairs[:, 1]


def test_a_merge_keeps_the_id_of_the_larger_segment(world):
    larger = max((1, 2), key=world.segmentation.voxels)
    members = {s: set(world.segmentation.members(s).tolist()) for s in (1, 2)}
    step = world.commit(world.merge(min(members[1]), min(members[2])))
    (part,) = step.parts
    assert part.change.old_ids == (1, 2)
    assert part.change.new_ids == (larger,)
    assert set(world.segmentation.members(larger).tolist()) == members[1] | members[2]


def test_a_merge_within_one_segment_is_refused_and_changes_nothing(world):
    before = world.segmentation.state()
    a, b, *_ = world.segmentation.members(1)
    with pytest.raises(EditRefused, match="in segment 1 already"):
        world.commit(world.merge(a, b))
    assert world.segmentation.state().same_as(before)
    assert world.journal.operations() == []


def test_segments_that_do_not_touch_get_a_bridge(fine_world):
    s = fine_world.segmentation
    far = next(t for t in range(2, 25) if not s.touching(1, t))
    fine_world.commit(fine_world.merge(1, far))
    assert s.graph.added.pairs.tolist() == [[1, far]]
    assert s.segment_of[1] == s.segment_of[far]
    fine_world.commit(fine_world.split(1, far))
    assert s.segment_of[1] != s.segment_of[far]


def test_a_split_separates_the_seeds_and_names_the_smaller_side_anew(fine_world):
    s = fine_world.segmentation
    fine_world.commit(fine_world.merge(*range(1, 13)))
    segment = int(s.segment_of[1])
    voxels = s.voxels(segment)
    (part,) = fine_world.commit(fine_world.split(2, 11)).parts
    old, new = part.change.new_ids
    assert (old, new) == (segment, 25)
    assert s.segment_of[2] != s.segment_of[11]
    assert s.voxels(new) <= s.voxels(old)
    assert s.voxels(new) + s.voxels(old) == voxels


def test_background_and_unknown_supervoxels_are_refused(world):
    with pytest.raises(InputError, match="background"):
        Spot(0, NOWHERE)
    with pytest.raises(EditRefused, match="never existed"):
        world.commit(Merge((world.spot(1), Spot(999, (1e6, 1e6, 1e6)))))


def test_a_division_replaces_the_supervoxel_by_two_parts(world):
    before = world.finest().copy()
    victim = int(np.bincount(before.reshape(-1))[1:].argmax() + 1)
    segment = int(world.segmentation.segment_of[victim])
    world.commit(world.divide(victim))
    after = world.finest()
    assert np.array_equal(after != before, before == victim)
    assert set(np.unique(after[before == victim])) == {25, 26}
    assert world.segmentation.segment_of[[victim, 25, 26]].tolist() == [0, segment, segment]
    coarse = world.levels[1].read(Box.of_shape(world.levels[1].shape_zyx))
    assert victim not in coarse
    assert_graph_is_that_of_the_voxels(world)


def test_undo_and_redo_of_every_kind(world):
    states = [world.segmentation.state()]
    for edit in (
        world.merge(1, 4),
        world.divide(1),
        MarkFinished(world.spot(7)),
        Paint(world.stroke((2, 2, 2), (4, 8, 9)), world.spot(10), NOWHERE),
        Erase(world.stroke((6, 9, 9), (8, 12, 14)), None, NOWHERE),
        Lock(world.spot(16)),
        Verdict("c", "reject", NOWHERE),
    ):
        world.commit(edit)
        states.append(world.segmentation.state())
    for expected in reversed(states[:-1]):
        world.timeline.undo()
        assert world.segmentation.state().same_as(expected)
    with pytest.raises(EditRefused, match="nothing to undo"):
        world.timeline.undo()
    for expected in states[1:]:
        world.timeline.redo()
        assert world.segmentation.state().same_as(expected)
    with pytest.raises(EditRefused, match="nothing to redo"):
        world.timeline.redo()


def test_switching_an_operation_touches_only_what_depends_on_it(fine_world):
    t = fine_world.timeline
    first = fine_world.commit(fine_world.merge(1, 2)).row.number
    apart = fine_world.commit(fine_world.merge(20, 21)).row.number
    onto = fine_world.commit(fine_world.merge(2, 3)).row.number
    step = t.switch(off=[first])
    assert apart not in {part.target.number for part in step.parts}
    assert [(p.target.number, p.backwards) for p in step.parts] == [
        (onto, True),
        (first, True),
        (onto, False),
    ]
    s = fine_world.segmentation.segment_of
    assert s[1] != s[2]
    assert s[2] == s[3]


def test_what_does_not_fit_without_an_operation_is_a_conflict_and_comes_back_with_it(world):
    divided = world.commit(world.divide(1)).row.number
    detached = world.commit(Detach((world.spot(25),))).row.number
    state = world.segmentation.state()
    step = world.timeline.switch(off=[divided])
    (conflict,) = step.conflicts
    assert isinstance(conflict, Conflict)
    assert (conflict.number, world.timeline.problems) == (detached, (conflict,))
    assert [o.number for o in world.timeline.done] == []
    world = world.reopened()
    assert world.timeline.problems == (conflict,)
    step = world.timeline.switch(on=[divided])
    assert step.conflicts == world.timeline.problems == ()
    assert world.segmentation.state().same_as(state)


def spot_in(world, place):
    return Spot(int(world.labels[place]), GRID.to_nm(place))


def one_voxel(world, place):
    return world.stroke(place, [at + 1 for at in place])


@pytest.mark.parametrize("keeps", [False, True], ids=["live", "reopened"])
def test_what_lies_at_the_place_of_a_dead_supervoxel_is_looked_up_anew(tmp_path, keeps):
    world = make_world(tmp_path, snapshots=tmp_path / "snapshots")
    place, t = (5, 9, 10), world.timeline
    voxel, there = one_voxel(world, place), spot_in(world, place)
    other = 1 if world.segmentation.segment_of[there.supervoxel] != 1 else 24
    world.commit(Erase(voxel, None, there.place_nm))
    painted = world.commit(Paint(voxel, None, there.place_nm)).row.number
    t.switch(off=[painted])
    merged = world.commit(Merge((there, world.spot(other)))).row.number
    world = world.reopened() if keeps else world
    step = world.timeline.switch(on=[painted])
    assert merged in {part.target.number for part in step.parts}
    assert replayed(world)[0].same_as(world.segmentation.state())
    world.close()


def test_a_dead_supervoxel_is_looked_up_anew_where_what_was_erased_comes_back(world):
    place = (5, 9, 10)
    voxel, there = one_voxel(world, place), spot_in(world, place)
    world.commit(Paint(voxel, None, there.place_nm))
    erased = world.commit(Erase(voxel, None, there.place_nm)).row.number
    other = 1 if world.segmentation.segment_of[spot_in(world, place).supervoxel] != 1 else 24
    world.commit(Merge((there, world.spot(other))))
    world.timeline.switch(off=[erased])
    assert replayed(world)[0].same_as(world.segmentation.state())


def test_switches_that_say_nothing_new_are_refused(world):
    number = world.commit(world.merge(1, 4)).row.number
    for numbers in ({}, {"on": [number]}, {"off": [99]}, {"off": [number], "on": [number]}):
        with pytest.raises(EditRefused):
            world.timeline.switch(**numbers)
    assert len(world.journal.operations()) == 1


def test_a_switch_that_cannot_be_written_changes_nothing(world, monkeypatch):
    number = world.commit(world.divide(1)).row.number
    world.commit(Detach((world.spot(25),)))
    state, past = world.segmentation.state(), world.timeline.history

    def full(*_):
        raise JournalError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr("segmend.core.journal.journal.Writing.append", full)
        with pytest.raises(JournalError):
            world.timeline.switch(off=[number])
    assert world.segmentation.state().same_as(state)
    assert (world.timeline.history, world.timeline.problems) == (past, ())
    world.timeline.switch(off=[number])
    assert replayed(world)[0].same_as(world.segmentation.state())


def test_a_locked_segment_is_left_alone_and_a_change_takes_the_finished_mark_away(world):
    world.commit(Lock(world.spot(1)))
    world.commit(MarkFinished(world.spot(4)))
    with pytest.raises(EditRefused, match="locked"):
        world.commit(world.merge(1, 4))
    assert world.segmentation.finished == {2}
    world.commit(world.merge(4, 7))
    assert world.segmentation.finished == set()
    world.timeline.undo()
    assert world.segmentation.finished == {2}


def test_rows_from_outside_that_make_no_sense_are_left_out(world):
    step = world.commit(world.divide(1))
    for damage in (
        {"patches": [step.row.payload["patches"][0] | {"ids": [90000000, 4]}]},
        {"patches": [step.row.payload["patches"][0] | {"voxels": "eF4="}]},
        {"patches": [step.row.payload["patches"][0] | {"box": [0, 0, 0, 2**30, 1, 1]}]},
        {"kind": "unheard of"},
        {"sides": 3},
    ):
        row = replace(step.row, payload=step.row.payload | damage)
        segmentation, changes, problems = replay(world.base, [row], world.base_voxels)
        assert changes == [None]
        assert [problem.number for problem in problems] == [row.number]
        assert len(np.flatnonzero(segmentation.segment_of)) == 24


@pytest.fixture
def two(tmp_path, monkeypatch):
    """Two people on one journal."""
    monkeypatch.setattr("segmend.core.journal.journal.Journal.shared", True)
    ada, ben = make_world(tmp_path), make_world(tmp_path)
    ben.timeline._blank = replace(ben.timeline._blank, author="ben")
    yield ada, ben
    ada.close()
    ben.close()


def test_an_edit_of_what_somebody_else_changed_is_stale_and_then_fits(two):
    ada, ben = two
    ada.commit(ada.merge(1, 4))
    with pytest.raises(StaleEdit, match="ada changed segment"):
        ben.commit(ben.merge(4, 7))
    (absorbed,) = ben.timeline.absorbed()
    assert absorbed.row.author == "ada"
    assert ben.segmentation.state().same_as(ada.segmentation.state())
    ben.commit(ben.merge(4, 7))
    assert len(ada.timeline.catch_up()) == 1
    assert ben.segmentation.state().same_as(ada.segmentation.state())


def test_edits_elsewhere_are_taken_in_without_a_word(two):
    ada, ben = two
    ada.commit(ada.divide(1))
    ben.commit(ben.divide(20))
    ada.timeline.catch_up()
    assert ben.segmentation.state().same_as(ada.segmentation.state())
    assert np.array_equal(ada.finest(), ben.finest())


def test_a_candidate_is_decided_once(two):
    ada, ben = two
    verdict = Verdict("c", "reject", NOWHERE)
    ada.timeline.commit(verdict, candidate="c", verdict="reject")
    with pytest.raises(StaleEdit, match="ada decided this candidate"):
        ben.timeline.commit(verdict, candidate="c", verdict="reject")


def test_paint_over_what_somebody_else_changed_is_stale(two):
    ada, ben = two
    ada.commit(ada.merge(1, 4))
    stroke = Paint(ben.stroke((0, 0, 0), ben.labels.shape), None, NOWHERE)
    with pytest.raises(StaleEdit):
        ben.commit(stroke)


def test_paint_over_voxels_that_somebody_else_erased_meanwhile_is_stale(two):
    ada, ben = two
    place = (5, 9, 10)
    there = spot_in(ada, place)
    ada.commit(Erase(one_voxel(ada, place), None, there.place_nm))
    segment = ben.segmentation.segment_of[there.supervoxel]
    away = next(s for s in range(1, 25) if ben.segmentation.segment_of[s] != segment)
    with pytest.raises(StaleEdit, match="ada changed segment"):
        ben.commit(Paint(one_voxel(ben, place), ben.spot(away), there.place_nm))
    ben.commit(Paint(one_voxel(ben, place), ben.spot(away), there.place_nm))


def test_a_stroke_beside_what_somebody_else_erased_is_not_stale(two):
    ada, ben = two
    here, there = spot_in(ada, (0, 0, 0)), spot_in(ada, (9, 17, 19))
    ada.commit(Erase(one_voxel(ada, (0, 0, 0)), None, here.place_nm))
    segments = ben.segmentation.segment_of[[here.supervoxel, there.supervoxel]]
    assert segments[0] != segments[1]
    ben.commit(Erase(one_voxel(ben, (9, 17, 19)), there, there.place_nm))
    ada.timeline.catch_up()
    assert np.array_equal(ada.finest(), ben.finest())


def test_undo_in_a_team_takes_the_newest_of_ones_own(two):
    ada, ben = two
    ada.commit(ada.merge(1, 4))
    ben.commit(ben.merge(10, 13))
    assert ada.timeline.undo().parts[0].target.author == "ada"
    with pytest.raises(EditRefused, match="no operation of yours"):
        ada.timeline.undo()
    ben.timeline.catch_up()
    with pytest.raises(EditRefused, match="nothing to redo"):
        ben.timeline.redo()
    ada.timeline.redo()
    ben.timeline.catch_up()
    assert ben.segmentation.state().same_as(ada.segmentation.state())


choice = st.integers(0, 999)


class EditsMachine(RuleBasedStateMachine):
    """Any sequence of edits leaves a partition that replay builds again."""

    def __init__(self):
        super().__init__()
        self.every, self.lately = timeline.EVERY, recall.LATELY
        timeline.EVERY, recall.LATELY = 4, 3
        self.folder = Path(tempfile.mkdtemp())
        self.world: World = make_world(self.folder, snapshots=self.folder / "snapshots")
        self.start, self.labels = self.world.segmentation.state(), self.world.finest().copy()

    def teardown(self):
        while self.world.timeline.can_undo:
            self.world.timeline.undo()
        assert self.world.segmentation.state().same_as(self.start)
        assert np.array_equal(self.world.finest(), self.labels)
        self.world.close()
        shutil.rmtree(self.folder)
        timeline.EVERY, recall.LATELY = self.every, self.lately

    def alive(self, number):
        alive = np.flatnonzero(self.world.segmentation.segment_of)
        return int(alive[number % len(alive)])

    def beside(self, supervoxel, number):
        segment = int(self.world.segmentation.segment_of[supervoxel])
        members = np.sort(self.world.segmentation.members(segment))
        return int(members[number % len(members)])

    def dead(self, number):
        """A spot whose supervoxel died or was not born, with a place where it was or may have been."""
        s = self.world.segmentation
        dead = np.append(np.flatnonzero(s.segment_of[1:] == 0) + 1, s.supervoxel_count + 1)
        one = int(dead[number % len(dead)])
        places = np.argwhere(self.labels == one) if one <= 24 else np.argwhere(self.labels)
        return Spot(one, GRID.to_nm(tuple(places[number % len(places)])))

    def spot(self, number, dead):
        return self.dead(number) if dead else self.world.spot(self.alive(number))

    def attempt(self, make, **about):
        before, rows = self.world.segmentation.state(), len(self.world.journal.operations())
        files = sorted(p for p in self.folder.rglob("*") if p.suffix == ".npz")
        try:
            return self.world.timeline.commit(make(), **about)
        except (EditRefused, InputError):
            assert self.world.segmentation.state().same_as(before)
            assert len(self.world.journal.operations()) == rows
            assert sorted(p for p in self.folder.rglob("*") if p.suffix == ".npz") == files

    @rule(a=choice, b=choice, c=choice)
    def merge(self, a, b, c):
        self.attempt(lambda: self.world.merge(*{self.alive(i) for i in (a, b, c)}))

    @rule(a=choice, b=choice)
    def split(self, a, b):
        one = self.alive(a)
        self.attempt(lambda: self.world.split(one, self.beside(one, b)))

    @rule(a=choice, b=choice, c=choice)
    def cleave(self, a, b, c):
        one = self.alive(a)
        seeds = {one, self.beside(one, b), self.beside(one, c)}
        self.attempt(lambda: Cleave(tuple((self.world.spot(s),) for s in seeds)))

    @rule(a=choice)
    def detach(self, a):
        self.attempt(lambda: Detach((self.world.spot(self.alive(a)),)))

    @rule(a=choice)
    def divide(self, a):
        self.attempt(lambda: self.world.divide(self.alive(a)))

    @rule(a=choice, b=choice, both=st.booleans())
    def merge_dead(self, a, b, both):
        self.attempt(lambda: Merge((self.dead(a), self.spot(b, both))))

    @rule(a=choice, b=choice, one=st.integers(0, 1))
    def accept(self, a, b, one):
        about = {"candidate": f"c{one}", "verdict": "accept"}
        self.attempt(lambda: Merge((self.spot(a, b % 2), self.spot(b, a % 2))), **about)

    @rule(one=st.integers(0, 1))
    def reject(self, one):
        about = {"candidate": f"c{one}", "verdict": "reject"}
        self.attempt(lambda: Verdict(f"c{one}", "reject", NOWHERE), **about)

    @rule(
        a=choice,
        new=st.booleans(),
        dead=st.booleans(),
        corner=st.tuples(*[st.integers(0, 7)] * 3),
    )
    def paint(self, a, new, dead, corner):
        mask = self.world.stroke(corner, [c + 2 for c in corner])
        target = None if new else self.spot(a, dead)
        self.attempt(lambda: Paint(mask, target, NOWHERE))

    @rule(a=choice, every=st.booleans(), corner=st.tuples(*[st.integers(0, 8)] * 3))
    def erase(self, a, every, corner):
        mask = self.world.stroke(corner, [c + 1 for c in corner])
        only = None if every else self.world.spot(self.alive(a))
        self.attempt(lambda: Erase(mask, only, NOWHERE))

    @rule(a=choice, dead=st.booleans(), finished=st.booleans())
    def mark(self, a, dead, finished):
        self.attempt(lambda: MarkFinished(self.spot(a, dead), finished))

    @rule(a=choice, dead=st.booleans(), locked=st.booleans())
    def lock(self, a, dead, locked):
        self.attempt(lambda: Lock(self.spot(a, dead), locked))

    @precondition(lambda self: self.world.timeline.can_undo)
    @rule()
    def undo(self):
        self.world.timeline.undo()

    @precondition(lambda self: self.world.timeline.can_redo)
    @rule()
    def redo(self):
        self.world.timeline.redo()

    @precondition(lambda self: self.world.timeline.history.done)
    @rule(a=choice, b=choice, back=st.booleans())
    def switch_off(self, a, b, back):
        t = self.world.timeline
        done = t.history.done
        before, problems = self.world.segmentation.state(), t.problems
        off = {done[i % len(done)].number for i in (a, b)}
        t.switch(off=off)
        if back:
            t.switch(on=off)
            assert self.world.segmentation.state().same_as(before)
            assert [p.number for p in t.problems] == [p.number for p in problems]

    @precondition(lambda self: self.world.timeline.history.off)
    @rule(a=choice)
    def switch_on(self, a):
        off = self.world.timeline.history.off
        self.world.timeline.switch(on=[off[a % len(off)].number])

    @rule()
    def reopen(self):
        before, problems = self.world.segmentation.state(), self.world.timeline.problems
        self.world = self.world.reopened()
        assert self.world.segmentation.state().same_as(before)
        assert self.world.timeline.problems == problems

    @invariant()
    def is_a_partition_of_the_voxels(self):
        s = self.world.segmentation
        counted = np.bincount(self.world.finest().reshape(-1), minlength=s.supervoxel_count + 1)
        alive = s.segment_of > 0
        assert np.array_equal(np.flatnonzero(counted[1:]), np.flatnonzero(alive[1:]))
        assert np.array_equal(counted[alive], s.mapping.size[alive])
        total = [s.members(int(segment)) for segment in s.mapping.segments()]
        assert np.array_equal(np.sort(np.concatenate(total)), np.flatnonzero(alive))
        assert sum(s.voxels(int(t)) for t in s.mapping.segments()) == counted[1:].sum()

    @invariant()
    def equals_its_replay(self):
        state, left_out = replayed(self.world)
        assert state.same_as(self.world.segmentation.state())
        assert left_out == [problem.number for problem in self.world.timeline.problems]

    @invariant()
    def graph_is_that_of_the_voxels(self):
        assert_graph_is_that_of_the_voxels(self.world)


TestEditsMachine = EditsMachine.TestCase
TestEditsMachine.settings = settings(max_examples=12, stateful_step_count=25, deadline=None)


@pytest.mark.slow
def test_10000_mixed_operations_undone_to_zero(tmp_path):
    world = make_world(tmp_path, snapshots=tmp_path / "snapshots")
    start, labels = world.segmentation.state(), world.finest().copy()
    rng = np.random.default_rng(5)
    count = 0
    while count < 10_000:
        try:
            mixed_operation(world, rng)
        except (EditRefused, InputError):
            continue
        count += 1
        if count % 2500 == 0:
            state, left_out = replayed(world)
            assert state.same_as(world.segmentation.state())
            assert left_out == [problem.number for problem in world.timeline.problems]
            world = world.reopened()
            assert world.segmentation.state().same_as(state)
    while world.timeline.can_undo:
        world.timeline.undo()
    assert world.segmentation.state().same_as(start)
    assert np.array_equal(world.finest(), labels)
    world.close()


def mixed_operation(world, rng):
    kinds = {"merge": 24, "split": 20, "undo": 26, "redo": 6, "detach": 6, "mark": 5, "verdict": 4}
    kinds |= {"divide": 3, "paint": 3, "erase": 2, "switch": 1}
    kind = str(rng.choice(list(kinds), p=np.array(list(kinds.values())) / sum(kinds.values())))
    alive = np.flatnonzero(world.segmentation.segment_of)
    one, other = (int(s) for s in rng.choice(alive, 2))
    segment = int(world.segmentation.segment_of[one])
    if kind in ("undo", "redo"):
        return getattr(world.timeline, kind)()
    if kind == "switch":
        done = world.timeline.done[-40:]
        return done and world.timeline.switch(off=[done[int(rng.integers(len(done)))].number])
    corner = rng.integers(0, 8, 3).tolist()
    mask = world.stroke(corner, [c + 2 for c in corner])
    return world.commit(
        {
            "merge": lambda: world.merge(one, other),
            "split": lambda: world.split(one, int(rng.choice(world.segmentation.members(segment)))),
            "detach": lambda: Detach((world.spot(one),)),
            "mark": lambda: MarkFinished(world.spot(one)),
            "verdict": lambda: Verdict("c", "unsure", NOWHERE),
            "divide": lambda: world.divide(one),
            "paint": lambda: Paint(mask, world.spot(one), NOWHERE),
            "erase": lambda: Erase(mask, world.spot(one), NOWHERE),
        }[kind]()
    )
