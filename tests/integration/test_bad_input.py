"""Bad input: status 2, one line on stderr that says what is wrong, and nothing half-written."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from PIL import Image

from segmend.core.project_lock import ProjectLock

SIZE = ("--voxel-size", "8", "8", "8")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with one file per way of being wrong, and some that are right."""
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 255, (8, 32, 32), np.uint8)
    labels = np.repeat(np.arange(1, 9, dtype=np.uint32), 1024).reshape(8, 32, 32)
    for name, array in {
        "image": grey,
        "labels": labels,
        "flat": grey[0],
        "hyper": grey.reshape(2, 2, 2, 32, 32),
        "float_labels": labels.astype(np.float32),
        "negative_labels": labels.astype(np.int32) - 5,
        "small_labels": labels[:4],
        "empty": grey[:0],
        "complex": grey.astype(np.complex64),
        "colour": rng.integers(0, 255, (8, 32, 32, 3), np.uint8),
        "affinities_2": rng.random((2, 8, 32, 32)).astype(np.float32),
        "affinities_wild": rng.random((3, 8, 32, 32)).astype(np.float32) * 9,
        "background": labels * 0,
    }.items():
        np.save(tmp_path / f"{name}.npy", array)
    np.save(tmp_path / "pickled.npy", np.array([{"a": 1}], object), allow_pickle=True)
    with h5py.File(tmp_path / "good.h5", "w") as file:
        file["raw"], file["inside/labels"] = grey, labels
    tifffile.imwrite(tmp_path / "good.tif", grey)
    tifffile.imwrite(
        tmp_path / "colour.tif", rng.integers(0, 255, (8, 32, 32, 3), np.uint8), photometric="rgb"
    )
    for name in ("good.h5", "good.tif", "image.npy"):
        data = (tmp_path / name).read_bytes()
        (tmp_path / f"cut_{name}").write_bytes(data[: len(data) * 2 // 3])
    (tmp_path / "noise.h5").write_bytes(b"not an HDF5 file at all")
    (tmp_path / "noise.tif").write_bytes(b"not a TIFF file at all")
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "folder").mkdir()
    (tmp_path / "sections").mkdir()
    for z, shape in enumerate([(32, 32), (32, 31)]):
        Image.fromarray(np.zeros(shape, np.uint8)).save(tmp_path / "sections" / f"{z}.png")
    (tmp_path / "colours").mkdir()
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(tmp_path / "colours" / "0.png")
    return tmp_path


NEW = {
    "nothing to make it from": ([], "--image"),
    "missing file": (["--image", "none.h5"], "none.h5"),
    "missing dataset": (["--image", "good.h5:/grey"], "/inside/labels"),
    "dataset not named": (["--image", "good.h5"], "/raw"),
    "a section": (["--image", "flat.npy", *SIZE], "3"),
    "five axes": (["--image", "hyper.npy", *SIZE], ""),
    "colour image": (["--image", "colour.npy", *SIZE], ""),
    "colour TIFF": (["--image", "colour.tif", *SIZE], "colour"),
    "colour sections": (["--image", "colours", *SIZE], "colour"),
    "complex image": (["--image", "complex.npy", *SIZE], ""),
    "float labels": (["--segmentation", "float_labels.npy", *SIZE], "float"),
    "negative labels": (["--segmentation", "negative_labels.npy", *SIZE], ""),
    "only background": (["--segmentation", "background.npy", *SIZE], "background"),
    "shape mismatch": (["--image", "image.npy", "--segmentation", "small_labels.npy", *SIZE], "8"),
    "truncated HDF5": (["--image", "cut_good.h5:/raw", *SIZE], "cut_good.h5"),
    "truncated TIFF": (["--image", "cut_good.tif", *SIZE], "cut_good.tif"),
    "truncated npy": (["--image", "cut_image.npy", *SIZE], "cut_image.npy"),
    "no HDF5": (["--image", "noise.h5:/raw", *SIZE], "noise.h5"),
    "no TIFF": (["--image", "noise.tif", *SIZE], "noise.tif"),
    "a pickle": (["--image", "pickled.npy", *SIZE], "pickled.npy"),
    "unknown format": (["--image", "notes.txt", *SIZE], "notes.txt"),
    "empty folder": (["--image", "folder", *SIZE], "folder"),
    "uneven sections": (["--image", "sections", *SIZE], ""),
    "zero-size volume": (["--image", "empty.npy", *SIZE], "empty.npy"),
    "voxel size 0": (["--image", "image.npy", "--voxel-size", "0", "8", "8"], "voxel size"),
    "voxel size negative": (["--image", "image.npy", "--voxel-size", "-1", "8", "8"], "voxel size"),
    "voxel size nan": (["--image", "image.npy", "--voxel-size", "nan", "8", "8"], "voxel size"),
    "voxel size no number": (
        ["--image", "image.npy", "--voxel-size", "a", "8", "8"],
        "--voxel-size",
    ),
    "two affinity channels": (
        ["--image", "image.npy", "--affinities", "affinities_2.npy", *SIZE],
        "",
    ),
    "wild affinities": (
        ["--image", "image.npy", "--affinities", "affinities_wild.npy", *SIZE],
        "0..1",
    ),
    "box outside": (["--image", "image.npy", *SIZE, "--box", "0:8,0:32,0:99"], "box"),
    "box malformed": (["--image", "image.npy", *SIZE, "--box", "0:8"], "box"),
    "box empty": (["--image", "image.npy", *SIZE, "--box", "4:4,0:32,0:32"], "box"),
}


@pytest.mark.parametrize(("arguments", "named"), NEW.values(), ids=NEW.keys())
def test_new_refuses(
    segmend, files: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], named: str
) -> None:
    monkeypatch.chdir(files)
    before = sorted(files.iterdir())
    result = segmend("new", "p.segmend", *arguments)
    assert result.status == 2, result.err
    assert result.err.count("\n") == 1, result.err
    assert named in result.err
    assert sorted(files.iterdir()) == before


