"""Runs of equal voxels in raster order: sorting where runs begin is far cheaper than sorting voxels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def run_starts(*arrays: NDArray[Any]) -> NDArray[np.intp]:
    """Return the flat indices at which any of the arrays, all of one shape, takes a new value."""
    size = arrays[0].size
    new = np.zeros(size, bool)
    new[:1] = True
    for array in arrays:
        flat = array.ravel()
        new[1:] |= flat[1:] != flat[:-1]
    return np.flatnonzero(new)


def run_lengths(starts: NDArray[np.intp], size: int) -> NDArray[np.intp]:
    """Return how long each run is."""
    return np.diff(starts, append=size)


def unique(voxels: NDArray[Any]) -> NDArray[Any]:
    """Return the sorted values of an array."""
    return np.unique(voxels.ravel()[run_starts(voxels)])


def dense(voxels: NDArray[Any], ids: NDArray[np.uint64]) -> NDArray[np.uint32]:
    """Return the index of each voxel's label in the sorted `ids`, which must hold all of them."""
    starts = run_starts(voxels)
    places = np.searchsorted(ids, voxels.ravel()[starts].astype(np.uint64)).astype(np.uint32)
    return np.repeat(places, run_lengths(starts, voxels.size)).reshape(voxels.shape)


def overlaps(
    first: NDArray[Any], second: NDArray[Any]
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return the pairs of values that share voxels, sorted, and how many they share.

    Returns
    -------
    pairs : (p, 2) uint64
    counts : (p,) int64
    """
    starts = run_starts(first, second)
    lengths = run_lengths(starts, first.size)
    pairs = np.stack([a.ravel()[starts].astype(np.uint64) for a in (first, second)], axis=1)
    return summed(pairs, lengths)


def summed(
    pairs: NDArray[np.uint64], counts: NDArray[Any]
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return the distinct pairs, sorted, with the sums of their counts."""
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    pairs, counts = pairs[order], counts[order]
    new = np.ones(len(pairs), bool)
    new[1:] = (pairs[1:] != pairs[:-1]).any(1)
    firsts = np.flatnonzero(new)
    sums = np.add.reduceat(counts, firsts) if len(firsts) else counts
    return pairs[firsts], sums.astype(np.int64)
