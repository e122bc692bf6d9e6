"""A reopened project takes its state from the newest snapshot instead of carrying everything out again."""

import pytest

from segmend.core.geometry import Box
from segmend.core.segmentation.segmentation import Segmentation
from segmend.core.timeline import present
from segmend.core.timeline.restoring import restored
from segmend.core.timeline.snapshots import SnapshotStore


@pytest.fixture
def world_with_snapshots(tmp_path):
    from edits_world import make_world

    world = make_world(tmp_path, per_segment=1, snapshots=tmp_path / "snapshots")
    yield world
    world.close()


def neighbours(world):
    return [int(s) for s in world.segmentation.base.edges[0]]


def test_operations_without_added_edges_are_not_carried_out_again(
    world_with_snapshots, monkeypatch
):
    world = world_with_snapshots
    world.commit(world.merge(*neighbours(world)))
    expected = world.segmentation.state()
    planned = []
    monkeypatch.setattr(present, "planned", lambda operation, *_: planned.append(operation))
    again = world.reopened()
    assert again.segmentation.state().same_as(expected)
    assert not planned
    again.journal.close()


def test_the_newest_snapshot_stays_beside_an_older_one_of_its_age(world_with_snapshots):
    world = world_with_snapshots
    world.commit(world.merge(*neighbours(world)))
    world.timeline.close()
    world.timeline.undo()
    world.timeline.redo()
    world.timeline.close()
    names = sorted(int(path.stem) for path in world.snapshots.glob("*.npz"))
    assert names[-1] == 3


def test_a_patch_that_leaves_the_volume_is_not_restored(world_with_snapshots):
    world = world_with_snapshots
    world.commit(world.divide(1))
    world.timeline.close()
    operations = world.journal.operations()
    _, snapshot = SnapshotStore(world.snapshots).newest(world.base, operations)
    here = {o.number: o for o in operations}
    assert restored(snapshot, Segmentation(world.base), here, Box.of_shape(world.labels.shape))
    with pytest.raises(ValueError, match="outside the volume"):
        restored(snapshot, Segmentation(world.base), here, Box.of_shape((1, 1, 1)))
