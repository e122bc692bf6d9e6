"""Scores against the truth that follow edits, from tables counted once. No Qt, no napari."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.algorithms.contingency import Contingency
from segmend.core.algorithms.incremental_vi import VariationOfInformation
from segmend.core.algorithms.metrics import VariationScores
from segmend.core.algorithms.truth_rows import sum_n_log_n


@dataclass(frozen=True, slots=True)
class Errors:
    """How far a segmentation is from the truth.

    Parameters
    ----------
    vi : VariationScores
    adapted_rand : float
        Error, 0 to 1.
    """

    vi: VariationScores
    adapted_rand: float


class SharedCounts:
    """Scores of any mapping of supervoxels, with one sort of the table.

    Parameters
    ----------
    table : Contingency
        Supervoxels against truth.
    """

    def __init__(self, table: Contingency) -> None:
        self._labels = table.labels.astype(np.int64)
        truths, self._truth = np.unique(table.truths, return_inverse=True)
        self._width = max(1, len(truths))
        self._counts = table.counts.astype(np.int64)
        self._total = int(self._counts.sum())
        self._truth_sizes = np.bincount(self._truth, self._counts)

    def scores(self, segment_of: NDArray[Any]) -> Errors:
        """Return the errors of a mapping; a supervoxel beyond its end counts as background."""
        if not self._total:
            return Errors(VariationScores(0.0, 0.0), 0.0)
        known = np.minimum(self._labels, len(segment_of))
        segment = np.append(segment_of, segment_of.dtype.type(0))[known].astype(np.int64)
        keys = segment * self._width + self._truth
        order = np.argsort(keys)
        starts = np.flatnonzero(np.diff(keys[order], prepend=-1))
        cells = np.add.reduceat(self._counts[order], starts).astype(np.float64)
        sizes = np.bincount(segment, self._counts)
        both = float(sum_n_log_n(cells))
        split = (float(sum_n_log_n(self._truth_sizes)) - both) / self._total
        merge = (float(sum_n_log_n(sizes)) - both) / self._total
        vi = VariationScores(max(0.0, split), max(0.0, merge))
        return Errors(vi, self._adapted_rand(cells, sizes))

    def _adapted_rand(self, cells: NDArray[Any], sizes: NDArray[Any]) -> float:
        """Return what `adapted_rand_error` does, from sums over pairs of voxels."""
        parts = (cells, sizes, self._truth_sizes)
        both, in_segments, in_truth = (float(part @ part) - self._total for part in parts)
        pairs = in_segments + in_truth
        return 1 - 2 * both / pairs if pairs > 0 else 0.0


class LiveErrors:
    """Errors of a segmentation under edits, with one table.

    Parameters
    ----------
    table : Contingency
        Supervoxels against truth.
    segment_of : (n + 1,) integer array
    """

    def __init__(self, table: Contingency, segment_of: NDArray[Any]) -> None:
        self._vi = VariationOfInformation(table, segment_of)
        self._shared = SharedCounts(table)
        self.best = self._vi.vi_best
        """What remains when every supervoxel is with its true object."""

    def move(self, supervoxels: NDArray[Any], from_segment: int, to_segment: int) -> None:
        """Follow an edit."""
        self._vi.apply_move(supervoxels, from_segment, to_segment)

    def now(self, segment_of: NDArray[Any]) -> Errors:
        """Return the errors; `segment_of` is the mapping after all moves."""
        return Errors(self._vi.scores, self._shared.scores(segment_of).adapted_rand)


class TruthScores:
    """Errors with and without the voxels beside a true boundary, under edits that move supervoxels.

    Parameters
    ----------
    table, tolerant : Contingency
        Supervoxels against truth: all voxels, and those that are not beside a boundary of the truth.
    segment_of : (n + 1,) integer array
        Copied.
    """

    def __init__(self, table: Contingency, tolerant: Contingency, segment_of: NDArray[Any]) -> None:
        self.table = table
        self._segment_of = segment_of.copy()
        self.all = LiveErrors(table, segment_of)
        self.tolerant = LiveErrors(tolerant, segment_of)

    def follow(self, segment_of: NDArray[Any]) -> bool:
        """Take over where supervoxels are now; False where there are others, so that voxels must be counted again."""
        now = segment_of.copy()
        if len(now) != len(self._segment_of):
            return False
        moved = np.flatnonzero(now != self._segment_of)
        ways = np.stack([self._segment_of[moved], now[moved]], axis=1)
        kinds, kind_of = np.unique(ways, axis=0, return_inverse=True)
        for number, (before, after) in enumerate(kinds.tolist()):
            members = moved[kind_of.reshape(-1) == number]
            for errors in (self.all, self.tolerant):
                errors.move(members, before, after)
        self._segment_of = now
        return True

    def now(self) -> tuple[Errors, Errors]:
        """Return the errors of all voxels and the tolerant ones."""
        return self.all.now(self._segment_of), self.tolerant.now(self._segment_of)
