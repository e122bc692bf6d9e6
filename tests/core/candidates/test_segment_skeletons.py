import numpy as np
import pytest

from segmend.core.candidates import segment_skeletons
from segmend.core.candidates.segment_skeletons import segment_skeleton
from segmend.core.errors import InputError
from segmend.core.geometry import Box, Grid
from segmend.core.volumes.memory import MemoryVolume

BOX = Box((5, 5, 5), (19, 19, 115))


class Counted(MemoryVolume):
    reads = 0

    def read(self, box):
        self.reads += 1
        return super().read(box)


@pytest.fixture
def volume():
    labels = np.full((24, 24, 120), 9, np.uint32)
    labels[6:18, 6:18, 6:60] = 3
    labels[6:18, 6:18, 60:114] = 5
    return Counted(labels, Grid((10.0, 10.0, 10.0), (1000.0, 0.0, 0.0)))


def test_a_segment_is_traced_through_its_supervoxels_and_kept(volume, tmp_path):
    folder = tmp_path / "traced"
    found = segment_skeleton(folder, np.array([5, 3]), BOX, volume)
    assert 0.75 * 1080 < found.cable_nm < 1.25 * 1080
    assert np.abs(found.vertices_nm.mean(axis=0) - [1115, 115, 595]).max() < 40
    reads = volume.reads
    again = segment_skeleton(folder, np.array([3, 5]), BOX, volume)
    assert volume.reads == reads
    assert np.array_equal(again.vertices_nm, found.vertices_nm)
    assert np.array_equal(again.edges, found.edges)
    assert segment_skeleton(folder, np.array([3]), BOX, volume).cable_nm < 0.7 * found.cable_nm


def test_slabs_and_one_piece_give_the_same(volume, tmp_path, monkeypatch):
    whole = segment_skeleton(tmp_path / "a", np.array([3, 5]), BOX, volume)
    monkeypatch.setattr(segment_skeletons, "_SLAB_VOXELS", 1)
    slabs = segment_skeleton(tmp_path / "b", np.array([3, 5]), BOX, volume)
    assert np.array_equal(whole.vertices_nm, slabs.vertices_nm)


@pytest.mark.parametrize("keep", [0, 11, 300])
def test_a_damaged_file_is_traced_again(volume, tmp_path, keep):
    found = segment_skeleton(tmp_path, np.array([3]), BOX, volume)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:keep])
    again = segment_skeleton(tmp_path, np.array([3]), BOX, volume)
    assert np.array_equal(again.vertices_nm, found.vertices_nm)


def test_no_supervoxels_have_no_skeleton(volume, tmp_path):
    assert segment_skeleton(tmp_path, np.empty(0, np.uint32), BOX, volume).cable_nm == 0


def test_an_extent_beyond_memory_is_refused_before_reading(volume, tmp_path):
    with pytest.raises(InputError, match="coarser size"):
        segment_skeleton(tmp_path, np.array([3]), Box((0, 0, 0), (9000, 9000, 9000)), volume)
    assert volume.reads == 0


def test_what_cannot_be_kept_is_traced_and_leaves_nothing(volume, tmp_path, monkeypatch):
    def full(path, **arrays):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(segment_skeletons.np, "savez", full)
    assert segment_skeleton(tmp_path, np.array([3]), BOX, volume).cable_nm > 0
    assert list(tmp_path.iterdir()) == []


def test_temporary_names_are_unique_in_a_process(volume, tmp_path, monkeypatch):
    names = []
    monkeypatch.setattr(segment_skeletons.np, "savez", lambda path, **arrays: names.append(path))
    for _ in range(2):
        segment_skeleton(tmp_path, np.array([3]), BOX, volume)
    assert len(set(names)) == 2
