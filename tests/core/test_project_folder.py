"""An open project: its configuration, its volumes, its generations."""

from __future__ import annotations

import pickle
import tomllib

import numpy as np
import pytest
from data import GRID, grey, tiles, whole

from segmend.core.errors import ProjectError, VolumeError
from segmend.core.project import create_project, open_project
from segmend.core.volumes.memory import MemoryVolume

SHAPE = (4, 8, 12)


@pytest.fixture
def project(tmp_path):
    return create_project(
        tmp_path / "p.segmend",
        image=MemoryVolume(grey(SHAPE), GRID),
        segmentation=MemoryVolume(tiles(), GRID),
    )


def edit_toml(project, old: str, new: str) -> None:
    file = project.path / "project.toml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_paths_follow_the_generation(project):
    folder = project.path / "generation-1"
    assert project.generation_dir == folder
    assert project.graph_dir == folder / "graph"
    assert project.overlay_dir == folder / "overlay"
    assert project.candidates_path == folder / "candidates.json"
    assert project.journal_path == project.path / "journal.sqlite"
    assert project.graph_dir.is_dir()


def test_the_file_can_be_read_by_people(project):
    values = tomllib.loads((project.path / "project.toml").read_text())
    assert values["format"] == 1
    assert values["voxel_size_nm_zyx"] == list(GRID.voxel_size_nm_zyx)
    assert values["image"] == "image.zarr"
    assert values["generation"] == 1


def test_it_travels_to_another_process_without_its_arrays(project):
    assert whole(project.image).any()
    again = pickle.loads(pickle.dumps(project))
    assert "image_pyramid" not in again.__dict__
    assert np.array_equal(whole(again.supervoxel_pyramid[0]), whole(project.supervoxel_pyramid[0]))


def test_opening_reads_no_array(project):
    for chunk in (project.path / "image.zarr" / "0").rglob("[0-9]"):
        if chunk.is_file():
            chunk.write_bytes(b"damaged")
    again = open_project(project.path)
    assert again.image.shape_zyx == SHAPE
    with pytest.raises(VolumeError, match="truncated or damaged"):
        whole(again.image)


# -- configuration ---------------------------------------------------------------------------------------------------


def test_with_config_saves(project):
    changed = project.with_config(model="small", stages={"watershed": {"high": 0.9, "low": [1, 2]}})
    assert changed.config.model == "small"
    assert open_project(project.path).config == changed.config
    assert project.config.model is None
    assert not list(project.path.glob("*.partial"))


def test_with_config_keeps_what_others_saved_meanwhile(project):
    other = open_project(project.path)
    other.with_config(model="small")
    assert project.with_config(affinities="affinities.zarr").config.model == "small"


@pytest.mark.parametrize(
    "values",
    [
        {"colour": "red"},
        {"generation": -1},
        {"generation": "2"},
        {"format": 1.5},
        {"stages": {"a": object()}},
    ],
)
def test_with_config_refuses_what_it_does_not_know(values, project):
    before = (project.path / "project.toml").read_bytes()
    with pytest.raises(ProjectError):
        project.with_config(**values)
    assert (project.path / "project.toml").read_bytes() == before


# -- generations -----------------------------------------------------------------------------------------------------


def test_a_new_generation_counts_once_it_is_committed(project):
    folder = project.generation_path(2)
    folder.mkdir()
    assert open_project(project.path).generation == 1
    for part in ("supervoxels.zarr", "graph"):
        (project.generation_dir / part).rename(folder / part)
    after = project.commit_generation(2, model="small")
    assert (after.generation, after.config.model) == (2, "small")
    assert np.array_equal(whole(after.supervoxel_pyramid[0]), tiles())


def test_an_unfinished_generation_is_not_committed(project):
    folder = project.generation_path(2)
    folder.mkdir()
    (folder / "supervoxels.zarr").mkdir()
    with pytest.raises(ProjectError, match="graph is missing: the generation is not finished"):
        project.commit_generation(2)
    assert open_project(project.path).generation == 1


# -- what is not a project -------------------------------------------------------------------------------------------


def refusal(path) -> str:
    with pytest.raises(ProjectError) as caught:
        open_project(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_missing(tmp_path):
    assert "does not exist" in refusal(tmp_path / "no.segmend")


def test_a_file(tmp_path):
    (tmp_path / "a").write_text("x")
    assert "is not a project but a file" in refusal(tmp_path / "a")


def test_another_folder(tmp_path):
    assert "a folder without project.toml" in refusal(tmp_path)


def test_a_newer_format(project):
    edit_toml(project, "format = 1", 'format = 7\nunheard = "of"')
    message = refusal(project.path)
    assert "format 7" in message
    assert "install a newer Segmend" in message


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("format = 1", ""),
        ("format = 1", 'format = "1"'),
        ("format = 1", "format = "),
        ("generation = 1", "generation = -1"),
        ("generation = 1", "generation = 1000001"),
        ("generation = 1", "generation = 1\nunheard = " + "[" * 5000),
        ("generation = 1", ""),
        ("shape_zyx = [", "shape_zyx = [4,"),
        ("30.0", "0.0"),
        ("30.0", "nan"),
        ('image = "image.zarr"', "image = 5"),
        ("generation = 1", "generation = 1\nunheard = 2"),
    ],
)
def test_a_damaged_file(old, new, project):
    edit_toml(project, old, new)
    if (old, new) == ("generation = 1", ""):
        assert open_project(project.path).generation == 0
    else:
        assert "damaged" in refusal(project.path)


def test_a_truncated_file(project):
    file = project.path / "project.toml"
    file.write_bytes(file.read_bytes()[:-40])
    assert "project.toml" in refusal(project.path)


def test_a_missing_array_is_named_when_it_is_asked_for(project):
    (project.path / "image.zarr" / ".zattrs").unlink()
    with pytest.raises(VolumeError, match=r"image\.zarr is missing or not an OME-Zarr group"):
        _ = open_project(project.path).image


def test_an_array_of_another_shape_is_refused(project):
    edit_toml(project, "    12,", "    13,")
    with pytest.raises(ProjectError, match="4 x 8 x 12 voxels, the project 4 x 8 x 13"):
        _ = open_project(project.path).image
