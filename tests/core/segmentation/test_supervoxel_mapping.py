"""The mapping stays a partition, and members and sizes follow the table."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from segmend.core.segmentation.supervoxel_mapping import Move, SupervoxelMapping


def fresh():
    segment_of = np.array([0, 1, 1, 2, 2, 2, 3], np.uint32)
    size = np.array([0, 10, 20, 1, 2, 3, 100], np.uint32)
    return SupervoxelMapping(segment_of, size)


def assert_consistent(mapping):
    for segment in range(1, 8):
        expected = np.flatnonzero(mapping.segment_of == segment)
        assert np.array_equal(np.sort(mapping.members(segment)), expected)
        assert mapping.voxels(segment) == mapping.size[expected].sum()


def test_members_and_voxels():
    mapping = fresh()
    assert_consistent(mapping)
    assert mapping.segments().tolist() == [1, 2, 3]
    assert mapping.voxels(2) == 6


def test_the_base_is_copied():
    base = np.array([0, 1], np.uint32)
    mapping = SupervoxelMapping(base, np.array([0, 1]))
    mapping.apply(Move(np.array([1], np.uint32), 1, 2))
    assert base.tolist() == [0, 1]


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 6)), max_size=20))
def test_random_moves_and_their_way_back(steps):
    mapping = fresh()
    start = mapping.segment_of.copy()
    done = []
    for source, target, count in steps:
        members = mapping.members(source)[:count].copy()
        if source == target or not len(members):
            continue
        move = Move(members, source, target)
        mapping.apply(move)
        done.append(move)
        assert_consistent(mapping)
    for move in reversed(done):
        mapping.apply(move.inverted())
    assert_consistent(mapping)
    assert np.array_equal(mapping.segment_of, start)


def test_growing_keeps_what_was_there_and_starts_dead():
    mapping = fresh()
    mapping.grow([4, 5], first=7)
    assert mapping.supervoxel_count == 8
    assert mapping.segment_of.tolist() == [0, 1, 1, 2, 2, 2, 3, 0, 0]
    mapping.apply(Move(np.array([7, 8], np.uint32), 0, 1))
    assert mapping.voxels(1) == 39
    assert_consistent(mapping)
