"""Supervoxels seen through the mapping: what stands between the volume and a Labels layer.

napari asks a pyramid level for a whole depth range first and for the plane afterwards. `MappedLabels` therefore
answers an index with another deferred view and reads voxels only when it becomes an array.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numba import njit
from numpy.typing import DTypeLike, NDArray

from segmend.core.geometry import Box
from segmend.core.volumes.base import Volume

_MOST_LOOKED_FOR = 6
"""Looking for more changed segments than this takes longer than mapping everything again."""
_BLOCK = 1024


class Mapping(Protocol):
    """Anything with a look-up table supervoxel -> segment, live or frozen."""

    @property
    def segment_of(self) -> NDArray[np.uint32]:
        """(n + 1,) uint32."""
        ...


class MappedLabels:
    """A read-only, deferred, array-like view ``segment_of[supervoxels]``.

    Parameters
    ----------
    supervoxels : Volume
        uint32, z, y, x.
    mapping : Mapping
        Asked for its table at every read, so an edit shows at the next one.
    axes : tuple of 3 (int or slice), optional
        The part of the volume that is seen; integers drop their axis.
    """

    dtype = np.dtype(np.uint32)

    def __init__(
        self, supervoxels: Volume, mapping: Mapping, axes: tuple[int | range, ...] | None = None
    ) -> None:
        self._supervoxels = supervoxels
        self._mapping = mapping
        self._axes = axes or tuple(range(length) for length in supervoxels.shape_zyx)

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes that are left."""
        return tuple(len(axis) for axis in self._axes if isinstance(axis, range))

    @property
    def ndim(self) -> int:
        """Number of axes that are left."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of voxels."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        """Bytes the array would take."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a single voxel")
        return self.shape[0]

    def __getitem__(self, index: Any) -> MappedLabels:
        wanted = iter(_full_index(index, self.ndim))
        axes = tuple(
            axis[_integer_or_slice(next(wanted))] if isinstance(axis, range) else axis
            for axis in self._axes
        )
        return MappedLabels(self._supervoxels, self._mapping, axes)

    def __array__(
        self, dtype: DTypeLike | None = None, copy: bool | None = None
    ) -> NDArray[np.generic]:
        if copy is False:
            raise ValueError("MappedLabels cannot become an array without a copy")
        if not self.size:
            return np.zeros(self.shape, dtype or self.dtype)
        labels = self._read()
        return labels if dtype is None else labels.astype(dtype, copy=False)

    def _read(self) -> NDArray[np.uint32]:
        spans = [axis if isinstance(axis, range) else range(axis, axis + 1) for axis in self._axes]
        starts = [min(span[0], span[-1]) for span in spans]
        stops = [max(span[0], span[-1]) + 1 for span in spans]
        box = Box(tuple(starts), tuple(stops))  # type: ignore[arg-type]
        voxels = self._supervoxels.read(box)
        labels = map_labels(np.ascontiguousarray(voxels, np.uint32), self._mapping.segment_of)
        picks = tuple(
            slice(None, None, axis.step) if isinstance(axis, range) else 0 for axis in self._axes
        )
        return np.asarray(labels[picks])


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
        Segments whose supervoxels may be in another one now, as they were called before (``Changes.old_ids``).

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
    last = np.uint32(0)
    mapped = np.uint32(0)
    for i in range(supervoxels.size):
        supervoxel = supervoxels[i]
        if supervoxel != last:  # neighbours along x mostly repeat: saves the random read
            last = supervoxel
            mapped = segment_of[supervoxel] if supervoxel < segment_of.size else np.uint32(0)
        out[i] = mapped


@njit(cache=True, nogil=True)
def _remap_flat(supervoxels, segment_of, out, one, other):  # type: ignore[no-untyped-def]  # pragma: no cover
    for start in range(0, out.size, _BLOCK):
        shown = out[start : start + _BLOCK]
        met = 0
        for i in range(shown.size):  # without a branch, so that it runs on vectors
            met += (shown[i] == one) | (shown[i] == other)
        if met:
            here = supervoxels[start : start + _BLOCK]
            for i in range(shown.size):
                if shown[i] == one or shown[i] == other:
                    supervoxel = here[i]
                    shown[i] = (
                        segment_of[supervoxel] if supervoxel < segment_of.size else np.uint32(0)
                    )


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
