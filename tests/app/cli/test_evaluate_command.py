import json

import h5py
import numpy as np
import pytest

from segmend.app.cli.main import run


@pytest.fixture
def arrays(tmp_path):
    truth = np.zeros((16, 16, 64), np.uint32)
    truth[1:7, 1:7], truth[9:15, 9:15] = 1, 2
    halves = truth.copy()
    halves[..., 32:] *= 3
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["truth"], file["segmentation"] = truth, halves
    return f"{path}:/segmentation", f"{path}:/truth"


def answer(capsys, *words):
    assert run(["evaluate", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out.strip().splitlines()[-1])


def test_the_keys_that_scripts_read_are_there(capsys, arrays):
    found = answer(capsys, *arrays)
    assert found["vi_split"] == pytest.approx(1.0)
    assert found["vi_merge"] == found["unlabelled"] == 0
    assert found["rand_merge"] == 1
    assert found["rand_split"] == pytest.approx(0.5, abs=0.01)
    names = {
        "vi_sum",
        "vi_sum_tolerant",
        "adapted_rand_error",
        "rand_f",
        "rand_error",
        "pixel_error",
        "cremi_score",
    }
    assert names < set(found)
    assert "run_length_nm" not in found


def test_run_lengths_and_merges_on_request(capsys, arrays):
    segmentation, truth = arrays
    size = ("--voxel-size", "30", "30", "30")
    found = answer(
        capsys, segmentation, truth, "--run-length", "--border", "25", "--supervoxels", segmentation, *size
    )  # fmt: skip
    assert found["run_length_nm"] == pytest.approx(found["run_length_largest_nm"] / 2, rel=0.1)
    assert (found["merge_precision"], found["merge_recall"]) == (1, 0)
    whole = answer(capsys, truth, truth, "--supervoxels", segmentation)
    assert (whole["merge_precision"], whole["merge_recall"]) == (1, 1)


def test_a_truth_of_another_voxel_size_is_refused(capsys, tmp_path):
    labels = np.ones((4, 4, 4), np.uint32)
    with h5py.File(tmp_path / "b.h5", "w") as file:
        for name, size in (("near", (40, 4, 4)), ("far", (40, 8, 8))):
            file[name] = labels
            file[name].attrs["resolution"] = size
    near, far = (f"{tmp_path}/b.h5:/{name}" for name in ("near", "far"))
    assert run(["evaluate", near, far]) == 2
    assert "has voxels of 40 x 8 x 8 nm" in capsys.readouterr().err
    assert answer(capsys, near, far, "--voxel-size", "40", "4", "4")["vi_sum"] == 0


def test_run_lengths_need_a_voxel_size(capsys, arrays):
    assert run(["evaluate", *arrays, "--run-length"]) == 2
    assert "--voxel-size" in capsys.readouterr().err
