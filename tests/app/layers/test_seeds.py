"""Seeds and pieces on real viewer models, without a display."""

from types import SimpleNamespace

import numpy as np
import pytest
from napari.components import ViewerModel

from segmend.app.layers.seeds import (
    MOST_SEEDS_IN_A_LINE,
    PIECES,
    SEEDS,
    ColouredPieces,
    SeedLayers,
    ShownPieces,
)
from segmend.app.presenters.pieces import Overlay, Pieces
from segmend.app.presenters.segment_in_hand import Stroke
from segmend.core.geometry import Box, Grid
from segmend.core.volumes.memory import MemoryVolume
from segmend.core.volumes.pyramid import coarser_grid, downsample_labels

GRID = Grid((40.0, 10.0, 10.0), (0.0, 200.0, 0.0))
LABELS = np.repeat(np.arange(1, 9, dtype=np.uint32), 128).reshape(8, 8, 16)


def made(table, *overlays):
    return Pieces({}, {}, 0, np.array(table, np.uint8), overlays)


def coloured(volume, shown, finest=(8, 8, 16)):
    return ColouredPieces(volume, finest, shown)


def test_supervoxels_have_the_colour_of_their_side():
    shown = ShownPieces()
    pieces = coloured(MemoryVolume(LABELS, GRID), shown)
    assert not pieces.read(Box.of_shape((8, 8, 16))).any()
    shown.show(made([0, 1, 2, 0]))
    sides = pieces.read(Box.of_shape((8, 8, 16)))
    assert (sides[0] == 1).all()
    assert (sides[1] == 2).all()
    assert not sides[2:].any()
    shown.show(None)
    assert not pieces.read(Box.of_shape((8, 8, 16))).any()


def test_parts_of_divided_supervoxels_lie_over_them():
    shown = ShownPieces()
    parts = np.zeros((2, 4, 4), np.uint8)
    parts[:, :, :2], parts[:, :2, 2:] = 1, 2
    shown.show(made([0, 3, 3, 0], Overlay(Box((0, 2, 4), (2, 6, 8)), parts)))
    sides = coloured(MemoryVolume(LABELS, GRID), shown).read(Box((1, 0, 5), (2, 8, 9)))
    expected = np.full((8, 4), 3)
    expected[2:6, 0], expected[2:4, 1:3] = 1, 2
    assert (sides[0] == expected).all()


def test_a_coarse_voxel_shows_one_of_its_fine_ones():
    shown = ShownPieces()
    fine = MemoryVolume(LABELS, GRID)
    coarse = MemoryVolume(downsample_labels(LABELS, (1, 2, 2)), coarser_grid(GRID, (1, 2, 2)))
    parts = np.random.default_rng(0).integers(1, 3, (3, 5, 7)).astype(np.uint8)
    shown.show(made([0, 0], Overlay(Box((1, 1, 3), (4, 6, 10)), parts)))
    full = coloured(fine, shown).read(Box.of_shape((8, 8, 16)))
    half = coloured(coarse, shown).read(Box.of_shape((8, 4, 8)))
    assert (half == full[:, ::2, ::2]).all()


@pytest.fixture
def model():
    return ViewerModel()


@pytest.fixture
def layers(model):
    layers = SeedLayers(model)
    layers.open([MemoryVolume(LABELS, GRID)], GRID)
    return layers


def test_layers_are_seen_only_while_seeds_are_placed(model, layers):
    assert not any(model.layers[name].visible for name in (PIECES, SEEDS))
    layers.begin()
    assert all(model.layers[name].visible for name in (PIECES, SEEDS))
    layers.end()
    assert not any(model.layers[name].visible for name in (PIECES, SEEDS))
    assert len(model.layers) == 2


def test_seeds_are_marked_where_they_are_with_a_shape_of_their_side(model, layers):
    layers.begin()
    layers.show_seeds([Stroke(1, ((80.0, 230.0, 50.0),)), Stroke(2, ((80.0, 240.0, 60.0),) * 2)])
    seeds = model.layers[SEEDS]
    assert seeds.shown.tolist()[:4] == [True, True, True, False]
    assert np.allclose(seeds.data[:2], [(2, 3, 5), (2, 4, 6)])
    assert len({str(symbol) for symbol in seeds.symbol[:3]}) == 2
    assert not np.allclose(seeds.face_color[0], seeds.face_color[1])


def test_the_layer_never_loses_a_point(model, layers):
    """napari slices on a thread and looks up what it found there later."""
    layers.begin()
    layers.show_seeds([Stroke(1, ((0.0, 200.0, 0.0),) * 200)])
    layers.show_seeds(())
    assert len(model.layers[SEEDS].data) == 200
    assert not model.layers[SEEDS].shown.any()


def press(model, *moves, modifiers=(), button=1):
    """Play a press, moves of so many pixels each, and a release."""
    callbacks = model.mouse_drag_callbacks
    if not callbacks:
        return
    event = SimpleNamespace(
        button=button,
        modifiers=modifiers,
        pos=(0, 0),
        position=(0.0, 200.0, 0.0),
        type="mouse_press",
    )
    played = callbacks[-1](model, event)
    next(played, None)
    for x in moves:
        event.type, event.pos, event.position = "mouse_move", (x, 0), (0.0, 200.0, float(x))
        next(played, None)
    event.type = "mouse_release"
    next(played, None)


@pytest.fixture
def placed(layers):
    got = []
    layers.placed = got.append
    layers.begin()
    return got


def test_a_click_is_a_seed(model, placed):
    press(model, 1, 2)
    assert placed == [((0.0, 200.0, 0.0),)]


def test_a_drag_moves_the_view(model, placed):
    press(model, 5, 40)
    press(model, 3, 9, 0)
    assert placed == []


def test_a_drag_with_shift_is_a_line_of_seeds(model, placed):
    press(model, *range(0, 101, 5), modifiers=("Shift",))
    (places,) = placed
    assert 8 <= len(places) <= 12
    assert np.diff([x for _, _, x in places]).min() >= 9


def test_a_long_line_does_not_become_hundreds_of_seeds(model, placed):
    press(model, *range(0, 5000, 10), modifiers=("Shift",))
    assert len(placed[0]) <= MOST_SEEDS_IN_A_LINE


def test_other_buttons_and_times_place_nothing(model, layers, placed):
    press(model, 1, button=2)
    layers.end()
    press(model, 1)
    assert placed == []
