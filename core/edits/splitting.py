"""Splitting: which voxels go to which side, decided once, here, and recorded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.algorithms.components import components
from segmend.core.algorithms.seeded_partition import BOUNDARY, seeded_partition
from segmend.core.edits.company import crumbs, with_company
from segmend.core.edits.model import Cleave, Resolved, Split, SplitSupervoxel, Spot, Spots
from segmend.core.edits.numbering import NextIds
from segmend.core.edits.parts import patch_of
from segmend.core.edits.places import supervoxel_at
from segmend.core.edits.straddling import (
    Pieces,
    Seed,
    WorkGraph,
    cut_into_pieces,
    straddling,
    work_graph,
)
from segmend.core.edits.voxels import SupervoxelVoxels
from segmend.core.errors import EditRefused
from segmend.core.segmentation.patches import Patch
from segmend.core.segmentation.segmentation import Segmentation

Array = NDArray[Any]


def resolve_split(
    edit: Split, segmentation: Segmentation, voxels: SupervoxelVoxels | None, free: NextIds
) -> Resolved:
    """Decide the sides of a split, and the parts of the supervoxels that straddle the cut.

    Parameters
    ----------
    edit : Split
    segmentation : Segmentation
        Not changed: this is the preview, too.
    voxels : SupervoxelVoxels, optional
        Without them no supervoxel can be divided.
    free : NextIds
        First unused `segment` and `supervoxel`.

    Raises
    ------
    EditRefused
        If seeds of different sides are one voxel, lie in different segments or in no segment.
    """
    segment, seeds = _seeds(edit.sides, segmentation, voxels)
    pieces = _contested(seeds, segmentation, voxels)
    graph = work_graph(segmentation, segment, pieces, voxels)
    side = _partition(graph, pieces, seeds, len(edit.sides))
    more = straddling(graph, side, pieces, segmentation, seeds) if voxels is not None else []
    if more and voxels is not None:
        pieces |= {s: cut_into_pieces(s, segmentation, voxels, seeds) for s in more}
        graph = work_graph(segmentation, segment, pieces, voxels)
        side = _partition(graph, pieces, seeds, len(edit.sides))
    side = with_company(graph, side, _rows(graph, pieces, seeds, len(edit.sides)))
    side[side < 0] = _in_most_pieces(graph, side, pieces, seeds, len(edit.sides))
    return _resolved(edit, graph, pieces, side, seeds, free)


def resolve_cleave(
    edit: Cleave, segmentation: Segmentation, voxels: SupervoxelVoxels | None, free: NextIds
) -> Resolved:
    """Decide the groups of a cleave; supervoxels that no seed reaches stay behind.

    Only supervoxels with seeds of several groups are divided. Parameters and errors are those of `resolve_split`.
    """
    segment, seeds = _seeds(edit.groups, segmentation, voxels)
    pieces = _contested(seeds, segmentation, voxels)
    graph = work_graph(segmentation, segment, pieces, voxels)
    side = _partition(graph, pieces, seeds, len(edit.groups), boundary=0)
    return _resolved(edit, graph, pieces, side, seeds, free)


def resolve_supervoxel_split(
    edit: SplitSupervoxel,
    segmentation: Segmentation,
    voxels: SupervoxelVoxels | None,
    free: NextIds,
) -> Resolved:
    """Decide the parts of one supervoxel; they stay in its segment. Parameters and errors as for `resolve_split`."""
    _, seeds = _seeds(edit.sides, segmentation, voxels)
    pieces = _contested(seeds, segmentation, voxels)
    if len({seed.supervoxel for seed in seeds}) > 1 or len(pieces) != 1 or voxels is None:
        raise EditRefused(
            "the seeds lie in different supervoxels by now: split the segment between them instead"
        )
    ((supervoxel, cut),) = pieces.items()
    graph = work_graph(segmentation, int(segmentation.segment_of[supervoxel]), pieces, voxels)
    inner = (graph.owner[graph.pairs] == supervoxel).all(axis=1)
    alone = WorkGraph(
        graph.pairs[inner], graph.affinity[inner], graph.area[inner], graph.owner, graph.size, graph.first
    )  # fmt: skip
    side = _partition(alone, pieces, seeds, len(edit.sides))
    first = graph.first[supervoxel]
    ours = side[first : first + int(cut.local.max())]
    ours[ours < 0] = _largest(graph.size[graph.owner == supervoxel], ours, len(edit.sides))
    patch, _ = patch_of(supervoxel, cut, ours, seeds, free.supervoxel)
    return Resolved(edit, patches=() if patch is None else (patch,))


def _seeds(
    sides: Sequence[Spots], segmentation: Segmentation, voxels: SupervoxelVoxels | None
) -> tuple[int, list[Seed]]:
    """Return the common segment and the seeds in it."""
    seeds = [
        _seed(number, spot, segmentation, voxels)
        for number, side in enumerate(sides)
        for spot in side
    ]
    segments = np.unique([segmentation.segment_of[seed.supervoxel] for seed in seeds])
    if len(segments) > 1:
        names = ", ".join(map(str, segmentation.export_ids(segments)))
        raise EditRefused(
            f"the seeds lie in different segments ({names}): there is nothing to split between them"
        )
    return int(segments[0]), seeds


def _seed(
    side: int, spot: Spot, segmentation: Segmentation, voxels: SupervoxelVoxels | None
) -> Seed:
    """Return the seed of a spot; its voxel is the place if that lies in the supervoxel, else one inside."""
    supervoxel = supervoxel_at(spot, segmentation, voxels)
    if voxels is not None and voxels.supervoxel_at_nm(spot.place_nm) == supervoxel:
        return Seed(side, supervoxel, voxels.grid.to_index(spot.place_nm))
    z, y, x = segmentation.points(np.array([supervoxel]))[0].tolist()
    return Seed(side, supervoxel, (z, y, x))


def _contested(
    seeds: list[Seed], segmentation: Segmentation, voxels: SupervoxelVoxels | None
) -> dict[int, Pieces]:
    """Return the supervoxels with seeds of several sides, cut into pieces."""
    sides: dict[int, set[int]] = {}
    places: dict[tuple[int, int, int], int] = {}
    for seed in seeds:
        sides.setdefault(seed.supervoxel, set()).add(seed.side)
        if places.setdefault(seed.voxel_zyx, seed.side) != seed.side and voxels is not None:
            raise EditRefused(
                f"two sides have a seed in the same voxel ({', '.join(map(str, seed.voxel_zyx))}): move one of them"
            )
    contested = sorted(s for s, found in sides.items() if len(found) > 1)
    if contested and voxels is None:
        raise EditRefused(
            f"two sides have a seed in supervoxel {contested[0]}, which cannot be divided here: the project was "
            "opened without its voxels"
        )
    return {s: cut_into_pieces(s, segmentation, voxels, seeds) for s in contested}  # type: ignore[arg-type]


def _rows(
    graph: WorkGraph, pieces: dict[int, Pieces], seeds: list[Seed], sides: int
) -> list[Array]:
    """Return the nodes of the seeds of each side."""
    whole = len(graph.owner) - sum(int(cut.local.max()) for cut in pieces.values())
    rows: list[list[int]] = [[] for _ in range(sides)]
    for seed in seeds:
        if seed.supervoxel in pieces:
            piece = pieces[seed.supervoxel].at(seed.voxel_zyx)
            rows[seed.side].append(graph.first[seed.supervoxel] + piece - 1)
        else:
            rows[seed.side].append(int(np.searchsorted(graph.owner[:whole], seed.supervoxel)))
    return [np.unique(np.array(side, np.int64)) for side in rows]


def _partition(
    graph: WorkGraph,
    pieces: dict[int, Pieces],
    seeds: list[Seed],
    sides: int,
    *,
    boundary: float = BOUNDARY,
) -> Array:
    found = _rows(graph, pieces, seeds, sides)
    return seeded_partition(
        graph.pairs, graph.affinity, graph.area, found, len(graph.owner), size=graph.size, boundary=boundary
    )  # fmt: skip


def _in_most_pieces(
    graph: WorkGraph, side: Array, pieces: dict[int, Pieces], seeds: list[Seed], sides: int
) -> int:
    """Return the side whose seeds lie in most unconnected parts of the segment.

    Of equals one that is a crumb, then the one with most voxels.
    """
    part = components(graph.pairs + 1, len(graph.owner))[1:]
    rows = _rows(graph, pieces, seeds, sides)
    counts = np.array([len(np.unique(part[row])) for row in rows])
    voxels = np.bincount(side[side >= 0], graph.size[side >= 0], minlength=sides)
    alone = crumbs(graph, side, sides)
    return int(np.lexsort((voxels, alone, counts))[-1])


def _largest(size: Array, side: Array, sides: int) -> int:
    known = side >= 0
    return int(np.bincount(side[known], size[known], minlength=sides).argmax())


def _resolved(
    edit: Split | Cleave,
    graph: WorkGraph,
    pieces: dict[int, Pieces],
    side: Array,
    seeds: list[Seed],
    free: NextIds,
) -> Resolved:
    """Make ids: of supervoxels for parts, of segments for every side but the one that keeps the segment's id."""
    sides = len(edit.sides if isinstance(edit, Split) else edit.groups)
    groups: list[list[int]] = [[] for _ in range(sides + 1)]  # the last is what stays behind
    patches: list[Patch] = []
    next_id = free.supervoxel
    for supervoxel, cut in pieces.items():
        first = graph.first[supervoxel]
        ours = side[first : first + int(cut.local.max())]
        patch, parts = patch_of(supervoxel, cut, ours, seeds, next_id)
        if patch is not None:
            patches.append(patch)
            next_id += len(parts)
        for child, where in parts:
            groups[where].append(child)
    whole = len(side) - sum(int(cut.local.max()) for cut in pieces.values())
    for number in range(-1, sides):
        groups[number] += graph.owner[:whole][side[:whole] == number].tolist()
    stays = -1 if groups[-1] else _largest(graph.size, side, sides)
    leaving = tuple(
        tuple(groups[number]) for number in range(sides) if number != stays % (sides + 1)
    )
    free.supervoxels(max(1, next_id - free.supervoxel))
    return Resolved(edit, leaving, free.segments(len(leaving)), tuple(patches))
