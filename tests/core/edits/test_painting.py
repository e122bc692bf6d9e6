"""Strokes and erasures: identity of supervoxels, and which segments they end in."""

import numpy as np
import pytest
from scipy import ndimage
from voxel_world import make_voxel_world

from segmend.core.edits.mask import VoxelMask
from segmend.core.edits.model import Erase, Paint
from segmend.core.edits.painting import resolve_erase, resolve_paint
from segmend.core.errors import EditRefused
from segmend.core.geometry import Box
from segmend.core.segmentation.mapped_labels import map_labels


@pytest.fixture
def world():
    return make_voxel_world()


def segments(world):
    return map_labels(np.ascontiguousarray(world.now), world.segmentation.segment_of)


def block(world, *corners):
    mask = np.zeros(world.labels.shape, bool)
    mask[tuple(slice(a, b) for a, b in corners)] = True
    return mask


def test_painted_voxels_end_in_the_target_and_all_others_stay_where_they_were(world):
    mask = block(world, (2, 6), (3, 8), (4, 9))
    at = (0, 0, 0)
    before, target = segments(world), int(segments(world)[at])
    change = world.step(world.paint(mask, at))
    after = segments(world)
    assert (after[mask] == target).all()
    np.testing.assert_array_equal(after[~mask], before[~mask])
    assert target in change.new_ids
    assert set(np.unique(before[mask])) - {0, target} <= set(change.old_ids)
    outside = np.ones_like(mask)
    outside[change.box.slices] = False
    assert not (outside & mask).any()


def test_voxels_of_the_target_keep_their_supervoxels(world):
    before = world.now.copy()
    at = (0, 0, 0)
    mine = segments(world) == segments(world)[at]
    world.step(world.paint(block(world, (0, 5), (0, 6), (0, 7)), at))
    np.testing.assert_array_equal(world.now[mine], before[mine])


def test_an_id_stands_for_one_set_of_voxels_for_ever(world):
    before = world.now.copy()
    resolved = world.paint(block(world, (2, 6), (3, 8), (4, 9)))
    world.step(resolved)
    for supervoxel in np.unique(before):
        now = world.now == supervoxel
        assert not now.any() or supervoxel == 0 or np.array_equal(now, before == supervoxel)
    assert set(resolved.children).isdisjoint(np.unique(before))


def test_the_stroke_is_one_supervoxel_of_a_new_segment_if_no_target_is_named(world):
    mask = block(world, (1, 2), (0, 18), (3, 4)) | block(world, (5, 6), (0, 3), (9, 12))
    resolved = world.paint(mask)
    world.step(resolved)
    (supervoxel,) = np.unique(world.now[mask])
    assert (world.now == supervoxel).sum() == mask.sum()
    assert world.segmentation.segment_of[supervoxel] == resolved.new_segments[0]


def test_rests_are_one_supervoxel_for_each_piece(world):
    """A plane through a supervoxel leaves two pieces; voxels that meet at a corner are one."""
    supervoxel = int(np.bincount(world.now[world.now > 0]).argmax())
    mine = world.now == supervoxel
    middle = int(np.median(np.nonzero(mine)[2]))
    mask = mine & block(world, (0, 99), (0, 99), (middle, middle + 1))
    resolved = world.paint(mask)
    (patch,) = resolved.patches
    pieces, count = ndimage.label(mine & ~mask, np.ones((3, 3, 3)))
    assert patch.parents == (supervoxel,)
    assert patch.origins == (0, *[supervoxel] * count)
    assert count > 1
    world.step(resolved)
    for piece in range(1, count + 1):
        (child,) = np.unique(world.now[pieces == piece])
        assert (world.now == child).sum() == (pieces == piece).sum()


def test_a_supervoxel_that_is_painted_over_dies_without_rest(world):
    supervoxel = int(world.now[5, 5, 5])
    (patch,) = world.paint(world.now == supervoxel).patches
    assert patch.parents == (supervoxel,)
    assert patch.origins == (0,)


def test_a_stroke_on_background_alone_has_no_parents(world):
    mask = world.now == 0
    resolved = world.paint(mask, (0, 0, 0))
    (patch,) = resolved.patches
    assert patch.parents == ()
    world.step(resolved)
    assert (segments(world)[mask] == segments(world)[0, 0, 0]).all()


def test_erased_voxels_are_background(world):
    mask = block(world, (2, 6), (3, 8), (4, 9))
    before = segments(world)
    change = world.step(world.erase(mask))
    after = segments(world)
    assert not after[mask].any()
    np.testing.assert_array_equal(after[~mask], before[~mask])
    assert change.birth.nodes.size.min() > 0


