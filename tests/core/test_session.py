"""The session on a project on disk: what is acknowledged is there, what is undone is gone, views are told."""

import shutil
import sqlite3
from contextlib import closing
from types import SimpleNamespace

import numpy as np
import pytest
from edits_world import voronoi

from segmend.core.candidates.candidate import Candidate, candidate_id
from segmend.core.candidates.store import save_candidates
from segmend.core.edits.mask import VoxelMask
from segmend.core.edits.model import (
    Cleave,
    Detach,
    Erase,
    Lock,
    MarkFinished,
    Merge,
    Paint,
    Split,
    SplitSupervoxel,
    Spot,
)
from segmend.core.errors import EditRefused, InputError, ProjectError, ProjectLocked, StaleEdit
from segmend.core.geometry import Box, Grid
from segmend.core.project import create_project, open_project
from segmend.core.segmentation.mapped_labels import MappedLabels
from segmend.core.segmentation.materialize import materialize
from segmend.core.session import Session
from segmend.core.verification import check_project
from segmend.core.volumes.memory import MemoryVolume
from segmend.core.volumes.opening import open_labels

SHAPE = (12, 40, 44)
GRID = Grid((10.0, 10.0, 10.0), (0.0, 200.0, 0.0))
BIG = 2**53


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A project with 60 supervoxels in 20 segments whose ids are beyond 2^53."""
    labels = voronoi(SHAPE, 60)
    segments = ((labels.astype(np.uint64) - 1) // np.uint64(3)) * np.uint64(2) + np.uint64(BIG + 1)
    affinities = np.random.default_rng(1).integers(0, 256, (3, *SHAPE)).astype(np.uint8)
    path = tmp_path_factory.mktemp("template") / "t.segmend"
    create_project(
        path,
        supervoxels=MemoryVolume(labels, GRID),
        segmentation=MemoryVolume(segments, GRID),
        affinities=MemoryVolume(affinities, GRID),
    )
    return path


@pytest.fixture
def path(template, tmp_path):
    return shutil.copytree(template, tmp_path / "p.segmend")


@pytest.fixture
def session(path):
    with Session.open(path) as session:
        yield session


def spot(session, supervoxel):
    point = session.segmentation.points(np.array([supervoxel]))[0]
    return session.spot_at(session.project.grid.to_nm(tuple(point)))


def merge(session, a, b):
    return Merge((spot(session, a), spot(session, b)))


def voxels(session):
    return session.supervoxels[0].read(Box.of_shape(SHAPE))


def ends(session, supervoxel):
    """Two spots in a supervoxel, as far apart as they get."""
    found = np.argwhere(voxels(session) == supervoxel)
    to_nm = session.project.grid.to_nm
    return tuple((Spot(int(supervoxel), to_nm(tuple(found[i]))),) for i in (0, -1))


def stroke(rng, extent):
    start = [int(rng.integers(0, s - e)) for s, e in zip(SHAPE, extent, strict=True)]
    box = Box(tuple(start), tuple(a + e for a, e in zip(start, extent, strict=True)))
    return VoxelMask.of(box, np.ones(box.shape_zyx, bool))


def random_edit(session, rng):
    """An edit of any kind; many of them do not fit."""
    alive = np.flatnonzero(session.segmentation.segment_of)
    first, other = (int(s) for s in rng.choice(alive, 2))
    members = session.segmentation.members(int(session.segmentation.segment_of[first]))
    one, two = (spot(session, first),), (spot(session, int(rng.choice(members))),)
    nowhere = (0.0, 0.0, 0.0)
    edits = {
        "merge": lambda: merge(session, first, other),
        "split": lambda: Split((one, two)),
        "cleave": lambda: Cleave((one, two)),
        "detach": lambda: Detach(one),
        "paint": lambda: Paint(stroke(rng, (2, 4, 4)), one[0], nowhere),
        "erase": lambda: Erase(stroke(rng, (1, 2, 3)), None, nowhere),
        "divide": lambda: SplitSupervoxel(ends(session, first)),
        "mark": lambda: MarkFinished(one[0], bool(rng.random() < 0.7)),
        "lock": lambda: Lock(one[0], bool(rng.random() < 0.2)),
    }
    return edits[
        str(rng.choice(list(edits), p=[0.3, 0.2, 0.1, 0.1, 0.08, 0.04, 0.06, 0.08, 0.04]))
    ]()


def random_step(session, rng):
    kind = rng.choice(["edit", "undo", "redo", "off", "on"], p=[0.6, 0.2, 0.1, 0.06, 0.04])
    past = session.past
    if kind in ("undo", "redo"):
        return getattr(session, kind)()
    if kind == "off" and past.done:
        return session.switch(off=[past.done[int(rng.integers(len(past.done)))].number])
    if kind == "on" and past.off:
        return session.switch(on=[past.off[int(rng.integers(len(past.off)))].number])
    return session.apply(random_edit(session, rng))


def test_300_random_steps_equal_their_replay_and_undo_to_the_start(session, path):
    start, start_voxels = session.state(), voxels(session)
    rng = np.random.default_rng(20)
    done = 0
    while done < 300:
        try:
            changes = random_step(session, rng)
        except (EditRefused, InputError):
            continue
        done += 1
        assert changes.operation == done
        if done % 50 == 0:
            assert session.state_at(done).same_as(session.state())
    live, problems = session.state(), session.problems
    session.close()
    assert [f for f in check_project(session.project).findings if f.place != "history"] == []
    with Session.open(path) as again:
        assert again.state().same_as(live)
        assert again.problems == problems
        while again.can_undo:
            again.undo()
        assert again.state().same_as(start)
        assert np.array_equal(voxels(again), start_voxels)
        assert again.state_at(0).same_as(start)


def test_views_are_told_exactly_what_changed(session):
    told = []
    session.edited.connect(told.append)
    a, b = 1, 60
    changes = session.apply(merge(session, a, b))
    session.undo()
    assert [c.operation for c in told] == [1, 2]
    assert told[0] == changes
    assert told[0].old_ids == told[1].new_ids
    assert told[0].new_ids == told[1].old_ids
    assert min(told[0].old_export_ids) > BIG


def test_outside_the_box_of_a_change_nothing_is_different(session):
    before = np.asarray(MappedLabels(session.supervoxels[0], session.segmentation))
    changes = session.apply(merge(session, 1, 60))
    after = np.asarray(MappedLabels(session.supervoxels[0], session.segmentation))
    inside = np.zeros(SHAPE, bool)
    inside[changes.box.slices] = True
    assert (before != after).any()
    assert not (before != after)[~inside].any()


def test_a_verdict_and_its_edit_are_one_row(session):
    edit = merge(session, 1, 60)
    candidate = SimpleNamespace(id="m-1-60", edit=edit, place_nm=edit.place_nm, kind="merge")
    session.decide(candidate, "reject")
    session.decide(candidate, "accept", milliseconds=1200)
    first, second = session.log()
    assert (first.kind, first.verdict) == ("verdict", "reject")
    assert (second.kind, second.candidate, second.verdict) == ("merge", "m-1-60", "accept")
    assert (second.milliseconds, second.author, second.generation) == (1200, "test", 1)
    assert session.edit_count == 1


def test_a_switch_reopens_the_candidate_and_the_history_says_so(session):
    edit = merge(session, 1, 60)
    candidate = SimpleNamespace(id="m-1-60", edit=edit, place_nm=edit.place_nm, kind="merge")
    session.decide(candidate, "accept", reason="same axon")
    session.apply(merge(session, 10, 30))
    told = []
    session.edited.connect(told.append)
    changes = session.switch(off=[1])
    assert [c.operation for c in told] == [3]
    assert changes.old_ids
    assert changes.conflicts == ()
    first, second = session.history()
    assert (first.number, first.state, first.reason) == (1, "off", "same axon")
    assert (second.state, second.author) == ("in effect", "test")
    assert set(second.segments) <= set(session.segmentation.base.export_ids.tolist())
    assert session.segmentation.segment_of[1] != session.segmentation.segment_of[60]
    session.switch(on=[1])
    assert [e.state for e in session.history()] == ["in effect"] * 2
    assert session.segmentation.segment_of[1] == session.segmentation.segment_of[60]


def test_conflicts_and_damaged_rows_do_not_stop_a_project_from_opening(session, path):
    session.apply(merge(session, 1, 60))
    session.apply(Detach((spot(session, 60),)))
    changes = session.switch(off=[1])
    assert session.problems == changes.conflicts == ()
    session.switch(on=[1])
    session.close()
    with closing(sqlite3.connect(path / "journal.sqlite")) as database, database:
        database.execute("UPDATE operations SET payload = '{' WHERE number = 2")
    with Session.open(path) as again:
        assert [p.number for p in again.problems] == [2]
        assert again.segmentation.segment_of[1] == again.segmentation.segment_of[60]
        assert again.apply(merge(again, 5, 20)).operation == 5
    findings = check_project(open_project(path)).findings
    assert any("row 2" in finding.problem for finding in findings)


@pytest.fixture
def team(path, monkeypatch):
    """Two people on one project."""
    monkeypatch.setattr("segmend.core.journal.journal.Journal.shared", True)
    monkeypatch.setattr("segmend.core.projects.folder.Project.shared", True)
    with Session.open(path, author="ada") as ada, Session.open(path, author="ben") as ben:
        yield ada, ben


def test_what_made_an_edit_stale_is_announced(team):
    ada, ben = team
    told = []
    ben.edited.connect(told.append)
    done = ada.apply(merge(ada, 1, 60))
    with pytest.raises(StaleEdit, match="ada"):
        ben.apply(merge(ben, 60, 30))
    assert told == [done]
    assert told[0].author == "ada"
    ben.apply(merge(ben, 60, 30))
    assert [c.author for c in ada.catch_up()] == ["ben"]
    assert ada.state().same_as(ben.state())
    assert ada.catch_up() == []


def test_a_candidate_that_somebody_else_decided_is_announced(team):
    ada, ben = team
    edit = merge(ada, 1, 60)
    candidate = Candidate(candidate_id(edit), "merge", edit.place_nm, edit, {}, 0.5, 1.0)
    save_candidates(ada.project.candidates_path, [candidate])
    assert ben.queue.next() is not None
    told = []
    ben.decided.connect(lambda _, verdict: told.append(verdict))
    ada.decide(candidate, "accept")
    with pytest.raises(StaleEdit, match="ada"):
        ben.decide(candidate, "reject")
    assert told == ["accept"]
    ada.undo()
    ben.catch_up()
    assert told == ["accept", "open"]


def test_a_preview_changes_nothing(session):
    session.apply(merge(session, 1, 60))
    before = session.state()
    resolved = session.preview(Split(((spot(session, 1),), (spot(session, 60),))))
    assert resolved.sides
    assert session.state().same_as(before)
    assert len(session.log()) == 1


def test_an_unknown_verdict_is_refused_and_the_project_opens_again(session, path):
    edit = merge(session, 1, 60)
    candidate = SimpleNamespace(id="m-1-60", edit=edit, place_nm=edit.place_nm, kind="merge")
    with pytest.raises(InputError, match="verdict 'maybe' is unknown"):
        session.decide(candidate, "maybe")
    assert session.log() == []


def test_a_session_sees_the_generation_that_another_began_before_the_lock(path):
    stale = open_project(path)
    shutil.copytree(path / "generation-1", path / "generation-2")
    stale.commit_generation(2)
    with Session(stale) as session:
        assert session.project.generation == 2


@pytest.mark.parametrize("loss", ["missing", "empty"])
def test_a_lost_journal_is_told(session, path, loss):
    session.apply(merge(session, 1, 60))
    session.close()
    journal = path / "journal.sqlite"
    journal.unlink() if loss == "missing" else journal.write_bytes(b"")
    with pytest.raises(ProjectError, match="gone or empty"):
        Session.open(path)
    assert [f.place for f in check_project(open_project(path)).findings] == ["journal"]


def test_a_second_writer_is_told_who_and_readers_are_free(session, path):
    with pytest.raises(ProjectLocked, match="test"):
        Session.open(path)
    session.apply(merge(session, 1, 60))
    with Session.open(path, read_only=True) as reader:
        assert reader.state().same_as(session.state())
        with pytest.raises(EditRefused, match="read-only"):
            reader.undo()


def test_a_place_outside_the_volume_is_refused(session):
    with pytest.raises(EditRefused, match="outside the volume"):
        session.spot_at((0.0, 0.0, 1e9))


def test_a_project_without_supervoxels_says_what_to_do(tmp_path):
    image = MemoryVolume(np.full(SHAPE, 7, np.uint8), GRID)
    create_project(tmp_path / "new.segmend", image=image)
    with pytest.raises(ProjectError, match="segmend run"):
        Session.open(tmp_path / "new.segmend")
    with pytest.raises(ProjectError, match="segmend run"):  # the lock was given back
        Session.open(tmp_path / "new.segmend")


def test_export_has_the_source_ids_and_the_edits(session, tmp_path):
    before = session.segmentation.export_ids(session.segmentation.segment_of)
    changes = session.apply(merge(session, 1, 60))
    out = materialize(session.supervoxels[0], session.segmentation, tmp_path / "out.h5")
    written = open_labels(out).read(Box.of_shape(SHAPE))
    assert written.dtype == np.uint64
    expected = before[voxels(session)]
    kept, gone = (
        changes.new_export_ids[0],
        set(changes.old_export_ids) - set(changes.new_export_ids),
    )
    expected[expected == gone.pop()] = kept
    assert np.array_equal(written, expected)


def test_an_exported_segmentation_reopens_as_the_same_partition(session, tmp_path):
    session.apply(merge(session, 1, 60))
    out = materialize(session.supervoxels[0], session.segmentation, tmp_path / "out.h5")
    again = create_project(tmp_path / "again.segmend", segmentation=out)
    with Session.open(again.path, read_only=True) as reopened:
        ids = reopened.segmentation.export_ids(reopened.segmentation.segment_of)[voxels(reopened)]
        assert np.array_equal(ids, open_labels(out).read(Box.of_shape(SHAPE)))
        assert reopened.project.grid == GRID


def test_a_session_that_fails_to_close_gives_lock_and_journal_back(path, monkeypatch):
    session = Session.open(path)

    def broken():
        raise RuntimeError("no")

    closed, close = [], session.journal.close
    monkeypatch.setattr(session.timeline, "close", broken)
    monkeypatch.setattr(session.journal, "close", lambda: closed.append(close()))
    with pytest.raises(RuntimeError):
        session.close()
    assert closed
    Session.open(path).close()  # the lock is free
