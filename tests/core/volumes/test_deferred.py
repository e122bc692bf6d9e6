"""Deferred arrays index like numpy and read only what becomes an array."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmend.core.geometry import Grid
from segmend.core.volumes.deferred import DeferredVolume
from segmend.core.volumes.memory import MemoryVolume

ARRAY = np.arange(4 * 5 * 6, dtype=np.uint16).reshape(4, 5, 6)


class Counting(MemoryVolume):
    def __init__(self, array, grid=None):
        super().__init__(array, grid)
        self.voxels = 0

    def read(self, box):
        self.voxels += box.size
        return super().read(box)


@pytest.fixture
def volume():
    return Counting(ARRAY, Grid())


@pytest.mark.parametrize(
    "index",
    [2, (slice(None), 3), (slice(1, 3), slice(0, 4), 2), (1, 2), (slice(1, None), slice(2, 4))],
    ids=str,
)
def test_indexes_like_numpy(volume, index):
    view = DeferredVolume(volume)[index]
    assert view.shape == ARRAY[index].shape
    assert view.ndim == ARRAY[index].ndim
    np.testing.assert_array_equal(np.asarray(view), ARRAY[index])


def test_indexing_twice_is_indexing_the_view(volume):
    view = DeferredVolume(volume)[:, 1:4][2, :, 3:]
    np.testing.assert_array_equal(np.asarray(view), ARRAY[:, 1:4][2, :, 3:])


def test_indexing_reads_nothing(volume):
    view = DeferredVolume(volume)[1:3][0]
    assert volume.voxels == 0
    np.asarray(view)
    assert volume.voxels == 30


def test_channels_become_the_last_axis():
    array = np.random.default_rng(0).integers(0, 255, (5, 3, 4, 6)).astype(np.uint8)
    rgb = DeferredVolume(MemoryVolume(array), (0, 1, 2))
    assert rgb.shape == (3, 4, 6, 3)
    np.testing.assert_array_equal(np.asarray(rgb[1]), np.moveaxis(array[:3, 1], 0, -1))


def test_converts_where_asked(volume):
    assert np.asarray(DeferredVolume(volume)[0], np.float32).dtype == np.float32


slices = st.builds(
    slice,
    st.one_of(st.none(), st.integers(-9, 9)),
    st.one_of(st.none(), st.integers(-9, 9)),
    st.sampled_from([None, 1, 2, 3, -1, -2]),
)
axis_index = st.one_of(slices, st.integers(-4, 3))


@given(st.lists(axis_index, max_size=3), st.booleans())
def test_any_basic_index_equals_numpy(items, with_ellipsis):
    index = (*items, Ellipsis) if with_ellipsis else tuple(items)
    assert np.array_equal(
        np.asarray(DeferredVolume(MemoryVolume(ARRAY, Grid()))[index]), ARRAY[index]
    )


def test_chained_indices_equal_numpy(volume):
    view = DeferredVolume(volume)[1:4][::2][0, 2:]
    np.testing.assert_array_equal(np.asarray(view), ARRAY[1:4][::2][0, 2:])


def test_too_many_indices_are_refused(volume):
    with pytest.raises(IndexError):
        DeferredVolume(volume)[0, 0, 0, 0]


def test_a_view_says_what_it_would_take(volume):
    view = DeferredVolume(volume)[1:3]
    assert (len(view), view.size, view.nbytes) == (2, 60, 120)
    with pytest.raises(TypeError):
        len(view[0, 0, 0])
    with pytest.raises(ValueError, match="without a copy"):
        np.asarray(view, copy=False)
