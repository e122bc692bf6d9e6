"""Skeletons of labelled objects at a coarse voxel size, and their end points with outward tangents.

Skeletons are traced with TEASAR (Sato et al. 2000) as implemented by kimimaro, on labels that were downsampled
to about 30 nm so that thin objects survive. kimimaro is imported when it is first needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.errors import InputError
from segmend.core.geometry import Zyx, ZyxNm

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Skeleton:
    """One object's centre lines; several components where the object is in pieces.

    Parameters
    ----------
    vertices_nm : (V, 3) float32
        z, y, x in nm.
    edges : (E, 2) uint32
        Indices into the vertices.
    radius_nm : (V,) float32
        Distance to the object's surface.
    """

    vertices_nm: Array
    edges: Array
    radius_nm: Array

    @property
    def cable_nm(self) -> float:
        """Total length of the centre lines."""
        ends = self.vertices_nm[self.edges]
        return float(np.linalg.norm(ends[:, 0] - ends[:, 1], axis=1).sum())


@dataclass(frozen=True, slots=True, eq=False)
class EndPoints:
    """Where skeletons end, k of them.

    Parameters
    ----------
    point_nm : (k, 3) float32
        z, y, x.
    tangent_zyx : (k, 3) float32
        Unit vector along the last stretch of the skeleton, pointing out of the object.
    segment : (k,) uint32
        The object the skeleton belongs to.
    radius_nm : (k,) float32
        Distance to the surface at the end.
    """

    point_nm: Array
    tangent_zyx: Array
    segment: Array
    radius_nm: Array

    def __len__(self) -> int:
        return len(self.segment)

    @classmethod
    def none(cls) -> EndPoints:
        """Return no end points."""
        return cls(
            np.empty((0, 3), np.float32),
            np.empty((0, 3), np.float32),
            np.empty(0, np.uint32),
            np.empty(0, np.float32),
        )


def coarse_factor(voxel_size_nm_zyx: ZyxNm, target_nm: float = 30.0) -> Zyx:
    """Return how many voxels to join on each axis so that they come close to `target_nm`."""
    z, y, x = (max(1, round(target_nm / size)) for size in voxel_size_nm_zyx)
    return z, y, x


def downsample_thin(
    supervoxels: Array, segment_of: Array, segment_size: Array, factor_zyx: Zyx
) -> Array:
    """Downsample labels so that thin objects stay connected.

    Each block shows the object with the largest ``voxels in the block / size of the object ** 0.25``: a neurite of
    one voxel's width beside a large object keeps its block, a stray voxel of a large object does not. Of that
    object the supervoxel with the most voxels in the block is returned, so that a coarse place leads back to one.

    Parameters
    ----------
    supervoxels : (z, y, x) uint32
        0 is background and never wins over an object.
    segment_of : (n + 1,) uint32
    segment_size : (m + 1,) voxels per segment
    factor_zyx : tuple of 3 int

    Returns
    -------
    coarse : (ceil(z / fz), ceil(y / fy), ceil(x / fx)) uint32
        Supervoxels.
    """
    if min(factor_zyx) < 1:
        raise InputError(f"downsampling factor {factor_zyx} is not usable: expected 1 or more")
    weight = 1.0 / np.maximum(np.asarray(segment_size, np.float64), 1.0) ** 0.25
    factor = np.asarray(factor_zyx, np.int64)
    supervoxels = np.ascontiguousarray(supervoxels, np.uint32)
    return _downsample(supervoxels, np.asarray(segment_of, np.uint32), weight, factor)


@njit(cache=True, nogil=True)
def _downsample(supervoxels, segment_of, weight, factor):  # type: ignore[no-untyped-def]  # pragma: no cover
    fz, fy, fx = factor
    nz, ny, nx = supervoxels.shape
    out = np.zeros(((nz + fz - 1) // fz, (ny + fy - 1) // fy, (nx + fx - 1) // fx), np.uint32)
    found = np.empty(fz * fy * fx, np.uint32)
    count = np.empty(fz * fy * fx, np.int64)
    for z in range(out.shape[0]):
        for y in range(out.shape[1]):
            for x in range(out.shape[2]):
                kinds = 0
                for k in range(z * fz, min(z * fz + fz, nz)):
                    for j in range(y * fy, min(y * fy + fy, ny)):
                        for i in range(x * fx, min(x * fx + fx, nx)):
                            kinds = _tally(supervoxels[k, j, i], found, count, kinds)
                out[z, y, x] = _winner(found, count, kinds, segment_of, weight)
    return out


@njit(cache=True, nogil=True)
def _tally(supervoxel, found, count, kinds):  # type: ignore[no-untyped-def]  # pragma: no cover
    if supervoxel == 0:
        return kinds
    for i in range(kinds):
        if found[i] == supervoxel:
            count[i] += 1
            return kinds
    found[kinds] = supervoxel
    count[kinds] = 1
    return kinds + 1


@njit(cache=True, nogil=True)
def _winner(found, count, kinds, segment_of, weight):  # type: ignore[no-untyped-def]  # pragma: no cover
    best, best_score, best_count = np.uint32(0), 0.0, 0
    for i in range(kinds):
        segment = segment_of[found[i]]
        if segment == 0:
            continue
        total = 0
        for j in range(kinds):
            if segment_of[found[j]] == segment:
                total += count[j]
        score = total * weight[segment]
        if score > best_score or (score == best_score and count[i] > best_count):
            best, best_score, best_count = found[i], score, count[i]
    return best


def skeletonize(
    labels: Array,
    voxel_size_nm_zyx: ZyxNm,
    *,
    offset_nm_zyx: ZyxNm = (0.0, 0.0, 0.0),
    dust_voxels: int = 40,
    scale: float = 1.5,
    const_nm: float = 100.0,
) -> dict[int, Skeleton]:
    """Trace the skeleton of every labelled object, in this process alone.

    Parameters
    ----------
    labels : (z, y, x) unsigned integers
        0 is background.
    voxel_size_nm_zyx, offset_nm_zyx : tuple of 3 float
        Of this array; vertices are voxel centres in nm.
    dust_voxels : int
        Connected parts with fewer voxels get no skeleton.
    scale, const_nm : float
        TEASAR's invalidation radius is ``scale * distance to the surface + const_nm``.

    Returns
    -------
    dict of int to Skeleton
    """
    if not labels.size or not labels.any():
        return {}
    import kimimaro  # loads slowly and is needed here only

    traced = kimimaro.skeletonize(
        np.ascontiguousarray(labels),
        teasar_params={
            "scale": scale,
            "const": const_nm,
            "pdrf_scale": 100_000,
            "pdrf_exponent": 4,
        },
        anisotropy=tuple(float(size) for size in voxel_size_nm_zyx),
        dust_threshold=dust_voxels,
        progress=False,
        fix_branching=True,
        fix_borders=False,  # end points on the border of the volume are no errors
        parallel=1,  # more would start processes that import the main module again
    )
    offset = np.asarray(offset_nm_zyx, np.float32)
    return {int(label): _from_traced(skeleton, offset) for label, skeleton in traced.items()}


def _from_traced(skeleton: Any, offset: Array) -> Skeleton:
    return Skeleton(
        np.asarray(skeleton.vertices, np.float32) + offset,
        np.asarray(skeleton.edges, np.uint32).reshape(-1, 2),
        np.asarray(skeleton.radii, np.float32),
    )


def end_points(skeletons: Mapping[int, Skeleton], *, reach_nm: float = 250.0) -> EndPoints:
    """Collect the ends of all skeletons.

    Parameters
    ----------
    skeletons : mapping of int to Skeleton
    reach_nm : float
        The tangent runs from the vertex this far back along the line (or its nearest fork) to the end.
    """
    found = [_ends_of(segment, skeleton, reach_nm) for segment, skeleton in skeletons.items()]
    found = [ends for ends in found if len(ends)]
    if not found:
        return EndPoints.none()
    return EndPoints(
        np.concatenate([ends.point_nm for ends in found]),
        np.concatenate([ends.tangent_zyx for ends in found]),
        np.concatenate([ends.segment for ends in found]),
        np.concatenate([ends.radius_nm for ends in found]),
    )


def _ends_of(segment: int, skeleton: Skeleton, reach_nm: float) -> EndPoints:
    if not len(skeleton.edges):
        return EndPoints.none()
    neighbours: list[list[int]] = [[] for _ in range(len(skeleton.vertices_nm))]
    for u, v in skeleton.edges.tolist():
        neighbours[u].append(v)
        neighbours[v].append(u)
    ends = [v for v, others in enumerate(neighbours) if len(others) == 1]
    if not ends:
        return EndPoints.none()
    tails = [_walk_back(end, neighbours, skeleton.vertices_nm, reach_nm) for end in ends]
    points = skeleton.vertices_nm[ends]
    along = points - skeleton.vertices_nm[tails]
    length = np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-6)
    tangent = (along / length).astype(np.float32)
    return EndPoints(
        points, tangent, np.full(len(ends), segment, np.uint32), skeleton.radius_nm[ends]
    )


def _walk_back(end: int, neighbours: list[list[int]], vertices: Array, reach_nm: float) -> int:
    before, here, walked = -1, end, 0.0
    while walked < reach_nm:
        onward = [v for v in neighbours[here] if v != before]
        if len(onward) != 1:
            break  # a fork or the other end
        walked += float(np.linalg.norm(vertices[onward[0]] - vertices[here]))
        before, here = here, onward[0]
    return here
