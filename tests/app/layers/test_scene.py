"""The session on viewer models: what layers show, without a display; and how many voxels that reads."""

from unittest.mock import MagicMock

import numpy as np
import pytest
from napari.components import ViewerModel

from segmend.app.layers.scene import AFFINITIES, CANDIDATE, IMAGE, SEGMENTS, Scene, SceneVolumes
from segmend.app.layers.truth import TRUTH, TruthBorders
from segmend.app.presenters.candidate_scene import candidate_scene
from segmend.app.presenters.ports import ColouredMesh
from segmend.app.threshold_stage import ThresholdStage
from segmend.core.algorithms.meshes import mesh_mask, shade
from segmend.core.edits.model import SplitSupervoxel
from segmend.core.geometry import Box, Grid
from segmend.core.volumes.memory import MemoryVolume


class Counting(MemoryVolume):
    """Counts every voxel that is read."""

    def __init__(self, array, grid):
        super().__init__(array, grid)
        self.voxels = 0

    def read(self, box):
        self.voxels += box.size
        return super().read(box)


def take_slice(event):
    """Do what the canvas does when voxels have arrived."""
    for weak_layer, response in event.value.items():
        if layer := weak_layer():
            layer._slicing_state._update_slice_response(response)
            layer._slicing_state._update_loaded_slice_id(response.request_id)


def make_scene():
    scene = Scene(ViewerModel(), ViewerModel(ndisplay=3))
    for model in (scene.sections, scene.solids):
        assert not model._layer_slicer._force_sync
        model._layer_slicer.events.ready.connect(take_slice)
    return scene


def settle(scene):
    for model in (scene.sections, scene.solids):
        model._layer_slicer.wait_until_idle(timeout=20)


@pytest.fixture
def scene(session):
    scene = make_scene()
    project = session.project
    volumes = SceneVolumes(
        project.image_pyramid, session.supervoxels, project.affinities, project.grid
    )
    scene.open(volumes, session.segmentation)
    yield scene
    settle(scene)
    scene.close()


def shown(scene, name):
    settle(scene)
    return scene.layer(name)._slice.image.raw


def plane(session, z):
    _, y, x = session.project.shape_zyx
    return session.supervoxels[0].read(Box((z, 0, 0), (z + 1, y, x)))[0]


def ready(session):
    project = session.project
    return candidate_scene(
        session.queue.next(), session.segmentation, project.grid, project.shape_zyx
    )


def test_a_pixel_is_the_place_that_is_shown_there(scene):
    scene.frame(scene.sections.layers.extent.world.mean(axis=0), 200.0)
    height, width = scene.sections.canvas.size
    camera = scene.sections.scene.camera
    assert scene.place_at(width / 2, height / 2)[1:] == pytest.approx(camera.center[-2:])
    right, left = scene.place_at(10, 0), scene.place_at(0, 0)
    assert right[2] - left[2] == pytest.approx(10 / camera.zoom)
    assert right[0] == scene.sections.dims.point[0]


def test_layers_are_there_and_affinities_are_off(scene):
    visible = {layer.name: layer.visible for layer in scene.sections.layers}
    shown = {name for name, seen in visible.items() if seen}
    assert shown == {IMAGE, SEGMENTS, CANDIDATE}
    assert AFFINITIES in visible


def test_layers_cannot_be_painted(scene):
    assert not scene.layer(SEGMENTS).editable
    assert not scene.layer(CANDIDATE).editable


def test_places_are_in_nm(scene, session):
    low, high = scene.sections.layers.extent.world
    grid = session.project.grid
    np.testing.assert_allclose(low, grid.offset_nm_zyx)
    np.testing.assert_allclose(high, grid.to_nm(np.subtract(session.project.shape_zyx, 1)))


def test_section_shows_segments_of_its_supervoxels(scene, session):
    scene.sections.dims.set_current_step(0, 7)
    mapped = session.segmentation.segment_of[plane(session, 7)]
    np.testing.assert_array_equal(shown(scene, SEGMENTS), mapped)


def test_sides_are_one_and_two(scene, session):
    candidate = ready(session)
    scene.show_sides(candidate)
    scene.sections.dims.set_current_step(0, 5)
    expected = np.zeros(plane(session, 5).shape)
    expected[np.isin(plane(session, 5), candidate.first)] = 1
    expected[np.isin(plane(session, 5), candidate.second)] = 2
    np.testing.assert_array_equal(shown(scene, CANDIDATE), expected)
    scene.clear_sides()
    assert not shown(scene, CANDIDATE).any()


