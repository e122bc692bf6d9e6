from dataclasses import replace

import numpy as np
import pytest
from edits_world import GRID, graph_arrays, voronoi
from hypothesis import example, given, settings
from hypothesis import strategies as st

from segmend.core.edits.model import Cleave, Split, SplitSupervoxel, Spot
from segmend.core.edits.numbering import NextIds
from segmend.core.edits.splitting import resolve_cleave, resolve_split, resolve_supervoxel_split
from segmend.core.edits.voxels import SupervoxelVoxels
from segmend.core.errors import EditRefused
from segmend.core.geometry import Box
from segmend.core.segmentation.patches import PatchStack
from segmend.core.segmentation.segmentation import Segmentation
from segmend.core.volumes.memory import MemoryVolume

LABELS = voronoi()
COUNT = int(LABELS.max())
FREE = NextIds(9, COUNT + 1)
AFFINITIES = np.random.default_rng(0).integers(0, 256, (3, *LABELS.shape)).astype(np.uint8)
SOURCES = ("affinities", "image", "neither")


def world(segments=2, source="affinities", labels=LABELS, segment_of=None):
    """A segmentation of `segments` pieces of ids, and its voxels."""
    affinities = AFFINITIES if source == "affinities" else None
    if segment_of is None:
        segment_of = np.concatenate([[0], 1 + np.arange(COUNT) * segments // COUNT])
    base = graph_arrays(labels, affinities, segment_of.astype(np.uint32))
    voxels = SupervoxelVoxels.of(
        (MemoryVolume(labels, GRID),),
        PatchStack(),
        affinities=None if affinities is None else MemoryVolume(affinities, GRID),
        image=MemoryVolume(AFFINITIES[0], GRID) if source == "image" else None,
    )
    return Segmentation(base), voxels


def spot(voxel):
    z, y, x = map(int, voxel)
    return Spot(int(LABELS[z, y, x]), GRID.to_nm((z, y, x)))


def voxels_after(resolved, voxels):
    """Supervoxels with the patches laid over them."""
    stack = PatchStack()
    if resolved.patches:
        stack.add(1, resolved.patches)
    return voxels.over(stack).read(Box.of_shape(voxels.shape_zyx))


def segment_image(resolved, segmentation, voxels):
    """Segment of every voxel after the edit."""
    after = voxels_after(resolved, voxels)
    target = np.zeros(int(after.max()) + 1, np.int64)
    target[: COUNT + 1] = segmentation.segment_of
    for patch in resolved.patches:
        for child, origin in zip(patch.ids, patch.origins, strict=True):
            target[child] = segmentation.segment_of[origin]
    for side, new in zip(resolved.sides, resolved.new_segments, strict=True):
        target[list(side)] = new
    return target[after]


def random_sides(rng, sides, inside):
    """Seeds of each side, different voxels of segment 1."""
    places = rng.permutation(np.argwhere(inside))[: sides * int(rng.integers(1, 4))]
    return tuple(tuple(map(spot, part)) for part in np.array_split(places, sides))


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    sides=st.integers(2, 5),
    source=st.sampled_from(SOURCES),
    one_supervoxel=st.booleans(),
)
@example(
    seed=505, sides=5, source="affinities", one_supervoxel=False
)  # crumbs of one side in all of another
def test_a_split_has_exactly_the_sides_asked_for(seed, sides, source, one_supervoxel):
    segmentation, voxels = world(source=source)
    rng = np.random.default_rng(seed)
    ours = segmentation.segment_of[LABELS] == 1
    inside = rng.integers(1, COUNT // 2 + 1) == LABELS if one_supervoxel else ours
    edit = Split(random_sides(rng, sides, inside))
    before = segmentation.state()
    resolved = resolve_split(edit, segmentation, voxels, FREE)
    assert segmentation.state().same_as(before)
    image = segment_image(resolved, segmentation, voxels)
    assert len(np.unique(image[ours])) == sides
    assert resolved.new_segments == FREE.segments(sides - 1)
    seeds = [{int(image[GRID.to_index(s.place_nm)]) for s in side} for side in edit.sides]
    assert all(len(found) == 1 for found in seeds)
    assert len(set.union(*seeds)) == sides
    assert np.array_equal(image[~ours], segmentation.segment_of[LABELS][~ours])
    sizes = np.bincount(image[ours])
    assert sizes[1] == sizes.max()


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), sides=st.integers(2, 4), source=st.sampled_from(SOURCES))
def test_a_divided_supervoxel_is_covered_by_connected_parts_with_new_ids(seed, sides, source):
    segmentation, voxels = world(source=source)
    rng = np.random.default_rng(seed)
    chosen = int(rng.integers(1, COUNT + 1))
    edit = SplitSupervoxel(random_sides(rng, sides, chosen == LABELS))
    resolved = resolve_supervoxel_split(edit, segmentation, voxels, FREE)
    after = voxels_after(resolved, voxels)
    (patch,) = resolved.patches
    assert patch.parents == (chosen,)
    assert patch.ids == FREE.supervoxels(len(patch.ids))
    assert set(np.unique(after[chosen == LABELS])) == set(patch.ids)
    assert np.array_equal(after[chosen != LABELS], LABELS[chosen != LABELS])
    owner = [{int(after[GRID.to_index(s.place_nm)]) for s in side} for side in edit.sides]
    assert not set.intersection(*owner)
    assert not resolved.sides


