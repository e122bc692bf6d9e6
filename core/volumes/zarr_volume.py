"""One level of an OME-Zarr group of our own, read and written by boxes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.errors import VolumeError
from segmend.core.geometry import Box, Grid, Zyx
from segmend.core.volumes import zarr_store
from segmend.core.volumes.base import check_inside, dimensions
from segmend.core.volumes.lazy import READ_ERRORS, damaged
from segmend.core.volumes.ome import Level, multiscales, read_multiscales


class ZarrVolume:
    """One level of one of our OME-Zarr groups.

    Parameters
    ----------
    group : Path
    level : int
    grid : Grid
    writable : bool
        Whether `write` may be called.
    every_chunk : bool
        Whether a missing chunk is an error on reading.
    """

    def __init__(
        self,
        group: Path,
        level: int,
        grid: Grid,
        *,
        writable: bool = False,
        every_chunk: bool = False,
    ) -> None:
        self._arguments = (group, level, grid, writable, every_chunk)
        self._store = zarr_store.open_array(
            group / str(level), write=writable, every_chunk=every_chunk
        )
        shape = tuple(int(n) for n in self._store.shape)
        if len(shape) not in (3, 4):
            raise VolumeError(
                f"{group} has {len(shape)} dimensions ({dimensions(shape)}): expected z y x or channel z y x"
            )
        self.source = str(group) if level == 0 else f"{group}:/{level}"
        self.grid = grid
        self.dtype: np.dtype[Any] = np.dtype(self._store.dtype.numpy_dtype)
        self.channels: int | None = shape[0] if len(shape) == 4 else None
        z, y, x = shape[-3:]
        self.shape_zyx: Zyx = (z, y, x)
        z, y, x = self._store.chunk_layout.read_chunk.shape[-3:]
        self.chunk_zyx: Zyx = (z, y, x)

    def read(self, box: Box, *, channels: slice = slice(None)) -> NDArray[Any]:
        """Return the voxels of a box.

        Parameters
        ----------
        box : Box
        channels : slice, optional
            Read these channels only, of a volume that has channels; each is a chunk of its own.

        Raises
        ------
        VolumeError
            If the box leaves the volume or a chunk is damaged.
        """
        check_inside(box, self.shape_zyx, self.source)
        index: tuple[slice, ...] = box.slices
        if self.channels is not None:
            start, stop, _ = channels.indices(self.channels)
            index = (slice(start, max(start, stop)), *index)
        try:
            return self._store[index].read().result()
        except READ_ERRORS as error:
            raise damaged(self.source, error) from error

    def write(self, box: Box, voxels: NDArray[Any]) -> None:
        """Write the voxels of a box; they are on disk when this returns.

        Processes may write at the same time if their boxes share no chunk (`CHUNK_ZYX`).

        Raises
        ------
        VolumeError
            If shape or dtype do not fit, or the disk refuses.
        """
        check_inside(box, self.shape_zyx, self.source)
        expected = box.shape_zyx if self.channels is None else (self.channels, *box.shape_zyx)
        if voxels.shape != expected or voxels.dtype != self.dtype:
            raise VolumeError(
                f"cannot write {dimensions(voxels.shape)} {voxels.dtype} into {self.source}: "
                f"expected {dimensions(expected)} {self.dtype}"
            )
        try:
            self._store[(..., *box.slices)].write(voxels).result()
        except READ_ERRORS as error:
            raise VolumeError(
                f"{self.source} cannot be written; look whether the disk is full or may be written",
                details=str(error),
            ) from error

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to another process as a path."""
        return _reopen, self._arguments


def _reopen(group: Path, level: int, grid: Grid, writable: bool, every_chunk: bool) -> ZarrVolume:
    return ZarrVolume(group, level, grid, writable=writable, every_chunk=every_chunk)


def create_zarr(
    path: Path | str,
    shape_zyx: Zyx,
    dtype: np.dtype[Any] | type[np.generic] | str,
    grid: Grid,
    *,
    channels: int | None = None,
) -> ZarrVolume:
    """Create an OME-Zarr 0.4 group with one level, all zero, ready to be written.

    Zarr version 2, because most readers of the field take it; chunks (16, 128, 128), one channel per chunk.

    Parameters
    ----------
    path : path-like
        Must not exist.
    shape_zyx : tuple of 3 int
    dtype : dtype
    grid : Grid
    channels : int, optional
        Length of a leading axis.

    Raises
    ------
    VolumeError
        If something is at `path` or the shape is empty.
    """
    group = Path(path)
    if group.exists():
        raise VolumeError(f"{group} exists already; choose another name or remove it")
    if not all(n > 0 for n in shape_zyx):
        raise VolumeError(
            f"cannot create {group} with {dimensions(shape_zyx)} voxels: no axis may be empty"
        )
    group.mkdir(parents=True)
    zarr_store.write_json(group / ".zgroup", {"zarr_format": 2})
    shape = shape_zyx if channels is None else (channels, *shape_zyx)
    zarr_store.create_array(group / "0", shape, np.dtype(dtype))
    attributes = multiscales(group.stem, [grid], channels=channels is not None, labels=False)
    zarr_store.write_json(group / ".zattrs", attributes)
    return ZarrVolume(group, 0, grid, writable=True)


def open_zarr(path: Path | str, *, writable: bool = False) -> ZarrVolume:
    """Open the finest level of one of our groups, for instance from a worker that writes its blocks."""
    return _open_level(Path(path), 0, writable)


def open_pyramid(path: Path | str) -> tuple[ZarrVolume, ...]:
    """Open all levels of one of our groups, finest first.

    Raises
    ------
    VolumeError
        If the group or a level is missing or damaged.
    """
    group = Path(path)
    return tuple(_open_level(group, level, False) for level in range(len(own_levels(group)[0])))


def own_levels(group: Path) -> tuple[list[Grid], dict[str, Any]]:
    """Return the grid of each level of one of our groups, and the group's attributes."""
    attributes = zarr_store.read_attributes(group)
    levels: tuple[Level, ...] = read_multiscales(attributes, str(group))
    if not levels:
        raise VolumeError(f"{group} is missing or not an OME-Zarr group; make it again")
    grids = []
    for level in levels:
        if level.spacing.voxel_size_nm_zyx is None:
            raise VolumeError(f"{group} has no voxel size in its metadata; make it again")
        grids.append(
            Grid(level.spacing.voxel_size_nm_zyx, level.spacing.offset_nm_zyx or (0, 0, 0))
        )
    return grids, attributes


def _open_level(group: Path, level: int, writable: bool) -> ZarrVolume:
    grids, attributes = own_levels(group)
    complete = bool(attributes.get(zarr_store.COMPLETE)) and not writable
    return ZarrVolume(group, level, grids[level], writable=writable, every_chunk=complete)
