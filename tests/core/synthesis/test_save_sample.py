"""The file of a sample."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from segmend.core.errors import VolumeError
from segmend.core.geometry import Grid
from segmend.core.synthesis import Sample, save_sample


def small_sample() -> Sample:
    image = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    return Sample(image, (image // 5 + 1).astype(np.uint32), Grid((30.0, 6.0, 6.0)))


def test_file_holds_what_was_saved(tmp_path: Path) -> None:
    sample = small_sample()
    save_sample(sample, tmp_path / "sample.h5")
    with h5py.File(tmp_path / "sample.h5") as file:
        np.testing.assert_array_equal(file["raw"][:], sample.image)
        np.testing.assert_array_equal(file["labels"][:], sample.labels)
        assert file["labels"].dtype == np.uint32
        np.testing.assert_array_equal(file.attrs["resolution_nm_zyx"], (30.0, 6.0, 6.0))
    assert [p.name for p in tmp_path.iterdir()] == ["sample.h5"]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(VolumeError, match="missing"):
        save_sample(small_sample(), tmp_path / "missing" / "sample.h5")
