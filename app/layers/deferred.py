"""Volumes as the deferred arrays that napari reads a tile of, and the reads that layers share."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from segmend.core.geometry import Box, Grid, Zyx
from segmend.core.volumes.base import Volume

Axis = int | range


class DeferredVolume:
    """A read-only array-like over a volume; indexing gives another one, only `np.asarray` reads.

    Parameters
    ----------
    volume : Volume
        (z, y, x), or (c, z, y, x) where `channels` are chosen.
    channels : tuple of int, optional
        Shown as a last axis of this length, for red, green and blue.
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
        self.dtype = np.dtype(volume.dtype)

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
        return self.shape[0]

    def __getitem__(self, index: Any) -> DeferredVolume:
        wanted = iter(index if isinstance(index, tuple) else (index,))
        axes: list[Axis] = []
        for axis in self._axes:
            item = next(wanted, slice(None)) if isinstance(axis, range) else None
            axes.append(axis if item is None else _picked(axis, item))
        return DeferredVolume(self._volume, self._channels, tuple(axes))

    def __array__(
        self, dtype: DTypeLike | None = None, copy: bool | None = None
    ) -> NDArray[np.generic]:
        spans = [axis if isinstance(axis, range) else range(axis, axis + 1) for axis in self._axes]
        box = Box(
            tuple(span.start for span in spans),  # type: ignore[arg-type]
            tuple(span.stop for span in spans),  # type: ignore[arg-type]
        )
        voxels = self._volume.read(box)
        if self._channels:
            voxels = np.moveaxis(voxels[list(self._channels)], 0, -1)
        picks = tuple(slice(None) if isinstance(axis, range) else 0 for axis in self._axes)
        shown = voxels[picks]
        return shown if dtype is None else shown.astype(dtype, copy=False)


def _picked(axis: Axis, item: Any) -> Axis:
    if isinstance(item, slice):
        part = axis[item]  # type: ignore[index]
        if part.step != 1:
            raise IndexError("a volume is shown voxel by voxel: slices have no step")
        return part
    return axis[int(item.__index__())]  # type: ignore[index]


class SharedReads:
    """A volume that remembers its last few reads, so that two layers over one plane read it once.

    Parameters
    ----------
    volume : Volume
    keep : int
        How many reads are remembered.
    """

    def __init__(self, volume: Volume, keep: int = 4) -> None:
        self._volume = volume
        self._keep = keep
        self._reads: OrderedDict[Box, NDArray[np.generic]] = OrderedDict()
        self._forgotten = 0
        self._lock = Lock()
        self.shape_zyx: Zyx = volume.shape_zyx
        self.channels = volume.channels
        self.dtype = volume.dtype
        self.grid: Grid = volume.grid
        self.source = volume.source

    def read(self, box: Box) -> NDArray[np.generic]:
        """Return the voxels of a box, perhaps from memory; do not write into them."""
        with self._lock:
            if box in self._reads:
                self._reads.move_to_end(box)
                return self._reads[box]
            forgotten = self._forgotten
        voxels = self._volume.read(box)
        with self._lock:
            if forgotten != self._forgotten:
                return voxels  # voxels changed during the read: show it, but do not keep it
            self._reads[box] = voxels
            while len(self._reads) > self._keep:
                self._reads.popitem(last=False)
        return voxels

    def forget(self) -> None:
        """Drop what is remembered, because voxels changed."""
        with self._lock:
            self._reads.clear()
            self._forgotten += 1


class TwoSides:
    """Supervoxels as 0, 1 (blue) or 2 (orange): a volume that a candidate's colours are drawn from.

    Bytes, because napari shows them as they are; wider labels go through a table it compiles at every start.

    Parameters
    ----------
    supervoxels : Volume
    side_of : SideTable
        Asked at every read, so a new candidate shows at the next one.
    """

    def __init__(self, supervoxels: Volume, side_of: SideTable) -> None:
        self._supervoxels = supervoxels
        self._side_of = side_of
        self.shape_zyx: Zyx = supervoxels.shape_zyx
        self.channels = None
        self.dtype = np.dtype(np.uint8)
        self.grid: Grid = supervoxels.grid
        self.source = supervoxels.source

    def read(self, box: Box) -> NDArray[np.uint8]:
        """Return the sides of the voxels of a box."""
        table = self._side_of.table
        return np.take(table, self._supervoxels.read(box), mode="clip")


class SideTable:
    """On which side each supervoxel is."""

    def __init__(self) -> None:
        self.table = np.zeros(1, np.uint8)

    def show(self, first: NDArray[Any], second: NDArray[Any]) -> None:
        """Put supervoxels on their sides and all others on none."""
        highest = max(int(first.max(initial=0)), int(second.max(initial=0)))
        table = np.zeros(highest + 2, np.uint8)  # one more, for every higher id
        table[first] = 1
        table[second] = 2
        self.table = table
