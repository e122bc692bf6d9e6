"""New supervoxels have the same rows as in a region graph of the whole volume, to the bit."""

import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from voxel_world import make_voxel_world, random_edit

from segmend.core.algorithms.region_graph import region_graph, supervoxel_table
from segmend.core.edits.birth_cache import birth_key
from segmend.core.edits.births import BirthCache, birth_of
from segmend.core.errors import EditRefused
from segmend.core.geometry import Box
from segmend.core.segmentation import patches
from segmend.core.segmentation.patches import Patch


def assert_same_as_from_scratch(world, birth):
    whole = region_graph(world.now, world.affinities)
    ours = np.isin(whole.edges, birth.children).any(axis=1)
    order = np.lexsort(birth.edges.pairs.T[::-1])
    for name, array in zip(("pairs", "affinity", "area", "strong", "centroid"), whole, strict=True):
        np.testing.assert_array_equal(getattr(birth.edges, name)[order], array[ours], name)
    table = supervoxel_table(world.now)
    for name in ("size", "point", "box"):
        rows = getattr(table, name)[list(birth.children)]
        np.testing.assert_array_equal(getattr(birth.nodes, name), rows, name)


@pytest.mark.parametrize("affinity_type", [np.uint8, np.float32, None])
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_any_sequence_gives_the_rows_of_the_whole_volume(affinity_type, seed):
    rng = np.random.default_rng(seed)
    world = make_voxel_world(seed, affinity_type)
    for _ in range(5):
        resolved = random_edit(world, rng)
        if resolved is not None:
            change = world.step(resolved)
            assert_same_as_from_scratch(world, change.birth)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_live_graph_is_that_of_the_voxels(seed):
    rng = np.random.default_rng(seed)
    world = make_voxel_world(seed)
    for _ in range(6):
        resolved = random_edit(world, rng)
        if resolved is not None:
            world.step(resolved)
    edges = world.segmentation.graph.in_force(world.segmentation.segment_of)
    whole = region_graph(world.now, world.affinities)
    touching = edges.pairs[np.lexsort(edges.pairs.T[::-1])]
    bridges = {tuple(p) for c in world.changes.values() for p in c.bridges.pairs.tolist()}
    faces = np.array([p for p in touching.tolist() if tuple(p) not in bridges]).reshape(-1, 2)
    np.testing.assert_array_equal(faces, whole.edges)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_patches_that_are_covered_may_be_left_out(seed):
    rng = np.random.default_rng(seed)
    world = make_voxel_world(seed)
    for _ in range(12):
        resolved = random_edit(world, rng)
        if resolved is not None:
            world.step(resolved)
    plain, stack = world.labels.copy(), world.segmentation.patches
    for operation in stack.operations:
        for patch in stack.of(operation):
            local = patch.local
            ids = np.array((0, *patch.ids), np.uint32)
            plain[patch.box.slices][local > 0] = ids[local][local > 0]
    np.testing.assert_array_equal(world.now, plain)


@pytest.fixture
def world():
    return make_voxel_world()


@pytest.fixture
def division(world):
    behind = np.zeros(world.labels.shape, bool)
    behind[:, :, 10:] = True
    found, counts = np.unique(world.now[behind & (world.now > 0)], return_counts=True)
    halves = [s for s, n in zip(found, counts, strict=True) if n < (world.now == s).sum()]
    return world.divide(int(halves[0]), behind)


def refused(world, patch, match, *more):
    with pytest.raises(EditRefused, match=match):
        birth_of((patch, *more), world.segmentation, world.voxels)


def test_a_dead_parent_is_refused(world, division):
    world.step(division)
    refused(world, division.patches[0], "not part of the segmentation")


def test_a_part_without_a_name_is_refused(world, division):
    patch = division.patches[0]
    local = patch.local.copy()
    local[tuple(np.argwhere(local == 1)[0])] = 0
    forged = Patch.of(patch.box, patch.parents, patch.ids, patch.origins, local)
    refused(world, forged, "expected all voxels of it")


def test_voxels_of_others_are_refused(world, division):
    patch = division.patches[0]
    local = patch.local.copy()
    local[tuple(np.argwhere((local == 0) & (world.now > 0))[0])] = 1
    forged = Patch.of(patch.box, patch.parents, patch.ids, patch.origins, local)
    refused(world, forged, "belong to supervoxel")


