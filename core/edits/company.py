"""Company for sides that a partition left with nothing but the supervoxel of their seed.

Such a cut is hardly ever what a person means: a boundary runs around the seed because the evidence is weak on all
sides. What speaks most for the lonely side is then taken from the side that has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.algorithms.components import components
from segmend.core.edits.straddling import WorkGraph

Array = NDArray[Any]

HOLDS = 0.12
"""A contact with less mean affinity speaks for nothing; boundaries between neurites lie at 0.1 and below."""
CRUMB = 5000
"""Voxels below which a lonely side is a crumb: it takes what it touches, however weak the contact."""
LARGEST_GIFT = 1 / 3
"""Share of its side's voxels above which a neighbour stays where it is."""


def lonely(graph: WorkGraph, side: Array, sides: int) -> NDArray[np.bool_]:
    """Say for each side whether it has nodes of one supervoxel only, shape (sides,)."""
    return np.array([len(np.unique(graph.owner[side == number])) < 2 for number in range(sides)])


def crumbs(graph: WorkGraph, side: Array, sides: int) -> NDArray[np.bool_]:
    """Say for each side whether it is lonely and has fewer than `CRUMB` voxels, shape (sides,)."""
    voxels = np.bincount(side + 1, graph.size, minlength=sides + 1)[1:]
    return lonely(graph, side, sides) & (voxels < CRUMB)


def with_company(graph: WorkGraph, side: Array, rows: Sequence[Array]) -> NDArray[np.int64]:
    """Give each lonely side the neighbour that speaks most for it.

    That is the neighbour without a seed with the greatest affinity x area, if it is no large share of its side
    (`LARGEST_GIFT`) and the contact is more than a boundary (`HOLDS`); else the supervoxel stays alone. A crumb
    (fewer than `CRUMB` voxels) takes a neighbour across a boundary, too, and before others an island: nodes that hang
    on no seed of the side they were given to. Sides are served in order, and what one was given no later one takes:
    it would be alone again.

    Parameters
    ----------
    graph : WorkGraph
    side : (n,) int64
        Side of each node, -1 for none.
    rows : sequence of integer arrays
        Nodes with the seeds of each side.

    Returns
    -------
    (n,) int64
        Seeds keep their sides.
    """
    side = side.copy()
    settled = np.zeros(len(side), bool)
    settled[np.concatenate(list(rows))] = True
    for number in np.flatnonzero(lonely(graph, side, len(rows))).tolist():
        gift = _gift(graph, side, settled, number)
        side[gift] = number
        settled[gift] = True
    return side


def _gift(graph: WorkGraph, side: Array, settled: NDArray[np.bool_], number: int) -> Array:
    """Return the nodes that go to a lonely side; those that are settled stay where they are."""
    ours = side == number
    held, faces = np.zeros(len(side)), np.zeros(len(side))
    for end in (0, 1):
        near = ours[graph.pairs[:, end]] & ~ours[graph.pairs[:, 1 - end]]
        other = graph.pairs[near, 1 - end]
        np.add.at(held, other, graph.affinity[near] * graph.area[near])
        np.add.at(faces, other, graph.area[near])
    same = side[graph.pairs[:, 0]] == side[graph.pairs[:, 1]]
    part = components(graph.pairs[same] + 1, len(side))[1:]
    apart = ~np.isin(part, part[settled]) & ~ours & (side >= 0)
    island = (faces > 0) & apart
    crumb = graph.size[ours].sum() < CRUMB
    if crumb and island.any():
        return np.flatnonzero(part == part[np.where(island, held, -1.0).argmax()])
    voxels = np.bincount(side + 1, graph.size)[side + 1]
    fits = (faces > 0) & ~settled & (side >= 0) & (graph.size <= LARGEST_GIFT * voxels)
    fits &= ((held >= HOLDS * faces) | crumb) & (graph.owner != graph.owner[ours][0])
    return (
        np.flatnonzero(fits & (held == held[fits].max())) if fits.any() else np.empty(0, np.int64)
    )
