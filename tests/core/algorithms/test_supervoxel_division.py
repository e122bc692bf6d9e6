import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmend.core.algorithms.supervoxel_division import (
    faces_from_affinities,
    faces_from_image,
    faces_from_shape,
    flooded,
    pieces_of,
)


def dumbbell():
    """Two balls joined by a neck; where they lie."""
    z, y, x = np.indices((9, 9, 21))
    balls = [(z - 4) ** 2 + (y - 4) ** 2 + (x - middle) ** 2 <= 16 for middle in (4, 16)]
    neck = (abs(z - 4) <= 1) & (abs(y - 4) <= 1) & (x > 4) & (x < 16)
    return balls[0] | balls[1] | neck, balls


def test_the_shape_alone_divides_a_dumbbell_at_its_neck():
    mask, balls = dumbbell()
    faces = faces_from_shape(mask, (1.0, 1.0, 1.0))
    parts = flooded(mask, faces, np.array([[4, 4, 4], [4, 4, 16]]), np.array([0, 1]))
    assert (parts[balls[0]] == 1).all()
    assert (parts[balls[1]] == 2).all()
    assert not parts[~mask].any()


def test_a_dark_sheet_in_the_image_divides():
    image = np.full((6, 12, 12), 200, np.uint8)
    image[:, :, 3:5] = 20
    faces = faces_from_image(image, np.ones(image.shape, bool))
    parts = flooded(
        np.ones(image.shape, bool), faces, np.array([[3, 6, 0], [3, 6, 11]]), np.array([0, 1])
    )
    assert (parts[:, :, :3] == 1).all()
    assert (parts[:, :, 5:] == 2).all()


def test_affinities_of_any_type_become_bytes():
    floats = np.linspace(0, 1, 4 * 8).reshape(4, 2, 2, 2).astype(np.float32)
    faces = faces_from_affinities(floats)
    assert faces.shape == (3, 2, 2, 2)
    assert faces.dtype == np.uint8
    assert np.abs(faces / 255 - floats[:3]).max() < 0.003


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(2, 6), flat=st.booleans())
def test_pieces_cover_the_supervoxel_and_none_has_seeds_of_two_sides(seed, count, flat):
    rng = np.random.default_rng(seed)
    mask = rng.random((5, 6, 7)) < 0.8
    faces = rng.integers(0, 1 if flat else 256, (3, *mask.shape)).astype(np.uint8)
    voxels = rng.permutation(np.argwhere(mask))[:count]
    sides = rng.integers(0, 3, len(voxels))
    pieces = pieces_of(mask, faces, voxels, sides)
    assert ((pieces > 0) == mask).all()
    assert np.array_equal(np.unique(pieces[mask]), np.arange(1, pieces.max() + 1))
    for piece in np.unique(pieces[tuple(voxels.T)]):
        assert len(set(sides[pieces[tuple(voxels.T)] == piece])) == 1


@pytest.mark.parametrize("flat", [True, False])
def test_flooding_keeps_every_seed(flat):
    rng = np.random.default_rng(1)
    mask = np.ones((4, 5, 6), bool)
    faces = rng.integers(0, 1 if flat else 256, (3, *mask.shape)).astype(np.uint8)
    voxels = rng.permutation(np.argwhere(mask))[:10]
    parts = flooded(mask, faces, voxels, np.arange(10))
    assert parts[tuple(voxels.T)].tolist() == list(range(1, 11))
    assert parts.min() >= 1
