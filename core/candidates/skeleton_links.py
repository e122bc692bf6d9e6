"""From supervoxels on disk to pairs of segments whose skeletons face each other.

The volume is read block by block and downsampled to about 30 nm at once, so the full resolution is never held.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.algorithms.skeleton_pairs import (
    SkeletonPairs,
    best_per_segments,
    ends_to_voxels,
    facing_ends,
)
from segmend.core.algorithms.skeletons import (
    Skeleton,
    coarse_factor,
    downsample_thin,
    end_points,
    skeletonize,
)
from segmend.core.candidates.evidence import Evidence, SegmentPairs, pair_keys
from segmend.core.errors import ProjectError
from segmend.core.geometry import Box, Grid, Zyx
from segmend.core.segmentation.graph_files import GraphArrays
from segmend.core.volumes.base import Volume
from segmend.core.volumes.lazy import chunk_of

Array = NDArray[Any]

_BLOCK_ZYX = (64, 512, 512)
"""About what is read at once, in whole chunks and whole coarse voxels."""


@dataclass(frozen=True, slots=True, eq=False)
class CoarseSupervoxels:
    """Supervoxels at a coarser voxel size.

    Parameters
    ----------
    supervoxels : (z, y, x) uint32
    grid : Grid
        Of this array.
    """

    supervoxels: Array
    grid: Grid

    def at(self, points_nm: Array) -> Array:
        """Return the supervoxel at each place, (k,) uint32."""
        size = np.asarray(self.grid.voxel_size_nm_zyx)
        index = np.rint((points_nm - np.asarray(self.grid.offset_nm_zyx)) / size).astype(np.int64)
        index = np.clip(index, 0, np.asarray(self.supervoxels.shape) - 1)
        return self.supervoxels[index[:, 0], index[:, 1], index[:, 2]]


@dataclass(frozen=True, slots=True, eq=False)
class SkeletonLinks:
    """Pairs of supervoxels that skeletons suggest to be one object, k of them.

    Parameters
    ----------
    supervoxels : (k, 2) uint32
    points_nm : (k, 2, 3) float32
        A place in each, z, y, x.
    gap_nm, agreement : (k,) float32
    """

    supervoxels: Array
    points_nm: Array
    gap_nm: Array
    agreement: Array

    def __len__(self) -> int:
        return len(self.gap_nm)

    @classmethod
    def none(cls) -> SkeletonLinks:
        """Return no links."""
        return cls(
            np.empty((0, 2), np.uint32),
            np.empty((0, 2, 3), np.float32),
            np.empty(0, np.float32),
            np.empty(0, np.float32),
        )


def coarse_supervoxels(
    supervoxels: Volume, segment_of: Array, segment_size: Array, resolution_nm: float
) -> CoarseSupervoxels:
    """Read a volume block by block and downsample it so that thin objects survive.

    Parameters
    ----------
    supervoxels : Volume
        uint32.
    segment_of : (n + 1,) uint32
    segment_size : (m + 1,) voxels per segment
    resolution_nm : float
        Voxel size to come close to.
    """
    grid = supervoxels.grid
    factor = coarse_factor(grid.voxel_size_nm_zyx, resolution_nm)
    shape = coarse_shape(supervoxels.shape_zyx, factor)
    coarse = np.empty(shape, np.uint32)
    for box in Box.of_shape(supervoxels.shape_zyx).blocks(_block_shape(supervoxels, factor)):
        start = tuple(a // f for a, f in zip(box.start_zyx, factor, strict=True))
        part = downsample_thin(supervoxels.read(box), segment_of, segment_size, factor)
        stop = tuple(a + n for a, n in zip(start, part.shape, strict=True))
        coarse[Box(start, stop).slices] = part  # type: ignore[arg-type]
    return CoarseSupervoxels(coarse, _coarse_grid(grid, factor))


def coarse_shape(shape_zyx: Zyx, factor_zyx: Zyx) -> Zyx:
    """Return the extent of the coarser copy of a volume."""
    z, y, x = (-(-n // f) for n, f in zip(shape_zyx, factor_zyx, strict=True))
    return z, y, x


def _block_shape(supervoxels: Volume, factor: Zyx) -> Zyx:
    chunk = chunk_of(supervoxels) or (1, 1, 1)
    unit = [math.lcm(f, c) for f, c in zip(factor, chunk, strict=True)]
    z, y, x = (u * max(1, b // u) for u, b in zip(unit, _BLOCK_ZYX, strict=True))
    return z, y, x


def _coarse_grid(grid: Grid, factor: Zyx) -> Grid:
    middle = tuple((step - 1) / 2 for step in factor)
    size = tuple(s * f for s, f in zip(grid.voxel_size_nm_zyx, factor, strict=True))
    return Grid(size, grid.to_nm(middle))  # type: ignore[arg-type]


def trace_segments(
    coarse: CoarseSupervoxels, graph: GraphArrays, minimum_voxels: int
) -> dict[int, Skeleton]:
    """Trace the skeletons of all segments of at least `minimum_voxels` (full resolution)."""
    sizes = np.bincount(graph.segment_of, weights=graph.size)
    wanted = np.where(sizes[graph.segment_of] >= minimum_voxels, graph.segment_of, 0)
    return skeletonize(
        wanted.astype(np.uint32)[coarse.supervoxels],
        coarse.grid.voxel_size_nm_zyx,
        offset_nm_zyx=coarse.grid.offset_nm_zyx,
    )


def find_links(
    skeletons: dict[int, Skeleton], coarse: CoarseSupervoxels, graph: GraphArrays
) -> SkeletonLinks:
    """Pair ends with ends and ends with voxels ahead of them; one link per two segments.

    Parameters
    ----------
    skeletons : dict of int to Skeleton
        By segment.
    coarse : CoarseSupervoxels
        What they were traced on.
    graph : GraphArrays
    """
    ends = end_points(skeletons)
    if not len(ends):
        return SkeletonLinks.none()
    labels = graph.segment_of[coarse.supervoxels]
    ahead = ends_to_voxels(ends, labels, coarse.grid.voxel_size_nm_zyx, coarse.grid.offset_nm_zyx)
    return _as_links(best_per_segments(facing_ends(ends).joined(ahead)), coarse, graph)


def _as_links(pairs: SkeletonPairs, coarse: CoarseSupervoxels, graph: GraphArrays) -> SkeletonLinks:
    a, b = coarse.at(pairs.point_a_nm), coarse.at(pairs.point_b_nm)
    # A vertex may lie a fraction outside its object: such a pair names the wrong supervoxel.
    right = (graph.segment_of[a] == pairs.segment_a) & (graph.segment_of[b] == pairs.segment_b)
    return SkeletonLinks(
        np.stack([a, b], axis=1)[right].astype(np.uint32),
        np.stack([pairs.point_a_nm, pairs.point_b_nm], axis=1)[right].astype(np.float32),
        pairs.gap_nm[right],
        pairs.agreement[right],
    )


def add_links(
    pairs: SegmentPairs, links: SkeletonLinks, segment_of: Array, segment_size: Array
) -> tuple[Array, Evidence]:
    """Write what skeletons say into the evidence of touching pairs; tell which links join others.

    Parameters
    ----------
    pairs : SegmentPairs
        Its evidence is filled in.
    links : SkeletonLinks
    segment_of : (n + 1,) uint32
    segment_size : (m + 1,) voxels per segment

    Returns
    -------
    rows : (k,) int64
        Links between segments that do not touch.
    evidence : Evidence
        k rows.
    """
    ends = segment_of[links.supervoxels].reshape(-1, 2)
    wanted = pair_keys(np.sort(ends, axis=1))
    known = pair_keys(pairs.pairs)
    at = np.minimum(np.searchsorted(known, wanted), max(len(known) - 1, 0))
    touching = known[at] == wanted if len(known) else np.zeros(len(links), bool)
    pairs.evidence.agreement[at[touching]] = links.agreement[touching]
    pairs.evidence.gap_nm[at[touching]] = links.gap_nm[touching]
    rows = np.flatnonzero(~touching & (ends[:, 0] != ends[:, 1]) & (ends > 0).all(axis=1))
    evidence = Evidence.zeros(len(rows))
    evidence.size_a[:] = segment_size[ends[rows, 0]]
    evidence.size_b[:] = segment_size[ends[rows, 1]]
    evidence.agreement[:] = links.agreement[rows]
    evidence.gap_nm[:] = links.gap_nm[rows]
    return rows, evidence


def save_links(folder: Path, links: SkeletonLinks) -> None:
    """Write ``link_*.npy`` files, each under a temporary name first."""
    folder.mkdir(parents=True, exist_ok=True)
    for field in fields(links):
        temporary = folder / f"link_{field.name}.partial"
        with temporary.open("wb") as file:
            np.save(file, getattr(links, field.name), allow_pickle=False)
        temporary.replace(folder / f"link_{field.name}.npy")


def load_links(folder: Path) -> SkeletonLinks:
    """Read what `save_links` wrote; no links where there are no files.

    Raises
    ------
    ProjectError
        If the files are damaged or do not fit each other.
    """
    paths = [folder / f"link_{field.name}.npy" for field in fields(SkeletonLinks)]
    if not any(path.exists() for path in paths):
        return SkeletonLinks.none()
    try:
        links = SkeletonLinks(*(np.load(path, allow_pickle=False) for path in paths))
    except (OSError, ValueError, EOFError) as error:
        raise ProjectError(
            f"the skeleton links in {folder} are damaged ({error}); run the skeletons stage again"
        ) from None
    k = len(links.gap_nm)
    if (
        links.supervoxels.shape != (k, 2)
        or links.points_nm.shape != (k, 2, 3)
        or len(links.agreement) != k
    ):
        raise ProjectError(
            f"the skeleton links in {folder} do not fit each other; run the skeletons stage again"
        )
    return links
