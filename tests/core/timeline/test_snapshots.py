"""Snapshots make opening fast and are never needed; what is damaged or of another journal is not used."""

import shutil
import zipfile

import numpy as np
import pytest
from edits_world import make_world

from segmend.core.edits.model import Detach, Erase, Lock, MarkFinished, Paint
from segmend.core.timeline import recall, snapshots, timeline
from segmend.core.timeline.snapshots import SnapshotStore

NOWHERE = (0.0, 0.0, 0.0)


@pytest.fixture
def kept(tmp_path):
    """A world with snapshots and an edit of most kinds, one of them in conflict."""
    world = make_world(tmp_path, snapshots=tmp_path / "snapshots")
    divided = world.commit(world.divide(1)).row.number
    world.commit(Detach((world.spot(25),)))
    world.commit(world.merge(7, 22))
    world.commit(Paint(world.stroke((2, 2, 2), (4, 8, 9)), world.spot(10), NOWHERE))
    world.commit(Erase(world.stroke((6, 9, 9), (8, 12, 14)), None, NOWHERE))
    world.commit(MarkFinished(world.spot(16)))
    world.commit(Lock(world.spot(19)))
    world.timeline.switch(off=[divided])
    yield world
    world.close()


@pytest.fixture
def carried_out(monkeypatch):
    """Numbers of the operations that were planned anew."""
    numbers = []
    for module, name in ((recall.Present, "attempt"), (recall, "carry_out")):
        original = getattr(module, name)

        def noting(*arguments, original=original, name=name):
            operations = [arguments[1]] if name == "attempt" else arguments[0]
            numbers.extend(o.number for o in operations)
            return original(*arguments)

        monkeypatch.setattr(module, name, noting)
    return numbers


def files(world):
    return sorted((world.folder / "snapshots").glob("*.npz"))


def test_opening_carries_nothing_out_that_is_in_a_snapshot(kept, carried_out):
    live, problems = kept.segmentation.state(), kept.timeline.problems
    finest = kept.finest()
    again = kept.reopened()
    assert carried_out == []
    assert again.segmentation.state().same_as(live)
    assert again.timeline.problems == problems
    assert len(problems) == 1
    assert np.array_equal(again.finest(), finest)
    again.close()


def test_what_older_operations_did_is_found_when_they_are_taken_back(kept, carried_out):
    again = kept.reopened()
    while again.timeline.can_undo:
        again.timeline.undo()
    assert np.array_equal(again.segmentation.segment_of[:25], again.base.segment_of)
    assert np.array_equal(again.finest(), again.labels)
    assert carried_out
    again.close()


def test_a_state_of_the_past_starts_from_a_snapshot(kept, carried_out):
    again = kept.reopened()
    assert again.timeline.state_at(8).same_as(again.segmentation.state())
    assert carried_out == []
    assert len(again.timeline.state_at(0).patches) == 0
    again.close()


@pytest.mark.parametrize("damage", ["cut", "text", "bits", "pickle", "compressed", "lie"])
def test_a_damaged_snapshot_is_as_if_it_were_not_there(kept, carried_out, damage):
    live = kept.segmentation.state()
    kept.close()
    (path,) = files(kept)
    _damage(path, damage)
    again = kept.reopened()
    assert again.segmentation.state().same_as(live)
    assert carried_out
    again.close()


