"""Pieces in 3D: one surface, coloured anew."""

from unittest.mock import MagicMock

import numpy as np
import pytest

from segmend.app.piece_surface import surfacer_for
from segmend.app.presenters.pieces import Overlay, Pieces
from segmend.app.presenters.ports import SceneView
from segmend.app.presenters.solid_pieces import FACE_BUDGET, SolidPieces, coloured


@pytest.fixture
def segment(session):
    return int(session.segmentation.segment_of[16])


@pytest.fixture
def surface(session, segment):
    return surfacer_for(session)(session.segmentation.members(segment), FACE_BUDGET)


def made(table, *overlays):
    return Pieces({}, {}, len(overlays), np.array(table, np.uint8), overlays)


def table_of(**sides):
    table = np.zeros(62, np.uint8)
    for supervoxel, side in sides.items():
        table[int(supervoxel[1:])] = side
    return table


def test_vertices_know_their_supervoxel(session, segment, surface):
    assert set(surface.supervoxel) == {16, 17, 18}
    voxels = session.supervoxels[0]
    from segmend.core.geometry import Box

    labels = voxels.read(Box.of_shape(voxels.shape_zyx))
    z, y, x = surface.voxel_zyx.T
    assert (labels[z, y, x] == surface.supervoxel).all()
    far = np.abs(
        surface.mesh.vertices_nm - [session.project.grid.to_nm(tuple(v)) for v in surface.voxel_zyx]
    )
    assert far.max() <= 25.0


def test_before_a_preview_all_is_of_one_colour(surface):
    (whole,) = coloured(surface, None)
    assert whole.colour == 2
    assert len(whole.mesh.faces) == len(surface.mesh.faces)


def test_every_face_has_the_colour_of_its_piece(surface):
    parts = coloured(surface, made(table_of(s16=1, s17=2, s18=4)))
    assert [part.colour for part in parts] == [0, 1, 4]
    assert sum(len(part.mesh.faces) for part in parts) == len(surface.mesh.faces)
    for part in parts:
        assert len(part.shade) == len(part.mesh.vertices_nm) == part.mesh.faces.max() + 1


def test_parts_of_divided_supervoxels_are_coloured_where_they_are(session, surface):
    box = session.segmentation.box_of(np.array([16]))
    sides = np.full(box.shape_zyx, 3, np.uint8)
    parts = coloured(surface, made(table_of(s17=2, s18=2), Overlay(box, sides)))
    by_colour = {part.colour: len(part.mesh.faces) for part in parts}
    assert by_colour[3] > 0
    assert by_colour[1] > 0


@pytest.fixture
def stage():
    return MagicMock(spec=SceneView)


@pytest.fixture
def surfacer(surface):
    return MagicMock(return_value=surface)


@pytest.fixture
def solid(session, jobs, stage, surfacer):
    return SolidPieces(jobs, stage, surfacer, session.segmentation.members)


def test_the_surface_is_made_once_and_the_view_stays_turned(solid, segment, stage, surfacer):
    solid.begin(segment)
    assert stage.show_meshes.call_args.kwargs["frame"]
    for side in (1, 2):
        solid.show(made(table_of(s16=side, s17=2, s18=2)))
    assert stage.show_meshes.call_args.kwargs == {"frame": False}
    assert surfacer.call_count == 1


def test_nothing_is_drawn_after_the_end(solid, segment, stage):
    solid.begin(segment)
    solid.end()
    stage.show_meshes.reset_mock()
    solid.show(made(table_of(s16=1)))
    stage.show_meshes.assert_not_called()


def test_a_segment_that_changed_is_shown_without_turning_the_view(solid, segment, stage):
    solid.begin(segment)
    solid.begin(segment, frame=False)
    assert not stage.show_meshes.call_args.kwargs["frame"]
