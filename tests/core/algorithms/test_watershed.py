import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from segmend.core.algorithms.affinities import affinities_from_labels
from segmend.core.algorithms.watershed import watershed
from segmend.core.errors import InputError


def line(*values):
    """Affinities of a row of len(values) + 1 voxels."""
    affinities = np.zeros((3, 1, 1, len(values) + 1), np.float32)
    affinities[2, 0, 0, 1:] = values
    return affinities


def steepest_graph(affinities, low, high):
    """Directed edges to the steepest neighbours, voxel by voxel: the definition."""
    shape = affinities.shape[1:]
    incident = {v: [] for v in np.ndindex(shape)}
    for axis in range(3):
        for v in np.ndindex(shape):
            if v[axis]:
                w = tuple(i - (k == axis) for k, i in enumerate(v))
                weight = affinities[(axis, *v)]
                if weight >= low:
                    incident[v].append((min(weight, high), w))
                    incident[w].append((min(weight, high), v))
    return {v: {w for a, w in e if a == max(e)[0]} for v, e in incident.items()}


def summits(graph, shape):
    """Number of strongly connected sets without a way out."""
    rows = [
        (np.ravel_multi_index(v, shape), np.ravel_multi_index(w, shape))
        for v in graph
        for w in graph[v]
    ]
    size = int(np.prod(shape))
    a, b = np.array(rows, dtype=int).reshape(-1, 2).T
    count, part = connected_components(
        coo_array((np.ones(len(a)), (a, b)), shape=(size, size)), connection="strong"
    )
    lone = [np.ravel_multi_index(v, shape) for v in graph if not graph[v]]
    return count - len({*part[a[part[a] != part[b]]]}) - len(lone)


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    levels=st.sampled_from([2, 4, 8, 1000]),
    low=st.sampled_from([0.01, 0.3]),
    high=st.sampled_from([0.8, 0.9999]),
)
def test_basins_are_the_summits_of_the_steepest_ascent_graph(seed, levels, low, high):
    rng = np.random.default_rng(seed)
    affinities = (rng.integers(0, levels, (3, 4, 5, 6)) / (levels - 1)).astype(np.float32)
    labels = watershed(affinities, low=low, high=high)
    graph = steepest_graph(affinities, np.float32(low), np.float32(high))
    for v, above in graph.items():
        assert (labels[v] == 0) == (not above)
        if above:
            assert labels[v] in {labels[w] for w in above}
    ids = np.unique(labels[labels > 0])
    assert ids.tolist() == list(range(1, summits(graph, labels.shape) + 1))
    assert all(ndimage.label(labels == i)[1] == 1 for i in ids)


def test_weak_voxels_become_background():
    labels = watershed(line(0.9, 0.05, 0.05, 0.8), low=0.1, high=0.99)
    assert labels.ravel().tolist() == [1, 1, 0, 2, 2]


def test_two_peaks_are_cut_at_the_weakest_edge():
    assert watershed(line(0.9, 0.6, 0.4, 0.7, 0.8)).ravel().tolist() == [1, 1, 1, 2, 2, 2]


def test_edges_above_high_are_equally_steep():
    affinities = line(0.96, 0.99, 0.95, 0.99, 0.97)
    assert watershed(affinities, high=0.9999).max() == 2
    assert watershed(affinities, high=0.95).max() == 1


def test_a_plateau_goes_to_the_nearest_way_out():
    labels = watershed(line(0.9, 0.5, 0.5, 0.5, 0.5, 0.8)).ravel().tolist()
    assert labels == [1, 1, 1, 1, 2, 2, 2] or labels == [1, 1, 1, 2, 2, 2, 2]


def test_uint8_and_float_affinities_give_the_same_supervoxels():
    stored = np.random.default_rng(1).integers(0, 256, (3, 6, 7, 8), np.uint8)
    as_float = (stored / np.float32(255)).astype(np.float32)
    for low, high in ((0.0001, 0.9999), (0.3, 0.7)):
        a, b = (watershed(x, low=low, high=high) for x in (stored, as_float))
        assert (a == b).all()


def test_long_range_channels_are_not_read():
    affinities = np.random.default_rng(2).random((7, 4, 5, 6), np.float32)
    assert (watershed(affinities) == watershed(affinities[:3])).all()


def test_small_basins_join_over_their_strongest_contact():
    affinities = line(0.9, 0.9, 0.2, 0.8, 0.3, 0.9, 0.9)
    assert watershed(affinities).ravel().tolist() == [1, 1, 1, 2, 2, 3, 3, 3]
    joined = watershed(affinities, size_threshold=3, link_affinity=0.1)
    assert joined.ravel().tolist() == [1, 1, 1, 2, 2, 2, 2, 2]
    kept = watershed(affinities, size_threshold=3, link_affinity=0.5)
    assert kept.max() == 3


def test_dust_becomes_background_and_ids_stay_dense():
    affinities = line(0.9, 0.9, 0.2, 0.8, 0.3, 0.9, 0.9)
    assert watershed(affinities, dust_threshold=3).ravel().tolist() == [1, 1, 1, 0, 0, 2, 2, 2]


def test_a_mask_is_not_crossed():
    affinities = np.ones((3, 1, 3, 5), np.float32)
    mask = np.ones((1, 3, 5), bool)
    mask[:, :, 2] = False
    labels = watershed(affinities, mask=mask)
    assert labels[0].tolist() == [[1, 1, 0, 2, 2]] * 3


def test_exact_affinities_give_back_the_labels():
    labels = np.zeros((4, 8, 8), np.uint32)
    labels[:, :, :3], labels[:, :4, 4:], labels[:, 5:, 4:] = 1, 2, 3
    found = watershed((affinities_from_labels(labels) * 255).astype(np.uint8))
    assert (found == labels).all()


@pytest.mark.parametrize(("low", "high"), [(0.9, 0.1), (-0.1, 0.5), (0.1, 1.5)])
def test_thresholds_out_of_order_are_refused(low, high):
    with pytest.raises(InputError, match="low <= high"):
        watershed(np.zeros((3, 2, 2, 2), np.float32), low=low, high=high)


def test_a_mask_of_another_shape_is_refused():
    with pytest.raises(InputError, match="mask"):
        watershed(np.zeros((3, 2, 2, 2), np.float32), mask=np.ones((2, 2, 3), bool))
