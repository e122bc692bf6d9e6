"""The mapping stays a partition, and members and sizes follow the table."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmend.core.segmentation.partition import Partition
from segmend.core.segmentation.supervoxel_mapping import Move, SupervoxelMapping

SEGMENT_OF = np.array([0, 1, 1, 2, 2, 2, 3], np.uint32)
SIZE = np.array([0, 10, 20, 1, 2, 3, 100], np.uint32)


def fresh():
    return SupervoxelMapping(Partition(SEGMENT_OF, SIZE))


def supervoxels(*ids):
    return np.array(ids, np.uint32)


def assert_consistent(mapping):
    for segment in range(1, 8):
        expected = np.flatnonzero(mapping.segment_of == segment)
        assert np.array_equal(np.sort(mapping.members(segment)), expected)
        assert mapping.voxels(segment) == mapping.size[expected].sum()
    used = np.unique(mapping.segment_of)
    assert mapping.segments().tolist() == used[used > 0].tolist()


def test_members_and_voxels():
    mapping = fresh()
    assert_consistent(mapping)
    assert mapping.segments().tolist() == [1, 2, 3]
    assert mapping.voxels(2) == 6
    assert mapping.voxels(99) == 0
    assert not len(mapping.members(99))
    assert not len(mapping.members(0))


def test_mappings_on_one_partition_do_not_see_each_other():
    partition = Partition(SEGMENT_OF, SIZE)
    one, other = SupervoxelMapping(partition), SupervoxelMapping(partition)
    one.apply(Move(supervoxels(1), 1, 2))
    one.grow([5], first=7)
    assert other.segment_of.tolist() == SEGMENT_OF.tolist()
    assert other.members(1).tolist() == [1, 2]
    assert partition.size.tolist() == SIZE.tolist()


def test_sizes_of_different_length_are_refused():
    with pytest.raises(ValueError, match="same supervoxels"):
        Partition(SEGMENT_OF, SIZE[:-1])


def test_a_move_of_a_supervoxel_that_does_not_exist_changes_nothing():
    mapping = fresh()
    with pytest.raises(IndexError):
        mapping.apply(Move(supervoxels(1, 7), 1, 2))
    assert mapping.segment_of.tolist() == SEGMENT_OF.tolist()


MOVES = st.lists(
    st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 6), st.booleans()), max_size=20
)


def carried_out(mapping, steps):
    for source, target, count, from_behind in steps:
        members = mapping.members(source)
        members = (members[-count:] if from_behind else members[:count]).copy()
        if source != target and len(members):
            move = Move(members, source, target)
            mapping.apply(move)
            yield move


@settings(deadline=None)  # the first example may compile
@given(MOVES)
def test_random_moves_and_their_way_back(steps):
    mapping = fresh()
    done = []
    for move in carried_out(mapping, steps):
        done.append(move)
        assert_consistent(mapping)
    for move in reversed(done):
        mapping.apply(move.inverted())
    assert_consistent(mapping)
    assert np.array_equal(mapping.segment_of, SEGMENT_OF)


@settings(deadline=None)  # the first example may compile
@given(MOVES)
def test_what_was_handed_out_stays_as_it_is(steps):
    mapping = fresh()
    seen = []
    for _ in carried_out(mapping, steps):
        for segment in range(1, 7):
            members = mapping.members(segment)
            seen.append((members, members.copy()))
    assert all(np.array_equal(members, copy) for members, copy in seen)


def test_merges_are_taken_back_in_any_order():
    mapping = fresh()
    merges = [Move(supervoxels(3, 4, 5), 2, 1), Move(supervoxels(6), 3, 1)]
    for move in merges:
        mapping.apply(move)
    for move in merges:
        mapping.apply(move.inverted())
        assert_consistent(mapping)
    assert np.array_equal(mapping.segment_of, SEGMENT_OF)


def test_growing_keeps_what_was_there_and_starts_dead():
    mapping = fresh()
    mapping.grow([4, 5], first=7)
    assert mapping.supervoxel_count == 8
    assert mapping.segment_of.tolist() == [0, 1, 1, 2, 2, 2, 3, 0, 0]
    mapping.apply(Move(supervoxels(7, 8), 0, 1))
    assert mapping.voxels(1) == 39
    assert_consistent(mapping)


def test_the_table_keeps_its_memory_while_there_is_room():
    mapping = fresh()
    table = mapping.segment_of
    mapping.grow(range(1, 1001), first=7)
    mapping.apply(Move(supervoxels(6), 3, 1))
    assert np.shares_memory(table, mapping.segment_of)
    assert table[6] == 1
    mapping.grow(range(300_000), first=1007)
    assert len(mapping.segment_of) == len(mapping.size) == 301_007
    assert mapping.size[6] == 100
    assert mapping.segment_of[6] == 1