def test_a_part_without_voxels_is_refused(world, division):
    patch = division.patches[0]
    local = np.where(patch.local > 0, 1, 0)
    forged = Patch.of(patch.box, patch.parents, patch.ids, patch.origins, local)
    refused(world, forged, "has no voxels")


def test_background_as_part_of_a_parent_is_refused(world, division):
    patch = division.patches[0]
    local = patch.local.copy()
    local[tuple(np.argwhere((local == 0) & (world.now == 0))[0])] = 1
    forged = Patch.of(patch.box, patch.parents, patch.ids, patch.origins, local)
    refused(world, forged, "voxels of others")


def test_ids_that_are_in_use_or_far_away_are_refused(world, division):
    patch = division.patches[0]
    first = patch.ids[0]
    refused(world, replace(patch, ids=(1, 2)), "ids in a row above")
    refused(world, replace(patch, ids=(first, first + 2)), "ids in a row above")
    refused(world, replace(patch, ids=(2**32 - 3, 2**32 - 2)), "ids in a row above")
    refused(world, replace(patch, origins=(3, 4)), "as its origin")


def test_a_box_that_leaves_the_volume_is_refused_before_anything_is_read(world, division):
    patch = division.patches[0]
    refused(world, replace(patch, box=patch.box.shift((0, 0, 5))), "inside the volume")
    refused(world, replace(patch, box=Box((0, 0, 0), (2**20, 2**20, 2**20))), "inside the volume")


def test_a_parent_in_two_patches_is_refused(world, division):
    refused(world, division.patches[0], "same supervoxel", division.patches[0])


def test_the_cache_gives_the_same_tables_without_looking_at_voxels(tmp_path, monkeypatch):
    world = make_voxel_world(births=BirthCache(tmp_path / "overlay"))
    mask = np.zeros(world.labels.shape, bool)
    mask[3:6, 3:6, 3:6] = True
    resolved = world.paint(mask)
    first = birth_of(resolved.patches, world.segmentation, world.voxels)
    monkeypatch.setattr(
        "segmend.core.edits.births.region_graph", lambda *a, **k: pytest.fail("was not cached")
    )
    again = birth_of(resolved.patches, world.segmentation, world.voxels)
    for name in ("pairs", "affinity", "area", "strong", "centroid"):
        kept, fresh = getattr(again.edges, name), getattr(first.edges, name)
        assert kept.dtype == fresh.dtype
        np.testing.assert_array_equal(kept, fresh)
    for name in ("size", "point", "box"):
        np.testing.assert_array_equal(getattr(again.nodes, name), getattr(first.nodes, name))


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: b"",
        lambda raw: raw[:-4],
        lambda raw: raw[:40] + bytes([raw[40] ^ 1]) + raw[41:],
        lambda raw: raw + bytes(4),
    ],
)
def test_a_damaged_cache_file_is_computed_again(tmp_path, damage):
    world = make_voxel_world(births=BirthCache(tmp_path))
    mask = np.zeros(world.labels.shape, bool)
    mask[3:6, 3:6, 3:6] = True
    resolved = world.paint(mask)
    birth_of(resolved.patches, world.segmentation, world.voxels)
    (file,) = tmp_path.glob("*.birth")
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    birth_of(resolved.patches, world.segmentation, world.voxels)
    assert file.read_bytes() == whole


def _forged(raw, children, edges, word, value):
    """The file with one of its words replaced; `word` counts from the table it names."""
    words = np.frombuffer(raw[4:], "<u4").copy()
    places = np.cumsum([2, children, 3 * children, 6 * children, 2 * edges, edges, edges, edges])
    table, row = word
    names = ("size", "point", "box", "pairs", "affinity", "area", "strong", "centroid")
    words[places[names.index(table)] + row] = value
    return zlib.crc32(words.tobytes()).to_bytes(4, "little") + words.tobytes()


NAN, TWO = (int(np.float32(v).view("<u4")) for v in (np.nan, 2))