def test_a_division_follows_the_affinities():
    labels = np.ones((6, 8, 12), np.uint32)
    affinities = np.full((3, 6, 8, 12), 230, np.uint8)
    affinities[2, :, :, 5] = 3
    base = graph_arrays(labels, affinities, np.array([0, 1], np.uint32))
    voxels = SupervoxelVoxels.of(
        (MemoryVolume(labels, GRID),), PatchStack(), affinities=MemoryVolume(affinities, GRID)
    )
    sides = tuple((Spot(1, GRID.to_nm((3, 4, x))),) for x in (1, 6))
    resolved = resolve_split(Split(sides), Segmentation(base), voxels, NextIds(2, 2))
    after = voxels_after(resolved, voxels)
    assert len(np.unique(after[:, :, :5])) == len(np.unique(after[:, :, 5:])) == 1
    assert after[0, 0, 0] != after[0, 0, 11]
    assert resolved.sides == ((int(after[0, 0, 0]),),)


def test_a_correcting_seed_divides_a_supervoxel_however_large_its_box(monkeypatch):
    monkeypatch.setattr("segmend.core.edits.straddling.LARGEST_BOX", 10)
    labels = np.zeros((6, 8, 24), np.uint32)
    labels[:, :, :6], labels[:, :, 6:18], labels[:, :, 18:] = 1, 2, 3
    affinities = np.full((3, 6, 8, 24), 230, np.uint8)
    affinities[2, :, :, 14] = 90
    base = graph_arrays(labels, affinities, np.array([0, 1, 1, 1], np.uint32))
    voxels = SupervoxelVoxels.of(
        (MemoryVolume(labels, GRID),), PatchStack(), affinities=MemoryVolume(affinities, GRID)
    )
    at = {s: Spot(s, GRID.to_nm((3, 4, x))) for s, x in ((1, 1), (2, 16), (3, 22))}
    first = resolve_split(Split(((at[1],), (at[3],))), Segmentation(base), voxels, NextIds(2, 4))
    assert not first.patches
    edit = Split(((at[1],), (at[3], at[2])))
    (patch,) = resolve_split(edit, Segmentation(base), voxels, NextIds(2, 4)).patches
    assert patch.parents == (2,)
    after = voxels.over(stack_of(patch)).read(Box.of_shape(labels.shape))
    assert len(np.unique(after[:, :, 6:14])) == len(np.unique(after[:, :, 14:18])) == 1
    assert after[0, 0, 6] != after[0, 0, 17]


def stack_of(patch):
    """Return a stack of one operation."""
    stack = PatchStack()
    stack.add(1, (patch,))
    return stack


