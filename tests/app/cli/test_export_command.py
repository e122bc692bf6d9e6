"""`segmend export` of segmentations: within a memory budget, and only what changed."""

import json

import numpy as np
import pytest

from segmend.app import segmentation_export
from segmend.app.cli import main as command_line
from segmend.core.edits.mask import VoxelMask
from segmend.core.edits.model import Erase, Merge, Paint
from segmend.core.errors import InputError
from segmend.core.geometry import Box
from segmend.core.segmentation import export_update
from segmend.core.segmentation.materialize import block_shape
from segmend.core.session import Session
from segmend.core.volumes.opening import open_labels
from segmend.core.volumes.zarr import open_pyramid

CHUNK = (4, 8, 8)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Several chunks and three levels in a small volume."""
    monkeypatch.setattr("segmend.core.volumes.zarr_store.CHUNK_ZYX", CHUNK)
    monkeypatch.setattr("segmend.core.volumes.pyramid.COARSEST", 16)
    monkeypatch.setattr(export_update, "CHUNK_ZYX", CHUNK)


@pytest.fixture
def session(project_path):
    with Session.open(project_path) as session:
        yield session


@pytest.fixture
def export(project_path, capsys):
    """Run the command and return its answer, or the line on stderr where it was refused."""

    def run(out, *options):
        words = ["export", str(project_path), str(out), *map(str, options), "--json"]
        status = command_line.run(words)
        printed = capsys.readouterr()
        return json.loads(printed.out.splitlines()[-1]) if status == 0 else printed.err

    return run


def merge(session, a, b):
    points = session.segmentation.points(np.array([a, b])).tolist()
    grid = session.project.grid
    return session.apply(Merge(tuple(session.spot_at(grid.to_nm(tuple(p))) for p in points)))


def paint(session, *corners, erase=False):
    box = Box(tuple(a for a, _ in corners), tuple(b for _, b in corners))
    mask = VoxelMask.of(box, np.ones(box.shape_zyx, bool))
    kind = Erase if erase else Paint
    return session.apply(kind(mask, None, session.project.grid.to_nm(box.start_zyx)))


def levels_of(path):
    return [level.read(Box.of_shape(level.shape_zyx)) for level in open_pyramid(path)]


def assert_same(export, fresh):
    ours, expected = levels_of(export), levels_of(fresh)
    assert len(ours) == len(expected) == 3
    for a, b in zip(ours, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_updated_export_is_the_same_as_a_fresh_one(session, export, tmp_path):
    out = tmp_path / "a.zarr"
    export(out)
    began = session.timeline.newest_row
    merge(session, 1, 20)
    paint(session, (2, 6), (3, 9), (4, 12))
    paint(session, (0, 3), (30, 36), (20, 29), erase=True)
    session.undo()
    session.redo()
    answer = export(out, "--since", began)
    every = sum(len(list(Box.of_shape(v.shape_zyx).blocks(CHUNK))) for v in open_pyramid(out))
    assert 0 < answer["chunks"] < every
    export(tmp_path / "fresh.zarr")
    assert_same(out, tmp_path / "fresh.zarr")


def test_only_chunks_that_changed_are_written(session, export, tmp_path):
    out = tmp_path / "a.zarr"
    export(out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    assert export(out, "--since", 0)["chunks"] == 0
    paint(session, (0, 4), (0, 4), (0, 4))
    assert export(out, "--since", 0)["chunks"] == 3
    changed = [p for p, time in before.items() if p.stat().st_mtime_ns != time]
    assert sorted(str(p.relative_to(out)) for p in changed) == [
        ".zattrs", "0/0/0/0", "1/0/0/0", "2/0/0/0",
    ]  # fmt: skip


def test_a_box_is_kept(session, export, tmp_path):
    out = tmp_path / "a.zarr"
    export(out, "--box", "2:11,3:37,5:44")
    paint(session, (1, 6), (1, 9), (4, 12))
    export(out, "--since", 0)
    export(tmp_path / "fresh.zarr", "--box", "2:11,3:37,5:44")
    assert_same(out, tmp_path / "fresh.zarr")
    assert "leave --box away" in export(out, "--since", 0, "--box", "0:1,0:1,0:1")


@pytest.mark.parametrize("stop", [1, 3, 7])
def test_an_update_that_was_killed_is_completed_even_if_the_edit_was_undone(
    session, export, tmp_path, monkeypatch, stop
):
    out = tmp_path / "a.zarr"
    export(out)
    paint(session, (0, 9), (0, 20), (0, 20))
    write, calls = export_update._write_if_new, []

    def dies(*arguments):
        calls.append(1)
        if len(calls) > stop:
            raise KeyboardInterrupt
        return write(*arguments)

    monkeypatch.setattr(export_update, "_write_if_new", dies)
    with (
        Session.open(session.project.path, read_only=True) as reader,
        pytest.raises(KeyboardInterrupt),
    ):
        segmentation_export.update_segmentation(reader, out, None, lambda *a: None, 0)
    monkeypatch.setattr(export_update, "_write_if_new", write)
    open_labels(str(out)).read(Box((0, 0, 0), (12, 40, 44)))
    session.undo()
    merge(session, 1, 20)
    export(out, "--since", 0)
    export(tmp_path / "fresh.zarr")
    assert_same(out, tmp_path / "fresh.zarr")
    assert export_update.read_stamp(out).pending == ()


def test_what_cannot_be_brought_up_to_date_is_refused(session, export, tmp_path):
    out = tmp_path / "a.zarr"
    assert "does not exist" in export(out, "--since", 0)
    assert "expected a .zarr export" in export(tmp_path / "a.h5", "--since", 0)
    export(out)
    assert "give --since 0 or less" in export(out, "--since", 5)
    assert "leave it away" in export(tmp_path / "log.json", "--what", "journal", "--since", 0)
    stamp = export_update.read_stamp(out)
    attributes = json.loads((out / ".zattrs").read_text())
    for field, value, match in [
        ("project", "another", "was made from another, generation"),
        ("generation", stamp.generation + 1, "generation"),
        ("history", "0" * 24, "another copy"),
        ("pending", [999], "another copy"),
        ("pending", "x", "does not say"),
        ("operation", True, "does not say"),
        ("start_zyx", [0, 0], "does not say"),
        ("surprise", 1, "does not say"),
    ]:
        forged = attributes | {
            export_update.ATTRIBUTE: attributes[export_update.ATTRIBUTE] | {field: value}
        }
        (out / ".zattrs").write_text(json.dumps(forged))
        assert match in export(out, "--since", 0)
    (out / ".zattrs").write_text(
        json.dumps({k: v for k, v in attributes.items() if k != export_update.ATTRIBUTE})
    )
    assert "does not say what it was made from" in export(out, "--since", 0)


@pytest.mark.parametrize("ending", [".zarr", ".h5", ".tif"])
def test_small_blocks_give_the_same_file(session, export, tmp_path, monkeypatch, ending):
    paint(session, (2, 6), (3, 9), (4, 12))
    monkeypatch.setattr("segmend.core.segmentation.materialize.CHUNK_ZYX", CHUNK)
    export(tmp_path / f"a{ending}", "--memory", 0.00002)
    export(tmp_path / f"b{ending}")
    whole = Box((0, 0, 0), (12, 40, 44))
    first, second = (open_labels(str(tmp_path / f"{name}{ending}")) for name in "ab")
    np.testing.assert_array_equal(first.read(whole), second.read(whole))


def test_numpy_files_are_written_too(session, export, tmp_path):
    export(tmp_path / "a.npy")
    export(tmp_path / "a.zarr")
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), levels_of(tmp_path / "a.zarr")[0])


def test_too_little_memory_is_refused(export, tmp_path):
    assert "expected at least" in export(tmp_path / "a.zarr", "--memory", 0.001)
    assert "expected at least" in export(tmp_path / "a.zarr", "--memory", "nan")
    assert list(tmp_path.glob("*.zarr")) == []


@pytest.mark.parametrize("memory_gb", [0.02, 0.3, 1, 50])
def test_blocks_fit_in_the_memory_and_are_whole_chunks(memory_gb):
    block = block_shape((300, 3000, 5000), memory_gb)
    assert np.prod(block) * 40 <= memory_gb * 1e9
    assert all(n % c == 0 for n, c in zip(block, (16, 128, 128), strict=True))


def test_a_name_too_large_for_the_export_is_refused(session, export, tmp_path, monkeypatch):
    out = tmp_path / "a.zarr"
    export(out)
    labels = export_update.SegmentLabels(session.supervoxels[0], session.segmentation)
    labels.highest = 2**40
    stamp = export_update.read_stamp(out)
    with pytest.raises(InputError, match="does not fit"):
        export_update.update_export(out, labels, [], stamp)
