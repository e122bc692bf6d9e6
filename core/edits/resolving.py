"""From what a person wants to what will be recorded: the choices are made here, once.

Nothing in memory changes; a division writes its chunk files, which count only when a journal row names them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.algorithms.min_cut import seeded_partition
from segmend.core.edits.dividing import SupervoxelVoxels, divide_by_plane
from segmend.core.edits.model import DivideSupervoxel, Edit, Merge, Resolved, Split, Verdict
from segmend.core.edits.planning import segment_at
from segmend.core.errors import EditRefused
from segmend.core.segmentation.segmentation import Segmentation
from segmend.core.segmentation.supervoxel_graph import Edges

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class NextIds:
    """The first ids that no operation has used, in effect or not."""

    segment: int
    supervoxel: int


def resolve(
    edit: Edit, segmentation: Segmentation, voxels: SupervoxelVoxels | None, free: NextIds
) -> Resolved:
    """Make the choices that an edit leaves open.

    Parameters
    ----------
    edit : Edit
    segmentation : Segmentation
        As it is; not changed.
    voxels : SupervoxelVoxels, optional
        Needed for divisions only.
    free : NextIds

    Raises
    ------
    EditRefused
        If the edit does not fit the segmentation as it is.
    """
    if isinstance(edit, Merge | Verdict):
        return Resolved(edit)
    if isinstance(edit, Split):
        sides = split_sides(edit, segmentation)
        return Resolved(edit, sides=sides, new_segments=(free.segment,))
    return _division(edit, segmentation, voxels, free)


def split_sides(edit: Split, segmentation: Segmentation) -> tuple[tuple[int, ...]]:
    """Return the supervoxels that leave the segment: the side with fewer voxels.

    The cut is the cheapest one between the seeds on the region graph of the segment.
    """
    segment = _common_segment(edit, segmentation)
    members = np.sort(segmentation.members(segment))
    first = _rows(members, [spot.supervoxel for spot in edit.first])
    second = _rows(members, [spot.supervoxel for spot in edit.second])
    shared = np.intersect1d(first, second)
    if len(shared):
        raise EditRefused(
            f"both sides have a seed in supervoxel {int(members[shared[0]])}, which cannot be cut here: "
            "place the seeds further apart"
        )
    side = _cut(segmentation.edges_within(segment), members, first, second)
    sizes = segmentation.mapping.size[members]
    if int(sizes[side].sum()) * 2 > int(sizes.sum()):
        side = ~side
    return (tuple(members[side].tolist()),)


def _cut(edges: Edges, members: Array, first: Array, second: Array) -> Array:
    pairs = np.searchsorted(members, edges.pairs).astype(np.int64)
    return seeded_partition(pairs, edges.affinity, edges.area, first, second, len(members))


def _common_segment(edit: Split, segmentation: Segmentation) -> int:
    segments = {segment_at(spot, segmentation) for spot in (*edit.first, *edit.second)}
    if len(segments) > 1:
        names = segmentation.export_ids(np.array(sorted(segments)))
        raise EditRefused(
            f"the seeds lie in different segments ({', '.join(map(str, names))}): "
            "there is nothing to split between them"
        )
    return segments.pop()


def _rows(members: Array, supervoxels: list[int]) -> Array:
    return np.unique(np.searchsorted(members, np.array(supervoxels, np.uint32)))


def _division(
    edit: DivideSupervoxel,
    segmentation: Segmentation,
    voxels: SupervoxelVoxels | None,
    free: NextIds,
) -> Resolved:
    if voxels is None:
        raise EditRefused(
            "this project's supervoxels cannot be changed: they were opened read-only"
        )
    segment_at(edit.spot, segmentation)
    box = segmentation.box_of(np.array([edit.spot.supervoxel]))
    children = (free.supervoxel, free.supervoxel + 1)
    chunks, tables = divide_by_plane(edit, box, children, voxels)
    return Resolved(edit, children=children, chunks=chunks, tables=tables)
