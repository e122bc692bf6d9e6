"""Small volumes that several tests share, and ways to put them on disk."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from segmend.core.geometry import Box, Grid

GRID = Grid((30.0, 6.0, 6.5), (100.0, -20.0, 3.0))
"""Anisotropic, with an offset, so that nothing is right by chance."""

BEYOND_FLOAT = 2**53 + 1
"""The first id that a 64-bit float cannot hold."""


def grey(shape_zyx: tuple[int, int, int] = (5, 20, 30), seed: int = 0) -> NDArray[np.uint8]:
    """Return noise; every voxel is different from its neighbours most of the time."""
    return np.random.default_rng(seed).integers(0, 256, shape_zyx, np.uint8)


def four_pieces() -> NDArray[np.uint64]:
    """Return two segments of two pieces each with large ids, and background between them; (4, 8, 12)."""
    labels = np.zeros((4, 8, 12), np.uint64)
    labels[:, :4, :3] = BEYOND_FLOAT
    labels[:, :4, 8:] = BEYOND_FLOAT
    labels[:, 5:, :6] = 7
    labels[:2, 5:, 8:] = 7
    return labels


def tiles(
    shape_zyx: tuple[int, int, int] = (4, 8, 12), tile_zyx: tuple[int, int, int] = (2, 4, 4)
) -> NDArray[np.uint32]:
    """Return boxes numbered from 1 in raster order, without background."""
    labels = np.zeros(shape_zyx, np.uint32)
    for number, box in enumerate(Box.of_shape(shape_zyx).blocks(tile_zyx), start=1):
        labels[box.slices] = number
    return labels


def save_hdf5(path: Path, **arrays: NDArray) -> Path:
    """Write datasets and `GRID` as the file's attributes."""
    with h5py.File(path, "w") as file:
        file.attrs["resolution_nm_zyx"] = GRID.voxel_size_nm_zyx
        file.attrs["offset_nm_zyx"] = GRID.offset_nm_zyx
        for name, array in arrays.items():
            file.create_dataset(name, data=array)
    return path


def whole(volume: object) -> NDArray:
    """Read a volume whole."""
    return volume.read(Box.of_shape(volume.shape_zyx))