def spoil_format(project: Path) -> None:
    config = project / "project.toml"
    config.write_text(config.read_text().replace("format = 1", "format = 2"))


def truncate_config(project: Path) -> None:
    config = project / "project.toml"
    config.write_text(config.read_text()[:40])


def remove_config(project: Path) -> None:
    (project / "project.toml").unlink()


def remove_all(project: Path) -> None:
    shutil.rmtree(project)


@pytest.mark.parametrize("spoil", [spoil_format, truncate_config, remove_config, remove_all])
@pytest.mark.parametrize(
    "command",
    [["run"], ["check"], ["edit", "log"], ["export"], ["review"], ["open"]],
    ids=lambda c: c[0],
)
def test_what_is_no_project_is_refused_by_every_command(
    segmend, project: Path, sample: Path, spoil: Callable[[Path], None], command: list[str]
) -> None:
    spoil(project)
    more = [project.parent / "out.h5"] if command == ["export"] else command[1:]
    more += ["--oracle", f"{sample}:/labels"] if command == ["review"] else []
    result = segmend(command[0], project, *more)
    assert result.status == 2, result.err
    assert result.err.count("\n") == 1, result.err
    assert project.name in result.err
    assert not (project.parent / "out.h5").exists()


@pytest.mark.parametrize(
    "command",
    [["run"], ["edit", "undo"], ["edit", "--stdin"], ["review"]],
    ids=lambda c: " ".join(c),
)
def test_a_second_writer_is_told_who_the_first_is(
    segmend, project: Path, sample: Path, command: list[str]
) -> None:
    code = (
        "import sys, time; from segmend.core.project_lock import ProjectLock;"
        f"ProjectLock({str(project)!r}, 'grace').acquire(); print('held', flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        more = ["--oracle", f"{sample}:/labels"] if command == ["review"] else []
        result = segmend(command[0], project, *command[1:], *more)
        holder.kill()
    assert result.status == 2, result.err
    assert result.err.count("\n") == 1, result.err
    assert "grace" in result.err
    assert str(holder.pid) in result.err


def test_the_lock_of_a_dead_writer_is_taken_over(segmend, project: Path) -> None:
    code = (
        f"import os; from segmend.core.project_lock import ProjectLock;"
        f"ProjectLock({str(project)!r}, 'x').acquire(); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    assert segmend("run", project, "--scheduler", "synchronous").status == 0


def merge_something(segmend, project: Path) -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        a, b = rng.integers(0, (32, 96, 96), (2, 3))
        if segmend("edit", project, "merge", "--at", *a, "--at", *b).status == 0:
            return
    raise AssertionError("no merge fits")


def test_run_on_an_edited_project_names_the_number_of_edits(segmend, project: Path) -> None:
    merge_something(segmend, project)
    result = segmend("run", project, "--scheduler", "synchronous")
    assert result.status == 2
    assert result.err.count("\n") == 1, result.err
    assert " 1 edit" in result.err
    assert "--new-generation" in result.err
    again = segmend("run", project, "--scheduler", "synchronous", "--new-generation")
    assert again.status == 0, again.err
    log = segmend("edit", project, "log", "--json").values["operations"]
    assert log[0]["kind"] == "merge"
    assert segmend("check", project, "--json").values["clean"]


def test_new_never_writes_over_anything(segmend, project: Path, files: Path) -> None:
    for there in (project, files / "folder", files / "notes.txt"):
        result = segmend("new", there, "--image", files / "image.npy", *SIZE)
        assert result.status == 2
        assert result.err.count("\n") == 1, result.err
        assert there.name in result.err


def test_new_that_was_killed_can_be_run_again(segmend, tmp_path: Path) -> None:
    np.save(tmp_path / "image.npy", np.zeros((96, 384, 384), np.uint8))
    project = tmp_path / "p.segmend"
    arguments = ["new", str(project), "--image", str(tmp_path / "image.npy"), *SIZE]
    process = subprocess.Popen(
        [sys.executable, "-m", "segmend.app", *arguments], stderr=subprocess.DEVNULL
    )
    partial = lambda: list(tmp_path.glob(".p.segmend.partial-*"))  # noqa: E731
    while process.poll() is None and not partial():
        time.sleep(0.001)
    time.sleep(0.02)
    process.kill()
    process.wait()
    assert not project.exists()
    assert segmend(*arguments).status == 0
    assert not partial()


OTHERS = {
    "too few places": ("merge --at 1 1 1", "two places"),
    "one side": ("split --side 1 1 1", "two sides"),
    "a place outside": ("merge --at 1 1 1 --at 99 0 0", "outside"),
    "a place far outside": ("merge --nm --at 10 10 10 --at 1e300 0 0", ""),
    "no triple": ("split --side 1 1 --side 2 2 2", "multiple of three"),
    "nothing to undo": ("undo", "undo"),
    "undo 0": ("undo 0", "1 or more"),
    "no action": ("", "--stdin"),
}


@pytest.mark.parametrize(("arguments", "named"), OTHERS.values(), ids=OTHERS.keys())
def test_edit_refuses(segmend, project: Path, arguments: str, named: str) -> None:
    result = segmend("edit", project, *arguments.split())
    assert result.status == 2, result.err
    assert result.err.count("\n") == 1, result.err
    assert named in result.err
    assert segmend("edit", project, "log", "--json").values["operations"] == []


def test_figures_need_labels_that_fit(segmend, project: Path, files: Path) -> None:
    for labels in ("labels.npy", "float_labels.npy", "none.npy"):
        result = segmend("review", project, "--oracle", files / labels)
        assert result.status == 2, result.err
        assert result.err.count("\n") == 1, result.err
    result = segmend("evaluate", files / "labels.npy", files / "small_labels.npy")
    assert (result.status, result.err.count("\n")) == (2, 1)
    result = segmend("review", project, "--oracle", files / "labels.npy", "--order", "whim")
    assert (result.status, result.err.count("\n")) == (2, 1)


def test_an_export_needs_a_place_and_a_format(segmend, project: Path, tmp_path: Path) -> None:
    for out in (tmp_path / "none" / "out.h5", tmp_path / "out.xyz"):
        result = segmend("export", project, out)
        assert (result.status, result.err.count("\n")) == (2, 1), result.err
    result = segmend("export", project, tmp_path / "out.h5", "--box", "90:99,0:9,0:9")
    assert (result.status, result.err.count("\n")) == (2, 1), result.err
    assert not list(tmp_path.glob("*out*"))


def test_other_commands_refuse_what_is_not_there(segmend, project: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("steps = 'many'")
    for arguments in (
        ["train", tmp_path / "none.toml"],
        ["train", tmp_path / "bad.toml"],
        ["bench", "nothing"],
        ["run", project, "--stages", "dreams"],
        ["run", project, "--model", "nobody", "--stages", "affinities"],
        ["run", project, "--box", "900:901,0:4,0:4"],
    ):
        result = segmend(*arguments)
        assert (result.status, result.err.count("\n")) == (2, 1), (arguments, result.err)


def test_a_scheduler_must_answer(segmend, files: Path) -> None:
    project = files / "p.segmend"
    segmend(
        "new", project, "--image", files / "image.npy", "--supervoxels", files / "labels.npy", *SIZE
    )
    result = segmend("run", project, "--scheduler", "tcp://127.0.0.1:1")
    assert (result.status, result.err.count("\n")) == (2, 1), result.err
    assert "tcp://127.0.0.1:1" in result.err


def test_lock_is_given_back_after_an_error(segmend, project: Path) -> None:
    assert segmend("run", project, "--stages", "dreams").status == 2
    with ProjectLock(project, "next") as lock:
        assert lock.held
