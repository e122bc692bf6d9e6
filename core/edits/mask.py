"""A set of voxels as a value: a box and one bit for each voxel in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.errors import InputError
from segmend.core.geometry import Box
from segmend.core.segmentation.packing import MOST_VOXELS, pack, unpack


@dataclass(frozen=True, slots=True)
class VoxelMask:
    """Voxels of the finest level; equal masks have equal boxes and bits.

    Parameters
    ----------
    box : Box
    bits : str
        Packed, see `packing`.
    """

    box: Box
    bits: str

    @classmethod
    def of(cls, box: Box, voxels: NDArray[Any]) -> VoxelMask:
        """Return the mask of a (z, y, x) bool array that fills a box, cut to what is set.

        Raises
        ------
        InputError
            If no voxel is set, or the array does not fit the box.
        """
        if voxels.shape != box.shape_zyx:
            raise InputError(f"a mask of shape {voxels.shape} does not fill {box.shape_zyx}")
        if not voxels.any():
            raise InputError("no voxel is chosen: paint at least one")
        spans = [np.flatnonzero(voxels.any(axis=tuple({0, 1, 2} - {i}))) for i in range(3)]
        start = tuple(int(a + s[0]) for a, s in zip(box.start_zyx, spans, strict=True))
        stop = tuple(int(a + s[-1]) + 1 for a, s in zip(box.start_zyx, spans, strict=True))
        tight = Box(start, stop)  # type: ignore[arg-type]
        z, y, x = box.start_zyx
        inside = voxels[tight.shift((-z, -y, -x)).slices]
        return cls(tight, pack(np.packbits(inside.astype(bool))))

    @property
    def voxels(self) -> NDArray[np.bool_]:
        """(z, y, x) bool.

        Raises
        ------
        InputError
            If the bits are damaged or the box is too large.
        """
        count = self.box.size
        if not 0 < count <= MOST_VOXELS:
            raise InputError(f"a mask of {count} voxels: expected 1 to {MOST_VOXELS}")
        flat = np.unpackbits(unpack(self.bits, -(-count // 8)), count=count)
        return flat.astype(bool).reshape(self.box.shape_zyx)