def _lies(arrays):
    """Changes of single arrays, each of which would cost memory or fail later, if it were believed."""
    first, last = arrays["changed"][:1], arrays["born"][-1:]
    nested = np.frombuffer(b"[" * 100_000, np.uint8)
    return {
        "a segment of the highest id": {"changed_to": arrays["changed_to"] | np.uint32(2**32 - 1)},
        "a segment that is too high": {"born_to": arrays["born_to"] + np.uint32(2**28)},
        "a dead supervoxel": {"changed_to": arrays["changed_to"] * 0},
        "a living parent": {"changed_to": np.maximum(arrays["changed_to"], 1)},
        "a dead child": {"born_to": arrays["born_to"] * 0},
        "background": {"changed": np.where(arrays["changed"] == first, 0, arrays["changed"])},
        "a child too many": {"born": np.where(arrays["born"] == last, last + 1, arrays["born"])},
        "no size": {"size": arrays["size"] * 0},
        "a huge size": {"size": arrays["size"] + 2**60},
        "a box outside": {"box": arrays["box"] + 1000},
        "an empty box": {"box": arrays["box"][:, [3, 4, 5, 0, 1, 2]]},
        "a place outside": {"point": arrays["point"] - 1000},
        "an unknown end": {"pairs": arrays["pairs"] + np.uint32([0, 2**20])},
        "an edge to background": {"pairs": arrays["pairs"] * np.uint32([0, 1])},
        "no affinity": {"affinity": arrays["affinity"] * np.nan},
        "an edge of nobody": {"edge_numbers": arrays["edge_numbers"] * 0 + 999},
        "a mark on what cannot be": {"finished": arrays["finished"] | np.uint32(2**31)},
        "a lock on what cannot be": {"locked": arrays["locked"] | np.uint32(2**31)},
        "a touched segment that cannot be": {
            "trace_segments": arrays["trace_segments"] | np.uint32(2**31)
        },
        "an operation twice": {"trace_numbers": arrays["trace_numbers"] * 0 + 3},
        "problems without end": {"left_out": nested},
        "problems that are none": {"left_out": np.frombuffer(b"7", np.uint8)},
    }


def test_a_snapshot_that_lies_is_as_if_it_were_not_there(kept, carried_out):
    live = kept.segmentation.state()
    kept.close()
    (path,) = files(kept)
    arrays = dict(np.load(path))
    snapshots_of_it = kept.folder / "snapshots"
    for lie, changed in _lies(arrays).items():
        carried_out.clear()
        for old in files(kept):
            old.unlink()
        np.savez(snapshots_of_it / path.name, **arrays | changed)
        again = kept.reopened()
        assert carried_out, lie
        assert again.segmentation.state().same_as(live), lie
        again.journal.close()
    for old in files(kept):
        old.unlink()
    np.savez(snapshots_of_it / path.name, **arrays)
    carried_out.clear()
    kept.reopened().journal.close()
    assert not carried_out


