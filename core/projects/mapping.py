"""The graph and the first mapping of imported labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.projects.importing import blocks_of
from segmend.core.projects.runs import overlaps, summed
from segmend.core.segmentation.graph_files import GraphArrays
from segmend.core.volumes.base import Volume
from segmend.core.volumes.zarr import ZarrVolume


@dataclass(frozen=True, slots=True, eq=False)
class Mapping:
    """Which segment each supervoxel belongs to, and what the sources call both.

    Parameters
    ----------
    segment_of : (n + 1,) uint32
    export_ids : (m + 1,) uint64
    source_ids : (n + 1,) uint64
    """

    segment_of: NDArray[np.uint32]
    export_ids: NDArray[np.uint64]
    source_ids: NDArray[np.uint64]


def each_its_own(source_ids: NDArray[np.uint64]) -> Mapping:
    """Return the mapping in which every supervoxel is a segment."""
    return Mapping(np.arange(len(source_ids), dtype=np.uint32), source_ids, source_ids)


def of_components(label_at: NDArray[Any]) -> Mapping:
    """Return the mapping of connected pieces back to their segments.

    Parameters
    ----------
    label_at : (n + 1,) unsigned integer
        The label under each piece; what stands first, for background, does not count.
    """
    label_of = label_at.astype(np.uint64)
    label_of[0] = 0
    export_ids, segment_of = np.unique(label_of, return_inverse=True)
    pieces = np.arange(len(label_of), dtype=np.uint64)
    return Mapping(segment_of.astype(np.uint32), export_ids, pieces)


def of_majority(
    supervoxels: Volume, segmentation: Volume, source_ids: NDArray[np.uint64]
) -> Mapping:
    """Return the mapping of each supervoxel to the segment that has most of its voxels.

    Background does not count; on a tie the smaller id wins. A supervoxel that lies in background altogether becomes a
    segment with an id of its own that the segmentation does not use.

    Parameters
    ----------
    supervoxels : Volume
        Dense, uint32.
    segmentation : Volume
        Of the same shape, any unsigned type.
    source_ids : (n + 1,) uint64
    """
    pairs, counts = _overlaps(supervoxels, segmentation)
    order = np.lexsort((pairs[:, 1], -counts, pairs[:, 0]))
    owners, first = np.unique(pairs[order, 0], return_index=True)
    label_of = np.zeros(len(source_ids), np.uint64)
    label_of[owners.astype(np.int64)] = pairs[order[first], 1]
    label_of[0] = 0
    alone = np.flatnonzero(label_of == 0)[1:]
    used = np.unique(pairs[:, 1])
    label_of[alone] = _unused(used, len(alone))
    export_ids, segment_of = np.unique(label_of, return_inverse=True)
    return Mapping(segment_of.astype(np.uint32), export_ids, source_ids)


def _overlaps(
    supervoxels: Volume, segmentation: Volume
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return the pairs (supervoxel or background, segment) that share voxels, and how many they share."""
    pairs = np.zeros((0, 2), np.uint64)
    counts = np.zeros(0, np.int64)
    for box in blocks_of(segmentation):
        more, shared = overlaps(supervoxels.read(box), segmentation.read(box))
        labelled = more[:, 1] > 0
        pairs, counts = summed(
            np.concatenate([pairs, more[labelled]]), np.concatenate([counts, shared[labelled]])
        )
    return pairs, counts


def _unused(used: NDArray[np.uint64], count: int) -> NDArray[np.uint64]:
    """Return ids above all used ones, or the smallest free ones where 64 bits leave no room above."""
    highest = int(used.max(initial=0))
    if highest + count < 2**64:
        return np.arange(highest + 1, highest + 1 + count, dtype=np.uint64)
    free = np.setdiff1d(np.arange(1, len(used) + count + 1, dtype=np.uint64), used)
    return free[:count]


def graph_arrays(
    supervoxels: ZarrVolume,
    affinities: ZarrVolume | None,
    highest: int,
    mapping_of: Callable[[NDArray[np.int32]], Mapping],
) -> GraphArrays:
    """Return the graph folder's arrays for imported supervoxels.

    Parameters
    ----------
    supervoxels : ZarrVolume
        Dense, uint32.
    affinities : ZarrVolume or None
        None: every contact has the affinity 0.5.
    highest : int
        The largest id.
    mapping_of : callable
        Takes a voxel inside each supervoxel, (n + 1, 3) int32, and returns the mapping.
    """
    from segmend.core.projects.measuring import measured

    graph, table = measured(supervoxels, affinities, highest)
    mapping = mapping_of(table.point)
    return GraphArrays(
        **graph._asdict(),
        **table._asdict(),
        merge_edges=np.zeros((0, 2), np.uint32),
        merge_scores=np.zeros(0, np.float32),
        segment_of=mapping.segment_of,
        export_ids=mapping.export_ids,
        source_ids=mapping.source_ids,
    )
