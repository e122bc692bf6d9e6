"""Evidence on the contact of two sides, as columns: one array per measurement, one row per pair of sides."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.segmentation.supervoxel_graph import Edges

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Measurements on k pairs of sides.

    Parameters
    ----------
    mean_affinity : (k,) float64
        Over the whole contact, weighted by area; 0 where the sides do not touch.
    max_affinity : (k,) float64
        Of the best single edge between supervoxels.
    strong_share : (k,) float64
        Share of contact faces with an affinity above 0.5.
    area : (k,) float64
        Contact faces.
    edges : (k,) float64
        Pairs of supervoxels in contact.
    size_a, size_b : (k,) float64
        Voxels of the two sides.
    agreement : (k,) float64
        Of skeletons facing each other, 0 (none) to 1.
    gap_nm : (k,) float64
        Between the skeleton ends; 0 where there are none.
    split : (k,) float64
        1 where the sides are in one segment now, else 0.
    """

    mean_affinity: Array
    max_affinity: Array
    strong_share: Array
    area: Array
    edges: Array
    size_a: Array
    size_b: Array
    agreement: Array
    gap_nm: Array
    split: Array

    def __len__(self) -> int:
        return len(self.area)

    @classmethod
    def zeros(cls, count: int) -> Evidence:
        """Return evidence of nothing, to be filled in."""
        return cls(*(np.zeros(count) for _ in fields(cls)))

    @classmethod
    def from_rows(cls, rows: list[dict[str, float]]) -> Evidence:
        """Put the evidence of single candidates together; a missing measurement counts as 0."""
        names = [field.name for field in fields(cls)]
        return cls(*(np.array([row.get(name, 0.0) for row in rows], float) for name in names))

    def row(self, index: int) -> dict[str, float]:
        """Return the measurements on one pair, rounded to what matters."""
        return {
            field.name: float(f"{float(getattr(self, field.name)[index]):.6g}")
            for field in fields(self)
        }

    def take(self, rows: Array) -> Evidence:
        """Return the chosen rows (indices or mask)."""
        return Evidence(*(getattr(self, field.name)[rows] for field in fields(self)))

    def joined(self, other: Evidence) -> Evidence:
        """Return these rows followed by others."""
        return Evidence(
            *(
                np.concatenate([getattr(self, field.name), getattr(other, field.name)])
                for field in fields(self)
            )
        )


@dataclass(frozen=True, slots=True, eq=False)
class SegmentPairs:
    """Pairs of touching segments with the contact between them put together.

    Parameters
    ----------
    pairs : (k, 2) uint32
        Segments, lower id first, sorted.
    evidence : Evidence
        k rows; `size_a` belongs to the first segment.
    best_edge : (k,) int64
        Row of the edge that holds most of the joint affinity: where to look.
    """

    pairs: Array
    evidence: Evidence
    best_edge: Array

    def __len__(self) -> int:
        return len(self.pairs)


def segment_pairs(edges: Edges, segment_of: Array, segment_size: Array) -> SegmentPairs:
    """Aggregate supervoxel edges onto the segments they lie between.

    Parameters
    ----------
    edges : Edges
        Between supervoxels; those inside one segment or at background are left out.
    segment_of : (n + 1,) uint32
    segment_size : (m + 1,) voxels per segment
    """
    ends = np.sort(segment_of[edges.pairs], axis=1)
    between = np.flatnonzero((ends[:, 0] != ends[:, 1]) & (ends[:, 0] > 0))
    key = pair_keys(ends[between])
    order = np.argsort(key, kind="stable")
    between, key = between[order], key[order]
    first = np.flatnonzero(np.r_[True, key[1:] != key[:-1]]) if len(key) else np.empty(0, np.int64)
    pairs = ends[between[first]].astype(np.uint32)
    evidence = _contact(edges.take(between), first)
    evidence.size_a[:] = segment_size[pairs[:, 0]]
    evidence.size_b[:] = segment_size[pairs[:, 1]]
    weight = (edges.affinity[between] + 1e-6) * edges.area[between]
    return SegmentPairs(pairs, evidence, between[_argmax_per_group(weight, first)])


def pair_keys(pairs: Array) -> NDArray[np.uint64]:
    """Return one number for each pair of 32-bit ids, in the order of the pairs; (k, 2) to (k,)."""
    low, high = pairs[:, 0].astype(np.uint64), pairs[:, 1].astype(np.uint64)
    return (low << np.uint64(32)) | high


def _contact(edges: Edges, first: Array) -> Evidence:
    evidence = Evidence.zeros(len(first))
    if not len(first):
        return evidence
    area = edges.area.astype(np.float64)
    total = np.maximum(np.add.reduceat(area, first), 1.0)
    evidence.area[:] = np.add.reduceat(area, first)
    evidence.mean_affinity[:] = np.add.reduceat(area * edges.affinity, first) / total
    evidence.strong_share[:] = np.add.reduceat(area * edges.strong, first) / total
    evidence.max_affinity[:] = np.maximum.reduceat(edges.affinity, first)
    evidence.edges[:] = np.diff(np.r_[first, len(area)])
    return evidence


def _argmax_per_group(values: Array, first: Array) -> Array:
    if not len(first):
        return np.empty(0, np.int64)
    group = np.repeat(np.arange(len(first)), np.diff(np.r_[first, len(values)]))
    order = np.lexsort((-values, group))
    return order[first]
