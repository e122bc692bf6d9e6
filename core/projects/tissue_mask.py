"""The mask of a project: where there is tissue to work on, at any voxel size, placed by physical coordinates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.errors import InputError, VolumeError
from segmend.core.geometry import Box, Grid, Zyx
from segmend.core.volumes.base import Volume
from segmend.core.volumes.lazy import FileVolume, chunk_of, spacing_of
from segmend.core.volumes.memory import CroppedVolume
from segmend.core.volumes.opening import find_array

_SAME = 1e-3
_EXACT_HALF = 1e-6
"""Where the middle between two mask voxels falls on a voxel's centre, rounding must not decide which is nearer."""


def open_mask(source: str | Path | Volume, grid: Grid, voxel_on_voxel: Zyx | None = None) -> Volume:
    """Open a mask and find its place.

    Parameters
    ----------
    source : path-like or Volume
        (z, y, x) integers or booleans; non-zero is tissue.
    grid : Grid
        Of the volumes that it belongs to. A file without a voxel size lies on their voxels, one without an offset
        begins where they begin; see `Spacing.grid_over`.
    voxel_on_voxel : tuple of 3 int, optional
        A mask of this extent lies on their voxels whatever its file says.

    Raises
    ------
    InputError
        If it is no mask.
    """
    if isinstance(source, str | Path):
        array = find_array(source)
        volume: Volume = FileVolume(array, grid)
        spacing = array.spacing
    else:
        volume, spacing = source, spacing_of(source)
    if volume.channels is not None or volume.dtype.kind not in "biu":
        raise VolumeError(
            f"the mask {volume.source} holds {volume.dtype} with {4 if volume.channels else 3} dimensions: expected "
            "z y x integers or booleans, non-zero where there is tissue; convert it"
        )
    placed = grid if volume.shape_zyx == voxel_on_voxel else spacing.grid_over(grid)
    return CroppedVolume(volume, Box.of_shape(volume.shape_zyx), placed)


def check_extent(mask: Volume, grid: Grid, shape_zyx: Zyx, *, may_be_larger: bool = False) -> None:
    """Refuse a mask whose borders lie more than one of its voxels away from those of the volume.

    Parameters
    ----------
    mask : Volume
    grid, shape_zyx : Grid, tuple of 3 int
        Of the volume.
    may_be_larger : bool
        Only what the volume has beyond the mask counts.

    Raises
    ------
    InputError
    """
    ours, theirs = _borders(grid, shape_zyx), _borders(mask.grid, mask.shape_zyx)
    beyond = np.stack([theirs[0] - ours[0], ours[1] - theirs[1]])
    for axis in range(3):
        voxel = max(mask.grid.voxel_size_nm_zyx[axis], grid.voxel_size_nm_zyx[axis])
        apart = beyond[:, axis] if may_be_larger else np.abs(beyond[:, axis])
        if apart.max() > voxel * (1 + _SAME):
            raise InputError(
                f"the mask {mask.source} covers {_range(theirs, axis)} nm along {'zyx'[axis]}, the volume "
                f"{_range(ours, axis)}: expected the same extent up to one voxel of the mask; crop it, or give it as "
                "a file that says its voxel size"
            )


def _borders(grid: Grid, shape_zyx: Zyx) -> NDArray[np.float64]:
    """Return the lower and the upper border, (2, 3) nm."""
    size = np.asarray(grid.voxel_size_nm_zyx)
    low = np.asarray(grid.offset_nm_zyx) - size / 2
    return np.stack([low, low + size * np.asarray(shape_zyx)])


def _range(borders: NDArray[np.float64], axis: int) -> str:
    return f"{borders[0, axis]:g} to {borders[1, axis]:g}"


def covering(mask: Volume, grid: Grid, box: Box) -> Volume:
    """Return the part of a mask that the voxels of a box look at.

    Parameters
    ----------
    mask : Volume
    grid : Grid
        In which the box counts.
    box : Box
    """
    picks = _nearest(mask, grid, box)
    start = tuple(int(pick[0]) for pick in picks)
    stop = tuple(int(pick[-1]) + 1 for pick in picks)
    return CroppedVolume(mask, Box(start, stop))  # type: ignore[arg-type]


def sampled(mask: Volume, grid: Grid, box: Box) -> NDArray[np.bool_]:
    """Return which voxels of a box are tissue, by the mask voxel nearest to the centre of each.

    Parameters
    ----------
    mask : Volume
    grid : Grid
        In which the box counts.
    box : Box

    Returns
    -------
    (z, y, x) bool
    """
    if not box.size:
        return np.zeros(box.shape_zyx, np.bool_)
    picks = _nearest(mask, grid, box)
    start = tuple(int(pick[0]) for pick in picks)
    stop = tuple(int(pick[-1]) + 1 for pick in picks)
    inside = mask.read(Box(start, stop)) != 0  # type: ignore[arg-type]
    if all((np.diff(pick) == 1).all() for pick in picks):
        return inside
    z, y, x = (pick - first for pick, first in zip(picks, start, strict=True))
    return inside[np.ix_(z, y, x)]


def _nearest(mask: Volume, grid: Grid, box: Box) -> list[NDArray[np.int64]]:
    """Return the mask index of each voxel along each axis; a function of the voxel alone, not of the box."""
    picks = []
    for axis in range(3):
        index = np.arange(box.start_zyx[axis], box.stop_zyx[axis])
        place = grid.offset_nm_zyx[axis] + index * grid.voxel_size_nm_zyx[axis]
        steps = (place - mask.grid.offset_nm_zyx[axis]) / mask.grid.voxel_size_nm_zyx[axis]
        near = np.floor(steps + 0.5 + _EXACT_HALF).astype(np.int64)
        picks.append(np.clip(near, 0, mask.shape_zyx[axis] - 1))
    return picks


class TissueLabels:
    """Labels that are background outside a mask.

    Parameters
    ----------
    labels, mask : Volume
        Places in nm tell which voxels belong together.
    grid : Grid
        Of the labels.
    """

    channels = None

    def __init__(self, labels: Volume, mask: Volume, grid: Grid) -> None:
        self._labels, self._mask = labels, mask
        self.shape_zyx = labels.shape_zyx
        self.dtype = labels.dtype
        self.grid = grid
        self.source = labels.source
        self.chunk_zyx = chunk_of(labels)

    def read(self, box: Box) -> NDArray[Any]:
        """Return the labels of a box, 0 where there is no tissue."""
        voxels = self._labels.read(box)
        voxels[~sampled(self._mask, self.grid, box)] = 0
        return voxels
