import h5py
import numpy as np
import pytest
import tifffile

from segmend.core.algorithms.boundaries import boundary_map
from segmend.core.errors import VolumeError
from segmend.core.geometry import Grid
from segmend.core.volumes.memory import MemoryVolume
from segmend.core.volumes.submissions import write_cremi, write_isbi2012, write_snemi3d

GRID = Grid((40.0, 4.0, 4.0), (80.0, 0.0, 12.0))


@pytest.fixture
def labels():
    return np.random.default_rng(0).integers(0, 5, (19, 6, 7)).astype(np.uint64)


def test_cremi_has_ids_resolution_and_offset(tmp_path, labels):
    write_cremi(tmp_path / "a.hdf", MemoryVolume(labels, GRID), comment="threshold 0.4")
    with h5py.File(tmp_path / "a.hdf") as file:
        ids = file["volumes/labels/neuron_ids"]
        assert file.attrs["file_format"] == "0.2"
        assert ids.dtype == np.uint64
        assert (ids[:] == labels).all()
        assert ids.attrs["resolution"].tolist() == [40, 4, 4]
        assert ids.attrs["offset"].tolist() == [80, 0, 12]
        assert ids.attrs["comment"] == "threshold 0.4"


def test_snemi3d_has_32_bit_labels_in_main(tmp_path, labels):
    write_snemi3d(tmp_path / "a.h5", MemoryVolume(labels))
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["main"].dtype == np.uint32
        assert (file["main"][:] == labels).all()


def test_large_ids_are_numbered_anew_for_snemi3d(tmp_path, labels):
    large = np.where(labels == 0, 0, labels + np.uint64(2**40))
    write_snemi3d(tmp_path / "a.h5", MemoryVolume(large))
    with h5py.File(tmp_path / "a.h5") as file:
        assert (file["main"][:] == labels).all()


def test_isbi_takes_probabilities_or_labels(tmp_path, labels):
    membrane = np.random.default_rng(1).random(labels.shape, dtype=np.float32)
    write_isbi2012(tmp_path / "p.tif", MemoryVolume(membrane))
    write_isbi2012(tmp_path / "l.tif", MemoryVolume(labels.astype(np.uint16)))
    write_isbi2012(tmp_path / "b.tif", MemoryVolume(np.full(labels.shape, 255, np.uint8)))
    stack = tifffile.imread(tmp_path / "p.tif")
    assert stack.dtype == np.float32
    assert stack == pytest.approx(1 - membrane)
    assert (tifffile.imread(tmp_path / "l.tif") == ~boundary_map(labels)).all()
    assert not tifffile.imread(tmp_path / "b.tif").any()


def test_nothing_half_written_stays(tmp_path, labels):
    wrong = labels.astype(np.float32)
    with pytest.raises(VolumeError, match="probability"):
        write_isbi2012(tmp_path / "a.tif", MemoryVolume(wrong))
    with pytest.raises(VolumeError, match="channels"):
        write_cremi(tmp_path / "a.hdf", MemoryVolume(labels[None]))
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "a.h5").write_text("mine")
    with pytest.raises(VolumeError, match="exists already"):
        write_snemi3d(tmp_path / "a.h5", MemoryVolume(labels))
    assert (tmp_path / "a.h5").read_text() == "mine"
