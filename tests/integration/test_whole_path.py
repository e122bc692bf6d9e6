"""From volumes to a proofread segmentation, through the commands that users have."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from skimage.metrics import adapted_rand_error, variation_of_information


def read(path: Path, name: str) -> np.ndarray:
    with h5py.File(path) as file:
        return file[name][()]


def same_partition(a: np.ndarray, b: np.ndarray) -> bool:
    pairs = np.unique(np.stack([a.ravel(), b.ravel()]), axis=1)
    return len(np.unique(pairs[0])) == len(np.unique(pairs[1])) == pairs.shape[1]


def test_new_and_run_tell_what_they_made(segmend, sample: Path, tmp_path: Path) -> None:
    project = tmp_path / "p.segmend"
    new = segmend(
        "new",
        project,
        "--image",
        f"{sample}:/raw",
        "--affinities",
        f"{sample}:/affinities",
        "--json",
    )
    assert new.status == 0
    assert new.values == {
        "project": str(project),
        "shape_zyx": [32, 96, 96],
        "voxel_size_nm_zyx": [10.0, 10.0, 10.0],
    }
    ran = segmend("run", project, "--scheduler", "synchronous", "--json")
    assert ran.status == 0
    names = [stage["name"] for stage in ran.values["stages"]]
    assert names == ["watershed", "graph", "agglomeration", "skeletons", "candidates"]
    assert all(stage["seconds"] >= 0 for stage in ran.values["stages"])
    assert ran.values["supervoxels"] >= ran.values["segments"] > 1
    assert ran.values["candidates"] > 0
    half = segmend(
        "run", project, "--scheduler", "synchronous", "--box", "0:32,0:96,0:48", "--json"
    )
    assert 0 < half.values["supervoxels"] < ran.values["supervoxels"]


def test_the_perfect_reviewer_lowers_the_error_and_the_export_shows_it(
    segmend, project: Path, sample: Path, tmp_path: Path
) -> None:
    review = segmend("review", project, "--oracle", f"{sample}:/labels", "--json").values
    assert review["curve"][0] == [0, review["vi_before"]["sum"]]
    assert review["curve"][-1] == [review["decisions"], review["vi_after"]["sum"]]
    assert 0 < review["accepted"] <= review["decisions"]
    assert review["vi_best"] <= review["vi_reachable"] + 1e-9
    assert review["vi_after"]["sum"] < review["vi_before"]["sum"]

    out = tmp_path / "out.h5"
    assert segmend("export", project, out).status == 0
    scores = segmend("evaluate", out, f"{sample}:/labels", "--json").values
    truth, found = read(sample, "labels"), read(out, "segmentation")
    split, merge = variation_of_information(truth, found, ignore_labels=(0,))
    assert scores["vi_split"] == pytest.approx(split, abs=1e-6)
    assert scores["vi_merge"] == pytest.approx(merge, abs=1e-6)
    assert scores["vi_sum"] == pytest.approx(review["vi_after"]["sum"], abs=1e-6)
    assert scores["adapted_rand_error"] == pytest.approx(
        adapted_rand_error(truth, found, ignore_labels=(0,))[0], abs=1e-6
    )
    assert scores["unlabelled"] == pytest.approx(float((found == 0)[truth > 0].mean()))
    assert set(scores) >= {"vi_sum_tolerant"}
    assert segmend("check", project, "--json").values["clean"]


def test_a_budget_and_a_box_are_kept(segmend, project: Path, sample: Path) -> None:
    box = "0:32,0:96,0:48"
    arguments = ("review", project, "--oracle", f"{sample}:/labels", "--box", box, "--json")
    limited = segmend(*arguments, "--budget", 3).values
    assert limited["decisions"] == 3
    again = segmend(*arguments, "--budget", 0).values
    assert again["decisions"] == 0
    assert again["vi_before"]["sum"] == pytest.approx(limited["vi_after"]["sum"], abs=1e-9)


def test_edits_undo_and_log(segmend, project: Path, sample: Path, tmp_path: Path) -> None:
    before, after = tmp_path / "before.h5", tmp_path / "after.h5"
    segmend("export", project, before)
    labels = read(before, "segmentation")
    a, b = (np.argwhere(labels == label)[0] for label in np.unique(labels[labels > 0])[:2])
    merged = segmend("edit", project, "merge", "--at", *a, "--at", *b, "--json", "--author", "ada")
    assert merged.status == 0
    assert set(merged.values) == {"operation", "old_ids", "new_ids", "box_zyx"}
    assert sorted(merged.values["old_ids"]) == sorted(
        {int(labels[tuple(a)]), int(labels[tuple(b)])}
    )
    assert len(merged.values["new_ids"]) == 1
    assert segmend("edit", project, "undo", "--json").values["new_ids"] == merged.values["old_ids"]
    assert segmend("edit", project, "redo").status == 0
    assert segmend("edit", project, "undo", 2).status == 2
    assert segmend("edit", project, "undo", 1).status == 0
    log = segmend("edit", project, "log", "--json").values["operations"]
    assert [row["kind"] for row in log] == ["merge", "undo", "redo", "undo"]
    assert log[0]["author"] == "ada"
    assert log[0]["state"] == "undone"
    segmend("export", project, after)
    assert np.array_equal(labels, read(after, "segmentation"))


def test_places_may_be_nm(segmend, project: Path, tmp_path: Path) -> None:
    segmend("export", project, tmp_path / "out.h5")
    labels = read(tmp_path / "out.h5", "segmentation")
    a, b = (np.argwhere(labels == label)[0] * 10.0 for label in np.unique(labels[labels > 0])[:2])
    assert segmend("edit", project, "merge", "--nm", "--at", *a, "--at", *b).status == 0


def test_an_export_reopened_is_the_same_partition(
    segmend, project: Path, sample: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "a.h5", tmp_path / "b.h5"
    segmend("review", project, "--oracle", f"{sample}:/labels", "--budget", 20)
    assert segmend("export", project, first).status == 0
    again = tmp_path / "again.segmend"
    assert segmend("new", again, "--segmentation", f"{first}:/segmentation").status == 0
    assert segmend("export", again, second).status == 0
    assert same_partition(read(first, "segmentation"), read(second, "segmentation"))
    assert segmend("check", again, "--json").values["clean"]


def test_ids_above_2_to_the_53_survive(segmend, tmp_path: Path) -> None:
    labels = np.zeros((6, 12, 12), np.uint64)
    labels[:, :, :4], labels[:, :, 4:8], labels[:, :, 8:] = 2**53 + 1, 2**63 + 5, 7
    np.save(tmp_path / "in.npy", labels)
    project, out = tmp_path / "p.segmend", tmp_path / "out.h5"
    size = ("--voxel-size", 8, 8, 8)
    assert segmend("new", project, "--segmentation", tmp_path / "in.npy", *size).status == 0
    assert segmend("export", project, out).status == 0
    assert np.array_equal(read(out, "segmentation"), labels)
    answer = segmend("edit", project, "merge", "--at", 1, 1, 1, "--at", 1, 1, 5, "--json").values
    assert sorted(answer["old_ids"]) == [2**53 + 1, 2**63 + 5]
    assert answer["new_ids"][0] in answer["old_ids"]


def test_voxel_size_and_offset_survive(segmend, tmp_path: Path) -> None:
    labels = np.ones((4, 8, 8), np.uint32)
    labels[:, :, 4:] = 2
    np.save(tmp_path / "in.npy", labels)
    project = tmp_path / "p.segmend"
    where = ("--voxel-size", 30, 6, 6, "--offset", 300, -60, 12)
    segmend("new", project, "--segmentation", tmp_path / "in.npy", *where)
    segmend("export", project, tmp_path / "out.h5", "--box", "1:4,2:8,0:8")
    again = segmend("new", tmp_path / "q.segmend", "--segmentation", tmp_path / "out.h5", "--json")
    assert again.values["voxel_size_nm_zyx"] == [30, 6, 6]
    edit = segmend(
        "edit", tmp_path / "q.segmend", "merge", "--nm", "--at", 330, -48, 12, "--at", 330, -48, 36
    )
    assert edit.status == 0


@pytest.mark.parametrize("what", ["meshes", "skeletons"])
def test_meshes_and_skeletons_are_named_after_segments(
    segmend, project: Path, tmp_path: Path, what: str
) -> None:
    out = tmp_path / what
    box = ("--box", "0:32,0:48,0:48")
    count = segmend("export", project, out, "--what", what, *box, "--json").values["count"]
    files = sorted(out.iterdir())
    assert len(files) == count > 0
    assert all(file.stem.isdigit() and file.stat().st_size > 0 for file in files)
    assert segmend("export", project, out, "--what", what, *box).status == 2


@pytest.mark.parametrize(("what", "key"), [("journal", "operations"), ("candidates", "candidates")])
def test_journal_and_candidates_are_json(
    segmend, project: Path, sample: Path, tmp_path: Path, what: str, key: str
) -> None:
    segmend("review", project, "--oracle", f"{sample}:/labels", "--budget", 2)
    out = tmp_path / "out.json"
    written = segmend("export", project, out, "--what", what, "--json").values
    assert len(json.loads(out.read_text())[key]) == written["count"] > 1
