import numpy as np
import pytest
from scipy import ndimage

from segmend.core.algorithms.affinities import affinities_from_labels
from segmend.core.algorithms.basin_pieces import Part
from segmend.core.algorithms.mutex_blocks import agreeing, mutex_block, mutex_part
from segmend.core.algorithms.mutex_watershed import mutex_watershed
from segmend.core.geometry import Box

OFFSETS = ((-1, 0, 0), (0, -1, 0), (0, 0, -1), (0, -3, 0), (0, 0, -3))
STRIDES = [(1, 1, 1)] * 3 + [(2, 2, 2)] * 2


def cells(shape, count, seed=0):
    """Labels of Voronoi cells."""
    seeds = np.zeros(shape, int)
    places = np.random.default_rng(seed).integers(0, shape, (count, 3))
    seeds[tuple(places.T)] = np.arange(1, count + 1)
    nearest = ndimage.distance_transform_edt(
        seeds == 0, return_distances=False, return_indices=True
    )
    return seeds[tuple(nearest)]


def test_a_block_is_cut_with_its_context_where_strides_begin():
    part = mutex_part(Box((5, 8, 9), (10, 16, 18)), 2, STRIDES, (12, 16, 20))
    assert part.box == Box((2, 6, 6), (12, 16, 20))
    affinities = np.random.default_rng(1).random((5, 12, 16, 20), np.float32)
    inside = affinities[(slice(None), *part.box.slices)]
    wide = mutex_watershed(inside, OFFSETS, strides=STRIDES)[part.inside]
    found = mutex_block(inside, OFFSETS, part, 2, strides=STRIDES)
    same = np.unique(np.stack([wide.ravel(), found.rest.labels.ravel()]), axis=1)
    assert len(same[0]) == len(np.unique(same[0])) == len(np.unique(same[1]))
    assert found.rest.size.tolist() == np.bincount(found.rest.labels.ravel()).tolist()
    assert sorted(found.overlaps) == [0, 1, 2, 3, 5]
    assert found.overlaps[0].shape == (2, 8, 9)


def test_dust_goes_at_once_where_no_neighbour_can_know_of_it():
    labels = np.ones((1, 1, 40), int)
    labels[..., 10:12], labels[..., 20:] = 2, 3
    labels[..., 37:39] = 4
    affinities = affinities_from_labels(labels).astype(np.float32)
    part = Part(Box((0, 0, 0), (1, 1, 40)), Box((0, 0, 0), (1, 1, 38)), (1, 1, 40))
    found = mutex_block(affinities, OFFSETS[:3], part, 2, dust=3).rest
    assert found.size.tolist() == [0, 10, 8, 17, 1]
    assert (found.labels[..., 10:12] == 0).all()


def test_regions_agree_that_share_most_voxels_with_each_other():
    lower = np.array([[[1, 1, 1, 1, 2, 2, 3, 3, 0, 7, 7, 7, 7, 7, 0, 0, 0]]], np.uint32)
    upper = np.array([[[5, 5, 5, 5, 5, 6, 6, 6, 6, 0, 0, 0, 8, 8, 8, 8, 8]]], np.uint32)
    assert agreeing(lower, upper).tolist() == [[1, 5], [3, 6]]
    assert agreeing(lower, np.zeros_like(upper)).shape == (0, 2)


@pytest.mark.parametrize("seed", [0, 1])
def test_cells_known_exactly_agree_across_a_side(seed):
    labels = cells((12, 20, 24), 12, seed)
    affinities = affinities_from_labels(labels, OFFSETS).astype(np.float32)
    boxes = Box((0, 0, 0), (12, 20, 12)), Box((0, 0, 12), (12, 20, 24))
    blocks = []
    for box in boxes:
        part = mutex_part(box, 4, STRIDES, labels.shape)
        inside = affinities[(slice(None), *part.box.slices)]
        blocks.append(mutex_block(inside, OFFSETS, part, 4, strides=STRIDES))
    pairs = agreeing(blocks[0].overlaps[5], blocks[1].overlaps[2])
    for a, b in pairs:
        ids = [
            np.unique(labels[box.slices][block.rest.labels == i])
            for box, block, i in zip(boxes, blocks, (a, b), strict=True)
        ]
        assert ids[0].tolist() == ids[1].tolist()
    touching = labels[..., 11] == labels[..., 12]
    first = blocks[0].rest.labels[..., -1][touching]
    second = blocks[1].rest.labels[..., 0][touching]
    joined = set(map(tuple, pairs.tolist()))
    agree = [pair in joined for pair in zip(first.tolist(), second.tolist(), strict=True)]
    assert np.mean(agree) > 0.95