def _damage(path, how):
    raw = path.read_bytes()
    arrays = dict(np.load(path))
    if how == "cut":
        path.write_bytes(raw[: len(raw) // 2])
    elif how == "text":
        path.write_text("no snapshot")
    elif how == "bits":
        middle = raw.index(arrays["born_to"].tobytes())
        path.write_bytes(raw[:middle] + bytes([raw[middle] ^ 1]) + raw[middle + 1 :])
    elif how == "pickle":
        with path.open("wb") as file:
            np.savez(file, **arrays | {"locked": np.array([{}], object)})
    elif how == "compressed":
        with path.open("wb") as file:
            np.savez_compressed(file, **arrays)
    else:
        with path.open("wb") as file:
            np.savez(file, **arrays | {"pairs": arrays["pairs"] + np.uint32(2**31)})


def test_rows_that_another_journal_has_under_the_same_numbers_are_told_apart(kept, tmp_path):
    kept.close()
    (tmp_path / "other").mkdir()
    other = make_world(tmp_path / "other", snapshots=kept.folder / "snapshots")
    for supervoxel in (4, 7, 10, 13, 16, 19, 22):
        other.commit(other.merge(1, supervoxel))
    other.timeline.undo()
    state = other.segmentation.state()
    assert [o.number for o in other.timeline.done] == [1, 2, 3, 4, 5, 6]
    other = other.reopened()
    assert other.segmentation.state().same_as(state)
    other.close()


def test_a_snapshot_is_written_every_so_often_and_few_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(timeline, "EVERY", 2)
    monkeypatch.setattr(snapshots, "LATELY", 2)
    world = make_world(tmp_path, per_segment=1, snapshots=tmp_path / "snapshots")
    for row in range(122):
        world.commit(MarkFinished(world.spot(1), row % 2 == 0))
    numbers = sorted(int(path.stem) for path in files(world))
    assert numbers[-1] >= 120
    assert numbers[0] <= 60
    assert len(numbers) <= 8
    world.close()


def test_a_full_disk_is_no_failure(kept, monkeypatch):
    live = kept.segmentation.state()
    shutil.rmtree(kept.folder / "snapshots", ignore_errors=True)

    def full(*_, **__):
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(snapshots.np, "savez", full)
    again = kept.reopened()
    assert files(again) == []
    assert again.segmentation.state().same_as(live)
    again.close()


def test_names_that_are_no_numbers_are_left_alone(tmp_path):
    (tmp_path / "notes.npz").write_text("mine")
    assert SnapshotStore(tmp_path).newest(make_world(tmp_path).base, []) is None
    assert (tmp_path / "notes.npz").exists()


def test_files_hold_plain_arrays(kept):
    kept.close()
    (path,) = files(kept)
    with zipfile.ZipFile(path) as archive:
        assert all(name.endswith(".npy") for name in archive.namelist())
    with np.load(path, allow_pickle=False) as arrays:
        assert arrays["numbers"].tolist() == [2, 3, 4, 5, 6, 7]


def merges(world, count):
    return [world.commit(world.merge(i, i + 1)).row.number for i in range(1, 2 * count, 2)]


def test_the_first_undos_after_opening_carry_nothing_out_again(tmp_path, monkeypatch, carried_out):
    for module in (recall, snapshots):
        monkeypatch.setattr(module, "LATELY", 2)
    world = make_world(tmp_path, per_segment=1, snapshots=tmp_path / "snapshots")
    numbers = merges(world, 9)
    state = world.segmentation.state()
    world.timeline.close()
    assert world.segmentation.state().same_as(state)
    world = world.reopened()
    assert world.segmentation.state().same_as(state)
    assert carried_out == numbers[-2:]
    world.timeline.undo()
    world.timeline.undo()
    assert carried_out == numbers[-2:]
    assert [o.number for o in world.timeline.done] == numbers[:-2]
    world.close()


def test_a_switch_that_leaves_no_snapshot_is_followed_by_one(tmp_path, monkeypatch, carried_out):
    monkeypatch.setattr(timeline, "EVERY", 4)
    world = make_world(tmp_path, per_segment=1, snapshots=tmp_path / "snapshots")
    first, *_ = merges(world, 6)
    world.timeline.switch(off=[first])
    assert [path.stem for path in files(world)] == ["7"]
    killed = make_world(tmp_path, per_segment=1, snapshots=tmp_path / "snapshots")
    assert carried_out == []
    assert killed.segmentation.state().same_as(world.segmentation.state())
    killed.close()
    world.close()


def test_undoing_what_is_in_the_newest_snapshot_writes_none(tmp_path, monkeypatch):
    monkeypatch.setattr(timeline, "EVERY", 4)
    world = make_world(tmp_path, per_segment=1, snapshots=tmp_path / "snapshots")
    merges(world, 8)
    before = files(world)
    world.timeline.undo()
    assert files(world) == before
    world.close()


def test_a_snapshot_that_cannot_be_made_is_no_failure_and_made_later(tmp_path, monkeypatch):
    monkeypatch.setattr(timeline, "EVERY", 1)
    world = make_world(tmp_path, per_segment=1, snapshots=tmp_path / "snapshots")

    def full(*_):
        raise MemoryError

    with monkeypatch.context() as short:
        short.setattr(recall, "snapshot_of", full)
        merges(world, 3)
        world.timeline.undo()
    assert (len(world.journal.operations()), len(world.timeline.done)) == (4, 2)
    assert files(world) == []
    world.timeline.redo()
    assert [path.stem for path in files(world)] == ["5"]
    world.close()


@pytest.mark.parametrize("read_only", [False, True])
def test_what_a_killed_program_left_unfinished_is_deleted_by_the_next_one_that_writes(
    tmp_path, read_only
):
    base = make_world(tmp_path).base
    folder = tmp_path / "snapshots"
    folder.mkdir()
    (folder / "7.0123.tmp").write_bytes(b"half")
    recall.Recall(base, None, folder, read_only=read_only)
    assert (folder / "7.0123.tmp").exists() == read_only