def test_an_edit_shows_after_it_is_announced(scene, session):
    scene.sections.dims.set_current_step(0, 5)
    candidate = session.queue.next()
    session.decide(candidate, "accept")
    scene.after_edit(voxels_changed=False)
    mapped = session.segmentation.segment_of[plane(session, 5)]
    np.testing.assert_array_equal(shown(scene, SEGMENTS), mapped)


def test_a_divided_supervoxel_shows(scene, session):
    volume = session.supervoxels[0]
    voxels = np.argwhere(volume.read(Box.of_shape(volume.shape_zyx)) == 16)
    z = int(voxels[len(voxels) // 2, 0])
    scene.sections.dims.set_current_step(0, z)
    before = shown(scene, SEGMENTS).copy()
    ends = (session.project.grid.to_nm(tuple(end)) for end in voxels[[0, -1]].tolist())
    session.apply(SplitSupervoxel(tuple((session.spot_at(end),) for end in ends)))
    children = np.flatnonzero(session.segmentation.segment_of)[-2:]
    scene.after_edit(voxels_changed=True)
    np.testing.assert_array_equal(shown(scene, SEGMENTS), before)
    scene._sides.show(children[:1], children[1:])
    scene._refresh(CANDIDATE)
    np.testing.assert_array_equal(shown(scene, CANDIDATE) > 0, np.isin(plane(session, z), children))


def test_frame_goes_to_the_section_and_stays_inside(scene):
    scene.frame((70.0, 200.0, 0.0), 200.0)
    assert scene.sections.dims.current_step[0] == 7
    low, high = scene.sections.layers.extent.world[:, 1:]
    height, width = scene.sections.canvas.size
    seen = np.array([height, width]) / scene.sections.scene.camera.zoom
    centre = np.array(scene.sections.scene.camera.center[1:])
    inside = np.minimum(seen, high - low) / 2
    assert (centre - inside >= low - 5.1).all()
    assert (centre + inside <= high + 5.1).all()


def test_frame_before_a_project_is_no_error():
    make_scene().frame((0.0, 0.0, 0.0), 100.0)


def test_steps_stay_inside(scene):
    scene.sections.dims.set_current_step(0, 3)
    scene.step(2)
    assert scene.sections.dims.current_step[0] == 5
    scene.step(1000)
    assert scene.sections.dims.current_step[0] == 11


def test_segment_under_the_pointer(scene, session):
    scene.sections.dims.set_current_step(0, 3)
    settle(scene)
    place = session.project.grid.to_nm((3, 20, 20))
    assert scene.segment_under(place) == session.segment_at((3, 20, 20))


def coloured(offset_nm, colour):
    mesh = mesh_mask(np.ones((2, 2, 2), bool), (10.0, 10.0, 10.0), offset_nm)
    return ColouredMesh(mesh, colour, shade(mesh))


def test_meshes_are_one_layer_in_their_colours(scene):
    one, two = coloured((0.0, 0.0, 0.0), 0), coloured((100.0, 0.0, 0.0), 1)
    scene.show_meshes([one, two])
    (layer,) = scene.solids.layers
    faces = len(one.mesh.faces)
    assert len(layer.data[1]) == 2 * faces
    low, high = layer.contrast_limits
    colours = layer.colormap.map((layer.vertex_values - low) / (high - low))
    count = len(one.mesh.vertices_nm)
    assert (colours[:count, 2] > colours[:count, 0]).all()
    assert (colours[count:, 0] > colours[count:, 2]).all()
    scene.show_meshes([two])
    assert len(scene.solids.layers) == 1
    assert len(layer.data[1]) == faces
    scene.show_meshes([])
    assert not layer.visible
    scene.show_meshes([one])
    assert layer.visible


def test_3d_view_shows_everything_unless_the_smaller_side_would_be_lost(scene):
    small = coloured((0.0, 250.0, 0.0), 0)
    scene.frame((10.0, 260.0, 10.0), 100.0)
    camera = scene.solids.scene.camera
    scene.show_meshes([small, coloured((0.0, 350.0, 0.0), 1)])
    np.testing.assert_allclose(camera.center, (5, 305, 5), atol=1)
    scene.show_meshes([small, coloured((0.0, 9000.0, 0.0), 1)])
    assert camera.center == (10.0, 260.0, 10.0)
    assert min(scene.solids.canvas.size) / camera.zoom == pytest.approx(200)


def test_closing_forgets_the_project(scene):
    scene.close()
    assert not scene.sections.layers
    assert scene.segment_under((0.0, 0.0, 0.0)) == 0


# -- voxels read ---------------------------------------------------------------------------------------------------


class Mapping:
    segment_of = np.arange(1000, dtype=np.uint32)


def pyramid(shape_zyx, levels, dtype):
    rng = np.random.default_rng(0)
    array = rng.integers(0, 200, shape_zyx).astype(dtype)
    found, size = [], 10.0
    for _ in range(levels):
        grid = Grid((10.0, size, size), (0.0, (size - 10) / 2, (size - 10) / 2))
        found.append(Counting(array, grid))
        array, size = np.ascontiguousarray(array[:, ::2, ::2]), size * 2
    return tuple(found)


def counted(volumes):
    total = sum(volume.voxels for volume in volumes)
    for volume in volumes:
        volume.voxels = 0
    return total


@pytest.fixture(params=[1, 3], ids=["without a pyramid", "with a pyramid"])
def big(request):
    """A scene of 20 x 512 x 512, a tile of 200 x 300 of its finest voxels on show."""
    scene = make_scene()
    image = pyramid((20, 512, 512), request.param, np.uint8)
    supervoxels = pyramid((20, 512, 512), request.param, np.uint32)
    scene.open(SceneVolumes(image, supervoxels, None, image[0].grid), Mapping())
    tile, thumbnail = 512 * 512, 0
    if request.param > 1:
        tile, thumbnail = 200 * 300, 128 * 128
        for layer in scene.sections.layers:
            layer._data_level = 0
            layer.corner_pixels = np.array([[0, 100, 100], [19, 299, 399]])
    scene.sections.dims.set_current_step(0, 3)
    settle(scene)
    counted((*image, *supervoxels))
    yield scene, image, supervoxels, tile + thumbnail
    settle(scene)
    scene.close()


def test_a_scroll_step_reads_the_tile_and_the_thumbnail(big):
    scene, image, supervoxels, most = big
    scene.step(1)
    settle(scene)
    assert 0 < counted(image) <= most
    assert 0 < counted(supervoxels) <= most


def test_segments_and_candidate_share_one_read(big):
    scene, _, supervoxels, most = big
    scene.step(1)
    settle(scene)
    both = counted(supervoxels)
    scene.toggle(CANDIDATE)
    scene.step(1)
    settle(scene)
    assert counted(supervoxels) == both <= most


def test_an_edit_reads_no_voxel(big):
    scene, image, supervoxels, _ = big
    scene.after_edit(voxels_changed=False)
    settle(scene)
    assert counted((*image, *supervoxels)) == 0


def test_hiding_the_colours_for_a_moment_reads_no_voxel(big):
    scene, image, supervoxels, _ = big
    for _ in range(2):
        scene.toggle(SEGMENTS)
        scene.toggle(CANDIDATE)
        settle(scene)
    assert counted((*image, *supervoxels)) == 0


def test_a_voxel_edit_reads_the_tile_and_the_thumbnail(big):
    scene, image, supervoxels, most = big
    scene.after_edit(voxels_changed=True)
    settle(scene)
    assert 0 < counted(supervoxels) <= most
    assert counted(image) == 0


def test_another_candidate_reads_no_voxel(big):
    scene, image, supervoxels, _ = big
    scene._sides.show(np.array([3]), np.array([4]))
    scene._refresh(CANDIDATE)
    settle(scene)
    assert counted((*image, *supervoxels)) == 0


def test_the_3d_view_reads_no_voxel(big):
    scene, image, supervoxels, _ = big
    scene.show_meshes([coloured((0.0, 0.0, 0.0), 0)])
    scene.solids.dims.ndisplay = 2
    scene.solids.dims.ndisplay = 3
    settle(scene)
    assert counted((*image, *supervoxels)) == 0


# -- previews of other thresholds, and the truth ----------------------------------------------------------------------


def test_a_cut_colours_the_supervoxels_until_it_is_taken_away(scene, session):
    scene.sections.dims.set_current_step(0, 5)
    colours = np.arange(61, dtype=np.uint32) % 7
    scene.cut.show(colours, MagicMock())
    np.testing.assert_array_equal(shown(scene, SEGMENTS), colours[plane(session, 5)])
    scene.cut.end()
    mapped = session.segmentation.segment_of[plane(session, 5)]
    np.testing.assert_array_equal(shown(scene, SEGMENTS), mapped)


def test_the_whole_section_fills_the_view_also_where_there_are_no_seeds(scene):
    scene.sections.canvas.size = (400, 440)
    scene.show_whole()
    assert scene.sections.scene.camera.zoom == pytest.approx(0.95)
    y, x = scene.sections.scene.camera.center[-2:]
    assert (y, x) == pytest.approx((395, 215))


def test_no_segment_is_under_the_pointer_in_a_preview(scene, session):
    scene.sections.dims.set_current_step(0, 3)
    settle(scene)
    place = session.project.grid.to_nm((3, 20, 20))
    scene.cut.show(np.ones(61, np.uint32), MagicMock())
    settle(scene)
    assert scene.segment_under(place) == 0
    scene.cut.end()
    settle(scene)
    assert scene.segment_under(place) > 0


def test_a_cut_reads_no_voxel(big):
    scene, image, supervoxels, _ = big
    scene.cut.show(np.arange(1000, dtype=np.uint32)[::-1].copy(), MagicMock())
    settle(scene)
    assert counted((*image, *supervoxels)) == 0


def test_it_is_told_when_the_voxels_have_the_colours_of_a_cut(scene):
    told = MagicMock()
    scene.cut.show(np.ones(61, np.uint32), told)
    told.assert_not_called()
    cut = scene.layer(SEGMENTS)
    for _ in range(2):  # as the viewer does when voxels were read
        cut.events.set_data()
        told.assert_called_once_with()


def test_it_is_told_at_once_of_a_cut_that_is_hidden_and_never_of_one_that_is_taken_away(scene):
    told = MagicMock()
    scene.cut.show(np.ones(61, np.uint32), told)
    cut = scene.layer(SEGMENTS)
    scene.cut.end()
    cut.events.set_data()
    told.assert_not_called()
    scene.cut.show(np.ones(61, np.uint32), MagicMock())
    scene.toggle(SEGMENTS)
    scene.cut.show(np.ones(61, np.uint32), told)
    told.assert_called_once_with()


def test_candidate_gives_way_to_a_cut_and_comes_back(scene):
    stage = ThresholdStage(scene)
    segments = scene.layer(SEGMENTS)
    opacity = segments.opacity
    stage.begin_cuts()
    assert not scene.layer(CANDIDATE).visible
    stage.show_cut(np.ones(61, np.uint32), MagicMock())
    assert scene.layer(SEGMENTS).opacity > opacity
    scene.toggle(SEGMENTS)
    assert not any(layer.visible for layer in (segments, scene.layer(SEGMENTS)))
    stage.end_cuts()
    assert scene.layer(CANDIDATE).visible
    assert scene.layer(SEGMENTS) is segments
    assert segments.visible
    assert segments.opacity == opacity


def test_a_cut_has_the_colours_of_segments_with_the_same_numbers(scene, session):
    scene.sections.dims.set_current_step(0, 5)
    settle(scene)
    layer = scene.layer(SEGMENTS)
    colours = layer.colormap.map(shown(scene, SEGMENTS))
    many = session.segmentation.segment_of + np.where(session.segmentation.segment_of > 0, 490, 0)
    scene.cut.show(many.astype(np.uint32), MagicMock())
    cut = scene.layer(SEGMENTS)
    assert cut is not layer
    np.testing.assert_array_equal(cut.colormap.map(shown(scene, SEGMENTS)), colours)


def test_borders_of_the_truth_are_where_labels_differ(scene, session):
    truth = np.ones(session.project.shape_zyx, np.uint32)
    truth[:, :, 20:] = 2
    truth[:, 30:, 20:] = 0
    scene.truth.open(MemoryVolume(truth, session.project.grid))
    scene.sections.dims.set_current_step(0, 5)
    borders = shown(scene, TRUTH)
    expected = np.zeros(truth.shape[1:], bool)
    expected[:, 19] = True
    expected[29, 20:] = True
    np.testing.assert_array_equal(borders > 0, expected)
    scene.truth.close()
    assert scene.layer(TRUTH) is None
    scene.truth.close()


def test_the_truth_lies_on_the_levels_of_the_segmentation(big):
    scene, _, supervoxels, _ = big
    labels = np.zeros(supervoxels[0].shape_zyx, np.uint32)
    labels[:, 256:] = 1
    scene.truth.open(MemoryVolume(labels, supervoxels[0].grid))
    settle(scene)
    layer = scene.layer(TRUTH)
    assert layer.multiscale == (len(supervoxels) > 1)
    arrays = layer.data if layer.multiscale else [layer.data]
    for array, level in zip(arrays, supervoxels, strict=True):
        _, height, _ = level.shape_zyx
        found = np.asarray(array[3])
        assert np.flatnonzero(found.any(axis=1)).tolist() == [height // 2 - 1]


def test_borders_do_not_depend_on_the_box_that_is_read():
    rng = np.random.default_rng(0)
    grid = Grid((10.0, 10.0, 10.0))
    volume = MemoryVolume(rng.integers(0, 3, (3, 9, 11)).astype(np.uint32), grid)
    borders = TruthBorders(volume, volume.shape_zyx, grid)
    whole = borders.read(Box.of_shape(volume.shape_zyx))
    for box in (Box((1, 0, 0), (2, 4, 5)), Box((0, 3, 2), (3, 9, 11)), Box((2, 8, 10), (3, 9, 11))):
        np.testing.assert_array_equal(borders.read(box), whole[box.slices])
