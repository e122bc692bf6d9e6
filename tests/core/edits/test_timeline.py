"""Edits change what they say, replay builds the same state, and refusals change nothing."""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from edits_world import GRID, make_world
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from segmend.core.algorithms.region_graph import region_graph, supervoxel_table
from segmend.core.edits.model import DivideSupervoxel, Merge, Split, Spot, Verdict
from segmend.core.edits.replay import replay
from segmend.core.edits.timeline import named_files
from segmend.core.errors import EditRefused, InputError, JournalError
from segmend.core.geometry import Box
from segmend.core.segmentation.overlay import OverlayFiles


def spot(world, supervoxel):
    point = world.segmentation.points(np.array([supervoxel]))[0]
    return Spot(int(supervoxel), GRID.to_nm(tuple(point)))


def merge(world, *supervoxels):
    return Merge(tuple(spot(world, s) for s in supervoxels))


def split(world, first, second):
    return Split((spot(world, first),), (spot(world, second),))


def divide(world, supervoxel, normal=(0.0, 1.0, 0.0)):
    return DivideSupervoxel(spot(world, supervoxel), normal)


def finest(world):
    return world.levels[0].read(Box.of_shape(world.levels[0].shape_zyx))


def test_a_merge_keeps_the_id_of_the_larger_segment(world):
    a, b = 1, 2
    larger = max((a, b), key=world.segmentation.voxels)
    members = {s: set(world.segmentation.members(s).tolist()) for s in (a, b)}
    step = world.commit(merge(world, min(members[a]), min(members[b])))
    assert step.change.old_ids == (1, 2)
    assert step.change.new_ids == (larger,)
    assert set(world.segmentation.members(larger).tolist()) == members[a] | members[b]


def test_a_merge_within_one_segment_is_refused_and_changes_nothing(world):
    before = world.segmentation.state()
    a, b, *_ = world.segmentation.members(1)
    with pytest.raises(EditRefused, match="in segment 1 already"):
        world.commit(merge(world, a, b))
    assert world.segmentation.state().same_as(before)
    assert world.journal.operations() == []


def test_segments_that_do_not_touch_get_a_bridge(fine_world):
    s = fine_world.segmentation
    far = next(t for t in range(2, 25) if not s.touching(1, t))
    fine_world.commit(merge(fine_world, 1, far))
    assert s.graph.added.pairs.tolist() == [[1, far]]
    assert s.segment_of[1] == s.segment_of[far]
    fine_world.commit(split(fine_world, 1, far))
    assert s.segment_of[1] != s.segment_of[far]


def test_segments_that_touch_get_no_bridge(fine_world):
    near = next(t for t in range(2, 25) if fine_world.segmentation.touching(1, t))
    fine_world.commit(merge(fine_world, 1, near))
    assert len(fine_world.segmentation.graph.added) == 0


def test_a_split_separates_the_seeds_and_names_the_smaller_side_anew(fine_world):
    s = fine_world.segmentation
    fine_world.commit(merge(fine_world, *range(1, 13)))
    segment = int(s.segment_of[1])
    voxels = s.voxels(segment)
    step = fine_world.commit(split(fine_world, 2, 11))
    old, new = step.change.new_ids
    assert (old, new) == (segment, 25)
    assert s.segment_of[2] != s.segment_of[11]
    assert s.voxels(new) <= s.voxels(old)
    assert s.voxels(new) + s.voxels(old) == voxels
    assert s.export_ids(np.array([new])).tolist() == [25]


def test_seeds_in_different_segments_or_one_supervoxel_are_refused(world):
    a, b = (int(world.segmentation.members(s)[0]) for s in (1, 2))
    with pytest.raises(EditRefused, match="different segments"):
        world.commit(split(world, a, b))
    with pytest.raises(EditRefused, match="seed in supervoxel"):
        world.commit(split(world, a, a))


