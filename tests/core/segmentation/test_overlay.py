"""Every level is what it would be if the whole pyramid had been written anew."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from voxel_world import FACTORS, GRID, cells, make_voxel_world, pyramid, random_edit

from segmend.core.errors import VolumeError
from segmend.core.geometry import Box
from segmend.core.segmentation.overlay import overlaid_pyramid
from segmend.core.segmentation.patches import Patch, PatchStack
from segmend.core.segmentation.runs import RunCache, Runs
from segmend.core.volumes.pyramid import downsample_labels


def composed(labels, stack):
    """All levels in the plainest way."""
    labels = labels.copy()
    for operation in stack.operations:
        for patch in stack.of(operation):
            local = patch.local
            labels[patch.box.slices][local > 0] = np.array((0, *patch.ids))[local[local > 0]]
    levels = [labels]
    for factor in FACTORS:
        levels.append(downsample_labels(levels[-1], factor))
    return levels


def random_patch(rng, shape, first):
    a, b = np.sort([rng.integers(0, n + 1, 2) for n in shape], axis=1).T
    box = Box(tuple(a.tolist()), tuple(np.maximum(a + 1, b).tolist())).intersect(
        Box.of_shape(shape)
    )
    if not box.size:
        return None
    local = rng.integers(0, 3, box.shape_zyx)
    return Patch.of(box, (), (first, 0), (0, 0), local)


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch):
    monkeypatch.setattr("segmend.core.segmentation.overlay._TILE_ZYX", (1, 2, 3))


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 100_000))
def test_all_levels_follow_the_patches_as_they_come_and_go(seed):
    """Random patches, overlapping and out of order; boxes of any place are read in between."""
    rng = np.random.default_rng(seed)
    labels, stack = cells(), PatchStack()
    levels = overlaid_pyramid(pyramid(labels), stack)
    for step in range(8):
        in_effect = stack.operations
        if in_effect and rng.random() < 0.3:
            stack.remove(int(rng.choice(in_effect)))
        elif patch := random_patch(rng, labels.shape, 100 + step):
            number = int(rng.integers(1, 1000))
            if number not in in_effect:
                stack.add(number, (patch,))
        for level, expected in zip(levels, composed(labels, stack), strict=True):
            a, b = np.sort([rng.integers(0, n + 1, 2) for n in level.shape_zyx], axis=1).T
            box = Box(tuple(a.tolist()), tuple(b.tolist()))
            np.testing.assert_array_equal(level.read(box), expected[box.slices])


def test_many_changes_between_two_reads_leave_nothing_old_behind():
    rng = np.random.default_rng(1)
    labels, stack = cells(), PatchStack()
    levels = overlaid_pyramid(pyramid(labels), stack)
    whole = [Box.of_shape(level.shape_zyx) for level in levels]
    stack.add(1, (random_patch(rng, labels.shape, 50),))
    for level, box in zip(levels, whole, strict=True):
        level.read(box)
    for number in range(2, 100):
        if patch := random_patch(rng, labels.shape, 50 + number):
            stack.add(number, (patch,))
    for level, box, expected in zip(levels, whole, composed(labels, stack), strict=True):
        np.testing.assert_array_equal(level.read(box), expected)


def test_the_base_is_not_written_to():
    labels = cells()
    before = labels.copy()
    world = make_voxel_world()
    rng = np.random.default_rng(0)
    for _ in range(4):
        if resolved := random_edit(world, rng):
            world.step(resolved)
    assert not np.array_equal(world.now, before)
    np.testing.assert_array_equal(world.labels, before)


def test_undone_edits_leave_the_voxels_of_the_start():
    world = make_voxel_world()
    rng = np.random.default_rng(5)
    while world.number < 6:
        if resolved := random_edit(world, rng):
            world.step(resolved)
    while world.number:
        world.undo()
    for level, base in zip(world.voxels.levels, pyramid(world.labels), strict=True):
        box = Box.of_shape(level.shape_zyx)
        np.testing.assert_array_equal(level.read(box), base.read(box))


def test_another_stack_over_the_same_base_sees_other_voxels():
    labels, stack = cells(), PatchStack()
    world = make_voxel_world()
    patch = Patch.of(Box((0, 0, 0), (2, 2, 2)), (), (77,), (0,), np.ones((2, 2, 2)))
    stack.add(1, (patch,))
    over = world.voxels.over(stack)
    box = Box((0, 0, 0), (3, 3, 3))
    assert (over.read(box) == 77).sum() == 8
    np.testing.assert_array_equal(world.voxels.read(box), labels[box.slices])
    assert over.supervoxel_at_nm(GRID.to_nm((1, 1, 1))) == 77
    assert over.supervoxel_at_nm(GRID.to_nm((-1, 1, 1))) == 0
    assert over.supervoxel_at_nm(GRID.to_nm((0, 0, labels.shape[2]))) == 0
    assert over.levels[1].read(Box((0, 0, 0), (1, 1, 1)))[0, 0, 0] == 77


def test_a_box_outside_the_volume_is_refused_with_patches_too():
    world = make_voxel_world()
    with pytest.raises(VolumeError, match="leaves"):
        world.voxels.read(world.whole.grow((1, 0, 0)))


def test_what_is_kept_in_memory_is_bounded():
    box = Box((0, 0, 0), (4, 4, 4))
    runs = Runs.of(box, np.arange(64).reshape(4, 4, 4), np.ones((4, 4, 4), bool))
    cache = RunCache(limit=3 * runs.nbytes)
    for key in range(5):
        cache.put(key, runs)
    assert [key for key in range(5) if cache.get(key)] == [2, 3, 4]
    cache.put("too large", Runs.of(Box((0, 0, 0), (19, 19, 19)), *[np.ones((19, 19, 19))] * 2))
    assert cache.get("too large") is None
    cache.drop(4)
    cache.drop(4)
    assert cache.get(4) is None
