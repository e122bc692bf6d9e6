import numpy as np

from segmend.core.algorithms.basin_pieces import Part, Pieces
from segmend.core.algorithms.block_rest import region_extents, rest_of
from segmend.core.geometry import Box

PART = Part(Box((0, 0, 1), (1, 2, 8)), Box((0, 0, 2), (1, 2, 8)), (1, 2, 10))
LABELS = np.array([[[1, 1, 2, 2, 3, 3], [1, 1, 2, 2, 3, 3]]], np.uint32)
CROSSINGS = {2: np.zeros((1, 2), np.uint8), 5: np.ones((1, 2), np.uint8)}


def faces(**columns):
    """Affinities 0.1, but those at the given columns along x of the whole line."""
    values = np.full((3, 1, 2, 7), 0.1, np.float32)
    for name, value in columns.items():
        values[2, :, :, int(name[1:]) - 1] = value
    return values


def test_extents_count_in_the_whole_volume():
    size, first = region_extents(LABELS, 3, PART)
    assert size.tolist() == [0, 4, 4, 4]
    assert first.tolist() == [0, 2, 4, 6]


def test_what_is_inside_joins_and_the_rest_is_told_with_faces_of_the_whole():
    rest = rest_of(
        Pieces(LABELS, 3, CROSSINGS), None, faces(x4=0.8, x6=0.7, x2=0.3), PART, threshold=9
    )
    assert rest.labels.max() == 3
    assert rest.passes.pairs.tolist() == [[1, 2], [2, 3]]
    assert rest.passes.face.tolist() == [3 * 4 + 2, 3 * 6 + 2]
    assert sorted(rest.sides) == [2, 5]
    assert rest.sides[2].labels.tolist() == [[1, 1]]
    assert np.allclose(rest.sides[2].strength, 0.3)
    assert rest.sides[5].crossing.tolist() == [[1, 1]]
    assert rest.sides[5].strength.size == 0


def test_a_weak_region_inside_joins_a_strong_one():
    seeds, values = np.array([0, 5, 0, 5]), faces(x4=0.3, x6=0.7)
    rest = rest_of(Pieces(LABELS, 3, CROSSINGS), seeds, values, PART, threshold=1)
    assert rest.labels[0, 0].tolist() == [1, 1, 2, 2, 2, 2]
    assert rest.size.tolist() == [0, 4, 8]
    assert rest.first.tolist() == [0, 2, 4]
    assert rest.weight.tolist() == [0, 5, 5]
    assert len(rest.passes.face) == 0


def test_contacts_below_the_floor_do_not_join():
    rest = rest_of(Pieces(LABELS, 3, CROSSINGS), None, faces(), PART, threshold=99, floor=0.5)
    assert rest.labels.max() == 3
    assert len(rest.passes.face) == 0