def test_only_the_named_segment_is_erased(world):
    mask = block(world, (0, 11), (0, 18), (0, 10))
    before = segments(world)
    target = int(before[5, 5, 5])
    world.step(world.erase(mask, (5, 5, 5)))
    expected = np.where(mask & (before == target), 0, before)
    np.testing.assert_array_equal(segments(world), expected)


def test_a_whole_segment_can_be_erased(world):
    mask = segments(world) == segments(world)[5, 5, 5]
    change = world.step(world.erase(mask))
    assert not world.now[mask].any()
    assert change.birth.children == ()


def test_what_changes_nothing_is_refused(world):
    mask = segments(world) == segments(world)[5, 5, 5]
    with pytest.raises(EditRefused, match="already"):
        world.paint(mask, (5, 5, 5))
    with pytest.raises(EditRefused, match="background already"):
        world.erase(world.now == 0)
    with pytest.raises(EditRefused, match="none of these voxels"):
        world.erase(~mask, (5, 5, 5))


def test_what_lies_outside_is_cut_off_and_refused_if_nothing_is_left(world):
    box = Box((-2, -2, -2), (2, 3, 2))
    mask = VoxelMask.of(box, np.ones(box.shape_zyx, bool))
    resolved = resolve_paint(
        Paint(mask, None, (0, 0, 0)), world.segmentation, world.voxels, world.free
    )
    world.step(resolved)
    inside = block(world, (0, 2), (0, 3), (0, 2))
    np.testing.assert_array_equal(world.now == resolved.children[0], inside)
    far = VoxelMask.of(Box((50, 0, 0), (51, 1, 1)), np.ones((1, 1, 1), bool))
    with pytest.raises(EditRefused, match="outside the volume of 11 x 18 x 21"):
        resolve_erase(Erase(far, None, (0, 0, 0)), world.segmentation, world.voxels, world.free)


def test_too_large_a_box_is_refused(world, monkeypatch):
    monkeypatch.setattr("segmend.core.edits.painting.MOST_VOXELS", 50)
    with pytest.raises(EditRefused, match="expected at most 50"):
        world.paint(block(world, (2, 6), (3, 8), (4, 9)))


def test_more_parts_than_a_patch_may_have_are_spread_over_several(world, monkeypatch):
    """A lattice of voxels cuts everything into many pieces; parents are not shared between patches."""
    monkeypatch.setattr("segmend.core.edits.painting.MOST_PARTS", 6)
    z, y, x = np.indices(world.labels.shape)
    mask = (z % 2 == 0) | (y % 2 == 0) | (x % 2 == 0)
    mask[:, :, 12:] = False
    before = segments(world)
    resolved = world.paint(mask, (0, 0, 0))
    assert len(resolved.patches) > 2
    parents = [parent for patch in resolved.patches for parent in patch.parents]
    assert len(set(parents)) == len(parents)
    assert max(len(patch.ids) for patch in resolved.patches) <= 6
    world.step(resolved)
    expected = np.where(mask, before[0, 0, 0], before)
    np.testing.assert_array_equal(segments(world), expected)


def test_a_stroke_far_from_its_segment_is_bridged_to_it(world):
    """Later cuts run on the graph: all of the segment is to hang together as a person wants it."""
    target = int(segments(world)[0, 0, 0])
    far = block(world, (8, 11), (14, 18), (17, 21)) & (segments(world) != target)
    resolved = world.paint(far, (0, 0, 0))
    change = world.step(resolved)
    assert change.bridges.pairs.tolist() == [[int(world.now[0, 0, 0]), resolved.children[0]]]
    assert resolved.children[0] in world.segmentation.edges_within(target).pairs
    world.undo()
    assert resolved.children[0] not in world.segmentation.edges_within(target).pairs


def test_a_stroke_that_touches_its_segment_needs_no_bridge(world):
    target = segments(world) == segments(world)[0, 0, 0]
    beside = ndimage.binary_dilation(target) & ~target
    change = world.step(world.paint(beside, (0, 0, 0)))
    assert len(change.bridges) == 0


def test_undo_gives_the_voxels_back(world):
    before = world.now.copy()
    world.step(world.paint(block(world, (2, 6), (3, 8), (4, 9)), (0, 0, 0)))
    world.step(world.erase(block(world, (0, 4), (2, 8), (2, 9))))
    world.undo()
    world.undo()
    np.testing.assert_array_equal(world.now, before)
