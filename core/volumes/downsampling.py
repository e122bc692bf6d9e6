"""Coarser copies of a block of voxels. Each output voxel depends on its own input voxels alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.geometry import Zyx


def downsample(block: NDArray[Any], factor_zyx: Zyx, *, labels: bool) -> NDArray[Any]:
    """Return a block with `factor_zyx` times fewer voxels on each axis, rounded up at the end.

    Parameters
    ----------
    block : (..., z, y, x) array
        Starts at a multiple of the factor.
    factor_zyx : tuple of 3 int
        1 or 2 each.
    labels : bool
        True: the most frequent label, on a tie the first in raster order; else the mean, rounded.

    Returns
    -------
    (..., ceil(z/f), ceil(y/f), ceil(x/f)) array
        Same dtype.
    """
    if block.ndim > 3:
        return np.stack([downsample(channel, factor_zyx, labels=labels) for channel in block])
    padding = [(0, -n % f) for n, f in zip(block.shape, factor_zyx, strict=True)]
    padded = np.pad(block, padding, mode="edge") if any(p[1] for p in padding) else block
    if labels:
        out: NDArray[Any] = _most_frequent(np.ascontiguousarray(padded), *factor_zyx)
        return out
    return _mean(padded, factor_zyx)


def _mean(block: NDArray[Any], factor_zyx: Zyx) -> NDArray[Any]:
    fz, fy, fx = factor_zyx
    exact = block.dtype.kind in "iu" and block.dtype.itemsize <= 2
    shape = [n // f for n, f in zip(block.shape, factor_zyx, strict=True)]
    total: NDArray[Any] = np.zeros(shape, np.uint32 if exact else np.float64)
    for z in range(fz):
        for y in range(fy):
            for x in range(fx):
                total += block[z::fz, y::fy, x::fx]
    count = fz * fy * fx
    if not exact:
        return (total / count).astype(block.dtype)
    return ((total + count // 2) // count).astype(block.dtype)


@njit(cache=True, nogil=True)
def _most_frequent(block, fz, fy, fx):  # type: ignore[no-untyped-def]
    nz, ny, nx = block.shape[0] // fz, block.shape[1] // fy, block.shape[2] // fx
    out = np.empty((nz, ny, nx), block.dtype)
    seen = np.empty(fz * fy * fx, block.dtype)
    for z in range(nz):
        for y in range(ny):
            for x in range(nx):
                k = 0
                same = True
                for i in range(fz):
                    for j in range(fy):
                        for h in range(fx):
                            seen[k] = block[z * fz + i, y * fy + j, x * fx + h]
                            same = same and seen[k] == seen[0]
                            k += 1
                best = seen[0]
                if not same:
                    most = 0
                    for a in range(k):
                        count = 0
                        for b in range(k):
                            count += seen[b] == seen[a]
                        if count > most:
                            most = count
                            best = seen[a]
                out[z, y, x] = best
    return out
