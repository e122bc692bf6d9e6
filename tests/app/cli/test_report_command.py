import json

import h5py
import numpy as np
import pytest

from segmend.app.cli.main import run
from segmend.core.geometry import Box
from segmend.core.project import open_project
from segmend.core.volumes.writing import open_writer


def test_the_page_is_written_beside_the_result(project_path, capsys):
    assert run(["report", str(project_path), "--json"]) == 0
    page = json.loads(capsys.readouterr().out)["report"]
    assert page == str(open_project(project_path).generation_dir / "report.html")
    with open(page, encoding="utf-8") as file:
        assert "Beside the truth" not in file.read()


def test_with_a_truth_it_has_scores_inside_the_box(project_path, tmp_path, capsys):
    volume = open_project(project_path).supervoxel_pyramid[0]
    whole = Box.of_shape(volume.shape_zyx)
    with open_writer(tmp_path / "t.npy", volume.shape_zyx, volume.dtype, volume.grid) as writer:
        writer.write(whole, volume.read(whole))
    options = ["--truth", str(tmp_path / "t.npy"), "--box", "0:6,0:40,0:44"]
    assert run(["report", str(project_path), *options]) == 0
    with open(capsys.readouterr().out.strip(), encoding="utf-8") as file:
        text = file.read()
    assert "Beside the truth" in text
    assert "0:6,0:40,0:44" in text


@pytest.mark.parametrize("odd", ["shape", "size"])
def test_a_truth_of_other_voxels_is_refused(project_path, tmp_path, capsys, odd):
    project = open_project(project_path)
    z, y, x = project.shape_zyx
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file["t"] = np.ones((z, y, x + (odd == "shape")), np.uint8)
        file["t"].attrs["resolution"] = [77, 1, 1] if odd == "size" else [10, 10, 10]
    assert run(["report", str(project_path), "--truth", f"{tmp_path}/t.h5:/t"]) == 2
    assert "expected labels of the same volume" in capsys.readouterr().err
    assert not (project.generation_dir / "report.html").exists()


def test_the_box_is_said_to_place_the_pictures(capsys):
    with pytest.raises(SystemExit):
        run(["report", "--help"])
    assert "pictures go through its middle" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("options", [["--truth", "gone.h5"], ["--box", "1:1,0:1,0:1"]])
def test_bad_input_is_one_line_and_status_2(project_path, capsys, options):
    try:
        status = run(["report", str(project_path), *options])
    except SystemExit as ended:
        status = ended.code
    assert status == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
