"""Supervoxels from a watershed on the distance to the predicted boundaries.

Funke et al. 2018 (arXiv 1709.02974): threshold the mean affinity, take the Euclidean distance transform, use its maxima
as seeds and flood. The flooding is exact without a priority queue over voxels: steepest-ascent basins of the height
(`basins`), then a maximum spanning forest over the passes between them, in which every basin without a seed joins the
seed it reaches over the highest pass (Cousty et al. 2009, "Watershed cuts: minimum spanning forests").
"""

from __future__ import annotations

from typing import Any

import edt
import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.algorithms.arrays import nearest_affinities, voxel_mask
from segmend.core.algorithms.basins import INSIDE, basins, find_root
from segmend.core.algorithms.region_graph import strongest_contacts
from segmend.core.errors import InputError

Array = NDArray[Any]


def seeded_fragments(
    affinities: Array,
    *,
    boundary_threshold: float = 0.5,
    filter_size: int = 9,
    per_section: bool = False,
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
    mask : (z, y, x) bool array, optional
        Voxels outside become background.

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
    values, scale = nearest_affinities(affinities)
    if filter_size < 1 or filter_size % 2 == 0 or not 0 <= boundary_threshold <= 1:
        raise InputError(
            f"fragments with filter size {filter_size} and boundary threshold {boundary_threshold}: "
            "expected an odd positive size and a threshold in 0..1"
        )
    shape = values.shape[1:]
    inside = voxel_mask(mask, shape)
    height = _height(values, scale, boundary_threshold, per_section, inside)
    reach = filter_size // 2
    seeds = _seed_voxels(height, 0 if per_section else reach, reach)
    labels, count = basins(_uphill(height, seeds, per_section, inside), shape)
    seeded = np.zeros(count + 1, dtype=np.bool_)
    seeded[labels[seeds]] = True
    pairs, passes = strongest_contacts(labels, _flat_faces(height, per_section))
    order = np.argsort(-passes, kind="stable")
    return _grown(labels, pairs[order], passes[order], seeded)


def _height(
    values: Array, scale: float, threshold: float, per_section: bool, inside: Array
) -> NDArray[np.float32]:
    """Return the distance to the boundary (at least 1) inside, and mean affinity - 1 (at most 0) on it."""
    channels = values[1:] if per_section else values
    mean = channels.mean(axis=0, dtype=np.float32) / np.float32(scale)
    open_voxels = mean > threshold
    if inside.size:
        open_voxels &= inside
    distance = _distance(open_voxels, per_section)
    largest = float(sum(values.shape))
    np.minimum(distance, largest, out=distance)  # infinite where a volume has no boundary at all
    return np.where(open_voxels, distance, mean - 1).astype(np.float32)


def _distance(open_voxels: Array, per_section: bool) -> Array:
    if per_section:
        return np.stack([edt.edt(section) for section in open_voxels])
    return edt.edt(open_voxels)


def _flat_faces(height: Array, per_section: bool) -> Array:
    if not per_section:
        return height
    faces = np.full((3, *height.shape), -np.inf, dtype=np.float32)
    np.minimum(height[:, 1:], height[:, :-1], out=faces[1, :, 1:])
    np.minimum(height[:, :, 1:], height[:, :, :-1], out=faces[2, :, :, 1:])
    return faces


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


@njit(cache=True, nogil=True)
def _grown(labels: Array, pairs: Array, passes: Array, seeded: Array) -> Array:
    """Join basins over falling passes, never two that hold a seed; what no seed reaches stays by itself."""
    parent = np.arange(len(seeded)).astype(np.uint32)
    for k in range(len(pairs)):
        if passes[k] == -np.inf:
            break
        a = find_root(parent, np.int64(pairs[k, 0]))
        b = find_root(parent, np.int64(pairs[k, 1]))
        if a == b or (seeded[a] and seeded[b]):
            continue
        low, high = min(a, b), max(a, b)
        parent[high] = low
        seeded[low] = seeded[low] or seeded[high]
    count = 0
    for i in range(1, len(parent)):
        if parent[i] == i:
            count += 1
            parent[i] = count
        else:
            parent[i] = parent[parent[i]]
    out = np.empty_like(labels)
    nz, ny, nx = labels.shape
    for z in range(nz):
        for y in range(ny):
            for x in range(nx):
                out[z, y, x] = parent[labels[z, y, x]]
    return out
