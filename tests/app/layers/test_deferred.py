"""Deferred arrays read only what becomes an array, and layers share reads."""

import numpy as np
import pytest

from segmend.app.layers.deferred import DeferredVolume, SharedReads
from segmend.core.geometry import Box, Grid
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


def test_steps_are_refused(volume):
    with pytest.raises(IndexError, match="no step"):
        DeferredVolume(volume)[::2]


def test_channels_become_the_last_axis():
    array = np.random.default_rng(0).integers(0, 255, (5, 3, 4, 6)).astype(np.uint8)
    rgb = DeferredVolume(MemoryVolume(array), (0, 1, 2))
    assert rgb.shape == (3, 4, 6, 3)
    np.testing.assert_array_equal(np.asarray(rgb[1]), np.moveaxis(array[:3, 1], 0, -1))


def test_converts_where_asked(volume):
    assert np.asarray(DeferredVolume(volume)[0], np.float32).dtype == np.float32


def test_second_read_of_a_box_is_free(volume):
    shared = SharedReads(volume)
    box = Box((0, 0, 0), (1, 5, 6))
    first, second = shared.read(box), shared.read(box)
    assert volume.voxels == 30
    np.testing.assert_array_equal(first, second)


def test_forgotten_reads_are_read_again(volume):
    shared = SharedReads(volume)
    box = Box((0, 0, 0), (1, 5, 6))
    shared.read(box)
    shared.forget()
    shared.read(box)
    assert volume.voxels == 60


def test_only_the_latest_reads_are_kept(volume):
    shared = SharedReads(volume, keep=2)
    boxes = [Box((z, 0, 0), (z + 1, 5, 6)) for z in range(3)]
    for box in boxes:
        shared.read(box)
    shared.read(boxes[0])
    assert volume.voxels == 4 * 30


def test_a_read_that_was_overtaken_is_not_kept(volume):
    shared = SharedReads(volume)
    box = Box((0, 0, 0), (1, 5, 6))
    read = volume.read

    def overtaken(box):
        shared.forget()
        return read(box)

    volume.read = overtaken
    shared.read(box)
    del volume.read
    shared.read(box)
    assert volume.voxels == 60
