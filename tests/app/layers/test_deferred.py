"""Layers share reads."""

import numpy as np
import pytest

from segmend.app.layers.deferred import SharedReads
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
