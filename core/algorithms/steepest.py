"""The steepest ways up from every voxel along affinities, for `segmend.core.algorithms.basins`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.algorithms.basins import INSIDE

Array = NDArray[Any]


@njit(cache=True, nogil=True)
def steepest_ways(values: Array, low: float, high: float, mask: Array) -> Array:
    """Return the byte of each voxel for `basins`.

    Parameters
    ----------
    values : (3, z, y, x) uint8 or float32 array
        Affinity of each voxel to the one before it in z, y and x.
    low, high : float
        In the units of `values`: a voxel without one from `low` up takes no part, all from `high` up are equally steep.
    mask : (z, y, x) bool array, or one without voxels
        Voxels outside take no part and are not crossed.

    Returns
    -------
    (z * y * x,) uint8
    """
    _, nz, ny, nx = values.shape
    ways = np.empty(nz * ny * nx, np.uint8)
    masked = mask.size > 0
    i = 0
    for z in range(nz):
        for y in range(ny):
            for x in range(nx):
                a0 = np.float32(values[0, z, y, x]) if z > 0 else np.float32(-1)
                a1 = np.float32(values[1, z, y, x]) if y > 0 else np.float32(-1)
                a2 = np.float32(values[2, z, y, x]) if x > 0 else np.float32(-1)
                a3 = np.float32(values[0, z + 1, y, x]) if z + 1 < nz else np.float32(-1)
                a4 = np.float32(values[1, z, y + 1, x]) if y + 1 < ny else np.float32(-1)
                a5 = np.float32(values[2, z, y, x + 1]) if x + 1 < nx else np.float32(-1)
                if masked:
                    if not mask[z, y, x]:
                        ways[i] = 0
                        i += 1
                        continue
                    a0 = a0 if z > 0 and mask[z - 1, y, x] else np.float32(-1)
                    a1 = a1 if y > 0 and mask[z, y - 1, x] else np.float32(-1)
                    a2 = a2 if x > 0 and mask[z, y, x - 1] else np.float32(-1)
                    a3 = a3 if z + 1 < nz and mask[z + 1, y, x] else np.float32(-1)
                    a4 = a4 if y + 1 < ny and mask[z, y + 1, x] else np.float32(-1)
                    a5 = a5 if x + 1 < nx and mask[z, y, x + 1] else np.float32(-1)
                top = max(max(max(a0, a1), max(a2, a3)), max(a4, a5))
                way: Any = 0
                if top >= low and top >= 0:
                    top = min(top, np.float32(high))
                    way = INSIDE
                    way |= (a0 >= top) << 0
                    way |= (a1 >= top) << 1
                    way |= (a2 >= top) << 2
                    way |= (a3 >= top) << 3
                    way |= (a4 >= top) << 4
                    way |= (a5 >= top) << 5
                ways[i] = way
                i += 1
    return ways
