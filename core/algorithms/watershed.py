"""Watershed on affinities by steepest ascent, with size-dependent single linkage.

Zlateski & Seung 2015, "Image segmentation by size-dependent single linkage clustering of a watershed basin graph"
(arXiv 1505.00249): edges below `low` are removed (their T_min), edges from `high` on count as equally steep (T_max),
every voxel climbs its steepest edges, and basins are merged across their strongest edge while one of the two is small.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.algorithms.arrays import nearest_affinities, voxel_mask
from segmend.core.algorithms.basins import basins, find_root
from segmend.core.algorithms.region_graph import strongest_contacts
from segmend.core.algorithms.steepest import steepest_ways
from segmend.core.errors import InputError

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
    if not 0 <= low <= high <= 1:
        raise InputError(f"watershed thresholds {low} and {high}: expected 0 <= low <= high <= 1")
    shape = values.shape[1:]
    ways = steepest_ways(values, low * scale, high * scale, voxel_mask(mask, shape))
    labels, count = basins(ways, shape)
    if size_threshold <= 1 and dust_threshold <= 1:
        return labels
    size = np.bincount(labels.ravel(), minlength=count + 1)
    final = np.arange(count + 1, dtype=np.uint32)
    if size_threshold > 1:
        pairs, strength = strongest_contacts(labels, values)
        strong = np.flatnonzero(strength >= link_affinity * scale)
        order = strong[np.argsort(-strength[strong], kind="stable")]
        final = _link(pairs[order], size, size_threshold)
    return _without_dust(labels, final, size, dust_threshold)


@njit(cache=True, nogil=True)
def _link(pairs: Array, size: Array, threshold: int) -> Array:
    """Merge small basins along `pairs` in order; return the root of each and leave its size in `size`."""
    parent = np.arange(len(size)).astype(np.uint32)
    for k in range(len(pairs)):
        a = find_root(parent, np.int64(pairs[k, 0]))
        b = find_root(parent, np.int64(pairs[k, 1]))
        if a != b and min(size[a], size[b]) < threshold:
            low, high = min(a, b), max(a, b)
            parent[high] = low
            size[low] += size[high]
    for i in range(len(parent)):
        parent[i] = find_root(parent, i)
    return parent


def without_dust(labels: Array, dust: int) -> NDArray[np.uint32]:
    """Make labels smaller than this many voxels background and number the rest densely, in the same order.

    Parameters
    ----------
    labels : (z, y, x) uint32, dense
    dust : int

    Returns
    -------
    (z, y, x) uint32
    """
    size = np.bincount(labels.ravel(), minlength=1)
    return _without_dust(labels, np.arange(len(size), dtype=np.uint32), size, dust)


def _without_dust(labels: Array, root: Array, size: Array, dust: int) -> NDArray[np.uint32]:
    keep = (root == np.arange(len(root))) & (size >= dust)
    keep[0] = False
    final = np.where(keep, np.cumsum(keep), 0).astype(np.uint32)[root]
    return final[labels]
