"""Marks of finished work, identities of inputs, links between generations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from segmend.core.errors import StageError
from segmend.core.geometry import Box, Grid
from segmend.core.pipeline import artifacts
from segmend.core.pipeline.devices import visible_gpus
from segmend.core.pipeline.generations import downstream
from segmend.core.pipeline.marks import (
    DoneMark,
    StageMarks,
    block_mark,
    join_mark,
    redone_where_damaged,
    stage_key,
    write_mark,
)
from segmend.core.pipeline.registry import known_forms
from segmend.core.volumes.memory import MemoryVolume

BOXES = list(Box.of_shape((4, 4, 4)).blocks((2, 2, 2)))
GRID = Grid((10.0, 10.0, 10.0))


def test_only_blocks_with_the_same_key_count(tmp_path):
    marks = StageMarks(tmp_path / "stage")
    write_mark(marks.block_path("one", BOXES[2]))
    assert marks.finished_blocks("one", BOXES) == {BOXES[2]}
    assert marks.finished_blocks("two", BOXES) == set()


def test_a_done_mark_comes_back_and_frees_the_blocks(tmp_path):
    marks = StageMarks(tmp_path / "stage")
    write_mark(marks.block_path("one", BOXES[0]))
    done = DoneMark("one", ("a", "b"), 1.5, {"count": 3}, {"stage": "stage"})
    marks.finish(done)
    assert marks.done() == done
    assert marks.is_done("one")
    assert not marks.is_done("two")
    assert not marks.finished_blocks("one", BOXES)


@pytest.mark.parametrize(
    "damage",
    [
        "",
        "{",
        "[]",
        '{"key": "one"}',
        '{"key": 1, "outputs": 3}',
        '{"key": "one", "outputs": [], "seconds": "x"}',
        '{"key": 1, "outputs": [], "seconds": 1.0}',
        '{"key": "one", "outputs": [], "seconds": NaN}',
        '{"key": "one", "outputs": [1], "seconds": 1.0}',
        '{"key": "one", "outputs": [], "seconds": 1.0, "summary": 3}',
        '{"key": "one", "outputs": [], "seconds": 1.0, "summary": {"a": [1]}}',
        '{"key": "one", "outputs": [], "seconds": 1.0, "settings": []}',
        '{"key": "one", "outputs": [], "seconds": 1.0, "retries": "many"}',
    ],
)
def test_a_damaged_mark_is_no_mark(tmp_path, damage):
    (tmp_path / "done.json").write_text(damage)
    assert StageMarks(tmp_path).done() is None


@pytest.mark.parametrize("damage", [b"", b"PK", b"PK\x03\x04" + bytes(40)])
def test_a_damaged_block_file_voids_the_mark_of_its_block(tmp_path, damage):
    marks = StageMarks(tmp_path / "stage")
    for box in BOXES:
        write_mark(marks.block_path("one", box))
    path = tmp_path / "block.npz"
    path.write_bytes(damage)
    with (
        pytest.raises(StageError, match=r"block\.npz is damaged.*run again"),
        redone_where_damaged(path, block_mark(marks.scratch("one"), BOXES[3], 0)),
    ):
        np.load(path, allow_pickle=False)
    assert marks.finished_blocks("one", BOXES) == {*BOXES} - {BOXES[3]}


def test_marks_are_found_from_the_scratch_folder_beside_them(tmp_path):
    marks = StageMarks(tmp_path / "stage")
    scratch = marks.scratch("one")
    assert block_mark(scratch, BOXES[1], 1) == marks.block_path("one", BOXES[1], 1)
    assert join_mark(scratch, 0) == marks.join_path("one", 0)


def test_beginning_forgets_other_keys_and_keeps_its_own(tmp_path):
    marks = StageMarks(tmp_path)
    for key in ("old", "new"):
        write_mark(marks.block_path(key, BOXES[0]))
    marks.finish(DoneMark("older", (), 0.0))
    marks.begin("new")
    assert marks.done() is None
    assert marks.finished_blocks("new", BOXES) == {BOXES[0]}
    assert not (tmp_path / "old").exists()


values = st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3), max_size=3)


@examples(max_examples=30, deadline=None)
@given(values, values, st.lists(st.text(max_size=3), max_size=3))
def test_a_key_depends_on_settings_and_inputs_and_nothing_else(one, two, identities):
    key = stage_key("stage", 1, one, identities)
    assert key == stage_key("stage", 1, dict(reversed(one.items())), identities)
    assert (key == stage_key("stage", 1, two, identities)) == (one == two)
    assert key != stage_key("stage", 2, one, identities)
    assert key != stage_key("stage", 1, one, [*identities, ""])


def volume(array: np.ndarray, grid: Grid = GRID) -> MemoryVolume:
    return MemoryVolume(array, grid)


def test_a_volume_is_told_apart_by_every_voxel_and_its_grid():
    image = np.arange(1000, dtype=np.uint16).reshape(10, 10, 10)
    same = artifacts.volume_identity(volume(image.copy()))
    assert artifacts.volume_identity(volume(image)) == same
    changed = image.copy()
    changed[9, 9, 9] += 1
    others = [
        volume(changed),
        volume(image.astype(np.uint32)),
        volume(image, Grid((10.0, 10.0, 11.0))),
        volume(image.reshape(20, 5, 10)),
    ]
    assert len({same, *map(artifacts.volume_identity, others)}) == 5


def test_a_large_volume_is_sampled(monkeypatch):
    monkeypatch.setattr(artifacts, "_EXACT_LIMIT_BYTES", 1000)
    image = np.zeros((64, 70, 80), np.uint8)
    read = []

    class Counting(MemoryVolume):
        def read(self, box):
            read.append(box.size)
            return super().read(box)

    before = artifacts.volume_identity(Counting(image, GRID))
    image[-1, -1, -1] = 1  # corners are among the samples
    assert artifacts.volume_identity(Counting(image, GRID)) != before
    assert len(read) == 128
    assert max(read) <= 32**3


def test_a_large_volume_can_be_told_apart_by_every_voxel(monkeypatch):
    monkeypatch.setattr(artifacts, "_EXACT_LIMIT_BYTES", 1000)
    monkeypatch.setattr(artifacts, "_BLOCK_ZYX", (16, 32, 64))
    mask = np.zeros((40, 50, 150), np.uint8)
    before = [artifacts.volume_identity(volume(mask), whole=whole) for whole in (True, False)]
    mask[20, 40, 35] = 1  # in none of the samples
    after = [artifacts.volume_identity(volume(mask), whole=whole) for whole in (True, False)]
    assert before[0] != after[0]
    assert before[1] == after[1]


def test_links_share_files_and_survive_replacement(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    (old / "folder").mkdir(parents=True)
    (old / "folder" / "a").write_text("1")
    (old / "b").write_text("2")
    artifacts.link(old, new, ["folder", "b", "missing"])
    assert artifacts.files_identity(old, ["folder", "b"]) == artifacts.files_identity(
        new, ["folder", "b"]
    )
    write_mark(new / "b", "3")
    assert (old / "b").read_text() == "2"
    assert artifacts.files_identity(old, ["b"]) != artifacts.files_identity(new, ["b"])


def test_a_folder_is_replaced_whole(tmp_path):
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    artifacts.replace_folder(tmp_path / "new", tmp_path / "old")
    assert [path.name for path in tmp_path.iterdir()] == ["old"]
    assert [path.name for path in (tmp_path / "old").iterdir()] == ["new"]


def test_what_depends_on_a_result():
    forms = known_forms().values()
    assert downstream(["segments"], forms) == {"segments", "skeletons", "candidates"}
    assert "supervoxels" in downstream(["affinities"], forms)


@pytest.mark.parametrize(
    ("chosen", "gpus"), [("", ()), ("-1", ()), ("0", ("0",)), ("2, GPU-abc", ("2", "GPU-abc"))]
)
def test_gpus_that_the_user_chose(monkeypatch, chosen, gpus):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
    assert visible_gpus() == gpus


def test_gpus_are_counted_by_the_driver(monkeypatch, tmp_path):
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'GPU 0: A (UUID: x)'\necho 'GPU 1: B (UUID: y)'\n")
    tool.chmod(0o755)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert visible_gpus() == ("0", "1")
    tool.write_text("#!/bin/sh\nexit 9\n")
    assert visible_gpus() == ()