def test_background_and_unknown_supervoxels_are_refused(world):
    with pytest.raises(InputError, match="background"):
        Spot(0, (0.0, 0.0, 0.0))
    with pytest.raises(EditRefused, match="never existed"):
        world.commit(Merge((spot(world, 1), Spot(999, (0.0, 0.0, 0.0)))))


def test_a_division_replaces_the_supervoxel_by_two_parts(world):
    before = finest(world).copy()
    victim = int(np.bincount(before.reshape(-1))[1:].argmax() + 1)
    segment = int(world.segmentation.segment_of[victim])
    world.commit(divide(world, victim))
    after = finest(world)
    assert np.array_equal(after != before, before == victim)
    assert set(np.unique(after[before == victim])) == {25, 26}
    assert world.segmentation.segment_of[[victim, 25, 26]].tolist() == [0, segment, segment]
    assert sorted(world.segmentation.members(segment))[-2:] == [25, 26]
    coarse = world.levels[1].read(Box.of_shape(world.levels[1].shape_zyx))
    assert victim not in coarse


def test_the_graph_after_a_division_is_that_of_the_voxels(world):
    victim = int(np.bincount(finest(world).reshape(-1))[1:].argmax() + 1)
    world.commit(divide(world, victim))
    again = divide(world, 25, normal=(1.0, 0.0, 1.0))
    world.commit(again)
    s = world.segmentation
    truth = region_graph(finest(world), world.affinities.read(Box.of_shape((10, 18, 20))))
    found = s.graph.in_force(s.segment_of)
    order = np.lexsort((found.pairs[:, 1], found.pairs[:, 0]))
    assert np.array_equal(found.pairs[order], truth.edges)
    assert np.array_equal(found.area[order], truth.area)
    assert np.allclose(found.affinity[order], truth.affinity, atol=1e-6)
    assert np.allclose(found.centroid[order], truth.centroid, atol=1e-4)
    table = supervoxel_table(finest(world))
    alive = np.flatnonzero(s.segment_of)
    assert np.array_equal(s.mapping.size[alive], table.size[alive])
    assert np.array_equal(s.boxes(alive), table.box[alive])


def test_a_plane_beside_the_supervoxel_is_refused(world):
    far = DivideSupervoxel(Spot(1, (1e6, 1e6, 1e6)), (1.0, 0.0, 0.0))
    with pytest.raises(EditRefused, match="one side would be empty"):
        world.commit(far)
    assert world.journal.operations() == []


def test_undo_and_redo_of_every_kind(world):
    start = world.segmentation.state()
    a, b = (int(world.segmentation.members(s)[0]) for s in (1, 2))
    states = []
    for edit in (merge(world, a, b), divide(world, a), Verdict("c", "reject", (0.0, 0.0, 0.0))):
        world.commit(edit)
        states.append(world.segmentation.state())
    for expected in (states[1], states[0], start):
        world.timeline.undo()
        assert world.segmentation.state().same_as(expected)
    with pytest.raises(EditRefused, match="nothing to undo"):
        world.timeline.undo()
    for expected in states:
        world.timeline.redo()
        assert world.segmentation.state().same_as(expected)
    with pytest.raises(EditRefused, match="nothing to redo"):
        world.timeline.redo()


def test_a_missing_chunk_file_is_named_when_its_operation_is_replayed(world):
    step = world.commit(divide(world, 1))
    shutil.rmtree(world.folder / "overlay")
    with pytest.raises(JournalError, match=f"row {step.row.number}"):
        world.timeline.state_at(step.row.number)


def test_files_without_a_row_are_swept(world):
    world.commit(divide(world, 1))
    orphan = OverlayFiles(world.folder / "overlay").write(np.zeros((1, 1, 1), np.uint32))
    assert world.files.sweep(named_files(world.journal.operations())) == 1
    assert not (world.folder / "overlay" / orphan).exists()
    assert world.timeline.state_at(1).same_as(world.segmentation.state())


