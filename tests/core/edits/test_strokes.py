import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmend.core.edits.strokes import stroke
from segmend.core.errors import InputError
from segmend.core.geometry import Box, Grid

GRID = Grid((30.0, 8.0, 10.0), (100.0, -50.0, 0.0))
SHAPE = (7, 30, 25)


def chosen(mask):
    whole = np.zeros(SHAPE, bool)
    whole[mask.box.slices] = mask.voxels
    return whole


def centres():
    grid = np.stack(np.indices(SHAPE), axis=-1)
    return grid * GRID.voxel_size_nm_zyx + GRID.offset_nm_zyx


points = st.tuples(st.floats(90, 300), st.floats(-60, 200), st.floats(-10, 260))


@settings(max_examples=20, deadline=None)
@given(st.lists(points, min_size=1, max_size=3), st.floats(31, 80))
def test_a_stroke_takes_what_lies_within_its_radius(places, radius):
    nearest = np.full(SHAPE, np.inf)
    for start, end in zip(places, places[1:] or places, strict=False):
        for share in np.linspace(0, 1, 41):
            place = np.array(start) + share * (np.array(end) - start)
            nearest = np.minimum(nearest, np.linalg.norm(centres() - place, axis=-1))
    found = chosen(stroke(places, radius, GRID, SHAPE))
    assert found[nearest <= radius - 1e-6].all()  # rounding decides what lies on the rim
    assert not found[nearest > radius + 1].any()


def test_a_thin_stroke_takes_the_voxels_that_hold_its_points():
    mask = stroke([GRID.to_nm((2, 3, 4)), GRID.to_nm((2, 3, 9))], 0.1, GRID, SHAPE)
    assert mask.box == Box((2, 3, 4), (3, 4, 10))


@pytest.mark.parametrize(
    ("places", "radius", "told"),
    [
        ([(100.0, 0.0, 0.0)], 0.0, "positive radius"),
        ([(100.0, 0.0, 0.0)], float("nan"), "positive radius"),
        ([], 10.0, "0 points"),
        ([(0.0, -9000.0, 0.0)], 10.0, "outside the volume"),
    ],
)
def test_strokes_that_choose_nothing_are_refused(places, radius, told):
    with pytest.raises(InputError, match=told):
        stroke(places, radius, GRID, SHAPE)


def test_a_stroke_through_a_huge_volume_is_refused_before_it_is_made():
    far = [(0.0, 0.0, 0.0), (1e6, 1e6, 1e6)]
    with pytest.raises(InputError, match="make it shorter"):
        stroke(far, 10.0, Grid(), (10**6, 10**6, 10**6))
