"""Supervoxels seen through the mapping: what stands between the volume and a Labels layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.geometry import Box, Grid, Zyx
from segmend.core.volumes.base import Volume
from segmend.core.volumes.deferred import DeferredVolume

_MOST_LOOKED_FOR = 4
"""Looking for more changed segments than this takes longer than mapping everything again."""
_BLOCK = 128


class Mapping(Protocol):
    """Anything with a look-up table supervoxel -> segment, live or frozen."""

    @property
    def segment_of(self) -> NDArray[np.uint32]:
        """(n + 1,) uint32."""
        ...


class MappedLabels(DeferredVolume):
    """A read-only, deferred, array-like view ``segment_of[supervoxels]``.

    Parameters
    ----------
    supervoxels : Volume
        uint32, z, y, x.
    mapping : Mapping
        Asked for its table at every read, so an edit shows at the next one.
    """

    def __init__(self, supervoxels: Volume, mapping: Mapping) -> None:
        super().__init__(MappedVolume(supervoxels, mapping))


class MappedVolume:
    """A volume of segments.

    Parameters
    ----------
    supervoxels : Volume
        uint32, z, y, x.
    mapping : Mapping
        Asked for its table at every read.
    """

    def __init__(self, supervoxels: Volume, mapping: Mapping) -> None:
        self._supervoxels = supervoxels
        self._mapping = mapping
        self.shape_zyx: Zyx = supervoxels.shape_zyx
        self.channels = None
        self.dtype: np.dtype[Any] = np.dtype(np.uint32)
        self.grid: Grid = supervoxels.grid
        self.source = supervoxels.source

    def read(self, box: Box) -> NDArray[np.uint32]:
        """Return the segments of the voxels of a box, (z, y, x) uint32."""
        voxels = np.ascontiguousarray(self._supervoxels.read(box), np.uint32)
        return map_labels(voxels, self._mapping.segment_of)


def map_labels(
    supervoxels: NDArray[np.uint32],
    segment_of: NDArray[np.uint32],
    out: NDArray[np.uint32] | None = None,
) -> NDArray[np.uint32]:
    """Return ``segment_of[supervoxels]``; ids beyond the table become background.

    Parameters
    ----------
    supervoxels : uint32, any shape, C order
    segment_of : (n + 1,) uint32, with ``segment_of[0] == 0``
    out : uint32, the same shape, C order, optional
        Filled and returned; saves the time that new memory costs.

    Raises
    ------
    ValueError
        If `out` does not fit.
    """
    if out is None:
        out = np.empty(supervoxels.shape, np.uint32)
    _map_flat(supervoxels.reshape(-1), segment_of, _flat_like(out, supervoxels))
    return out


def remap_changed(
    supervoxels: NDArray[np.uint32],
    segment_of: NDArray[np.uint32],
    out: NDArray[np.uint32],
    old_segments: Sequence[int],
) -> None:
    """Bring mapped labels up to date where they show segments that an edit changed.

    Parameters
    ----------
    supervoxels, segment_of
        As for `map_labels`, after the edit.
    out : uint32, the shape of `supervoxels`, C order
        What `map_labels` returned before the edit.
    old_segments : sequence of int
        Segments whose supervoxels may be in another one now, as they were called before: ``Changes.old_ids``,
        and of a merge only those that are gone.

    Raises
    ------
    ValueError
        If `out` does not fit.
    """
    if len(old_segments) > _MOST_LOOKED_FOR:
        map_labels(supervoxels, segment_of, out)
        return
    shown, voxels = _flat_like(out, supervoxels), supervoxels.reshape(-1)
    for i in range(0, len(old_segments), 2):  # two at a time cost no more than one
        one, other = old_segments[i], old_segments[min(i + 1, len(old_segments) - 1)]
        _remap_flat(voxels, segment_of, shown, np.uint32(one), np.uint32(other))


def _flat_like(out: NDArray[np.uint32], supervoxels: NDArray[np.uint32]) -> NDArray[np.uint32]:
    if out.shape != supervoxels.shape or out.dtype != np.uint32 or not out.flags.c_contiguous:
        raise ValueError(
            f"labels {out.dtype} {out.shape} cannot take what supervoxels {supervoxels.shape} show"
        )
    return out.reshape(-1)


@njit(cache=True, nogil=True)
def _map_flat(supervoxels, segment_of, out):  # type: ignore[no-untyped-def]  # pragma: no cover
    for i in range(out.size):
        supervoxel = supervoxels[i]
        out[i] = segment_of[supervoxel] if supervoxel < segment_of.size else np.uint32(0)


@njit(cache=True, nogil=True)
def _remap_flat(supervoxels, segment_of, out, one, other):  # type: ignore[no-untyped-def]  # pragma: no cover
    # Looking runs on vectors and skips most blocks; in the others every voxel is mapped, because asking each
    # whether it has to be takes longer. Where an eighth of the blocks are met, looking does not pay any more.
    left = out.size // _BLOCK // 8
    for start in range(0, out.size, _BLOCK):
        shown = out[start : start + _BLOCK]
        met = 0
        for i in range(shown.size):
            met += (shown[i] == one) | (shown[i] == other)
        if met:
            left -= 1
            if left < 0:
                _map_flat(supervoxels[start:], segment_of, out[start:])
                return
            _map_flat(supervoxels[start : start + _BLOCK], segment_of, shown)
