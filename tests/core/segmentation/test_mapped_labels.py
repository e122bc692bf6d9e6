"""The deferred view reads exactly what is asked of it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmend.core.geometry import Grid
from segmend.core.segmentation.mapped_labels import MappedLabels, map_labels, remap_changed
from segmend.core.volumes.memory import MemoryVolume


class Table:
    def __init__(self, segment_of):
        self.segment_of = np.asarray(segment_of, np.uint32)


class CountingVolume(MemoryVolume):
    voxels_read = 0

    def read(self, box):
        self.voxels_read += box.size
        return super().read(box)


@pytest.fixture
def supervoxels():
    return np.random.default_rng(0).integers(0, 6, (7, 8, 9)).astype(np.uint32)


TABLE = Table([0, 3, 3, 1, 2, 2])


def view(supervoxels):
    volume = CountingVolume(supervoxels, Grid())
    return MappedLabels(volume, TABLE), volume


def test_the_view_equals_the_mapped_array(supervoxels):
    labels, _ = view(supervoxels)
    assert labels.shape == (7, 8, 9)
    assert labels.ndim == 3
    assert labels.size == supervoxels.size
    assert np.array_equal(np.asarray(labels), TABLE.segment_of[supervoxels])


def test_indexing_reads_nothing(supervoxels):
    labels, volume = view(supervoxels)
    part = labels[2:5][:, 3:6][1]
    assert part.shape == (3, 9)
    assert volume.voxels_read == 0
    np.asarray(part)
    assert volume.voxels_read == 27


def test_the_view_follows_the_table(supervoxels):
    table = Table([0, 1, 2, 3, 4, 5])
    labels = MappedLabels(MemoryVolume(supervoxels, Grid()), table)
    table.segment_of[1] = 5
    assert not (np.asarray(labels) == 1).any()


def test_ids_beyond_the_table_become_background():
    out = map_labels(np.array([[1, 99]], np.uint32), np.array([0, 7], np.uint32))
    assert out.tolist() == [[7, 0]]


def test_labels_are_written_where_they_are_wanted(supervoxels):
    out = np.full(supervoxels.shape, 99, np.uint32)
    assert map_labels(supervoxels, TABLE.segment_of, out) is out
    assert np.array_equal(out, TABLE.segment_of[supervoxels])


@pytest.mark.parametrize(
    "out",
    [
        np.empty((7, 8), np.uint32),
        np.empty((7, 8, 9), np.int64),
        np.empty((9, 8, 7), np.uint32).T,
    ],
)
def test_memory_that_does_not_fit_is_refused(supervoxels, out):
    with pytest.raises(ValueError, match="cannot take"):
        map_labels(supervoxels, TABLE.segment_of, out)
    with pytest.raises(ValueError, match="cannot take"):
        remap_changed(supervoxels, TABLE.segment_of, out, [1])


table = st.lists(st.integers(1, 9), min_size=12, max_size=12).map(
    lambda values: np.array([0, *values], np.uint32)
)


@settings(deadline=None)  # the first example may compile
@given(table, table, st.integers(0, 2**32 - 1))
def test_remapping_what_changed_equals_mapping_everything(before, after, seed):
    supervoxels = np.random.default_rng(seed).integers(0, 14, (40, 60)).astype(np.uint32)
    out = map_labels(supervoxels, before)
    changed = np.unique(before[before != after]).tolist()
    remap_changed(supervoxels, after, out, changed)
    assert np.array_equal(out, map_labels(supervoxels, after))


def test_only_the_neighbourhood_of_changed_segments_is_mapped_again():
    supervoxels = np.ones(4096, np.uint32)
    out = np.full(4096, 8, np.uint32)
    out[[0, -1]] = 3
    remap_changed(supervoxels, np.array([0, 9], np.uint32), out, [3])
    assert out[0] == out[-1] == 9
    assert (out[1024:-1024] == 8).all()
