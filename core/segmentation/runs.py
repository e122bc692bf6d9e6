"""Voxels that differ from what lies beneath, as runs along x: small to keep, quick to lay over a block."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.geometry import Box

Array = NDArray[Any]
CACHE_BYTES = 128 * 2**20


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Some voxels of a box with their labels.

    Parameters
    ----------
    box : Box
    first : (lines + 1,) int32
        Where the runs of each line along x begin, lines in z, y order.
    spans : (runs, 2) uint16 or int32
        Start and stop along x, counted from the box.
    labels : (runs,) uint32
    """

    box: Box
    first: Array
    spans: Array
    labels: Array

    @classmethod
    def of(cls, box: Box, labels: Array, chosen: Array) -> Runs:
        """Return the chosen voxels of a (z, y, x) array of labels that fills a box; `chosen` is bool."""
        labels = np.ascontiguousarray(labels, np.uint32).reshape(-1, box.shape_zyx[2])
        chosen = np.ascontiguousarray(chosen, np.bool_).reshape(labels.shape)
        first = np.zeros(len(labels) + 1, np.int32)
        np.cumsum(_count_runs(labels, chosen), out=first[1:])
        narrow = labels.shape[1] < 2**16
        spans = np.empty((int(first[-1]), 2), np.uint16 if narrow else np.int32)
        values = np.empty(len(spans), np.uint32)
        _fill_runs(labels, chosen, spans, values)
        return cls(box, first, spans, values)

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        return self.first.nbytes + self.spans.nbytes + self.labels.nbytes

    def lay_over(self, out: Array, place: Box) -> None:
        """Write the voxels into a C-contiguous (z, y, x) uint32 array that fills `place`."""
        common = self.box.intersect(place)
        if common.size:
            _lay(
                out, place.start_zyx, self.first, self.spans, self.labels,
                self.box.start_zyx, self.box.shape_zyx[1], common.start_zyx, common.stop_zyx,
            )  # fmt: skip


class RunCache:
    """The runs that were used last, up to a number of bytes; readers in several threads may share one.

    Parameters
    ----------
    limit : int
        Bytes.
    """

    def __init__(self, limit: int = CACHE_BYTES) -> None:
        self._limit = limit
        self._kept: OrderedDict[Hashable, Runs] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def get(self, key: Hashable) -> Runs | None:
        """Return what is kept under a key."""
        with self._lock:
            runs = self._kept.get(key)
            if runs is not None:
                self._kept.move_to_end(key)
            return runs

    def put(self, key: Hashable, runs: Runs) -> None:
        """Keep runs and let the oldest go."""
        with self._lock:
            self._drop(key)
            self._kept[key] = runs
            self._bytes += runs.nbytes
            while self._bytes > self._limit:
                self._drop(next(iter(self._kept)))

    def drop(self, key: Hashable) -> None:
        """Let go of what is kept under a key, if anything is."""
        with self._lock:
            self._drop(key)

    def clear(self) -> None:
        """Let go of everything."""
        with self._lock:
            self._kept.clear()
            self._bytes = 0

    def _drop(self, key: Hashable) -> None:
        runs = self._kept.pop(key, None)
        self._bytes -= runs.nbytes if runs is not None else 0


@njit(cache=True, nogil=True)
def _count_runs(labels, chosen):  # type: ignore[no-untyped-def]  # pragma: no cover
    counts = np.zeros(len(labels), np.int32)
    for line in range(len(labels)):
        for x in range(labels.shape[1]):
            if chosen[line, x] and (
                x == 0 or not chosen[line, x - 1] or labels[line, x] != labels[line, x - 1]
            ):
                counts[line] += 1
    return counts


@njit(cache=True, nogil=True)
def _fill_runs(labels, chosen, spans, values):  # type: ignore[no-untyped-def]  # pragma: no cover
    run = -1
    for line in range(len(labels)):
        for x in range(labels.shape[1]):
            if not chosen[line, x]:
                continue
            if x == 0 or not chosen[line, x - 1] or labels[line, x] != labels[line, x - 1]:
                run += 1
                spans[run, 0] = x
                values[run] = labels[line, x]
            spans[run, 1] = x + 1


@njit(cache=True, nogil=True)
def _lay(out, place, first, spans, labels, start, ny, low, high):  # type: ignore[no-untyped-def]  # pragma: no cover
    for z in range(low[0], high[0]):
        for y in range(low[1], high[1]):
            line = (z - start[0]) * ny + y - start[1]
            for run in range(first[line], first[line + 1]):
                a = max(np.int64(spans[run, 0]) + start[2], low[2]) - place[2]
                b = min(np.int64(spans[run, 1]) + start[2], high[2]) - place[2]
                for x in range(a, b):
                    out[z - place[0], y - place[1], x] = labels[run]
