"""Variation of information that follows edits without counting voxels again.

With f(n) = n log2 n over voxel counts, N H(S|T) = sum f(truth sizes) - sum f(cells) and
N H(T|S) = sum f(segment sizes) - sum f(cells). An edit changes the rows of the segments it touches, so both sums are
kept and only those rows are exchanged. Rows are sorted by truth id and merged like sorted lists.

Voxels may change their supervoxel, too (`apply_relabelling`): the truth of a voxel never changes, so the table of the
voxels concerned, before and after, says all there is to know.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.algorithms.contingency import Contingency
from segmend.core.algorithms.metrics import VariationScores, vi_from_table
from segmend.core.algorithms.truth_rows import (
    EMPTY_ROW,
    Row,
    added,
    changed_rows,
    gathered,
    n_log_n,
    sum_n_log_n,
    taken,
)
from segmend.core.errors import InputError

Array = NDArray[Any]


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
        self._relabelled: dict[int, Row] = {}  # supervoxels whose row is not the table's any more
        self._is_relabelled = np.zeros(len(segment_of), np.bool_)
        self._largest = len(segment_of) - 1
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
        self._f_truths = sum_n_log_n(per_truth)
        self._f_segments = sum_n_log_n(sizes)
        self._f_cells = sum_n_log_n(counts)

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
        labels, truth, count = self._cells()
        order = np.lexsort((truth, -count, labels))
        supervoxels, first = np.unique(labels[order], return_index=True)
        segment = truth[order][first] + 1
        segment[supervoxels == 0] = 0
        cells = segment[np.searchsorted(supervoxels, labels)]
        keys, inverse = np.unique(np.stack([cells, truth], axis=1), axis=0, return_inverse=True)
        counts = np.bincount(inverse.ravel(), count).astype(np.int64)
        return vi_from_table(Contingency(keys[:, 0], keys[:, 1], counts))

    def _cells(self) -> tuple[Array, Array, Array]:
        """Return supervoxel, truth and count of every cell as they are now."""
        keep = ~self._is_relabelled[self._labels]
        labels = [self._labels[keep].astype(np.int64)]
        truth, count = [self._truth[keep]], [self._count[keep]]
        for supervoxel, row in self._relabelled.items():
            labels.append(np.full(len(row[0]), supervoxel))
            truth.append(row[0])
            count.append(row[1])
        return np.concatenate(labels), np.concatenate(truth), np.concatenate(count)

    def merge_delta(self, segment_a: int, segment_b: int) -> float:
        """Return by how many bits the sum would change if two segments were one."""
        if segment_a == segment_b or not self._total:
            return 0.0
        *_, cells, sizes = added(*self._row(segment_a), *self._row(segment_b))
        return float((sizes - 2 * cells) / self._total)

    def apply_merge(self, segment_a: int, segment_b: int) -> None:
        """Join `segment_b` to `segment_a`; `segment_b` is empty afterwards."""
        if segment_a == segment_b:
            return
        truth, count, cells, sizes = added(*self._row(segment_a), *self._row(segment_b))
        self._change(cells, sizes)
        self._rows[segment_a], self._rows[segment_b] = (truth, count), EMPTY_ROW

    def split_delta(
        self, supervoxels: Array, segment: int, *, truth_of_voxels: Array | None = None
    ) -> float:
        """Return by how many bits the sum would change if supervoxels of a segment became a new one.

        Parameters
        ----------
        supervoxels : integer array
        segment : int
        truth_of_voxels : (v,) integer array, optional
            True objects of single voxels that would go with them; 0 is ignored.

        Raises
        ------
        InputError
            If they hold more of some truth object than the segment does, so cannot all be in it.
        """
        if not self._total:
            return 0.0
        part = self._part(supervoxels)
        if truth_of_voxels is not None:
            labelled = truth_of_voxels[truth_of_voxels > 0]
            truths, counts = np.unique(labelled, return_counts=True)
            table = Contingency(np.zeros_like(truths), truths, counts)
            part = added(*part, self._own_truth(table), counts)[:2]
        *_, cells, sizes = self._taken_out(segment, part)
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
        truth, count, cells, sizes = added(*self._row(to_segment), *part)
        self._change(cells, sizes)
        self._rows[to_segment] = truth, count

    def apply_relabelling(
        self,
        before: Contingency,
        after: Contingency,
        segment_before: Array,
        segment_after: Array,
        *,
        largest: int = 0,
    ) -> None:
        """Give voxels other supervoxels: a division, painting or erasing, or the way back.

        Parameters
        ----------
        before, after : Contingency
            The voxels that change, or a box around them: supervoxels against truth, as they were and as they are.
        segment_before, segment_after : (C,) integer arrays
            Segment of ``before.labels`` and of ``after.labels``, row by row; 0 for background.
        largest : int
            Largest supervoxel from now on, for new ones that hold no voxel with truth and so are in no table.

        Raises
        ------
        InputError
            If the tables do not hold the same voxels of each true object, or `before` holds what is not there.
        """
        old, new = self._own_truth(before), self._own_truth(after)
        net = np.bincount(new, after.counts, minlength=len(self._truths))
        if (net != np.bincount(old, before.counts, minlength=len(self._truths))).any():
            raise InputError(
                "the voxels before and after hold different true objects: count both in the same box"
            )
        truth, change = np.concatenate([old, new]), np.concatenate([-before.counts, after.counts])
        supervoxel = np.concatenate([before.labels, after.labels]).astype(np.int64)
        segment = np.concatenate([segment_before, segment_after]).astype(np.int64)
        rows = changed_rows(supervoxel, truth, change, self._supervoxel_row)
        segments = changed_rows(segment, truth, change, self._row)
        for number, row in rows.items():
            self._relabelled[number] = row
            if number < len(self._is_relabelled):
                self._is_relabelled[number] = True
        for number, row in segments.items():
            was = self._row(number)[1]
            self._change(
                float(sum_n_log_n(row[1]) - sum_n_log_n(was)),
                float(n_log_n(row[1].sum()) - n_log_n(was.sum())),
            )
            self._rows[number] = row
        self._largest = max(self._largest, largest, max(rows, default=0))

    def _own_truth(self, table: Contingency) -> Array:
        """Return the place of each row's true object among those of the first table."""
        place = np.searchsorted(self._truths, table.truths)
        if len(table.truths) and (
            place.max() >= len(self._truths) or (self._truths[place] != table.truths).any()
        ):
            raise InputError(
                "the voxels hold a true object that the first table did not: count it again"
            )
        return place

    def _supervoxel_row(self, supervoxel: int) -> Row:
        row = self._relabelled.get(supervoxel)
        if row is not None:
            return row
        if not 0 <= supervoxel < len(self._is_relabelled):
            return EMPTY_ROW
        start, stop = self._starts[supervoxel : supervoxel + 2]
        return self._truth[start:stop], self._count[start:stop]

    def _taken_out(self, segment: int, part: Row) -> tuple[Array, Array, float, float]:
        truth, count, cells, sizes, missing = taken(*self._row(segment), *part)
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
        inside = rows[: np.searchsorted(rows, len(self._is_relabelled))]
        fresh = rows[len(inside) :]
        if len(rows) and (rows[0] < 0 or rows[-1] > self._largest):
            raise InputError(f"supervoxel {rows[-1]} is not in the table: count it again")
        changed = self._is_relabelled[inside]
        width = len(self._truths)
        row = gathered(inside[~changed], self._starts, self._truth, self._count, width)
        for supervoxel in (*inside[changed].tolist(), *fresh.tolist()):
            row = added(*row, *self._supervoxel_row(supervoxel))[:2]
        return row
