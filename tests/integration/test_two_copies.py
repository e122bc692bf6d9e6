"""Two people work on copies of one project and bring their edits together, through the commands."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest


@pytest.fixture
def copies(project: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Two copies of one project."""
    other = Path(shutil.copytree(project, tmp_path / "other.segmend"))
    return project, other


@pytest.fixture
def places(segmend, project: Path, tmp_path: Path) -> list[list[int]]:
    """A voxel of each of the eight largest segments."""
    segmend("export", project, tmp_path / "start.h5")
    labels = exported(tmp_path / "start.h5")
    ids, counts = np.unique(labels[labels > 0], return_counts=True)
    largest = ids[np.argsort(-counts)][:8]
    return [np.argwhere(labels == label)[0].tolist() for label in largest]


def exported(path: Path) -> np.ndarray:
    with h5py.File(path) as file:
        return file["segmentation"][()]


def merge(segmend, project: Path, author: str, *places: list[int]) -> None:
    at = [word for place in places for word in ("--at", *place)]
    assert segmend("edit", project, "merge", *at, "--author", author).status == 0


def same_partition(a: np.ndarray, b: np.ndarray) -> bool:
    pairs = np.unique(np.stack([a.ravel(), b.ravel()]), axis=1)
    return len(np.unique(pairs[0])) == len(np.unique(pairs[1])) == pairs.shape[1]


def test_copies_that_adopt_each_other_end_alike(segmend, copies, places, tmp_path: Path) -> None:
    first, second = copies
    merge(segmend, first, "ada", places[0], places[1])
    merge(segmend, second, "bob", places[2], places[3])
    merge(segmend, second, "bob", places[4], places[5])
    told = segmend("adopt", first, second, "--json")
    assert told.status == 0
    assert [a["author"] for a in told.values["applied"]] == ["bob", "bob"]
    assert told.values["overlapping"] == told.values["damaged"] == told.values["conflicts"] == []
    assert segmend("adopt", second, first).status == 0
    for name, project in (("a.h5", first), ("b.h5", second)):
        assert segmend("export", project, tmp_path / name).status == 0
        assert segmend("check", project, "--json").values["clean"]
    assert same_partition(exported(tmp_path / "a.h5"), exported(tmp_path / "b.h5"))


def test_an_exported_journal_is_adopted_like_the_copy_itself(
    segmend, copies, places, tmp_path: Path
) -> None:
    first, second = copies
    merge(segmend, second, "bob", places[2], places[3])
    lines = tmp_path / "bob.jsonl"
    assert segmend("export", second, lines, "--what", "journal").status == 0
    lines.write_text(lines.read_text() + "this is no operation\n")
    told = segmend("adopt", first, lines, "--json").values
    assert len(told["applied"]) == 1
    assert [p["number"] for p in told["damaged"]] == [3]
    again = segmend("adopt", first, second, "--json").values
    assert (again["known"], again["applied"]) == (1, [])


def test_overlapping_edits_are_listed_and_a_person_decides(segmend, copies, places) -> None:
    first, second = copies
    merge(segmend, first, "ada", places[0], places[1])
    merge(segmend, second, "bob", places[1], places[2])
    readable = segmend("adopt", first, second)
    assert "1 overlapping" in readable.out
    assert "by bob" in readable.out
    log = segmend("edit", first, "log", "--json").values["operations"]
    theirs = next(row for row in log if row["author"] == "bob")
    assert theirs["state"] != "done"
    number = str(theirs["operation"])
    assert segmend("edit", first, "switch", "--on", number, "--off", "1").status == 0


def test_copies_of_other_projects_and_strange_files_are_refused(
    segmend, copies, places, tmp_path: Path
) -> None:
    first, second = copies
    merge(segmend, second, "bob", places[0], places[1])
    labels = np.ones((4, 8, 8), np.uint32)
    np.save(tmp_path / "in.npy", labels)
    size = ("--voxel-size", 8, 8, 8)
    stranger = tmp_path / "stranger.segmend"
    assert segmend("new", stranger, "--segmentation", tmp_path / "in.npy", *size).status == 0
    (tmp_path / "junk.jsonl").write_text(json.dumps({"journal": 9}))
    for other in (stranger, tmp_path / "junk.jsonl", tmp_path / "nothing", tmp_path):
        refused = segmend("adopt", first, other)
        assert refused.status == 2
        assert len(refused.err.strip().splitlines()) == 1
    assert segmend("edit", first, "log", "--json").values["operations"] == []
