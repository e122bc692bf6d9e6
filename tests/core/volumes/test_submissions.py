import h5py
import numpy as np
import pytest
import tifffile

from segmend.core.algorithms.boundaries import boundary_map
from segmend.core.errors import InputError, VolumeError
from segmend.core.geometry import Grid
from segmend.core.volumes.memory import MemoryVolume
from segmend.core.volumes.submissions import (
    CHALLENGES,
    write_cremi,
    write_isbi2012,
    write_snemi3d,
    write_submission,
)

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


class Lazy:
    """Labels of any size, computed where they are read."""

    channels, source, dtype = None, "lazy", np.dtype(np.uint32)

    def __init__(self, shape, grid):
        self.shape_zyx, self.grid = shape, grid

    def read(self, box):
        z, y, x = (np.arange(a, b) for a, b in zip(box.start_zyx, box.stop_zyx, strict=True))
        return (z[:, None, None] // 9 + y[:, None] // 100 * 7 + x // 100).astype(self.dtype)


@pytest.fixture
def small(monkeypatch):
    """Challenges of small volumes, to see that the right writer is chosen."""
    for name, known in CHALLENGES.items():
        monkeypatch.setitem(CHALLENGES, name, known._replace(shape_zyx=(19, 6, 7)))


def test_a_submission_is_in_the_form_of_its_challenge(tmp_path, labels, small):
    volume = MemoryVolume(labels, GRID)
    write_submission(tmp_path / "a.tif", volume, "isbi2012")
    write_submission(tmp_path / "a.h5", volume, "snemi3d")
    write_submission(tmp_path / "a.hdf", volume, "cremi")
    assert tifffile.imread(tmp_path / "a.tif").shape == (19, 6, 7)
    with h5py.File(tmp_path / "a.h5") as file:
        assert list(file) == ["main"]
    with h5py.File(tmp_path / "a.hdf") as file:
        assert list(file["volumes/labels"]) == ["neuron_ids"]


@pytest.mark.parametrize(
    ("challenge", "name", "shape", "words"),
    [
        ("cremi", "a.hdf", (125, 1250, 1249), "125 x 1250 x 1250"),
        ("snemi3d", "a.h5", (10, 400, 200), "100 x 1024 x 1024"),
        ("isbi2012", "a.tif", (512, 512, 30), "30 x 512 x 512"),
        ("isbi2012", "a.h5", (30, 512, 512), "ends with .tif"),
        ("cremi", "a.tif", (125, 1250, 1250), "ends with .hdf"),
        ("isbi2013", "a.tif", (30, 512, 512), "no challenge"),
    ],
)
def test_what_a_challenge_does_not_score_is_refused(tmp_path, challenge, name, shape, words):
    with pytest.raises(InputError, match=words):
        write_submission(tmp_path / name, Lazy(shape, GRID), challenge)
    assert list(tmp_path.iterdir()) == []


def test_cremi_needs_its_own_voxels(tmp_path, labels, small):
    with pytest.raises(InputError, match="expected 40 x 4 x 4"):
        write_submission(tmp_path / "a.hdf", MemoryVolume(labels), "cremi")


def test_the_id_that_is_nothing_in_cremi_is_refused(tmp_path, labels):
    labels[18, 2, 3] = 2**64 - 1
    with pytest.raises(VolumeError, match="no object"):
        write_cremi(tmp_path / "a.hdf", MemoryVolume(labels, GRID))
    assert list(tmp_path.iterdir()) == []


def test_a_test_volume_of_isbi_goes_through(tmp_path):
    write_submission(tmp_path / "a.tif", Lazy((30, 512, 512), GRID), "isbi2012")
    stack = tifffile.imread(tmp_path / "a.tif")
    assert stack.shape == (30, 512, 512)
    assert stack.dtype == np.float32
    assert set(np.unique(stack)) == {0.0, 1.0}
