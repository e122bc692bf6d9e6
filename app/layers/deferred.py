"""The reads that layers share, and the sides of a candidate as a volume."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.geometry import Box, Grid, Zyx
from segmend.core.volumes.base import Volume


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
