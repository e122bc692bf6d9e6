"""Labels of any integer type, read as unsigned."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.errors import VolumeError
from segmend.core.geometry import Box
from segmend.core.volumes.base import Volume, describe
from segmend.core.volumes.lazy import Spacing, chunk_of, spacing_of


class LabelVolume:
    """A volume of integers whose signed types are read as unsigned of the same width.

    Parameters
    ----------
    volume : Volume
        Of an integer type, without channels.
    """

    channels = None

    def __init__(self, volume: Volume) -> None:
        self._volume = volume
        self.shape_zyx = volume.shape_zyx
        self.grid = volume.grid
        self.source = volume.source
        self.chunk_zyx = chunk_of(volume)
        self.dtype: np.dtype[Any] = np.dtype(f"u{volume.dtype.itemsize}")

    @property
    def spacing(self) -> Spacing:
        """What the file says about its place."""
        return spacing_of(self._volume)

    def read(self, box: Box) -> NDArray[Any]:
        """Return the labels of a box.

        Raises
        ------
        VolumeError
            If one of them is negative, besides what the volume below raises.
        """
        voxels = self._volume.read(box)
        if voxels.dtype.kind == "i" and voxels.size and int(voxels.min()) < 0:
            raise VolumeError(
                f"{self.source} has the negative label {int(voxels.min())} in {describe(box)}: expected labels from 0 "
                "(background) upward; renumber them"
            )
        return voxels.astype(self.dtype, copy=False)
