import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmend.core.algorithms import mutex_watershed as kernel
from segmend.core.algorithms.affinities import affinities_from_labels
from segmend.core.algorithms.mutex_watershed import mutex_watershed
from segmend.core.algorithms.radix_order import falling_order
from segmend.core.errors import InputError

NEAR = [(-1, 0, 0), (0, -1, 0), (0, 0, -1)]
OFFSETS = [*NEAR, (-2, 0, 0), (0, -3, 0), (0, 2, -3)]
BIASES = (0.25, 0.25, 0.25, 0.5, 0.5, 0.75)
STRIDES = [(1, 1, 1)] * 3 + [(1, 2, 1), (2, 2, 2), (1, 3, 2)]


def distinct(seed, shape, attractive=0.3):
    """Affinities whose weights have all different absolute values, and the weights."""
    rng = np.random.default_rng(seed)
    count = len(OFFSETS) * int(np.prod(shape))
    size = (rng.permutation(count) + 1).reshape(-1, *shape) / 2.0**19
    sign = np.where(rng.random(size.shape) < attractive, 1, -1)
    weights = (size * sign).astype(np.float32)
    return weights + np.float32(BIASES)[:, None, None, None], weights


def definition(weights, offsets, strides):
    """Take the edges one by one (Wolf et al. 2018); ties as documented."""
    shape = weights.shape[1:]
    edges = []
    for c, (offset, stride) in enumerate(zip(offsets, strides, strict=True)):
        for v in np.ndindex(shape):
            w = tuple(a + b for a, b in zip(v, offset, strict=True))
            if all(0 <= a < n for a, n in zip(w, shape, strict=True)) and not any(
                min(a, b) % s for a, b, s in zip(v, w, stride, strict=True)
            ):
                edges.append((float(weights[(c, *v)]), v, w))
    edges.sort(key=lambda e: (-abs(e[0]), e[0] <= 0))
    region = {v: v for v in np.ndindex(shape)}
    members = {v: [v] for v in region}
    apart = set()
    for weight, v, w in edges:
        a, b = region[v], region[w]
        if a == b:
            continue
        if weight <= 0:
            apart.add(frozenset((a, b)))
        elif frozenset((a, b)) not in apart:
            for m in members.pop(b):
                region[m] = a
                members[a].append(m)
            moved = {p for p in apart if b in p}
            apart = (apart - moved) | {(p - {b}) | {a} for p in moved}
    number = {}
    return np.array([number.setdefault(region[v], len(number) + 1) for v in np.ndindex(shape)])


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**32 - 1), attractive=st.sampled_from([0.1, 0.4, 0.8]))
def test_distinct_weights_give_the_partition_of_the_definition(seed, attractive):
    affinities, weights = distinct(seed, (3, 5, 6), attractive)
    found = mutex_watershed(affinities, OFFSETS, bias=BIASES, strides=STRIDES)
    assert found.ravel().tolist() == definition(weights, OFFSETS, STRIDES).tolist()


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**32 - 1), levels=st.sampled_from([2, 3, 9]))
def test_ties_go_attractive_first_then_by_channel_and_place(seed, levels):
    rng = np.random.default_rng(seed)
    stored = (rng.integers(0, levels, (6, 3, 5, 6)) * (255 // (levels - 1))).astype(np.uint8)
    weights = stored.astype(np.float32) / np.float32(255) - np.float32(0.5)
    found = mutex_watershed(stored, OFFSETS, bias=0.5, strides=STRIDES)
    assert found.ravel().tolist() == definition(weights, OFFSETS, STRIDES).tolist()


def test_groups_of_edges_do_not_show(monkeypatch):
    affinities, _ = distinct(3, (6, 8, 9))
    whole = mutex_watershed(affinities, OFFSETS, bias=BIASES)
    monkeypatch.setattr(kernel, "_GROUP", 50)
    assert (mutex_watershed(affinities, OFFSETS, bias=BIASES) == whole).all()


@pytest.mark.parametrize("strides", [None, STRIDES])
def test_partition_is_that_of_mwatershed(strides):
    mwatershed = pytest.importorskip("mwatershed")
    affinities, weights = distinct(5, (12, 14, 15))
    ours = mutex_watershed(affinities, OFFSETS, bias=BIASES, strides=strides)
    theirs = mwatershed.agglom(weights.astype(np.float64), OFFSETS, strides=strides).astype(int)
    alone = theirs == 0  # voxels that joined nothing
    theirs[alone] = theirs.max() + 1 + np.arange(alone.sum())
    pairs = np.unique(np.stack([ours.ravel(), theirs.ravel()]), axis=1)
    assert pairs.shape[1] == ours.max() == len(np.unique(theirs))


def test_exact_affinities_give_back_the_labels():
    labels = np.zeros((4, 8, 8), np.uint32) + 1
    labels[:, :, 3:5], labels[:, 5:, 5:], labels[:, :5, 5:] = 2, 4, 3
    exact = affinities_from_labels(labels, OFFSETS).astype(np.float32)
    found = mutex_watershed(exact, OFFSETS)
    pairs = np.unique(np.stack([found.ravel(), labels.ravel()]), axis=1)
    assert pairs.shape[1] == found.max() == 4


def test_a_mask_is_not_crossed_and_is_background():
    mask = np.ones((1, 3, 5), bool)
    mask[:, :, 2] = False
    labels = mutex_watershed(np.ones((3, 1, 3, 5), np.float32), NEAR, mask=mask)
    assert labels[0].tolist() == [[1, 1, 0, 2, 2]] * 3


def test_repulsion_alone_leaves_single_voxels_in_raster_order():
    labels = mutex_watershed(np.zeros((3, 2, 2, 2), np.uint8), NEAR)
    assert labels.ravel().tolist() == list(range(1, 9))


def test_an_empty_volume_and_an_offset_beyond_it_are_fine():
    assert mutex_watershed(np.zeros((3, 0, 4, 4), np.uint8), NEAR).shape == (0, 4, 4)
    far = mutex_watershed(np.ones((1, 2, 2, 2), np.float32), [(-9, 0, 0)])
    assert far.max() == 8


@pytest.mark.parametrize(
    ("values", "arguments"),
    [
        (np.zeros((3, 2, 2, 2)), {}),
        (np.full((3, 2, 2, 2), np.nan, np.float32), {}),
        (np.zeros((2, 2, 2, 2), np.uint8), {}),
        (np.zeros((3, 2, 2, 2), np.uint8), {"bias": (0.5, 0.5)}),
        (np.zeros((3, 2, 2, 2), np.uint8), {"bias": 1.5}),
        (np.zeros((3, 2, 2, 2), np.uint8), {"strides": [(1, 1, 0)] * 3}),
        (np.zeros((3, 2, 2, 2), np.uint8), {"mask": np.ones((1, 2, 2), bool)}),
    ],
)
def test_what_does_not_fit_is_refused(values, arguments):
    with pytest.raises(InputError):
        mutex_watershed(values, NEAR, **arguments)


def test_keys_fall_and_equal_ones_keep_their_order():
    keys = np.random.default_rng(0).integers(0, 2**32, 500, dtype=np.uint32)
    keys[100:200] = keys[0]
    assert falling_order(keys).tolist() == sorted(range(500), key=lambda i: -int(keys[i]))
