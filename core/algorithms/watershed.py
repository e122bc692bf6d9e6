"""Watershed on affinities by steepest ascent, with size-dependent single linkage.

Zlateski & Seung 2015, "Image segmentation by size-dependent single linkage clustering of a watershed basin graph"
(arXiv 1505.00249): edges below `low` are removed (their T_min), edges from `high` on count as equally steep (T_max),
every voxel climbs its steepest edges, and basins are merged across their strongest edge while one of the two is small.
Contacts of equal strength are taken in the order of their first strongest face, so nothing hangs on a grid of blocks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.algorithms.arrays import nearest_affinities, voxel_mask
from segmend.core.algorithms.basin_pieces import Part, basin_pieces
from segmend.core.algorithms.basins import basins
from segmend.core.algorithms.block_rest import Rest, rest_of
from segmend.core.algorithms.steepest import steepest_ways
from segmend.core.errors import InputError
from segmend.core.geometry import Box, Zyx

Array = NDArray[Any]


def watershed(
    affinities: Array,
    *,
    low: float = 0.0001,
    high: float = 0.9999,
    size_threshold: int = 0,
    link_affinity: float = 0.5,
    dust_threshold: int = 0,
    mask: Array | None = None,
) -> NDArray[np.uint32]:
    """Cut a volume into supervoxels.

    The rule for plateaus is that of `segmend.core.algorithms.basins`: a plateau with ways out is divided by the number
    of steps to them, one without is one supervoxel, equal slopes go to the first of -z, -y, -x, +z, +y, +x.

    Parameters
    ----------
    affinities : (c, z, y, x) uint8 or float32 array
    low, high : float
        T_low and T_high, 0..1. A voxel all of whose affinities are below `low` becomes background.
    size_threshold : int
        Merge two touching supervoxels while one of them has fewer voxels than this (0: never), strongest contact
        first; the strength of a contact is its largest affinity.
    link_affinity : float
        Merge by size only across contacts at least this strong.
    dust_threshold : int
        What is still smaller than this afterwards becomes background (0: nothing).
    mask : (z, y, x) bool array, optional
        Voxels outside become background and are not crossed.

    Returns
    -------
    (z, y, x) uint32
        0 background, 1..n dense, in raster order of the first voxel.

    Raises
    ------
    InputError
        If the affinities or the mask do not fit, or `low` is above `high`.
    """
    values, scale = nearest_affinities(affinities)
    if size_threshold <= 1 and dust_threshold <= 1:
        return basins(_ways(values, scale, low, high, mask), values.shape[1:])[0]
    z, y, x = values.shape[1:]
    whole = Box.of_shape((z, y, x))
    rest = watershed_rest(
        values,
        Part(whole, whole, (z, y, x)),
        low=low,
        high=high,
        size_threshold=size_threshold,
        link_affinity=link_affinity,
        mask=mask,
    )
    return without_dust(rest.labels, dust_threshold, rest.size)


def watershed_margin(context: int) -> Zyx:
    """Return how many voxels around a block `watershed_rest` needs."""
    return context + 1, context + 1, context + 1


def watershed_rest(
    affinities: Array,
    part: Part,
    *,
    low: float = 0.0001,
    high: float = 0.9999,
    size_threshold: int = 0,
    link_affinity: float = 0.5,
    mask: Array | None = None,
) -> Rest:
    """Do what is certain inside a block; `segmend.core.algorithms.block_joining` does the rest.

    Blocks joined give what `watershed` gives for the whole, if no plateau is farther from its way out than the context.

    Parameters
    ----------
    affinities : (c, z, y, x) uint8 or float32 array
        Over ``part.box``.
    part : Part
        The block with `watershed_margin` around it.
    low, high, size_threshold, link_affinity
        As in `watershed`.
    mask : (z, y, x) bool array, optional
        Over ``part.box``.

    Raises
    ------
    InputError
        As `watershed`.
    """
    values, scale = nearest_affinities(affinities)
    pieces = basin_pieces(_ways(values, scale, low, high, mask), part)
    floor = link_affinity * scale
    return rest_of(pieces, None, values, part, threshold=size_threshold, floor=floor)


def _ways(values: Array, scale: float, low: float, high: float, mask: Array | None) -> Array:
    if not 0 <= low <= high <= 1:
        raise InputError(f"watershed thresholds {low} and {high}: expected 0 <= low <= high <= 1")
    ways: Array = steepest_ways(
        values, low * scale, high * scale, voxel_mask(mask, values.shape[1:])
    )
    return ways


def without_dust(labels: Array, dust: int, size: Array | None = None) -> NDArray[np.uint32]:
    """Make labels smaller than this many voxels background and number the rest densely, in the same order.

    Parameters
    ----------
    labels : (z, y, x) uint32, dense
    dust : int
    size : (n + 1,) integer array, optional
        Voxels of each label, where they are known.

    Returns
    -------
    (z, y, x) uint32
    """
    keep = (np.bincount(labels.ravel(), minlength=1) if size is None else size) >= dust
    keep[0] = False
    return np.where(keep, np.cumsum(keep), 0).astype(np.uint32)[labels]
