"""Volumes as the deferred arrays that napari reads a tile of.

napari asks a pyramid level for a whole depth range first and for the plane afterwards. An index is therefore answered
with another deferred view, and voxels are read only when that becomes an array.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from segmend.core.geometry import Box
from segmend.core.volumes.base import Volume

Axis = int | range


class DeferredVolume:
    """A read-only array-like over a volume; indexing gives another one, only `np.asarray` reads.

    Parameters
    ----------
    volume : Volume
        (z, y, x), or (c, z, y, x) where `channels` are chosen.
    channels : tuple of int, optional
        Shown as a last axis of this length, for red, green and blue; not indexed.
    axes : tuple of 3 (int or range), optional
        The part that is seen; integers drop their axis.
    """

    def __init__(
        self,
        volume: Volume,
        channels: tuple[int, ...] = (),
        axes: tuple[Axis, ...] | None = None,
    ) -> None:
        self._volume = volume
        self._channels = channels
        self._axes = axes or tuple(range(length) for length in volume.shape_zyx)
        self.dtype: np.dtype[Any] = np.dtype(volume.dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes that are left, the channels last."""
        lengths = [len(axis) for axis in self._axes if isinstance(axis, range)]
        return (*lengths, len(self._channels)) if self._channels else tuple(lengths)

    @property
    def ndim(self) -> int:
        """Number of axes that are left."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        """Bytes the array would take."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a single voxel")
        return self.shape[0]

    def __getitem__(self, index: Any) -> DeferredVolume:
        wanted = iter(_full_index(index, self.ndim))  # an index of the channels is left over
        axes = tuple(
            axis[_integer_or_slice(next(wanted))] if isinstance(axis, range) else axis
            for axis in self._axes
        )
        return DeferredVolume(self._volume, self._channels, axes)

    def __array__(
        self, dtype: DTypeLike | None = None, copy: bool | None = None
    ) -> NDArray[np.generic]:
        if copy is False:
            raise ValueError("a volume cannot become an array without a copy")
        if not self.size:
            return np.zeros(self.shape, dtype or self.dtype)
        shown = self._read()
        return shown if dtype is None else shown.astype(dtype, copy=False)

    def _read(self) -> NDArray[np.generic]:
        spans = [axis if isinstance(axis, range) else range(axis, axis + 1) for axis in self._axes]
        starts = [min(span[0], span[-1]) for span in spans]
        stops = [max(span[0], span[-1]) + 1 for span in spans]
        voxels = self._volume.read(Box(tuple(starts), tuple(stops)))  # type: ignore[arg-type]
        if self._channels:
            voxels = np.moveaxis(voxels[list(self._channels)], 0, -1)
        picks = tuple(
            slice(None, None, axis.step) if isinstance(axis, range) else 0 for axis in self._axes
        )
        return np.asarray(voxels[picks])


def _full_index(index: Any, ndim: int) -> tuple[Any, ...]:
    items = index if isinstance(index, tuple) else (index,)
    if any(item is Ellipsis for item in items):
        at = next(i for i, item in enumerate(items) if item is Ellipsis)
        missing = ndim - (len(items) - 1)
        items = (*items[:at], *[slice(None)] * missing, *items[at + 1 :])
    if len(items) > ndim:
        raise IndexError(f"{len(items)} indices for {ndim} axes")
    return (*items, *[slice(None)] * (ndim - len(items)))


def _integer_or_slice(item: Any) -> Any:
    if isinstance(item, slice):
        return item
    return int(item.__index__())
