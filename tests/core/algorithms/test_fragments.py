import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from segmend.core.algorithms.fragments import seeded_fragments
from segmend.core.errors import InputError


def two_rooms(shape=(12, 12, 25)):
    """Affinities of two cuboids with a membrane three voxels wide between them."""
    affinities = np.ones((3, *shape), np.float32)
    affinities[..., 11:14] = 0.1
    return affinities


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    per_section=st.booleans(),
    filter_size=st.sampled_from([1, 3, 9]),
)
def test_every_voxel_is_in_one_connected_fragment(seed, per_section, filter_size):
    rng = np.random.default_rng(seed)
    affinities = ndimage.gaussian_filter(rng.random((3, 6, 9, 9)), (0, 1, 1, 1)).astype(np.float32)
    labels = seeded_fragments(affinities, filter_size=filter_size, per_section=per_section)
    assert labels.min() == 1
    ids = np.unique(labels)
    assert ids.tolist() == list(range(1, len(ids) + 1))
    flat = np.zeros((3, 3, 3), int)
    flat[1] = ndimage.generate_binary_structure(2, 1)
    for i in ids:
        assert ndimage.label(labels == i, flat if per_section else None)[1] == 1


def test_two_rooms_are_two_fragments():
    labels = seeded_fragments(two_rooms(), filter_size=11)
    assert np.unique(labels[..., :11]).tolist() == [1]
    assert np.unique(labels[..., 14:]).tolist() == [2]


def test_fragments_have_one_seed_each():
    affinities = ndimage.gaussian_filter(
        np.random.default_rng(3).random((3, 20, 20, 20)), (0, 2, 2, 2)
    ).astype(np.float32)
    threshold = float(np.median(affinities))
    height = ndimage.distance_transform_edt(affinities.mean(0) > threshold)
    for size in (3, 7):
        highest = ndimage.maximum_filter(height, size, mode="nearest") == height
        _, seeds = ndimage.label(highest & (height > 0))
        labels = seeded_fragments(affinities, boundary_threshold=threshold, filter_size=size)
        assert labels.max() == seeds
    coarse, fine = (
        seeded_fragments(affinities, boundary_threshold=threshold, filter_size=s).max()
        for s in (9, 3)
    )
    assert coarse < fine


def test_sections_do_not_share_fragments_when_cut_per_section():
    labels = seeded_fragments(two_rooms(), per_section=True, filter_size=11)
    owners = [set(np.unique(section)) for section in labels]
    assert all(len(ids) == 2 for ids in owners)
    assert len(set.union(*owners)) == 24


def test_uint8_and_float_affinities_give_the_same_fragments():
    stored = np.random.default_rng(1).integers(0, 256, (3, 8, 9, 10), np.uint8)
    as_float = (stored / np.float32(255)).astype(np.float32)
    assert (seeded_fragments(stored) == seeded_fragments(as_float)).all()


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_volume_without_boundary_or_without_inside_is_one_fragment(value):
    assert np.unique(seeded_fragments(np.full((3, 4, 5, 6), value, np.float32))).tolist() == [1]


def test_a_mask_is_not_crossed():
    mask = np.ones((12, 12, 25), bool)
    mask[:, 6] = False
    labels = seeded_fragments(two_rooms(), mask=mask, filter_size=11)
    assert ((labels == 0) == ~mask).all()
    assert not set(np.unique(labels[:, :6])) & set(np.unique(labels[:, 7:]))


@pytest.mark.parametrize(
    "settings_", [{"filter_size": 4}, {"filter_size": 0}, {"boundary_threshold": 2.0}]
)
def test_settings_out_of_range_are_refused(settings_):
    with pytest.raises(InputError, match="expected"):
        seeded_fragments(two_rooms(), **settings_)
