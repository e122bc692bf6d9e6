"""Added up from blocks, graph and table are those of the whole volume, whatever the grid."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmend.core.algorithms.graph_parts import contact_part, nearest_part, supervoxel_part
from segmend.core.algorithms.graph_totals import (
    ContactTotals,
    NearestPoints,
    SupervoxelTotals,
    distinct_pairs,
)
from segmend.core.algorithms.region_graph import graph_of_contacts, region_graph, supervoxel_table
from segmend.core.geometry import Box


def volume(seed, shape, ids, kind):
    """Blocky labels with background, and affinities."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, ids, [n // 3 + 1 for n in shape])
    labels = np.kron(coarse, np.ones((3, 3, 3), int))[tuple(slice(n) for n in shape)]
    noise = rng.integers(0, ids, shape)
    labels = np.where(rng.random(shape) < 0.2, noise, labels).astype(np.uint32)
    affinities = rng.integers(0, 256, (3, *shape)).astype(np.uint8)
    if kind == "none":
        return labels, None, 1.0
    if kind == "float":
        return labels, affinities / np.float32(255), 1.0
    return labels, affinities, 255.0


def in_blocks(labels, affinities, scale, step, bins=0, order=None):
    boxes = list(Box.of_shape(labels.shape).blocks(step))
    boxes = boxes if order is None else [boxes[i] for i in order(len(boxes))]
    found = []
    for box in boxes:
        margin = tuple(int(a > 0) for a in box.start_zyx)
        start = tuple(a - m for a, m in zip(box.start_zyx, margin, strict=True))
        grown = Box(start, box.stop_zyx).slices
        values = None if affinities is None else affinities[(slice(None), *grown)]
        found.append(
            contact_part(labels[grown], values, margin_zyx=margin, start_zyx=start, bins=bins)
        )
    totals = ContactTotals(distinct_pairs(part for part, _ in found), bins)
    for part, histogram in found:
        totals.add(part, histogram)
    nodes = SupervoxelTotals(int(labels.max()))
    nearest = NearestPoints(int(labels.max()))
    for box in boxes:
        nodes.add(supervoxel_part(labels[box.slices], start_zyx=box.start_zyx))
    for box in boxes:
        nearest.add(nearest_part(labels[box.slices], nodes.centre, start_zyx=box.start_zyx))
    return graph_of_contacts(totals.contacts, scale), totals.histogram, nodes, nearest


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 2**32 - 1),
    st.tuples(*[st.integers(1, 11)] * 3),
    st.tuples(*[st.integers(1, 7)] * 3),
    st.sampled_from([2, 6, 3000]),
    st.sampled_from(["none", "float", "stored"]),
)
def test_any_grid_gives_the_graph_of_the_whole(seed, shape, step, ids, kind):
    labels, affinities, scale = volume(seed, shape, ids, kind)
    order = np.random.default_rng(seed).permutation
    graph, _, nodes, nearest = in_blocks(labels, affinities, scale, step, order=order)
    whole, table = region_graph(labels, affinities), supervoxel_table(labels)
    for name in whole._fields:
        found, wanted = getattr(graph, name), getattr(whole, name)
        assert found.dtype == wanted.dtype
        if name == "affinity" and kind == "float":
            assert np.allclose(found, wanted, rtol=0, atol=1e-6)
        else:
            assert np.array_equal(found, wanted), name
    assert np.array_equal(nodes.size, table.size)
    assert np.array_equal(nodes.box, table.box)
    assert np.array_equal(nearest.point, table.point)


@settings(deadline=None, max_examples=25)
@given(
    st.integers(0, 2**32 - 1),
    st.tuples(*[st.integers(1, 7)] * 3),
    st.integers(1, 256),
    st.sampled_from(["float", "stored"]),
)
def test_histograms_hold_every_face_in_its_bin(seed, step, bins, kind):
    labels, affinities, scale = volume(seed, (6, 7, 8), 5, kind)
    graph, histogram, *_ = in_blocks(labels, affinities, scale, step, bins)
    whole, found = contact_part(labels, affinities, bins=bins)
    assert np.array_equal(histogram, found)
    assert histogram.dtype == np.uint32
    assert np.array_equal(histogram.sum(axis=1), graph.area)
    u, v = graph.edges[0] if len(graph.edges) else (0, 0)
    exact = np.zeros(bins, int)
    for axis in range(3):
        lower = np.moveaxis(labels, axis, 0)[:-1]
        upper = np.moveaxis(labels, axis, 0)[1:]
        face = ((lower == u) & (upper == v)) | ((lower == v) & (upper == u))
        values = np.moveaxis(affinities[axis], axis, 0)[1:][face]
        at = np.floor(values.astype(float) * bins / scale).astype(int)
        exact += np.bincount(np.minimum(at, bins - 1), minlength=bins)
    if len(whole):
        assert np.array_equal(histogram[0], exact)


def test_each_stored_affinity_has_a_bin_of_its_own_where_there_are_256():
    labels = np.array([[[1, 2]]] * 256, np.uint32).reshape(256, 1, 2)
    labels += (2 * np.arange(256, dtype=np.uint32))[:, None, None]
    affinities = np.zeros((3, 256, 1, 2), np.uint8)
    affinities[2, :, 0, 1] = np.arange(256)
    contacts, histogram = contact_part(labels, affinities, bins=256)
    pairs = contacts["pair"]
    along_x = (pairs & np.uint64(0xFFFFFFFF)) - (pairs >> np.uint64(32)) == 1
    along_x &= (pairs >> np.uint64(32)) % np.uint64(2) == 1
    assert np.array_equal(histogram[along_x], np.eye(256, dtype=np.uint32))


def test_a_tie_of_two_blocks_goes_to_the_first_voxel_of_the_volume():
    labels = np.zeros((1, 4, 4), np.uint32)
    labels[0, [0, 0, 3, 3], [0, 3, 0, 3]] = 1
    for step in ((1, 2, 2), (1, 4, 1), (1, 1, 4), (1, 4, 4)):
        for order in (None, lambda n: range(n)[::-1]):
            *_, nearest = in_blocks(labels, None, 1.0, step, order=order)
            assert nearest.point[1].tolist() == [0, 0, 0]


def test_an_id_without_voxels_stays_empty():
    labels = np.array([[[3, 3, 0, 1]]], np.uint32)
    _, _, nodes, nearest = in_blocks(labels, None, 1.0, (1, 1, 2))
    assert nodes.size.tolist() == [0, 1, 0, 2]
    assert nodes.box[2].tolist() == [0] * 6
    assert nearest.point[2].tolist() == [0] * 3


def test_ids_near_the_largest():
    high = 2**32 - 1
    labels = np.array([[[high, high - 1, 0, high]]], np.uint32)
    contacts, _ = contact_part(labels, None)
    assert contacts["pair"].tolist() == [(high - 1) << 32 | high]
    assert supervoxel_part(labels)["id"].tolist() == [high - 1, high]


@pytest.mark.parametrize("shape", [(0, 3, 3), (2, 2, 2)])
def test_nothing_labelled_adds_nothing(shape):
    labels = np.zeros(shape, np.uint32)
    contacts, histogram = contact_part(labels, None, bins=4)
    assert (len(contacts), histogram.shape, len(supervoxel_part(labels))) == (0, (0, 4), 0)
