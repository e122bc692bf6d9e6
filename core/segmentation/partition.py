"""The mapping that a generation starts with, sorted by segment once and shared by all segmentations on it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[Any]


class Partition:
    """Supervoxels by segment; never changed, so what it hands out must not be written to.

    Parameters
    ----------
    segment_of : (n + 1,) uint32
        0 for background and for supervoxels that are not alive.
    size : (n + 1,) voxels per supervoxel
    """

    def __init__(self, segment_of: Array, size: Array) -> None:
        self.segment_of = np.asarray(segment_of, np.uint32)
        self.size = np.array(size, np.int64)
        if len(self.size) != len(self.segment_of):
            raise ValueError("the mapping and the sizes are not of the same supervoxels")
        highest = int(self.segment_of.max(initial=0))
        self._order, self._start, self._voxels = _by_segment(self.segment_of, self.size, highest)

    def members(self, segment: int) -> Array:
        """Return the supervoxels of a segment, (k,) uint32, ascending."""
        if not 0 < segment < len(self._voxels):
            return np.empty(0, np.uint32)
        return self._order[self._start[segment] : self._start[segment + 1]]

    def voxels(self, segment: int) -> int:
        """Return the number of voxels of a segment."""
        return int(self._voxels[segment]) if 0 < segment < len(self._voxels) else 0


@njit(cache=True, nogil=True)
def _by_segment(segment_of, size, highest):  # type: ignore[no-untyped-def]  # pragma: no cover
    start = np.zeros(highest + 2, np.int64)
    voxels = np.zeros(highest + 1, np.int64)
    for i in range(segment_of.size):
        segment = segment_of[i]
        start[segment + 1] += 1
        voxels[segment] += size[i]
    for segment in range(highest + 1):
        start[segment + 1] += start[segment]
    fill = start[:-1].copy()
    order = np.empty(segment_of.size, np.uint32)
    for i in range(segment_of.size):
        segment = segment_of[i]
        order[fill[segment]] = i
        fill[segment] += 1
    return order, start, voxels
