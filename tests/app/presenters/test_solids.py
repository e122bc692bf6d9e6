"""The 3D view shows the sides and what was picked, within one budget of faces."""

from unittest.mock import MagicMock

import numpy as np
import pytest

from segmend.app.presenters.candidate_scene import candidate_scene
from segmend.app.presenters.ports import SceneView
from segmend.app.presenters.solids import FACE_BUDGET, FIRST, PICKED, SECOND, SolidsPresenter
from segmend.core.algorithms.meshes import Mesh
from segmend.core.edits.mask import VoxelMask
from segmend.core.edits.model import Erase, Merge


@pytest.fixture
def stage():
    return MagicMock(spec=SceneView)


@pytest.fixture
def mesher():
    return MagicMock(return_value=Mesh.empty())


@pytest.fixture
def solids(jobs, stage, mesher, session):
    return SolidsPresenter(jobs, stage, mesher, session.segmentation, session.timeline.voxels)


@pytest.fixture
def scene(session):
    project = session.project
    return candidate_scene(
        session.queue.next(), session.segmentation, project.grid, project.shape_zyx
    )


def colours(stage):
    return [item.colour for item in stage.show_meshes.call_args.args[0]]


def test_two_sides_in_their_colours(solids, scene, stage):
    solids.show(scene)
    assert colours(stage) == [FIRST, SECOND]


def test_budget_is_shared(solids, scene, mesher):
    solids.show(scene)
    assert sum(call.args[1] for call in mesher.call_args_list) <= FACE_BUDGET


def spot(session, supervoxel):
    point = session.segmentation.points(np.array([supervoxel]))[0]
    return session.spot_at(session.project.grid.to_nm(tuple(point.tolist())))


def test_pick_adds_and_takes_away(solids, session, scene, stage):
    solids.show(scene)
    solids.pick(spot(session, 25))
    assert colours(stage)[-1] == PICKED
    assert len(solids.picks) == 1
    solids.pick(spot(session, 26))
    assert colours(stage) == [FIRST, SECOND]
    assert solids.picks == ()


def test_the_same_candidate_again_keeps_the_picks(solids, session, scene, stage):
    solids.show(scene)
    solids.pick(spot(session, 25))
    solids.show(scene)
    assert colours(stage) == [FIRST, SECOND, PICKED]
    solids.drop()
    assert colours(stage) == [FIRST, SECOND]


def test_picks_that_were_merged_are_one_pick(solids, session, stage):
    picks = [spot(session, 25), spot(session, 28)]
    for pick in picks:
        solids.pick(pick)
    session.apply(Merge(tuple(picks)))
    solids.follow()
    assert len(solids.picks) == 1
    assert colours(stage) == [PICKED]


def test_the_view_is_given_away_and_taken_back(solids, scene, stage):
    solids.give_way(True)
    solids.show(scene)
    stage.show_meshes.assert_not_called()
    solids.give_way(False)
    assert colours(stage) == [FIRST, SECOND]


def test_next_candidate_forgets_what_was_picked(solids, session, scene, stage):
    solids.pick(spot(session, 25))
    solids.show(scene)
    assert PICKED not in colours(stage)


def test_nothing_to_show(solids, stage):
    solids.show(None)
    assert colours(stage) == []


def test_preparing_makes_the_same_meshes_without_showing(solids, scene, stage, mesher):
    solids.prepare(scene)
    stage.show_meshes.assert_not_called()
    prepared = [(call.args[0].tolist(), call.args[1]) for call in mesher.call_args_list]
    mesher.reset_mock()
    solids.show(scene)
    assert prepared == [
        (np.asarray(call.args[0]).tolist(), call.args[1]) for call in mesher.call_args_list
    ]


def part_of(session, supervoxel, slices=slice(None)):
    """A mask of some voxels of a supervoxel, by the z of its sections."""
    box = session.segmentation.box_of(np.array([supervoxel]))
    inside = session.supervoxels[0].read(box) == supervoxel
    chosen = np.zeros_like(inside)
    chosen[slices] = inside[slices]
    return VoxelMask.of(box, chosen)


def test_an_edit_of_voxels_gives_a_pick_a_new_surface(solids, session, mesher):
    pick = spot(session, 25)
    solids.pick(pick)
    segment = solids.latest
    shown = mesher.call_args.args[0].tolist()
    mesher.reset_mock()
    mask = part_of(session, 26, slice(0, 1))
    session.apply(Erase(mask, None, spot(session, 26).place_nm))
    solids.follow()
    assert solids.latest == segment
    mesher.assert_called_once()
    now = mesher.call_args.args[0]
    assert now.tolist() != shown
    assert sorted(now) == sorted(session.segmentation.members(segment))


def test_a_pick_is_found_again_when_its_supervoxel_is_gone(solids, session, stage):
    pick = spot(session, 25)
    solids.pick(pick)
    segment = solids.latest
    erased = session.apply(Erase(part_of(session, 25, slice(0, 1)), None, pick.place_nm))
    assert not session.segmentation.is_alive(25)
    solids.follow()
    assert (solids.latest, len(solids.picks)) == (segment, 1)
    assert colours(stage) == [PICKED]
    session.switch(off=[erased.operation])
    solids.follow()
    assert (solids.latest, len(solids.picks)) == (segment, 1)


def test_edits_elsewhere_make_no_mesh(solids, session, mesher):
    solids.pick(spot(session, 25))
    mesher.reset_mock()
    session.apply(Merge((spot(session, 40), spot(session, 44))))
    solids.follow()
    mesher.assert_not_called()
