"""What the window gives to a worker process, called here directly."""

import pickle
from functools import partial

import numpy as np
import pytest

from segmend.app.background import export_segmentation, make_project, make_sample
from segmend.app.presenters.projects import NewProject
from segmend.core.project import open_project
from segmend.core.session import Session
from segmend.core.synthesis import SampleSpec
from segmend.core.volumes.opening import open_labels


def test_work_can_travel_to_another_process(tmp_path):
    new = NewProject(tmp_path / "a.segmend", "i.h5", None, None, None, (40.0, 8.0, 8.0))
    again = pickle.loads(pickle.dumps(partial(make_project, new)))
    assert again.args == (new,)


def test_project_is_made_from_the_form(tmp_path):
    np.save(tmp_path / "image.npy", np.zeros((4, 20, 30), np.uint8))
    new = NewProject(
        tmp_path / "a.segmend", str(tmp_path / "image.npy"), None, None, None, (40.0, 8.0, 8.0)
    )
    project = open_project(make_project(new))
    assert project.shape_zyx == (4, 20, 30)
    assert project.grid.voxel_size_nm_zyx == (40.0, 8.0, 8.0)


def test_export_holds_the_edits(project_path, tmp_path):
    with Session.open(project_path) as session:
        session.decide(session.queue.next(), "accept")
        expected = len(np.unique(session.segmentation.segment_of[1:]))
    out = export_segmentation(project_path, tmp_path / "out.h5")
    labels = open_labels(f"{out}:/segmentation")
    from segmend.core.geometry import Box

    assert len(np.unique(labels.read(Box.of_shape(labels.shape_zyx)))) == expected == 19


def test_sample_is_made_once(tmp_path, monkeypatch):
    spec = SampleSpec(shape_zyx=(16, 48, 48), voxel_size_nm_zyx=(10.0, 10.0, 10.0), seed=1)
    monkeypatch.setattr("segmend.core.synthesis.DEMO_SPEC", spec)
    project = make_sample(tmp_path / "sample")
    changed = (project / "project.toml").stat().st_mtime_ns
    assert make_sample(tmp_path / "sample") == project
    assert (project / "project.toml").stat().st_mtime_ns == changed
    assert open_project(project).shape_zyx == (16, 48, 48)


@pytest.mark.parametrize("kept", [True, False])
def test_export_while_the_window_writes(project_path, tmp_path, kept):
    with Session.open(project_path) as session:
        if kept:
            session.decide(session.queue.next(), "reject")
        assert export_segmentation(project_path, tmp_path / f"{kept}.h5").exists()
