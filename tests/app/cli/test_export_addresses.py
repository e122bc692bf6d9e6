"""``segmend export`` to addresses; what stands behind them is tested with the volumes."""

from __future__ import annotations

import numpy as np
import pytest

from segmend.app.cli.main import run
from segmend.core.geometry import Box
from segmend.core.session import Session
from segmend.core.volumes.opening import open_labels


@pytest.mark.parametrize("relative", [True, False])
def test_a_segmentation_is_exported_as_precomputed(
    project_path, tmp_path, monkeypatch, capsys, relative
):
    monkeypatch.chdir(tmp_path)
    place = "precomputed://out" if relative else f"precomputed://{tmp_path / 'out'}"
    assert run(["export", str(project_path), place]) == 0
    assert f"precomputed://{tmp_path / 'out'}: segmentation written" in capsys.readouterr().out
    with Session.open(project_path, read_only=True) as session:
        labels = session.segmentation.segment_of[
            session.supervoxels[0].read(Box.of_shape(session.project.shape_zyx))
        ]
        expected = session.segmentation.export_ids(labels.ravel()).reshape(labels.shape)
    volume = open_labels(f"precomputed://{tmp_path / 'out'}")
    assert np.array_equal(volume.read(Box.of_shape(volume.shape_zyx)), expected)


@pytest.mark.parametrize(
    ("place", "options", "line"),
    [
        ("gs://bucket/../a", [], "without empty parts"),
        ("https://host/a", [], "web servers are only read"),
        ("gs://bucket/a", ["--what", "meshes"], "this machine only"),
    ],
)
def test_what_cannot_be_written_is_one_line(project_path, capsys, place, options, line):
    try:
        status = run(["export", str(project_path), place, *options])
    except SystemExit as ended:
        status = ended.code
    assert status == 2
    told = capsys.readouterr().err
    assert line in told
    assert told.count("\n") == 1
