"""The voxels of a brush stroke: all that lie within a radius of a line through some places."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.edits.mask import VoxelMask
from segmend.core.errors import InputError
from segmend.core.geometry import Box, Grid, Zyx, ZyxNm
from segmend.core.segmentation.packing import MOST_VOXELS

Array = NDArray[Any]
_MOST_POINTS = 10_000


def stroke(points_nm: Sequence[ZyxNm], radius_nm: float, grid: Grid, shape_zyx: Zyx) -> VoxelMask:
    """Return the voxels whose centre lies within a radius of the line from point to point.

    Parameters
    ----------
    points_nm : sequence of (z, y, x)
        One point is a ball.
    radius_nm : float
        A radius below half a voxel still takes the voxels that hold the points.
    grid, shape_zyx
        Of the finest level; what lies outside is cut off.

    Raises
    ------
    InputError
        If the radius is not positive, the stroke is too large or lies outside the volume.
    """
    if not 0 < radius_nm < float("inf") or not 0 < len(points_nm) <= _MOST_POINTS:
        raise InputError(
            f"a stroke of {len(points_nm)} points and radius {radius_nm:g} nm: expected 1 to {_MOST_POINTS} points "
            "and a positive radius"
        )
    size = np.array(grid.voxel_size_nm_zyx)
    if radius_nm > float((size * shape_zyx).max()):
        raise InputError(
            f"a radius of {radius_nm:g} nm is more than the volume is long: expected that of a stroke, in nm"
        )
    points = (np.array(points_nm, float) - grid.offset_nm_zyx) / size
    whole = _around(points, radius_nm / size, shape_zyx)
    if whole.size > MOST_VOXELS:
        raise InputError(
            f"a stroke in a box of {whole.size} voxels: expected at most {MOST_VOXELS}; make it shorter"
        )
    chosen = np.zeros(whole.shape_zyx, bool)
    ends = points if len(points) == 1 else points[1:]
    for start, end in zip(points[: len(ends)], ends, strict=True):
        part = _around(np.stack([start, end]), radius_nm / size, shape_zyx)
        here = chosen[part.shift(_negative(whole.start_zyx)).slices]
        here |= _near(part, start, end, size) <= radius_nm
    for voxel in np.rint(points).astype(np.int64) - whole.start_zyx:
        if (voxel >= 0).all() and (voxel < chosen.shape).all():
            chosen[tuple(voxel)] = True
    if not chosen.any():
        raise InputError(
            f"the stroke lies outside the volume of {' x '.join(map(str, shape_zyx))} voxels (z y x)"
        )
    return VoxelMask.of(whole, chosen)


def _around(points: Array, reach: Array, shape_zyx: Zyx) -> Box:
    limit = np.array(shape_zyx)
    start = np.clip(np.floor(points.min(axis=0) - reach), 0, limit).astype(int)
    stop = np.clip(np.ceil(points.max(axis=0) + reach) + 1, 0, limit).astype(int)
    return Box(tuple(start.tolist()), tuple(np.maximum(start, stop).tolist()))


def _near(box: Box, start: Array, end: Array, size: Array) -> Array:
    """Return the distance of each voxel of a box from a piece of line, in nm."""
    axes = [
        (np.arange(low, high) - origin) * step
        for low, high, origin, step in zip(box.start_zyx, box.stop_zyx, start, size, strict=True)
    ]
    way = (end - start) * size
    offset = np.meshgrid(*axes, indexing="ij", sparse=True)
    along = sum(axis * step for axis, step in zip(offset, way, strict=True))
    share = np.clip(along / max(float(way @ way), 1e-12), 0, 1)
    squared: Array = sum((axis - share * step) ** 2 for axis, step in zip(offset, way, strict=True))
    return np.sqrt(squared)


def _negative(point: Zyx) -> Zyx:
    return -point[0], -point[1], -point[2]
