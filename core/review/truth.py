"""The truth seen through supervoxels: what an edit would change in the variation of information, exactly.

A segment s contributes ``n_s log2 n_s - 2 sum_t n_st log2 n_st`` to N times the variation of information and the true
objects a constant, so an edit costs what the segments it touches cost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.review.overlap import Overlap
from segmend.core.review.scores import Vi, variation_of_information, xlogx

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Shares:
    """Voxels that some supervoxels share with true objects.

    Parameters
    ----------
    truth : (k,) int64
        Dense true objects, sorted.
    count : (k,) float64
    """

    truth: Array
    count: Array

    def plus(self, other: Shares) -> Shares:
        """Return the shares of both together."""
        return _summed(
            np.concatenate([self.truth, other.truth]), np.concatenate([self.count, other.count])
        )

    def minus(self, part: Shares) -> Shares:
        """Return what is left without a part of these."""
        return _summed(
            np.concatenate([self.truth, part.truth]), np.concatenate([self.count, -part.count])
        )

    @property
    def terms(self) -> tuple[float, float]:
        """``n log2 n`` of the whole and the sum of ``n_t log2 n_t`` of its parts."""
        return float(xlogx(self.count.sum())), float(xlogx(self.count).sum())

    @property
    def cost(self) -> float:
        """Contribution to N times the variation of information."""
        whole, parts = self.terms
        return whole - 2.0 * parts


class TruthTable:
    """Shared voxels of every supervoxel, as compressed rows.

    Parameters
    ----------
    overlap : Overlap
        Of supervoxels with the truth, counted in the box that matters.
    """

    def __init__(self, overlap: Overlap) -> None:
        self.overlap = overlap
        order = np.argsort(overlap.label, kind="stable")
        self._label = overlap.label[order].astype(np.int64)
        _, dense = np.unique(overlap.truth, return_inverse=True)
        self._truth = dense.reshape(-1)[order].astype(np.int64)
        self._count = overlap.count[order].astype(np.float64)
        self.total = float(self._count.sum())
        self.truth_term = float(xlogx(np.bincount(self._truth, weights=self._count)).sum())

    def shares(self, supervoxels: Array) -> Shares:
        """Return what some distinct supervoxels share with the truth together."""
        wanted = np.asarray(supervoxels, np.int64)
        start = np.searchsorted(self._label, wanted)
        stop = np.searchsorted(self._label, wanted, side="right")
        length = stop - start
        before = np.cumsum(length) - length
        rows = np.repeat(start - before, length) + np.arange(int(length.sum()))
        return _summed(self._truth[rows], self._count[rows])

    def vi(self, segment_of: Array) -> Vi:
        """Return the variation of information of a mapping; supervoxels beyond it count as background."""
        labels = self.overlap.label.astype(np.int64)
        known = labels < len(segment_of)
        mapped = np.where(known, segment_of[np.where(known, labels, 0)], 0)
        return variation_of_information(Overlap(mapped, self.overlap.truth, self.overlap.count))

    def vi_best(self) -> Vi:
        """Return the variation of information when every supervoxel goes to its majority object."""
        if not len(self._label):
            return Vi(0.0, 0.0)
        order = np.lexsort((-self._count, self._label))
        labels = self._label[order]
        first = np.r_[True, labels[1:] != labels[:-1]]
        majority = np.zeros(int(labels.max()) + 1, np.int64)
        majority[labels[first]] = self._truth[order][first] + 1
        return self.vi(majority)


class LiveScore:
    """The variation of information of a mapping that changes segment by segment.

    Parameters
    ----------
    table : TruthTable
    segment_of : (n + 1,) uint32
    """

    def __init__(self, table: TruthTable, segment_of: Array) -> None:
        self._table = table
        self._shares: dict[int, Shares] = {}
        labels = table.overlap.label.astype(np.int64)
        mapped = segment_of[labels]
        order = np.lexsort((mapped,))
        bounds = np.flatnonzero(np.r_[True, np.diff(mapped[order].astype(np.int64)) != 0])
        _, dense = np.unique(table.overlap.truth, return_inverse=True)
        for part in np.split(order, bounds[1:]) if len(order) else []:
            shares = _summed(dense.reshape(-1)[part], table.overlap.count[part].astype(float))
            self._shares[int(mapped[part[0]])] = shares
        terms = [shares.terms for shares in self._shares.values()]
        self._whole = sum(whole for whole, _ in terms)
        self._parts = sum(parts for _, parts in terms)

    @property
    def vi(self) -> Vi:
        """Of the mapping as it is now."""
        total = max(self._table.total, 1.0)
        split = max(0.0, self._table.truth_term - self._parts) / total
        return Vi(split, max(0.0, self._whole - self._parts) / total)

    def shares(self, segment: int) -> Shares:
        """Return what a segment shares with the truth."""
        return self._shares.get(segment, _NOTHING)

    def merge_change(self, segments: list[int]) -> float:
        """Return by how many bits joining some segments would change the sum."""
        apart = [self.shares(segment) for segment in segments]
        joined = apart[0]
        for shares in apart[1:]:
            joined = joined.plus(shares)
        return (joined.cost - sum(shares.cost for shares in apart)) / max(self._table.total, 1.0)

    def split_change(self, segment: int, side: Array) -> float:
        """Return by how many bits cutting a side off a segment would change the sum."""
        whole, cut_off = self.shares(segment), self._table.shares(side)
        rest = whole.minus(cut_off)
        return (rest.cost + cut_off.cost - whole.cost) / max(self._table.total, 1.0)

    def replace(self, segment: int, members: Array) -> None:
        """Follow a segment that has other members now."""
        self._forget(segment)
        if not len(members):
            return
        shares = self._table.shares(members)
        self._shares[segment] = shares
        whole, parts = shares.terms
        self._whole += whole
        self._parts += parts

    def _forget(self, segment: int) -> None:
        if segment in self._shares:
            whole, parts = self._shares.pop(segment).terms
            self._whole -= whole
            self._parts -= parts


def _summed(truth: Array, count: Array) -> Shares:
    if not len(truth):
        return _NOTHING
    objects, group = np.unique(truth, return_inverse=True)
    summed = np.bincount(group.reshape(-1), weights=count)
    kept = summed > 0
    return Shares(objects[kept], summed[kept])


_NOTHING = Shares(np.empty(0, np.int64), np.empty(0))
