"""`segmend export` into the files of label codecs and of challenges, and back."""

import json

import h5py
import numpy as np
import pytest

from segmend.app.cli.main import run
from segmend.core.geometry import Box
from segmend.core.project import open_project
from segmend.core.session import Session
from segmend.core.volumes.opening import open_labels
from segmend.core.volumes.submissions import CHALLENGES


@pytest.fixture
def answer(capsys):
    """Run a command and return its answer, or the line on stderr where it was refused."""

    def ask(*words):
        status = run([*map(str, words), "--json"])
        printed = capsys.readouterr()
        return json.loads(printed.out.splitlines()[-1]) if status == 0 else printed.err

    return ask


@pytest.fixture
def segments(project_path):
    with Session.open(project_path, read_only=True) as session:
        supervoxels = session.supervoxels[0].read(Box.of_shape(session.project.shape_zyx))
        of = session.segmentation.segment_of[supervoxels]
        return session.segmentation.export_ids(of)


@pytest.mark.parametrize("suffix", [".ckl", ".cpso"])
def test_coded_files_come_back_as_labels_and_as_a_project(
    answer, project_path, tmp_path, segments, suffix
):
    pytest.importorskip("crackle")
    pytest.importorskip("compresso")
    out = tmp_path / f"a{suffix}"
    assert answer("export", project_path, out)["what"] == "segmentation"
    volume = open_labels(out)
    assert (volume.read(Box.of_shape(segments.shape)) == segments).all()
    made = answer("new", tmp_path / "again.segmend", "--supervoxels", out)
    grid = open_project(project_path).grid
    assert tuple(made["voxel_size_nm_zyx"]) == grid.voxel_size_nm_zyx
    again = open_project(tmp_path / "again.segmend")
    assert again.grid == grid
    assert len(np.unique(again.supervoxel_pyramid[0].read(Box.of_shape(segments.shape)))) == len(
        np.unique(segments)
    )


@pytest.fixture
def small_cremi(monkeypatch, project_path):
    known = CHALLENGES["cremi"]
    size = open_project(project_path).grid.voxel_size_nm_zyx
    monkeypatch.setitem(
        CHALLENGES, "cremi", known._replace(shape_zyx=(8, 40, 40), voxel_size_nm_zyx=size)
    )


def test_a_submission_of_a_box_lies_at_its_own_place(
    answer, project_path, tmp_path, segments, small_cremi
):
    where = ["--box", "2:10,0:40,4:44"]
    options = ["--what", "submission", "--challenge", "cremi", *where]
    found = answer("export", project_path, tmp_path / "a.hdf", *options)
    assert (found["what"], found["challenge"]) == ("submission", "cremi")
    with h5py.File(tmp_path / "a.hdf") as file:
        ids = file["volumes/labels/neuron_ids"]
        assert (ids[:] == segments[2:10, :, 4:44]).all()
        start = open_project(project_path).grid.to_nm((2, 0, 4))
        assert tuple(ids.attrs["offset"]) == start
        assert tuple(ids.attrs["resolution"]) == (10, 10, 10)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--what", "submission"], "goes with --challenge"),
        (["--challenge", "cremi"], "goes with --challenge"),
        (["--what", "submission", "--challenge", "snemi3d"], "100 x 1024 x 1024"),
        (["--what", "submission", "--challenge", "snemi3d", "--since", "0"], "--since is for"),
    ],
)
def test_what_cannot_be_submitted_is_one_line(answer, project_path, tmp_path, options, words):
    line = answer("export", project_path, tmp_path / "a.h5", *options)
    assert words in line
    assert len(line.strip().splitlines()) == 1
    assert not (tmp_path / "a.h5").exists()
