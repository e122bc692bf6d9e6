from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmend.core.algorithms.region_graph import (
    region_graph,
    supervoxel_table,
)
from segmend.core.errors import InputError


def faces(labels, affinities):
    """Contact faces by pair, one by one: the definition."""
    found = defaultdict(list)
    for axis in range(3):
        for v in np.ndindex(labels.shape):
            if v[axis]:
                w = tuple(i - (k == axis) for k, i in enumerate(v))
                a, b = labels[v], labels[w]
                if a != b and a and b:
                    place = [i - 0.5 * (k == axis) for k, i in enumerate(v)]
                    found[min(a, b), max(a, b)].append((affinities[(axis, *v)], place))
    return dict(sorted(found.items()))


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), ids=st.sampled_from([2, 5, 60]), stored=st.booleans())
def test_graph_equals_the_definition(seed, ids, stored):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, ids, (4, 5, 6)).astype(np.uint32)
    affinities = rng.integers(0, 256, (3, 4, 5, 6)).astype(np.uint8)
    as_float = (affinities / np.float32(255)).astype(np.float32)
    graph = region_graph(labels, affinities if stored else as_float)
    expected = faces(labels, as_float)
    assert [tuple(e) for e in graph.edges.tolist()] == list(expected)
    for row, contact in enumerate(expected.values()):
        values = np.array([a for a, _ in contact])
        assert graph.area[row] == len(contact)
        assert graph.affinity[row] == pytest.approx(values.mean(), abs=1e-6)
        assert graph.strong[row] == pytest.approx((values > 0.5).mean(), abs=1e-6)
        assert graph.centroid[row] == pytest.approx(np.mean([p for _, p in contact], 0), abs=1e-4)
    types = [graph.edges.dtype, graph.affinity.dtype, graph.area.dtype, graph.strong.dtype]
    assert types == [np.uint32, np.float32, np.uint32, np.float32]


def test_a_hub_that_touches_thousands_keeps_all_its_edges():
    side = 120
    labels = np.ones((3, side, side), np.uint32)
    labels[0] = np.arange(2, side * side + 2).reshape(side, side)
    labels[2] = labels[0] + side * side
    graph = region_graph(labels, None)
    hub = graph.edges[graph.edges[:, 0] == 1]
    assert hub[:, 1].tolist() == list(range(2, 2 * side * side + 2))
    assert (graph.area[graph.edges[:, 0] == 1] == 1).all()
    inside = 2 * 2 * side * (side - 1)
    assert len(graph.edges) == 2 * side * side + inside


def test_ids_of_a_large_volume_in_a_small_box():
    labels = np.array([[[4_000_000_000, 7, 7], [3_999_999_999, 7, 0]]], np.uint32)
    graph = region_graph(labels, None)
    assert graph.edges.tolist() == [
        [7, 3_999_999_999],
        [7, 4_000_000_000],
        [3_999_999_999, 4_000_000_000],
    ]
    assert (graph.affinity == 0.5).all()
    assert (graph.strong == 0).all()


def test_a_volume_without_contacts_has_no_edges():
    for labels in (np.zeros((3, 3, 3), np.uint32), np.ones((3, 3, 3), np.uint32)):
        graph = region_graph(labels, None)
        assert graph.edges.shape == (0, 2)
        assert graph.centroid.shape == (0, 3)


def test_affinities_of_another_shape_are_refused():
    with pytest.raises(InputError, match="same shape"):
        region_graph(np.ones((3, 3, 3), np.uint32), np.zeros((3, 3, 3, 4), np.uint8))


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), ids=st.sampled_from([2, 5, 40]))
def test_table_equals_the_definition(seed, ids):
    labels = np.random.default_rng(seed).integers(0, ids, (4, 5, 6)).astype(np.uint32)
    table = supervoxel_table(labels)
    assert table.size.tolist()[1:] == np.bincount(labels.ravel())[1:].tolist()
    assert not table.size[0]
    for i in np.unique(labels[labels > 0]):
        where = np.argwhere(labels == i)
        assert table.box[i].tolist() == [*where.min(0), *(where.max(0) + 1)]
        assert labels[tuple(table.point[i])] == i
        distance = np.linalg.norm(where - where.mean(0), axis=1).min()
        assert np.linalg.norm(table.point[i] - where.mean(0)) == pytest.approx(distance)