class EditsMachine(RuleBasedStateMachine):
    """Any sequence of edits leaves a partition that replay builds again."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.world = make_world(self.folder)
        self.start = self.world.segmentation.state()

    def teardown(self):
        while self.world.timeline.done:
            self.world.timeline.undo()
        assert self.world.segmentation.state().same_as(self.start)
        self.world.close()
        shutil.rmtree(self.folder)

    def alive(self):
        return np.flatnonzero(self.world.segmentation.segment_of)

    def attempt(self, edit):
        before = self.world.segmentation.state()
        rows = len(self.world.journal.operations())
        try:
            self.world.commit(edit)
        except EditRefused:
            assert self.world.segmentation.state().same_as(before)
            assert len(self.world.journal.operations()) == rows

    @rule(a=st.integers(0, 99), b=st.integers(0, 99), c=st.integers(0, 99))
    def merge(self, a, b, c):
        alive = self.alive()
        chosen = sorted({int(alive[i % len(alive)]) for i in (a, b, c)})
        if len(chosen) > 1:
            self.attempt(merge(self.world, *chosen))

    @rule(a=st.integers(0, 99), b=st.integers(0, 99))
    def split(self, a, b):
        alive = self.alive()
        first = int(alive[a % len(alive)])
        members = self.world.segmentation.members(int(self.world.segmentation.segment_of[first]))
        self.attempt(split(self.world, first, int(members[b % len(members)])))

    @rule(
        a=st.integers(0, 99), normal=st.sampled_from([(1.0, 0, 0), (0, 1.0, 0), (1.0, 1.0, -1.0)])
    )
    def divide(self, a, normal):
        alive = self.alive()
        self.attempt(divide(self.world, int(alive[a % len(alive)]), normal))

    @precondition(lambda self: self.world.timeline.done)
    @rule()
    def undo(self):
        self.world.timeline.undo()

    @precondition(lambda self: self.world.timeline.undone)
    @rule()
    def redo(self):
        self.world.timeline.redo()

    @rule()
    def reopen(self):
        before = self.world.segmentation.state()
        self.world = self.world.reopened()
        assert self.world.segmentation.state().same_as(before)

    @invariant()
    def is_a_partition_of_the_voxels(self):
        s = self.world.segmentation
        counted = np.bincount(finest(self.world).reshape(-1), minlength=s.supervoxel_count + 1)
        alive = s.segment_of > 0
        assert np.array_equal(np.flatnonzero(counted), np.flatnonzero(alive))
        assert np.array_equal(counted[alive], s.mapping.size[alive])
        total = sum(len(s.members(int(segment))) for segment in s.mapping.segments())
        assert total == alive.sum()

    @invariant()
    def equals_its_replay(self):
        rows = self.world.journal.operations()
        last = rows[-1].number if rows else 0
        assert self.world.timeline.state_at(last).same_as(self.world.segmentation.state())


TestEditsMachine = EditsMachine.TestCase
TestEditsMachine.settings = settings(max_examples=12, stateful_step_count=25, deadline=None)


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 not a zip", b"\x93NUMPY\x01\x00"])
def test_a_damaged_chunk_file_is_named_too(world, damage):
    step = world.commit(divide(world, 1))
    for path in (world.folder / "overlay").iterdir():
        path.write_bytes(damage)
    with pytest.raises(JournalError, match=f"row {step.row.number}"):
        world.timeline.state_at(step.row.number)


@pytest.mark.parametrize(
    "children", [[], [25], [1, 2], [0, 1], [25, 90000], [2**32 - 2, 2**32 - 1]]
)
def test_a_division_into_impossible_supervoxels_is_refused(world, children):
    step = world.commit(divide(world, 1))
    payload = step.row.payload | {"children": children}
    with pytest.raises(JournalError, match="does not fit"):
        replay(world.base, [replace(step.row, payload=payload)], world.files)


def test_folders_and_foreign_files_are_not_swept(world):
    world.commit(divide(world, 1))
    (world.folder / "overlay" / "@eaDir").mkdir()
    (world.folder / "overlay" / "notes.txt").write_text("mine")
    assert world.files.sweep(named_files(world.journal.operations())) == 0
    assert (world.folder / "overlay" / "notes.txt").exists()
