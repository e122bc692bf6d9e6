"""Pairs of objects whose skeletons suggest that one goes on as the other.

Two searches: from an end point forward to any voxel of another object, and from an end point to an end point that
faces it. Both follow the graph of Matejek et al. 2019, "Biologically-constrained graphs for global connectomics
reconstruction", whose published code looks 500 nm ahead within 0.3216 rad and takes neighbours only; the reaches here
are shorter and wider, for review, where a gap may lie between the two. To prune a graph of touching segments,
`segmend.core.algorithms.continuations` keeps more true merges with fewer edges.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from segmend.core.algorithms.skeletons import EndPoints
from segmend.core.geometry import ZyxNm

Array = NDArray[Any]

END_TO_VOXEL_NM = 210.0
END_TO_END_NM = 300.0


@dataclass(frozen=True, slots=True, eq=False)
class SkeletonPairs:
    """Two places that may belong to one object, k of them.

    Parameters
    ----------
    point_a_nm, point_b_nm : (k, 3) float32
        z, y, x; `a` is always an end point.
    segment_a, segment_b : (k,) uint32
    gap_nm : (k,) float32
        Distance between the two places.
    agreement : (k,) float32
        0..1: how well the line between the places follows the tangents.
    """

    point_a_nm: Array
    point_b_nm: Array
    segment_a: Array
    segment_b: Array
    gap_nm: Array
    agreement: Array

    def __len__(self) -> int:
        return len(self.gap_nm)

    def take(self, rows: Array) -> SkeletonPairs:
        """Return the chosen rows (indices or mask)."""
        return SkeletonPairs(
            self.point_a_nm[rows],
            self.point_b_nm[rows],
            self.segment_a[rows],
            self.segment_b[rows],
            self.gap_nm[rows],
            self.agreement[rows],
        )

    def joined(self, other: SkeletonPairs) -> SkeletonPairs:
        """Return these pairs followed by others."""
        return SkeletonPairs(
            np.concatenate([self.point_a_nm, other.point_a_nm]),
            np.concatenate([self.point_b_nm, other.point_b_nm]),
            np.concatenate([self.segment_a, other.segment_a]),
            np.concatenate([self.segment_b, other.segment_b]),
            np.concatenate([self.gap_nm, other.gap_nm]),
            np.concatenate([self.agreement, other.agreement]),
        )


def facing_ends(
    ends: EndPoints, *, reach_nm: float = END_TO_END_NM, min_agreement: float = 0.5
) -> SkeletonPairs:
    """Pair end points of different objects that point at each other.

    The agreement is the smaller of the two cosines between an end's tangent and the line to the other end. Ends
    closer than the sum of their radii are taken as touching and count by their tangents alone.

    Parameters
    ----------
    ends : EndPoints
    reach_nm : float
        Largest distance between two ends.
    min_agreement : float
        Smallest agreement that is kept.
    """
    rows = np.empty((0, 2), np.int64)
    if len(ends) > 1:
        rows = cKDTree(ends.point_nm).query_pairs(reach_nm, output_type="ndarray").reshape(-1, 2)
    rows = rows[ends.segment[rows[:, 0]] != ends.segment[rows[:, 1]]]
    a, b = rows[:, 0], rows[:, 1]
    line = ends.point_nm[b] - ends.point_nm[a]
    gap = np.linalg.norm(line, axis=1)
    unit = line / np.maximum(gap, 1e-6)[:, None]
    forward = np.einsum("ij,ij->i", ends.tangent_zyx[a], unit)
    backward = -np.einsum("ij,ij->i", ends.tangent_zyx[b], unit)
    facing = -np.einsum("ij,ij->i", ends.tangent_zyx[a], ends.tangent_zyx[b])
    near = gap <= ends.radius_nm[a] + ends.radius_nm[b]
    agreement = np.where(near, facing, np.minimum(forward, backward)).astype(np.float32)
    found = SkeletonPairs(
        ends.point_nm[a],
        ends.point_nm[b],
        ends.segment[a],
        ends.segment[b],
        gap.astype(np.float32),
        np.clip(agreement, 0.0, 1.0),
    )
    return best_per_segments(found.take(agreement >= min_agreement))


def ends_to_voxels(
    ends: EndPoints,
    labels: Array,
    voxel_size_nm_zyx: ZyxNm,
    offset_nm_zyx: ZyxNm,
    *,
    reach_nm: float = END_TO_VOXEL_NM,
    min_agreement: float = 0.7,
) -> SkeletonPairs:
    """Pair each end point with the objects that lie ahead of it.

    Every voxel within `reach_nm` whose direction from the end point is within the cone of the tangent is looked at;
    of each other object the voxel straightest ahead is kept.

    Parameters
    ----------
    ends : EndPoints
    labels : (z, y, x) uint32
        The (coarse) labels the skeletons were traced on.
    voxel_size_nm_zyx, offset_nm_zyx : tuple of 3 float
        Of `labels`.
    reach_nm, min_agreement : float
        Length of the cone and the cosine of its opening.
    """
    size = np.asarray(voxel_size_nm_zyx, np.float64)
    offset = np.asarray(offset_nm_zyx, np.float64)
    index = np.rint((ends.point_nm - offset) / size).astype(np.int64)
    reach = np.ceil(reach_nm / size).astype(np.int64)
    rows, voxels, cosines, gaps = _look_ahead(
        np.ascontiguousarray(labels, np.uint32),
        index,
        ends.tangent_zyx.astype(np.float64),
        ends.segment.astype(np.uint32),
        size,
        reach,
        reach_nm,
        min_agreement,
    )
    segment_b = labels[voxels[:, 0], voxels[:, 1], voxels[:, 2]].astype(np.uint32)
    point_b = (voxels * size + offset).astype(np.float32)
    found = SkeletonPairs(
        ends.point_nm[rows],
        point_b,
        ends.segment[rows],
        segment_b,
        gaps.astype(np.float32),
        cosines.astype(np.float32),
    )
    return best_per_segments(found)


@njit(cache=True, nogil=True)
def _look_ahead(labels, index, tangent, own, size, reach, reach_nm, min_cosine):  # type: ignore[no-untyped-def]  # pragma: no cover
    limit = 24  # objects kept per end point
    rows = np.empty(len(own) * limit, np.int64)
    voxels = np.empty((len(own) * limit, 3), np.int64)
    cosines = np.empty(len(own) * limit)
    gaps = np.empty(len(own) * limit)
    total = 0
    for e in range(len(own)):
        first = total
        z0, y0, x0 = index[e]
        for z in range(max(0, z0 - reach[0]), min(labels.shape[0], z0 + reach[0] + 1)):
            for y in range(max(0, y0 - reach[1]), min(labels.shape[1], y0 + reach[1] + 1)):
                for x in range(max(0, x0 - reach[2]), min(labels.shape[2], x0 + reach[2] + 1)):
                    label = labels[z, y, x]
                    if label == 0 or label == own[e]:
                        continue
                    dz, dy, dx = (z - z0) * size[0], (y - y0) * size[1], (x - x0) * size[2]
                    gap = np.sqrt(dz * dz + dy * dy + dx * dx)
                    if gap > reach_nm or gap == 0.0:
                        continue
                    along = tangent[e, 0] * dz + tangent[e, 1] * dy + tangent[e, 2] * dx
                    if along < min_cosine * gap:
                        continue
                    at = first
                    while (
                        at < total and labels[voxels[at, 0], voxels[at, 1], voxels[at, 2]] != label
                    ):
                        at += 1
                    if at == total:
                        if total - first == limit:
                            continue
                        total += 1
                    elif gap * (2.0 - along / gap) >= gaps[at] * (2.0 - cosines[at]):
                        continue  # near and straight ahead wins
                    rows[at], cosines[at], gaps[at] = e, along / gap, gap
                    voxels[at, 0], voxels[at, 1], voxels[at, 2] = z, y, x
    return rows[:total], voxels[:total], cosines[:total], gaps[:total]


def best_per_segments(pairs: SkeletonPairs) -> SkeletonPairs:
    """Keep one pair for every two segments: the best agreement, then the smaller gap."""
    low = np.minimum(pairs.segment_a, pairs.segment_b).astype(np.uint64)
    high = np.maximum(pairs.segment_a, pairs.segment_b).astype(np.uint64)
    key = (low << np.uint64(32)) | high
    order = np.lexsort((pairs.gap_nm, -pairs.agreement, key))
    first = np.ones(len(order), bool)
    first[1:] = key[order][1:] != key[order][:-1]
    return pairs.take(order[first])
