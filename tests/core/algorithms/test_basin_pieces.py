import numpy as np
import pytest

from segmend.core.algorithms.basin_pieces import CLIMBS, LEVEL, Part, basin_pieces
from segmend.core.algorithms.basins import basins
from segmend.core.algorithms.steepest import steepest_ways
from segmend.core.geometry import Box


def ways_of(*affinities):
    """Ways along a line of voxels, and its shape."""
    values = np.zeros((3, 1, 1, len(affinities) + 1), np.float32)
    values[2, 0, 0, 1:] = affinities
    return steepest_ways(values, 0.1, 1.0, np.empty((0, 0, 0), np.bool_)), values.shape[1:]


def part_of(start, stop, length):
    """A block of a line that is read as a whole."""
    return Part(Box((0, 0, 0), (1, 1, length)), Box((0, 0, start), (1, 1, stop)), (1, 1, length))


def test_a_part_is_clipped_to_the_volume_and_open_where_that_goes_on():
    part = Part.around(Box((0, 4, 8), (3, 8, 12)), (2, 2, 2), (3, 9, 30))
    assert part.box == Box((0, 2, 6), (3, 9, 14))
    assert part.inside == (slice(0, 3), slice(2, 6), slice(2, 6))
    assert part.open_directions == [1, 2, 4, 5]


def test_a_voxel_that_climbs_out_is_a_piece_of_its_own():
    ways, shape = ways_of(0.9, 0.5, 0.6, 0.7, 0.8)
    pieces = basin_pieces(ways, part_of(0, 4, shape[2]))
    assert pieces.labels.ravel().tolist() == [1, 1, 2, 2]
    assert {d: plane.tolist() for d, plane in pieces.crossings.items()} == {5: [[CLIMBS]]}
    other = basin_pieces(ways, part_of(4, 6, shape[2]))
    assert other.labels.ravel().tolist() == [1, 1]
    assert other.crossings[2].tolist() == [[0]]


def test_a_summit_that_goes_on_is_level_from_both_sides():
    ways, shape = ways_of(0.5, 0.9, 0.9, 0.9, 0.5)
    below, above = (basin_pieces(ways, part_of(*ends, shape[2])) for ends in ((0, 3), (3, 6)))
    assert below.crossings[5].tolist() == above.crossings[2].tolist() == [[LEVEL]]
    assert below.total == above.total == 1


@pytest.mark.parametrize("seed", range(5))
def test_the_whole_as_one_block_has_the_basins_of_the_whole(seed):
    values = np.random.default_rng(seed).integers(0, 6, (3, 4, 5, 6)).astype(np.uint8)
    ways = steepest_ways(values, 1, 5, np.empty((0, 0, 0), np.bool_))
    whole = Box.of_shape((4, 5, 6))
    pieces = basin_pieces(ways, Part(whole, whole, (4, 5, 6)))
    labels, count = basins(ways, (4, 5, 6))
    assert np.array_equal(pieces.labels, labels)
    assert (pieces.total, pieces.crossings) == (count, {})


def test_voxels_that_climb_to_one_place_beyond_are_one_piece():
    values = np.zeros((3, 1, 3, 8), np.float32)
    values[2, 0, :, 1:5] = [0.3, 0.4, 0.5, 0.6]  # three lines that climb along x ...
    values[1, 0, 1:, 4] = [0.7, 0.8]  # ... to voxels that climb along y, to one summit
    ways = steepest_ways(values, 0.1, 1.0, np.empty((0, 0, 0), np.bool_))
    part = Part(Box((0, 0, 0), (1, 3, 8)), Box((0, 0, 0), (1, 3, 4)), (1, 3, 8))
    pieces = basin_pieces(ways, part)
    assert pieces.total == 1
    assert pieces.crossings[5].tolist() == [[CLIMBS] * 3]
