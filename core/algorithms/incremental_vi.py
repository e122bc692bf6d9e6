"""Variation of information that follows edits without counting voxels again.

With f(n) = n log2 n over voxel counts, N H(S|T) = sum f(truth sizes) - sum f(cells) and
N H(T|S) = sum f(segment sizes) - sum f(cells). An edit changes the rows of the segments it touches, so both sums are
kept and only those rows are exchanged. Rows are sorted by truth id and merged like sorted lists.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.algorithms.metrics import Contingency, VariationScores, vi_from_table
from segmend.core.errors import InputError

Array = NDArray[Any]
Row = tuple[Array, Array]


class VariationOfInformation:
    """Variation of information of a segmentation given as supervoxel -> segment, under edits.

    Parameters
    ----------
    table : Contingency
        Supervoxels against truth.
    segment_of : (n + 1,) integer array
        Segment of each supervoxel; 0 (background) counts as one object.

    Raises
    ------
    InputError
        If the table names a supervoxel that the mapping does not know.
    """

    def __init__(self, table: Contingency, segment_of: Array) -> None:
        if len(table.labels) and int(table.labels.max()) >= len(segment_of):
            raise InputError(
                f"the table names supervoxel {int(table.labels.max())}, the mapping ends at {len(segment_of) - 1}: "
                "they do not belong together"
            )
        self._truths, truth = np.unique(table.truths, return_inverse=True)
        self._truth = truth.astype(np.int64)
        self._count = np.ascontiguousarray(table.counts, dtype=np.int64)
        self._labels = table.labels
        self._starts = np.searchsorted(table.labels, np.arange(len(segment_of) + 1))
        self._total = int(self._count.sum())
        self._rows: dict[int, Row] = {}
        self._read_segments(np.asarray(segment_of)[table.labels].astype(np.int64))

    def _read_segments(self, segment: Array) -> None:
        """Fill the base rows, one run of cells per segment, and the three sums."""
        width = max(1, len(self._truths))
        keys, inverse = np.unique(segment * width + self._truth, return_inverse=True)
        counts = np.bincount(inverse, self._count).astype(np.int64)
        base_segment = keys // width
        self._base_truth, self._base_count = keys % width, counts
        starts = np.flatnonzero(np.diff(base_segment, prepend=-1))
        stops = np.append(starts[1:], len(counts))[: len(starts)]
        self._base = dict(
            zip(
                base_segment[starts].tolist(),
                zip(starts.tolist(), stops.tolist(), strict=True),
                strict=True,
            )
        )
        sizes = np.add.reduceat(counts, starts) if len(starts) else counts
        per_truth = np.bincount(self._truth, self._count, minlength=width)
        self._f_truths = _f(per_truth)
        self._f_segments = _f(sizes)
        self._f_cells = _f(counts)

    @property
    def split(self) -> float:
        """H(S|T) in bits."""
        return max(0.0, (self._f_truths - self._f_cells) / self._total) if self._total else 0.0

    @property
    def merge(self) -> float:
        """H(T|S) in bits."""
        return max(0.0, (self._f_segments - self._f_cells) / self._total) if self._total else 0.0

    @property
    def sum(self) -> float:
        """Both together."""
        return self.split + self.merge

    @property
    def scores(self) -> VariationScores:
        """Split and merge as a value."""
        return VariationScores(self.split, self.merge)

    @property
    def vi_best(self) -> VariationScores:
        """What remains when every supervoxel goes to its majority truth object (ties: the smaller id).

        Background stays an object of its own: no edit can move it.
        """
        order = np.lexsort((self._truth, -self._count, self._labels))
        supervoxels, first = np.unique(self._labels[order], return_index=True)
        segment = self._truth[order][first] + 1
        segment[supervoxels == 0] = 0
        cells = segment[np.searchsorted(supervoxels, self._labels)]
        keys, inverse = np.unique(
            np.stack([cells, self._truth], axis=1), axis=0, return_inverse=True
        )
        counts = np.bincount(inverse.ravel(), self._count).astype(np.int64)
        return vi_from_table(Contingency(keys[:, 0], keys[:, 1], counts))

    def merge_delta(self, segment_a: int, segment_b: int) -> float:
        """Return by how many bits the sum would change if two segments were one."""
        if segment_a == segment_b or not self._total:
            return 0.0
        *_, cells, sizes = _added(*self._row(segment_a), *self._row(segment_b))
        return float((sizes - 2 * cells) / self._total)

    def apply_merge(self, segment_a: int, segment_b: int) -> None:
        """Join `segment_b` to `segment_a`; `segment_b` is empty afterwards."""
        if segment_a == segment_b:
            return
        truth, count, cells, sizes = _added(*self._row(segment_a), *self._row(segment_b))
        self._change(cells, sizes)
        self._rows[segment_a], self._rows[segment_b] = (truth, count), _EMPTY

    def split_delta(self, supervoxels: Array, segment: int) -> float:
        """Return by how many bits the sum would change if supervoxels of a segment became a new one.

        Raises
        ------
        InputError
            If they hold more of some truth object than the segment does, so cannot all be in it.
        """
        if not self._total:
            return 0.0
        *_, cells, sizes = self._taken_out(segment, self._part(supervoxels))
        return float((sizes - 2 * cells) / self._total)

    def apply_move(self, supervoxels: Array, from_segment: int, to_segment: int) -> None:
        """Move supervoxels from one segment to another, which may be new.

        Raises
        ------
        InputError
            If they hold more of some truth object than `from_segment` does, so cannot all be in it.
        """
        if from_segment == to_segment:
            return
        part = self._part(supervoxels)
        truth, count, cells, sizes = self._taken_out(from_segment, part)
        self._change(cells, sizes)
        self._rows[from_segment] = truth, count
        truth, count, cells, sizes = _added(*self._row(to_segment), *part)
        self._change(cells, sizes)
        self._rows[to_segment] = truth, count

    def _taken_out(self, segment: int, part: Row) -> tuple[Array, Array, float, float]:
        truth, count, cells, sizes, missing = _taken(*self._row(segment), *part)
        if missing:
            raise InputError(
                f"not all of these supervoxels are in segment {segment}: name each with the segment it is in"
            )
        return truth, count, cells, sizes

    def _change(self, cells: float, sizes: float) -> None:
        self._f_cells += cells
        self._f_segments += sizes

    def _row(self, segment: int) -> Row:
        row = self._rows.get(segment)
        if row is not None:
            return row
        start, stop = self._base.get(segment, (0, 0))
        return self._base_truth[start:stop], self._base_count[start:stop]

    def _part(self, supervoxels: Array) -> Row:
        """Return the truth row of a set of supervoxels."""
        rows = np.unique(np.asarray(supervoxels, dtype=np.int64))
        if len(rows) and (rows[0] < 0 or rows[-1] + 1 >= len(self._starts)):
            raise InputError(f"supervoxel {rows[-1]} is not in the table: count it again")
        return _gathered(rows, self._starts, self._truth, self._count, len(self._truths))


_EMPTY: Row = (np.empty(0, np.int64), np.empty(0, np.int64))


@njit(cache=True, nogil=True)
def _f1(n: Any) -> Any:
    return n * np.log2(n) if n > 0 else 0.0


@njit(cache=True, nogil=True)
def _f(counts: Array) -> Any:
    total = 0.0
    for n in counts:
        if n > 0:
            total += n * np.log2(n)
    return total


@njit(cache=True, nogil=True)
def _added(
    truth_a: Array, count_a: Array, truth_b: Array, count_b: Array
) -> tuple[Array, Array, float, float]:
    """Add two sorted rows; return the result and the change of sum f over cells and over row sizes."""
    truth = np.empty(len(truth_a) + len(truth_b), np.int64)
    count = np.empty(len(truth), np.int64)
    cells = 0.0
    i, j, k = 0, 0, 0
    while i < len(truth_a) or j < len(truth_b):
        if j == len(truth_b) or (i < len(truth_a) and truth_a[i] < truth_b[j]):
            truth[k], count[k] = truth_a[i], count_a[i]
            i += 1
        elif i == len(truth_a) or truth_b[j] < truth_a[i]:
            truth[k], count[k] = truth_b[j], count_b[j]
            j += 1
        else:
            truth[k], count[k] = truth_a[i], count_a[i] + count_b[j]
            cells += _f1(count[k]) - _f1(count_a[i]) - _f1(count_b[j])
            i += 1
            j += 1
        k += 1
    size_a, size_b = count_a.sum(), count_b.sum()
    sizes = _f1(size_a + size_b) - _f1(size_a) - _f1(size_b)
    return truth[:k], count[:k], cells, sizes


@njit(cache=True, nogil=True)
def _taken(
    truth_a: Array, count_a: Array, truth_b: Array, count_b: Array
) -> tuple[Array, Array, float, float, bool]:
    """Take the second sorted row out of the first; also say whether something of it was not there."""
    truth = np.empty(len(truth_a), np.int64)
    count = np.empty(len(truth_a), np.int64)
    cells = 0.0
    i, k = 0, 0
    missing = False
    for j in range(len(truth_b)):
        while i < len(truth_a) and truth_a[i] < truth_b[j]:
            truth[k], count[k] = truth_a[i], count_a[i]
            i += 1
            k += 1
        if i == len(truth_a) or truth_a[i] != truth_b[j] or count_a[i] < count_b[j]:
            missing = True
            continue
        left = count_a[i] - count_b[j]
        cells += _f1(left) + _f1(count_b[j]) - _f1(count_a[i])
        if left:
            truth[k], count[k] = truth_a[i], left
            k += 1
        i += 1
    rest = len(truth_a) - i
    truth[k : k + rest], count[k : k + rest] = truth_a[i:], count_a[i:]
    size_a, size_b = count_a.sum(), count_b.sum()
    sizes = _f1(size_a - size_b) + _f1(size_b) - _f1(size_a)
    return truth[: k + rest], count[: k + rest], cells, sizes, missing


@njit(cache=True, nogil=True)
def _gathered(rows: Array, starts: Array, truths: Array, counts: Array, width: int) -> Row:
    """Add up the rows of many supervoxels."""
    sums = np.zeros(width, np.int64)
    for supervoxel in rows:
        for k in range(starts[supervoxel], starts[supervoxel + 1]):
            sums[truths[k]] += counts[k]
    truth = np.flatnonzero(sums)
    return truth, sums[truth]
