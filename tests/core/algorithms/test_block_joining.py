"""Blocks joined are the whole, whatever the grid."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from segmend.core.algorithms.basin_pieces import Part
from segmend.core.algorithms.block_joining import BlockJoining
from segmend.core.algorithms.fragments import fragments_margin, fragments_rest, seeded_fragments
from segmend.core.algorithms.watershed import watershed, watershed_margin, watershed_rest
from segmend.core.geometry import Box


def volume(seed, shape, levels, blur):
    """Quantised uint8 affinities with many ties."""
    rng = np.random.default_rng(seed)
    values = rng.random((3, *shape))
    if blur:
        values = ndimage.gaussian_filter(values, (0, 1, 1, 1))
        values = (values - values.min()) / max(np.ptp(values), 1e-9)
    return np.round(np.floor(values * levels) / levels * 255).astype(np.uint8)


def blockwise(affinities, mask, block, margin, rest_of_block, *, dust=0, **joining):
    """Do in memory what the stage does with files."""
    shape = affinities.shape[1:]
    boxes = list(Box.of_shape(shape).blocks(block))
    rests = []
    for box in boxes:
        part = Part.around(box, margin, shape)
        inside = None if mask is None else mask[part.box.slices]
        rests.append(rest_of_block(affinities[(slice(None), *part.box.slices)], part, mask=inside))
    join = BlockJoining([len(rest.size) - 1 for rest in rests], shape, **joining)
    for index, rest in enumerate(rests):
        join.add(index, rest)
    at = {box.start_zyx: index for index, box in enumerate(boxes)}
    for upper, axis in product(range(len(boxes)), range(3)):
        start = list(boxes[upper].start_zyx)
        start[axis] -= block[axis]
        lower = at.get(tuple(start))
        if lower is not None and axis in rests[upper].sides:
            sides = rests[lower].sides[axis + 3], rests[upper].sides[axis]
            join.meet((lower, upper), sides, axis, boxes[upper].start_zyx)
    tables, count = join.solve(dust)
    out = np.zeros(shape, np.uint32)
    for box, rest, table in zip(boxes, rests, tables, strict=True):
        out[box.slices] = table[rest.labels]
    assert out.max(initial=0) == count
    return out


def fragments_in_blocks(affinities, mask, block, context=40, **chosen):
    per_section = chosen.get("per_section", False)
    margin = fragments_margin(
        chosen["filter_size"], chosen["farthest"], context, per_section=per_section
    )
    return blockwise(
        affinities, mask, block, margin,
        lambda values, part, mask: fragments_rest(values, part, context=context, mask=mask, **chosen),
        threshold=1,
    )  # fmt: skip


def watershed_in_blocks(affinities, mask, block, dust, context=40, **chosen):
    scale = 255 if affinities.dtype == np.uint8 else 1
    return blockwise(
        affinities, mask, block, watershed_margin(context),
        lambda values, part, mask: watershed_rest(values, part, mask=mask, **chosen),
        threshold=chosen["size_threshold"], floor=chosen["link_affinity"] * scale, dust=dust,
    )  # fmt: skip


SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 12), st.integers(1, 12))
BLOCKS = st.tuples(st.integers(1, 5), st.integers(2, 7), st.integers(2, 7))
VOLUMES = st.tuples(st.integers(0, 2**32 - 1), SHAPES, st.integers(1, 12), st.booleans())
MASKED = st.sampled_from([0.0, 0.0, 0.05, 0.4])


def some_mask(seed, shape, share):
    return np.random.default_rng(seed + 1).random(shape) >= share if share else None


@settings(deadline=None, max_examples=60)
@given(
    given=VOLUMES,
    block=BLOCKS,
    filter_size=st.sampled_from([1, 3, 5]),
    farthest=st.sampled_from([1, 2, 5]),
    per_section=st.booleans(),
    threshold=st.sampled_from([0.3, 0.5, 0.6]),
    masked=MASKED,
)
def test_fragments_in_blocks_are_those_of_the_whole(
    given, block, filter_size, farthest, per_section, threshold, masked
):
    affinities = volume(*given)
    mask = some_mask(given[0], given[1], masked)
    chosen = {
        "boundary_threshold": threshold,
        "filter_size": filter_size,
        "farthest": farthest,
        "per_section": per_section,
    }
    whole = seeded_fragments(affinities, mask=mask, **chosen)
    assert (fragments_in_blocks(affinities, mask, block, **chosen) == whole).all()


@settings(deadline=None, max_examples=60)
@given(
    given=VOLUMES,
    block=BLOCKS,
    low=st.sampled_from([0.0001, 0.3]),
    high=st.sampled_from([0.7, 0.9999]),
    size=st.sampled_from([0, 1, 2, 5, 20, 10_000]),
    link=st.sampled_from([0.0, 0.4, 0.7]),
    dust=st.sampled_from([0, 3, 10]),
    masked=MASKED,
)
def test_watershed_in_blocks_is_that_of_the_whole(
    given, block, low, high, size, link, dust, masked
):
    affinities = volume(*given)
    mask = some_mask(given[0], given[1], masked)
    chosen = {"low": low, "high": high, "size_threshold": size, "link_affinity": link}
    whole = watershed(affinities, dust_threshold=dust, mask=mask, **chosen)
    assert (watershed_in_blocks(affinities, mask, block, dust, **chosen) == whole).all()


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=SHAPES,
    block=BLOCKS,
    filter_size=st.sampled_from([1, 3]),
    size=st.sampled_from([0, 5, 20]),
)
def test_without_plateaus_one_voxel_of_context_is_enough(seed, shape, block, filter_size, size):
    affinities = np.random.default_rng(seed).random((3, *shape), np.float32)
    chosen = {"filter_size": filter_size, "farthest": 1}
    found = fragments_in_blocks(affinities, None, block, context=1, **chosen)
    assert (found == seeded_fragments(affinities, **chosen)).all()
    chosen = {"high": 1.0, "size_threshold": size, "link_affinity": 0.0}
    found = watershed_in_blocks(affinities, None, block, 3, context=1, **chosen)
    assert (found == watershed(affinities, dust_threshold=3, **chosen)).all()


@pytest.mark.parametrize("width", [3, 5, 8])
def test_a_plateau_beyond_the_context_goes_to_one_of_its_basins(width):
    affinities = np.zeros((3, 1, 1, 40), np.uint8)
    affinities[2, 0, 0, 1:] = [250, *[100] * 37, 250]
    chosen = {"size_threshold": 0, "link_affinity": 0.5}
    whole = watershed(affinities).ravel()
    found = watershed_in_blocks(affinities, None, (1, 1, width), 0, context=2, **chosen).ravel()
    assert whole.max() == found.max() == 2
    assert np.flatnonzero(np.diff(found.astype(int))).size == 1
    assert found[[0, -1]].tolist() == whole[[0, -1]].tolist() == [1, 2]


@pytest.mark.parametrize("value", [0, 128, 255])
def test_constant_affinities_are_one_supervoxel_or_none_on_every_grid(value):
    affinities = np.full((3, 6, 9, 12), value, np.uint8)
    chosen = {"size_threshold": 20, "link_affinity": 0.5}
    found = watershed_in_blocks(affinities, None, (3, 4, 5), 5, context=2, **chosen)
    assert (found == (value > 0)).all()
    chosen = {"filter_size": 3, "farthest": 2}
    found = fragments_in_blocks(affinities, None, (3, 4, 5), context=2, **chosen)
    assert (found == 1).all()


def test_nothing_in_the_mask_is_nothing_found():
    affinities = np.full((3, 4, 4, 4), 200, np.uint8)
    mask = np.zeros((4, 4, 4), bool)
    chosen = {"filter_size": 3, "farthest": 2}
    assert not fragments_in_blocks(affinities, mask, (2, 2, 2), **chosen).any()
    chosen = {"size_threshold": 20, "link_affinity": 0.5}
    assert not watershed_in_blocks(affinities, mask, (2, 2, 2), 5, **chosen).any()


def test_a_face_exactly_at_the_link_affinity_counts_the_same_inside_and_between_blocks():
    """0.35 is no number of 32 bits: both sides must round it the same way."""
    affinities = np.full((3, 1, 2, 8), 0.9, np.float32)
    affinities[1] = 0
    affinities[2, 0, :, 4] = np.float32(0.35)
    chosen = {"low": 0.01, "high": 1.0, "size_threshold": 50, "link_affinity": 0.35}
    whole = watershed(affinities, dust_threshold=0, **chosen)
    blocks = watershed_in_blocks(affinities, None, (1, 2, 4), 0, **chosen)
    assert np.array_equal(blocks, whole)
    assert whole.max() == 2
