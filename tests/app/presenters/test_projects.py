"""The new-project form and the memory of recent projects."""

from dataclasses import replace

import pytest

from segmend.app.presenters.projects import NewProjectForm, RecentProjects, understood
from segmend.core.errors import InputError


@pytest.fixture
def form(tmp_path):
    return NewProjectForm(
        folder=str(tmp_path), name="cortex", image="a.h5:/raw", voxel_size="40 8 8"
    )


def test_form_is_understood(form, tmp_path):
    new = understood(form)
    assert new.path == tmp_path / "cortex.segmend"
    assert new.voxel_size_nm_zyx == (40.0, 8.0, 8.0)
    assert new.affinities is None


@pytest.mark.parametrize("text", ["40, 8, 8", "40 x 8 x 8", "40x8x8"])
def test_voxel_size_in_other_writing(form, text):
    assert understood(replace(form, voxel_size=text)).voxel_size_nm_zyx == (40.0, 8.0, 8.0)


def test_voxel_size_may_be_left_to_the_file(form):
    assert understood(replace(form, voxel_size="")).voxel_size_nm_zyx is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"image": ""}, "EM volume"),
        ({"name": " "}, "name"),
        ({"folder": "/nowhere/at/all"}, "does not exist"),
        ({"voxel_size": "8"}, "three positive numbers"),
        ({"voxel_size": "0 8 8"}, "three positive numbers"),
        ({"voxel_size": "a b c"}, "three positive numbers"),
    ],
)
def test_what_is_wrong_is_said(form, change, words):
    with pytest.raises(InputError, match=words):
        understood(replace(form, **change))


def test_existing_project_is_not_taken(form, tmp_path):
    (tmp_path / "cortex.segmend").mkdir()
    with pytest.raises(InputError, match="exists"):
        understood(form)


def test_recent_projects_latest_first_and_only_existing(tmp_path):
    recent = RecentProjects(tmp_path / "settings" / "recent.json")
    for name in ("a", "b", "c", "a"):
        (tmp_path / name).mkdir(exist_ok=True)
        recent.remember(tmp_path / name)
    (tmp_path / "b").rmdir()
    assert [path.name for path in recent.paths()] == ["a", "c"]


@pytest.mark.parametrize("text", ["", "{", '{"a": 1}', "[1, 2]"])
def test_damaged_memory_is_an_empty_one(tmp_path, text):
    file = tmp_path / "recent.json"
    file.write_text(text)
    assert RecentProjects(file).paths() == ()
