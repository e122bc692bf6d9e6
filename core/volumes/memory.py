"""Volumes that are in memory already, and parts of other volumes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.errors import VolumeError
from segmend.core.geometry import Box, Grid, Zyx
from segmend.core.volumes.base import Volume, check_inside, dimensions


class MemoryVolume:
    """A numpy array with a grid.

    Parameters
    ----------
    array : (z, y, x) or (c, z, y, x) array
        Kept, not copied.
    grid : Grid, optional
        1 nm voxels at the origin unless given.
    source : str, optional
        What messages call it.
    """

    def __init__(
        self, array: NDArray[Any], grid: Grid | None = None, source: str = "an array in memory"
    ) -> None:
        if array.ndim not in (3, 4):
            raise VolumeError(
                f"{source} has {array.ndim} dimensions ({dimensions(array.shape)}): expected z, y, x or c, z, y, x"
            )
        self._array = array
        self.grid = Grid() if grid is None else grid
        self.source = source
        self.dtype: np.dtype[Any] = array.dtype
        self.channels: int | None = array.shape[0] if array.ndim == 4 else None
        z, y, x = array.shape[-3:]
        self.shape_zyx: Zyx = (z, y, x)

    def read(self, box: Box) -> NDArray[Any]:
        """Return a copy of the voxels of a box."""
        check_inside(box, self.shape_zyx, self.source)
        return self._array[(..., *box.slices)].copy()


class CroppedVolume:
    """A part of another volume, counted from its own corner; places in nm stay.

    Parameters
    ----------
    volume : Volume
    box : Box
        In voxels of `volume`, inside it and not empty.
    grid : Grid, optional
        Where the part lies, if not where `volume` says.
    """

    def __init__(self, volume: Volume, box: Box, grid: Grid | None = None) -> None:
        check_inside(box, volume.shape_zyx, volume.source)
        if not box.size:
            raise VolumeError(
                f"the box on {volume.source} is empty; each end must be larger than its start"
            )
        self._volume = volume
        self._box = box
        self.shape_zyx: Zyx = box.shape_zyx
        self.channels = volume.channels
        self.dtype = volume.dtype
        self.grid = volume.grid.cropped(box) if grid is None else grid
        self.source = volume.source
        self.chunk_zyx: Zyx | None = getattr(volume, "chunk_zyx", None)

    def read(self, box: Box) -> NDArray[Any]:
        """Return the voxels of a box, counted from the corner of the part."""
        check_inside(box, self.shape_zyx, self.source)
        return self._volume.read(box.shift(self._box.start_zyx))