@pytest.mark.parametrize(
    ("word", "value"),
    [
        (("size", 0), 2**31), (("size", 0), 0), (("point", 0), 2**20), (("point", 1), 2**32 - 1),
        (("box", 0), 2**32 - 1), (("box", 3), 2**20), (("pairs", 0), 2**32 - 1), (("pairs", 1), 2**28),
        (("pairs", 0), 0), (("affinity", 0), NAN), (("affinity", 1), TWO), (("area", 0), 0),
        (("strong", 0), NAN), (("centroid", 2), NAN),
    ],
)  # fmt: skip
def test_a_cache_file_that_lies_is_computed_again(tmp_path, word, value):
    world = make_voxel_world(births=BirthCache(tmp_path))
    mask = np.zeros(world.labels.shape, bool)
    mask[3:6, 3:6, 3:6] = True
    resolved = world.paint(mask)
    birth = birth_of(resolved.patches, world.segmentation, world.voxels)
    (file,) = tmp_path.glob("*.birth")
    whole = file.read_bytes()
    forged = _forged(whole, len(birth.children), len(birth.edges), word, value)
    assert forged != whole
    file.write_bytes(forged)
    again = birth_of(resolved.patches, world.segmentation, world.voxels)
    assert file.read_bytes() == whole
    np.testing.assert_array_equal(again.edges.pairs, birth.edges.pairs)


@pytest.mark.parametrize("of_the_dead", [True, False])
def test_a_cache_file_with_an_edge_to_the_dead_or_between_others_is_computed_again(
    tmp_path, of_the_dead
):
    world = make_voxel_world(births=BirthCache(tmp_path))
    mask = np.zeros(world.labels.shape, bool)
    mask[3:6, 3:6, 3:6] = True
    resolved = world.paint(mask)
    birth = birth_of(resolved.patches, world.segmentation, world.voxels)
    (file,) = tmp_path.glob("*.birth")
    whole, counts = file.read_bytes(), (len(birth.children), len(birth.edges))
    parents = resolved.patches[0].parents
    alive = [s for s in range(1, 25) if s not in parents]
    if of_the_dead:
        forged = _forged(whole, *counts, ("pairs", 0), parents[0])
    else:
        forged = _forged(whole, *counts, ("pairs", 0), alive[0])
        forged = _forged(forged, *counts, ("pairs", 1), alive[1])
    file.write_bytes(forged)
    birth_of(resolved.patches, world.segmentation, world.voxels)
    assert file.read_bytes() == whole


def test_the_text_of_a_patch_is_hashed_once(tmp_path, monkeypatch):
    world = make_voxel_world(births=BirthCache(tmp_path))
    mask = np.zeros(world.labels.shape, bool)
    mask[3:6, 3:6, 3:6] = True
    around = world.paint(mask)
    world.step(around)
    (patch,) = around.patches
    key = birth_key((patch,), world.segmentation.patches)
    monkeypatch.setattr(patches.hashlib, "blake2b", lambda *_, **__: pytest.fail("hashed again"))
    assert patch.digest
    monkeypatch.undo()
    other = replace(patch, packed=patch.packed[:-4] + "AAAA")
    assert other.digest != patch.digest
    assert birth_key((other,), world.segmentation.patches) != key


def test_the_cache_knows_what_lies_around(tmp_path):
    """The same patch under another neighbour has other edges."""
    world = make_voxel_world(births=BirthCache(tmp_path))
    mask = np.zeros(world.labels.shape, bool)
    mask[3:6, 3:6, 3:6] = True
    resolved = world.paint(mask)
    (patch,) = resolved.patches
    world.step(resolved)
    world.undo()
    beside = np.zeros_like(mask)
    beside[patch.box.grow((1, 1, 1)).intersect(world.whole).slices] = True
    world.step(world.erase(beside & ~np.isin(world.now, patch.parents)))
    assert_same_as_from_scratch(world, world.step(resolved).birth)


def test_readers_write_nothing_and_the_sweep_keeps_the_newest(tmp_path):
    folder = tmp_path / "overlay"
    world = make_voxel_world(births=BirthCache(folder, read_only=True))
    mask = np.zeros(world.labels.shape, bool)
    mask[3:6, 3:6, 3:6] = True
    birth_of(world.paint(mask).patches, world.segmentation, world.voxels)
    assert not folder.exists()
    folder.mkdir()
    (folder / "a.birth").write_bytes(bytes(80))
    (folder / "b.7.part").write_bytes(b"half")
    (folder / "notes.txt").write_text("mine")
    assert BirthCache(folder, read_only=True).sweep() == 0
    assert BirthCache(folder, limit=100).sweep() == 1
    assert sorted(p.name for p in folder.iterdir()) == ["a.birth", "notes.txt"]
    assert BirthCache(folder, limit=10).sweep() == 1
