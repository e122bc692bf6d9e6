"""An array in a file, read by boxes, whatever the format: what all readers hand over and the volume made of it."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.errors import VolumeError
from segmend.core.geometry import Box, Grid, Zyx, ZyxNm
from segmend.core.volumes.base import Volume, check_inside, dimensions

READ_ERRORS = (
    OSError,
    ValueError,
    RuntimeError,
    KeyError,
    IndexError,
    EOFError,
    TypeError,
    struct.error,
)
"""What the format libraries raise on a damaged file; all of it becomes one `VolumeError`."""


@dataclass(frozen=True, slots=True)
class Spacing:
    """What a file says about its place in space; None where it says nothing.

    Parameters
    ----------
    voxel_size_nm_zyx, offset_nm_zyx : tuple of 3 float, optional
        Edge lengths of a voxel, and the centre of the first one, as of `Grid`.
    from_corner : bool
        Whether the offset is that of the first voxel's corner from the corner of the space. Over voxels of the same
        size it makes no difference, since both corners lie half a voxel before a centre; a coarser volume begins with
        its corner, not its centre, where the finer one does.
    """

    voxel_size_nm_zyx: ZyxNm | None = None
    offset_nm_zyx: ZyxNm | None = None
    from_corner: bool = False

    def overridden(self, voxel_size: ZyxNm | None, offset: ZyxNm | None) -> Spacing:
        """Return the spacing with what a person gave in place of what the file says."""
        return Spacing(
            self.voxel_size_nm_zyx if voxel_size is None else voxel_size,
            self.offset_nm_zyx if offset is None else offset,
            self.from_corner and offset is None,
        )

    def grid_over(self, finer: Grid) -> Grid:
        """Return the grid of a volume that covers another one, maybe with other voxels.

        Without a voxel size it lies on the other's voxels, without an offset its corner lies on the other's corner.
        """
        if self.voxel_size_nm_zyx is None:
            return finer
        if self.offset_nm_zyx is not None and not self.from_corner:
            return Grid(self.voxel_size_nm_zyx, self.offset_nm_zyx)
        own = zip(
            self.offset_nm_zyx or finer.offset_nm_zyx,
            finer.voxel_size_nm_zyx,
            self.voxel_size_nm_zyx,
            strict=True,
        )
        z, y, x = (offset + (coarse - fine) / 2 for offset, fine, coarse in own)
        return Grid(self.voxel_size_nm_zyx, (z, y, x))


@dataclass(frozen=True, slots=True)
class ArraySource:
    """An opened array before it has a role.

    Parameters
    ----------
    source : str
        ``FILE`` or ``FILE:/dataset``.
    shape : tuple of int
        As stored, axes of length 1 for time or channel already dropped.
    dtype : dtype
    read : callable
        Takes one slice per axis and returns an array; may raise any of `READ_ERRORS`.
    spacing : Spacing
    chunk_zyx : tuple of 3 int, optional
        What is decoded at once, if more than a voxel.
    """

    source: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    read: Callable[[tuple[slice, ...]], NDArray[Any]]
    spacing: Spacing = Spacing()
    chunk_zyx: Zyx | None = None


class FileVolume:
    """A volume over an `ArraySource`.

    Parameters
    ----------
    array : ArraySource
        With three or four axes.
    grid : Grid
    """

    def __init__(self, array: ArraySource, grid: Grid) -> None:
        if len(array.shape) not in (3, 4):
            raise VolumeError(
                f"{array.source} has {len(array.shape)} dimensions ({dimensions(array.shape)}): expected three "
                "(z y x), or four (channel z y x) for affinities; choose another array"
            )
        if 0 in array.shape:
            raise VolumeError(
                f"{array.source} has no voxels ({dimensions(array.shape)}): expected every axis longer than 0; "
                "choose another array"
            )
        self._array = array
        z, y, x = array.shape[-3:]
        self.shape_zyx: Zyx = (z, y, x)
        self.channels: int | None = array.shape[0] if len(array.shape) == 4 else None
        self.dtype: np.dtype[Any] = array.dtype.newbyteorder("=")
        self.grid = grid
        self.source = array.source
        self.spacing = array.spacing
        self.chunk_zyx = array.chunk_zyx

    def read(self, box: Box) -> NDArray[Any]:
        """Return the voxels of a box, in native byte order.

        Raises
        ------
        VolumeError
            If the box leaves the volume or the file is truncated or damaged there.
        """
        check_inside(box, self.shape_zyx, self.source)
        index = box.slices if self.channels is None else (slice(0, self.channels), *box.slices)
        try:
            voxels = np.asarray(self._array.read(index))
        except VolumeError:
            raise
        except READ_ERRORS as error:
            raise damaged(self.source, error) from error
        return np.ascontiguousarray(voxels, dtype=self.dtype)

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to another process as a path; the file is opened there again."""
        return _reopen, (self.source, self.grid)


def spacing_of(volume: Volume) -> Spacing:
    """Return what is known of a volume's place: what its file says, or the grid of one that is no file."""
    known: Spacing | None = getattr(volume, "spacing", None)
    grid = volume.grid
    return known or Spacing(grid.voxel_size_nm_zyx, grid.offset_nm_zyx)


def chunk_of(volume: Volume) -> Zyx | None:
    """Return what a volume decodes at once, None where that is not known or a voxel."""
    chunk: Zyx | None = getattr(volume, "chunk_zyx", None)
    return chunk


def _reopen(source: str, grid: Grid) -> FileVolume:
    from segmend.core.volumes.opening import find_array

    return FileVolume(find_array(source), grid)


def damaged(source: str, error: BaseException) -> VolumeError:
    """Return the error for a file that does not open or read, or only in part."""
    if isinstance(error, PermissionError):
        return VolumeError(
            f"{source} may not be read: ask its owner for permission", details=str(error)
        )
    if isinstance(error, BlockingIOError):
        return VolumeError(
            f"{source} is being written by another program: wait until it is done",
            details=str(error),
        )
    first_line = (str(error).splitlines() or [type(error).__name__])[0]
    return VolumeError(
        f"{source} cannot be read: the file is truncated or damaged ({first_line[:160]}); copy it again",
        details=str(error),
    )
