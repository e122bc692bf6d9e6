import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from segmend.core.training.targets import affinity_targets, eroded, same_object

VOLUMES = arrays(np.int32, (3, 4, 5), elements=st.integers(0, 3))


def test_an_offset_looks_at_the_voxel_it_names() -> None:
    labels = np.array([[[1, 1, 2, 2, 0, 0]]])
    affinity, valid = same_object(labels, (0, 0, -1))
    assert affinity.ravel().tolist() == [0, 1, 0, 1, 0, 0]
    assert valid.ravel().tolist() == [0, 1, 1, 1, 1, 1]


def test_positive_offsets_are_valid_up_to_the_end() -> None:
    affinity, valid = same_object(np.array([[[1, 1, 2]]]), (0, 0, 1))
    assert affinity.ravel().tolist() == [1, 0, 0]
    assert valid.ravel().tolist() == [1, 1, 0]


def test_an_offset_longer_than_the_patch_is_nowhere_valid() -> None:
    affinity, valid = same_object(np.ones((2, 2, 2), int), (-5, 0, 0))
    assert not affinity.any()
    assert not valid.any()


@given(VOLUMES)
def test_affinity_is_symmetric(labels: np.ndarray) -> None:
    forth, _ = same_object(labels, (0, 1, 2))
    back, _ = same_object(labels, (0, -1, -2))
    assert np.array_equal(forth[:, :-1, :-2], back[:, 1:, 2:])


@given(VOLUMES)
def test_erosion_leaves_no_two_objects_in_touch(labels: np.ndarray) -> None:
    thin = eroded(labels)
    for axis in range(3):
        a, b = np.moveaxis(thin, axis, 0)[:-1], np.moveaxis(thin, axis, 0)[1:]
        assert not ((a != b) & (a != 0) & (b != 0)).any()
    assert np.isin(thin[thin != 0], labels).all()


def test_erosion_along_some_axes_ignores_the_others() -> None:
    stack = np.stack([np.full((3, 3), 1), np.full((3, 3), 2)])
    assert np.array_equal(eroded(stack, (1, 2)), stack)
    assert not eroded(stack).any()


def test_only_nearest_channels_are_eroded() -> None:
    labels = np.repeat([1, 2], 4).reshape(1, 1, 8)
    targets, weights = affinity_targets(labels, ((0, 0, -1), (0, 0, -2)), erode_axes=(2,))
    assert targets[0].ravel().tolist() == [0, 1, 1, 0, 0, 0, 1, 1]
    assert targets[1].ravel().tolist() == [0, 0, 1, 1, 0, 0, 1, 1]
    assert targets.shape == weights.shape == (2, 1, 1, 8)