def test_a_cleave_leaves_what_no_seed_reaches_and_keeps_the_id_there():
    labels = np.zeros((4, 6, 12), np.uint32)
    labels[:, :, :2], labels[:, :, 2:4], labels[:, :, 4:6], labels[:, :, 8:] = 1, 2, 3, 4
    base = graph_arrays(labels, None, np.array([0, 1, 1, 1, 1], np.uint32))
    voxels = SupervoxelVoxels.of((MemoryVolume(labels, GRID),), PatchStack())
    segmentation = Segmentation(base)
    groups = tuple((Spot(s, GRID.to_nm((1, 1, x))),) for s, x in ((1, 0), (3, 5)))
    resolved = resolve_cleave(Cleave(groups), segmentation, voxels, NextIds(2, 5))
    assert sorted(map(len, resolved.sides)) == [1, 2]
    assert sum(resolved.sides, ()) != ()
    assert 4 not in sum(resolved.sides, ())
    split = resolve_split(Split(groups), segmentation, voxels, NextIds(2, 5))
    assert len(split.sides) == 1


def test_edges_that_a_person_made_hold_when_their_supervoxel_is_divided():
    labels = np.zeros((4, 6, 14), np.uint32)
    labels[:, :, :8], labels[:, :, 10:] = 1, 2
    base = graph_arrays(labels, None, np.array([0, 1, 1], np.uint32))
    bridge = {
        "edges": np.array([[1, 2]], np.uint32),
        "affinity": np.ones(1, np.float32),
        "area": np.ones(1, np.uint32),
        "strong": np.ones(1, np.float32),
        "centroid": np.zeros((1, 3), np.float32),
    }
    segmentation = Segmentation(replace(base, **bridge))
    voxels = SupervoxelVoxels.of((MemoryVolume(labels, GRID),), PatchStack())
    sides = tuple((Spot(1, GRID.to_nm((1, 1, x))),) for x in (0, 7))
    resolved = resolve_cleave(Cleave(sides), segmentation, voxels, NextIds(2, 3))
    assert len(resolved.sides) == 1  # nothing stays behind: 2 went with a part of 1


def test_seeds_in_one_voxel_are_refused():
    segmentation, voxels = world()
    sides = ((spot((4, 5, 6)),),) * 2
    with pytest.raises(EditRefused, match="same voxel"):
        resolve_split(Split(sides), segmentation, voxels, FREE)


def test_seeds_in_different_segments_are_refused():
    segmentation, voxels = world()
    apart = [np.argwhere(segmentation.segment_of[LABELS] == segment)[0] for segment in (1, 2)]
    with pytest.raises(EditRefused, match="different segments"):
        resolve_split(Split(tuple((spot(v),) for v in apart)), segmentation, voxels, FREE)


def test_without_voxels_seeds_of_two_sides_in_a_supervoxel_are_refused():
    segmentation, _ = world()
    places = np.argwhere(LABELS == 3)[:2]
    with pytest.raises(EditRefused, match="cannot be divided here"):
        resolve_split(Split(tuple((spot(v),) for v in places)), segmentation, None, FREE)


def test_pieces_of_the_segment_that_touch_nothing_go_to_the_side_known_to_be_in_pieces():
    labels = np.zeros((2, 4, 20), np.uint32)
    for number, start in enumerate((0, 4, 8, 12, 16), start=1):
        labels[:, :, start : start + (4 if number == 1 else 3)] = number
    base = graph_arrays(labels, None, np.array([0, 1, 1, 1, 1, 1], np.uint32))
    voxels = SupervoxelVoxels.of((MemoryVolume(labels, GRID),), PatchStack())
    at = [Spot(s, GRID.to_nm((0, 0, x))) for s, x in ((1, 0), (3, 8), (4, 12))]
    one = resolve_split(Split(((at[0],), (at[1], at[2]))), Segmentation(base), voxels, FREE)
    assert one.sides == ((1, 2),)
