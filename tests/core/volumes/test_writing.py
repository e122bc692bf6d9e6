"""Exports: what is written comes back with its place, or nothing is written."""

from __future__ import annotations

import os
import subprocess
import sys

import h5py
import numpy as np
import pytest
import tifffile
from data import BEYOND_FLOAT, GRID, four_pieces, whole

from segmend.core.errors import VolumeError
from segmend.core.geometry import Box
from segmend.core.volumes.opening import open_labels
from segmend.core.volumes.writing import open_writer

LABELS = four_pieces()
ENDS = ["a.h5", "a.hdf5", "a.h5:/x/labels", "a.zarr", "a.tif", "a.tiff", "a.npy"]


def export(path, labels=LABELS):
    with open_writer(path, labels.shape, labels.dtype, GRID) as writer:
        for box in Box.of_shape(labels.shape).blocks((3, 5, 12)):
            writer.write(box, labels[box.slices])


@pytest.mark.parametrize("end", ENDS)
def test_labels_and_place_come_back(end, tmp_path):
    export(tmp_path / end)
    volume = open_labels(tmp_path / end)
    assert BEYOND_FLOAT in LABELS
    assert np.array_equal(whole(volume), LABELS)
    assert volume.dtype == np.uint64
    if not end.endswith(".npy"):
        assert volume.grid == GRID
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("end", ENDS)
def test_one_thin_section_comes_back(end, tmp_path):
    labels = np.arange(6, dtype=np.uint32).reshape(1, 2, 3)
    export(tmp_path / end, labels)
    assert np.array_equal(whole(open_labels(tmp_path / end)), labels)


def test_large_tiff_has_64_bit_offsets(tmp_path, monkeypatch):
    monkeypatch.setattr("segmend.core.volumes.writing._PLAIN_TIFF", 100)
    export(tmp_path / "a.tif")
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.is_bigtiff
    assert np.array_equal(whole(open_labels(tmp_path / "a.tif")), LABELS)


@pytest.mark.parametrize("end", ENDS)
def test_nothing_appears_when_writing_fails(end, tmp_path):
    with pytest.raises(KeyError, match="power"):
        export_and_fail(tmp_path / end)
    assert not list(tmp_path.iterdir())


def export_and_fail(path):
    with open_writer(path, LABELS.shape, LABELS.dtype, GRID) as writer:
        writer.write(Box((0, 0, 0), (1, 8, 12)), LABELS[:1])
        raise KeyError("power")


def test_hdf5_names_the_dataset_segmentation(tmp_path):
    export(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        assert list(file) == ["segmentation"]
        assert tuple(file["segmentation"].attrs["resolution_nm_zyx"]) == GRID.voxel_size_nm_zyx
        assert tuple(file["segmentation"].attrs["offset_nm_zyx"]) == GRID.offset_nm_zyx


def test_tiff_has_one_page_per_section(tmp_path):
    export(tmp_path / "a.tif", LABELS.astype(np.uint16))
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert len(file.pages) == len(LABELS)


@pytest.mark.parametrize("end", ENDS)
def test_nothing_is_written_over(end, tmp_path):
    export(tmp_path / end)
    with pytest.raises(VolumeError, match="exists already"):
        export(tmp_path / end, LABELS * 0)
    assert np.array_equal(whole(open_labels(tmp_path / end)), LABELS)


def test_what_a_killed_export_left_is_swept(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (tmp_path / f".a.h5.partial-{ended.pid}.h5").write_text("half")
    theirs = tmp_path / f".a.h5.partial-{os.getppid()}.h5"
    theirs.write_text("still being written")
    export(tmp_path / "a.h5")
    assert sorted(tmp_path.iterdir()) == [theirs, tmp_path / "a.h5"]


def test_unknown_ending(tmp_path):
    with pytest.raises(VolumeError, match=r"expected one of \.h5"):
        export(tmp_path / "a.mrc")


def test_missing_folder(tmp_path):
    with pytest.raises(VolumeError, match="does not exist"):
        export(tmp_path / "no" / "a.h5")


def test_zarr_takes_no_dataset(tmp_path):
    with pytest.raises(VolumeError, match="leave :/labels away"):
        export(f"{tmp_path}/a.zarr:/labels")


def test_shape_and_type_must_fit(tmp_path):
    with (
        pytest.raises(VolumeError, match="expected 1 x 8 x 12 uint64"),
        open_writer(tmp_path / "a.npy", LABELS.shape, LABELS.dtype, GRID) as writer,
    ):
        writer.write(Box((0, 0, 0), (1, 8, 12)), LABELS[:2])


def test_a_closed_writer_writes_no_more(tmp_path):
    with open_writer(tmp_path / "a.npy", LABELS.shape, LABELS.dtype, GRID) as writer:
        writer.write(Box.of_shape(LABELS.shape), LABELS)
    with pytest.raises(VolumeError, match="complete and closed"):
        writer.write(Box.of_shape(LABELS.shape), LABELS * 0)
