"""Supervoxels from a watershed on the distance to the predicted boundaries.

Funke et al. 2018 (arXiv 1709.02974): threshold the mean affinity, take the Euclidean distance transform, use its maxima
as seeds and flood. The flooding is exact without a priority queue over voxels: steepest-ascent basins of the height
(`basins`), then a maximum spanning forest over the passes between them, in which every basin without a seed joins the
seed it reaches over the highest pass (Cousty et al. 2009, "Watershed cuts: minimum spanning forests"). Passes of equal
height are taken in the order of their first highest face, so nothing hangs on a grid of blocks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.algorithms.arrays import nearest_affinities, voxel_mask
from segmend.core.algorithms.basin_pieces import Part, basin_pieces
from segmend.core.algorithms.basins import INSIDE
from segmend.core.algorithms.block_rest import Rest, rest_of
from segmend.core.algorithms.limited_distance import LARGEST_LIMIT, limited_distance
from segmend.core.errors import InputError
from segmend.core.geometry import Box, Zyx

Array = NDArray[Any]

FARTHEST = 32
"""Voxels; distances to the boundary beyond it count the same by default."""


def seeded_fragments(
    affinities: Array,
    *,
    boundary_threshold: float = 0.5,
    filter_size: int = 9,
    per_section: bool = False,
    farthest: int = FARTHEST,
    mask: Array | None = None,
) -> NDArray[np.uint32]:
    """Cut a volume into supervoxels around the maxima of the distance to boundaries.

    Parameters
    ----------
    affinities : (c, z, y, x) uint8 or float32 array
    boundary_threshold : float
        Voxels with a mean affinity at or below this are boundary.
    filter_size : int
        A maximum is a seed if nothing is higher in the cube of this edge around it; odd. Larger gives fewer fragments.
    per_section : bool
        Work within each section: for volumes whose z step is several times the pixel size.
    farthest : int
        Distances beyond this many voxels count the same: what a voxel belongs to hangs on its surroundings alone.
    mask : (z, y, x) bool array, optional
        Voxels outside become background; they count as boundary.

    Returns
    -------
    (z, y, x) uint32
        Every voxel of the mask has a fragment 1..n: boundaries are flooded after the insides, in order of falling
        affinity. Without a mask there is no 0.

    Raises
    ------
    InputError
        If the affinities, the mask or a setting do not fit.
    """
    z, y, x = affinities.shape[1:] if affinities.ndim == 4 else (0, 0, 0)
    whole = Box.of_shape((z, y, x))
    return fragments_rest(
        affinities,
        Part(whole, whole, (z, y, x)),
        boundary_threshold=boundary_threshold,
        filter_size=filter_size,
        per_section=per_section,
        farthest=farthest,
        mask=mask,
    ).labels


def fragments_margin(
    filter_size: int, farthest: int, context: int, *, per_section: bool = False
) -> Zyx:
    """Return how many voxels around a block `fragments_rest` needs."""
    margin = farthest + _ways_margin(filter_size, context)
    return 0 if per_section else margin, margin, margin


def _ways_margin(filter_size: int, context: int) -> int:
    return context + 1 + filter_size // 2


def fragments_rest(
    affinities: Array,
    part: Part,
    *,
    boundary_threshold: float = 0.5,
    filter_size: int = 9,
    per_section: bool = False,
    farthest: int = FARTHEST,
    context: int = 0,
    mask: Array | None = None,
) -> Rest:
    """Do what is certain inside a block; `segmend.core.algorithms.block_joining` does the rest.

    Blocks joined give what `seeded_fragments` gives for the whole, if no plateau is farther from its way out than the
    context. (Plateaus above `farthest` have none.)

    Parameters
    ----------
    affinities : (c, z, y, x) uint8 or float32 array
        Over ``part.box``.
    part : Part
        The block with `fragments_margin` around it.
    boundary_threshold, filter_size, per_section, farthest
        As in `seeded_fragments`.
    context : int
        As given to `fragments_margin`.
    mask : (z, y, x) bool array, optional
        Over ``part.box``.

    Raises
    ------
    InputError
        As `seeded_fragments`.
    """
    values, scale = nearest_affinities(affinities)
    odd = filter_size > 0 and filter_size % 2 == 1
    if not (odd and 1 <= farthest <= LARGEST_LIMIT and 0 <= boundary_threshold <= 1):
        raise InputError(
            f"fragments with filter size {filter_size}, boundary threshold {boundary_threshold} and distances up to "
            f"{farthest}: expected an odd positive size, a threshold in 0..1 and a distance of 1 to {LARGEST_LIMIT}"
        )
    inside = voxel_mask(mask, values.shape[1:])
    margin = _ways_margin(filter_size, context)
    near = Part.around(part.core, (0 if per_section else margin, margin, margin), part.shape_zyx)
    cut = part.within(near.box)
    height = _height(values, scale, boundary_threshold, farthest, per_section, inside, cut)
    if inside.size:
        inside = np.ascontiguousarray(inside[cut])
    reach = filter_size // 2
    seeds = _seed_voxels(height, 0 if per_section else reach, reach)
    pieces = basin_pieces(_uphill(height, seeds, per_section, inside), near)
    seeded = np.zeros(pieces.total + 1, dtype=np.int64)
    seeded[pieces.labels[seeds[near.inside]]] = 1
    return rest_of(pieces, seeded, height, near, threshold=1, flat=per_section)


def _height(
    values: Array,
    scale: float,
    threshold: float,
    farthest: int,
    per_section: bool,
    inside: Array,
    cut: tuple[slice, slice, slice],
) -> NDArray[np.float32]:
    """Return the distance to the boundary (at least 1) inside, and mean affinity - 1 (at most 0) on it, of a part."""
    channels = values[1:] if per_section else values
    mean = channels.mean(axis=0, dtype=np.float32)
    mean /= np.float32(scale)
    open_voxels = mean > threshold
    if inside.size:
        open_voxels &= inside
    height = np.subtract(mean[cut], np.float32(1), order="C")
    del mean
    distance = limited_distance(open_voxels, farthest, flat=per_section, part=cut)
    np.copyto(height, distance, where=open_voxels[cut])
    return height


@njit(cache=True, nogil=True)
def _uphill(height: Array, seeds: Array, per_section: bool, inside: Array) -> Array:
    """Return the byte of each voxel for `basins`: its highest neighbours, where they are not lower.

    From a seed the only ways lead to seed voxels beside it, so its basin ends there, even on a longer plateau.
    """
    nz, ny, nx = height.shape
    ways = np.empty(nz * ny * nx, np.uint8)
    masked = inside.size > 0
    low = np.float32(-np.inf)
    i = 0
    for z in range(nz):
        for y in range(ny):
            for x in range(nx):
                if masked and not inside[z, y, x]:
                    ways[i] = 0
                    i += 1
                    continue
                h0 = height[z - 1, y, x] if z > 0 and not per_section else low
                h1 = height[z, y - 1, x] if y > 0 else low
                h2 = height[z, y, x - 1] if x > 0 else low
                h3 = height[z + 1, y, x] if z + 1 < nz and not per_section else low
                h4 = height[z, y + 1, x] if y + 1 < ny else low
                h5 = height[z, y, x + 1] if x + 1 < nx else low
                if masked:
                    h0 = h0 if z > 0 and inside[z - 1, y, x] else low
                    h1 = h1 if y > 0 and inside[z, y - 1, x] else low
                    h2 = h2 if x > 0 and inside[z, y, x - 1] else low
                    h3 = h3 if z + 1 < nz and inside[z + 1, y, x] else low
                    h4 = h4 if y + 1 < ny and inside[z, y + 1, x] else low
                    h5 = h5 if x + 1 < nx and inside[z, y, x + 1] else low
                top = max(max(max(h0, h1), max(h2, h3)), max(h4, h5))
                way: Any = INSIDE
                if seeds[z, y, x]:
                    way |= (z > 0 and not per_section and seeds[z - 1, y, x]) << 0
                    way |= (y > 0 and seeds[z, y - 1, x]) << 1
                    way |= (x > 0 and seeds[z, y, x - 1]) << 2
                    way |= (z + 1 < nz and not per_section and seeds[z + 1, y, x]) << 3
                    way |= (y + 1 < ny and seeds[z, y + 1, x]) << 4
                    way |= (x + 1 < nx and seeds[z, y, x + 1]) << 5
                elif top >= height[z, y, x]:
                    way |= (h0 == top) << 0
                    way |= (h1 == top) << 1
                    way |= (h2 == top) << 2
                    way |= (h3 == top) << 3
                    way |= (h4 == top) << 4
                    way |= (h5 == top) << 5
                ways[i] = way
                i += 1
    return ways


@njit(cache=True, nogil=True)
def _seed_voxels(height: Array, reach_z: int, reach: int) -> Array:
    """Mark voxels off the boundary that are the maximum of the cube around them; equal maxima all count."""
    seeds = np.zeros(height.shape, np.bool_)
    nz, ny, nx = height.shape
    for z in range(nz):
        for y in range(ny):
            for x in range(nx):
                h = height[z, y, x]
                if h <= 0 or (x > 0 and reach and height[z, y, x - 1] > h):
                    continue
                if x + 1 < nx and reach and height[z, y, x + 1] > h:
                    continue
                seeds[z, y, x] = not _higher_nearby(height, z, y, x, reach_z, reach)
    return seeds


@njit(cache=True, nogil=True)
def _higher_nearby(height: Array, z: int, y: int, x: int, reach_z: int, reach: int) -> bool:
    nz, ny, nx = height.shape
    h = height[z, y, x]
    for k in range(max(0, z - reach_z), min(nz, z + reach_z + 1)):
        for j in range(max(0, y - reach), min(ny, y + reach + 1)):
            for i in range(max(0, x - reach), min(nx, x + reach + 1)):
                if height[k, j, i] > h:
                    return True
    return False
