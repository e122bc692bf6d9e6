"""Projects as napari layers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from napari.layers import Image, Labels, Layer

from segmend.core.edits.model import Merge
from segmend.core.errors import ProjectError
from segmend.core.geometry import Grid
from segmend.core.project import create_project
from segmend.core.session import Session
from segmend.core.volumes.memory import MemoryVolume
from segmend.plugins.readers import project_reader, read_project

GRID = Grid((30.0, 6.0, 6.0), (5.0, 0.0, 0.0))


@pytest.fixture
def voxels() -> tuple[np.ndarray, np.ndarray]:
    image = np.arange(4 * 6 * 8, dtype=np.uint8).reshape(4, 6, 8)
    labels = np.ones(image.shape, np.uint32)
    labels[:, :, 4:] = 2
    return image, labels


@pytest.fixture
def project(tmp_path: Path, voxels: tuple[np.ndarray, np.ndarray]) -> str:
    image, labels = (MemoryVolume(array, GRID) for array in voxels)
    create_project(tmp_path / "brain.segmend", image=image, supervoxels=labels)
    return str(tmp_path / "brain.segmend")


def test_image_and_segments_become_layers(
    project: str, voxels: tuple[np.ndarray, np.ndarray]
) -> None:
    image, segments = (Layer.create(*data) for data in read_project(project))
    assert isinstance(image, Image)
    assert isinstance(segments, Labels)
    np.testing.assert_array_equal(
        np.asarray(image.data[0] if image.multiscale else image.data), voxels[0]
    )
    np.testing.assert_array_equal(
        np.asarray(segments.data[0] if segments.multiscale else segments.data), voxels[1]
    )
    for layer in (image, segments):
        np.testing.assert_array_equal(layer.scale, GRID.voxel_size_nm_zyx)
        np.testing.assert_array_equal(layer.translate, GRID.offset_nm_zyx)


def test_segments_show_the_edits_of_the_journal(project: str) -> None:
    with Session.open(project) as session:
        spots = tuple(session.spot_at(GRID.to_nm(place)) for place in ((1, 2, 1), (1, 2, 6)))
        session.apply(Merge(spots))
    segments = read_project(project)[1][0]
    finest = segments[0] if isinstance(segments, list) else segments
    assert len(np.unique(np.asarray(finest))) == 1


def test_project_without_supervoxels_shows_its_image(
    tmp_path: Path, voxels: tuple[np.ndarray, np.ndarray]
) -> None:
    create_project(tmp_path / "raw.segmend", image=MemoryVolume(voxels[0], GRID))
    assert [kind for _, _, kind in read_project(str(tmp_path / "raw.segmend"))] == ["image"]


def test_reader_takes_one_project_folder_and_nothing_else(project: str, tmp_path: Path) -> None:
    assert project_reader(project) is read_project
    assert project_reader([project]) is None
    assert project_reader(str(tmp_path)) is None


def test_a_damaged_project_is_named(project: str) -> None:
    (Path(project) / "project.toml").write_text("format = 99\n")
    with pytest.raises(ProjectError, match="format 99"):
        read_project(project)
