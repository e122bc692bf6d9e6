"""The region graph of one segment in which some supervoxels are replaced by pieces of them.

A supervoxel that straddles two neurons cannot go to either. Cut into pieces at voxel level it is nothing special any
more: its pieces are nodes like the others, and what the partition gives to different sides becomes parts with ids of
their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.algorithms.region_graph import region_graph
from segmend.core.algorithms.supervoxel_division import (
    UNKNOWN,
    faces_from_affinities,
    faces_from_image,
    faces_from_shape,
    pieces_of,
)
from segmend.core.edits.voxels import SupervoxelVoxels
from segmend.core.errors import EditRefused
from segmend.core.geometry import Box, Zyx
from segmend.core.segmentation.segmentation import Segmentation

Array = NDArray[Any]

STRAIN = 0.4
"""A cut through a contact of more mean affinity than this hints at a supervoxel that straddles the sides."""
STRAINED_FACES = 20
"""Smaller contacts hint at nothing."""
MOST_STRADDLING = 12
"""Supervoxels that one split divides without a seed's order, those under the greatest strain."""
LARGEST_BOX = 4_000_000
"""Voxels of a supervoxel's box up to which it is looked into without a seed's order."""
LARGEST_SEEDED_BOX = 16_000_000
"""The same for a supervoxel with a seed that corrects an earlier cut."""
HELD = 0.6
"""Share of the way to 1 by which contacts inside a supervoxel count more than they show: it is one for a reason.

Not in one with a correcting seed: there a person has looked."""


@dataclass(frozen=True, slots=True)
class Seed:
    """A place that must end on a side.

    Parameters
    ----------
    side : int
    supervoxel : int
    voxel_zyx : tuple of 3 int
        Inside the supervoxel.
    """

    side: int
    supervoxel: int
    voxel_zyx: Zyx


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """A supervoxel cut into pieces, not recorded yet.

    Parameters
    ----------
    box : Box
    local : (z, y, x) uint32
        1..m in the supervoxel, 0 outside.
    faces : (3, z, y, x) uint8
        What joins the voxels in the box.
    corrected : bool
        It holds a seed that corrects an earlier cut.
    """

    box: Box
    local: Array
    faces: Array
    corrected: bool = False

    @property
    def sizes(self) -> Array:
        """Voxels of piece 0 (outside), 1, ..."""
        return np.bincount(self.local.ravel())

    def at(self, voxel_zyx: Zyx) -> int:
        """Return the piece of a voxel."""
        return int(self.local[inside_box(self.box, voxel_zyx)])


@dataclass(frozen=True, slots=True, eq=False)
class WorkGraph:
    """Nodes 0..n - 1: supervoxels of a segment, and pieces of some of them.

    Parameters
    ----------
    pairs : (E, 2) int64
    affinity, area : (E,) float64
    owner : (n,) int64
        Supervoxel of each node.
    size : (n,) int64 voxels
    first : dict
        Node of piece 1 of each supervoxel that is in pieces.
    """

    pairs: Array
    affinity: Array
    area: Array
    owner: Array
    size: Array
    first: dict[int, int]


def straddling(
    graph: WorkGraph,
    side: Array,
    pieces: dict[int, Pieces],
    segmentation: Segmentation,
    seeds: list[Seed],
) -> list[int]:
    """Return supervoxels that strong contacts hold on both sides of a cut, those under the greatest strain."""
    crossing = side[graph.pairs[:, 0]] != side[graph.pairs[:, 1]]
    strained = crossing & (graph.affinity > STRAIN) & (graph.area >= STRAINED_FACES)
    strain = graph.affinity[strained] * graph.area[strained]
    total = np.zeros(len(graph.owner))
    for end in range(2):
        np.add.at(total, graph.pairs[strained, end], strain)
    found: list[int] = []
    corrected = {seed.supervoxel for seed in seeds if _corrects(seed, seeds)}
    for node in np.argsort(-total, kind="stable").tolist():
        if total[node] <= 0 or len(found) == MOST_STRADDLING:
            break
        supervoxel = int(graph.owner[node])
        box = segmentation.box_of(np.array([supervoxel]))
        if (
            supervoxel not in pieces
            and supervoxel not in found
            and box.size <= (LARGEST_SEEDED_BOX if supervoxel in corrected else LARGEST_BOX)
        ):
            found.append(supervoxel)
    return sorted(found)


def _corrects(seed: Seed, seeds: list[Seed]) -> bool:
    """Say whether a side has seeds in other supervoxels, too."""
    return any(s.side == seed.side and s.supervoxel != seed.supervoxel for s in seeds)


def cut_into_pieces(
    supervoxel: int, segmentation: Segmentation, voxels: SupervoxelVoxels, seeds: list[Seed]
) -> Pieces:
    """Cut a supervoxel into pieces, none of which holds seeds of two sides."""
    box = segmentation.box_of(np.array([supervoxel]))
    around = box.grow((1, 1, 1)).intersect(Box.of_shape(voxels.levels[0].shape_zyx))
    labels = voxels.read(around)
    if not (labels == supervoxel).any():
        raise EditRefused(
            f"supervoxel {supervoxel} has no voxels where the graph says: run `segmend check` on the project"
        )
    faces = _faces(labels, labels == supervoxel, around, voxels)
    ours = [seed for seed in seeds if seed.supervoxel == supervoxel]
    at = np.array([inside_box(around, seed.voxel_zyx) for seed in ours], np.int64).reshape(-1, 3)
    sides = np.array([seed.side for seed in ours], np.int64)
    return Pieces(
        around,
        pieces_of(labels == supervoxel, faces, at, sides),
        faces,
        any(_corrects(s, seeds) for s in ours),
    )


def _faces(labels: Array, mask: Array, box: Box, voxels: SupervoxelVoxels) -> Array:
    if voxels.affinities is not None:
        return faces_from_affinities(voxels.affinities.read(box))
    if voxels.image is not None:
        faces = faces_from_image(voxels.image.read(box), mask)
    else:
        faces = faces_from_shape(mask, voxels.levels[0].grid.voxel_size_nm_zyx)
    for axis in range(3):  # contacts with others count as they do in the region graph
        ours, before = np.moveaxis(labels, axis, 0), np.moveaxis(faces[axis], axis, 0)
        before[1:][ours[1:] != ours[:-1]] = UNKNOWN
    return faces


def work_graph(
    segmentation: Segmentation,
    segment: int,
    pieces: dict[int, Pieces],
    voxels: SupervoxelVoxels | None,
) -> WorkGraph:
    """Return the region graph of a segment with some supervoxels in pieces."""
    members = np.sort(segmentation.members(segment)).astype(np.int64)
    whole = members[~np.isin(members, list(pieces))]
    owner, size = [whole], [segmentation.mapping.size[whole]]
    first: dict[int, int] = {}
    count = len(whole)
    for supervoxel, cut in pieces.items():
        sizes = cut.sizes[1:]
        first[supervoxel] = count
        owner.append(np.full(len(sizes), supervoxel, np.int64))
        size.append(sizes)
        count += len(sizes)
    edges = segmentation.edges_within(segment)
    ends = edges.pairs.astype(np.int64)
    kept = ~np.isin(ends, list(pieces)).any(axis=1)
    pairs = [np.searchsorted(whole, ends[kept])]
    affinity, area = [edges.affinity[kept].astype(float)], [edges.area[kept].astype(float)]
    if pieces and voxels is not None:
        node_of = np.zeros(segmentation.supervoxel_count + 1, np.uint32)
        node_of[whole] = np.arange(1, len(whole) + 1)
        found = [_edges_of(s, pieces, first, node_of, voxels) for s in pieces]
        found.append(_bridges(ends[~kept], edges.affinity[~kept], whole, pieces, first, found))
        pairs += [f[0] for f in found]
        affinity += [f[1] for f in found]
        area += [f[2] for f in found]
    return WorkGraph(
        np.concatenate(pairs), np.concatenate(affinity), np.concatenate(area),
        np.concatenate(owner), np.concatenate(size), first,
    )  # fmt: skip


def _edges_of(
    supervoxel: int, pieces: dict[int, Pieces], first: dict[int, int], node_of: Array, voxels: SupervoxelVoxels
) -> tuple[Array, Array, Array]:  # fmt: skip
    """Return the contacts of the pieces of one supervoxel; those with pieces of a smaller id are left to that one."""
    cut = pieces[supervoxel]
    nodes = node_of[voxels.read(cut.box)]
    for other, theirs in pieces.items():
        common = cut.box.intersect(theirs.box)
        if not common.size:
            continue
        local = theirs.local[relative_to(common, theirs.box).slices]
        place = nodes[relative_to(common, cut.box).slices]
        place[local > 0] = first[other] + local[local > 0]
    graph = region_graph(nodes, cut.faces)
    ends = graph.edges.astype(np.int64) - 1
    low, high = first[supervoxel], first[supervoxel] + int(cut.local.max())
    ours = (ends >= low) & (ends < high)
    mine = ours.any(axis=1)
    for other in pieces:
        if other < supervoxel:
            there = (ends >= first[other]) & (ends < first[other] + int(pieces[other].local.max()))
            mine &= ~there.any(axis=1)
    affinity = graph.affinity.astype(float)
    inner = ours.all(axis=1)
    if not cut.corrected:
        affinity[inner] += HELD * (1 - affinity[inner])
    return ends[mine], affinity[mine], graph.area[mine].astype(float)


def _bridges(
    ends: Array, affinity: Array, whole: Array, pieces: dict[int, Pieces], first: dict[int, int], found: list[Any]
) -> tuple[Array, Array, Array]:  # fmt: skip
    """Return edges that no contact stands for (a person joined them): they hold on to the largest piece."""
    owner = np.concatenate([whole, *(np.full(int(c.local.max()), s) for s, c in pieces.items())])
    seen = {tuple(sorted(pair)) for f in found for pair in owner[f[0]].tolist()}
    rows = [i for i, pair in enumerate(ends.tolist()) if tuple(sorted(pair)) not in seen]
    held = {s: first[s] + int(c.sizes[1:].argmax()) for s, c in pieces.items()}
    pairs = [
        [held[s] if s in held else int(np.searchsorted(whole, s)) for s in ends[row]]
        for row in rows
    ]
    return (
        np.array(pairs, np.int64).reshape(-1, 2),
        affinity[rows].astype(float),
        np.ones(len(rows)),
    )


def inside_box(box: Box, voxel_zyx: Zyx) -> Zyx:
    """Return a voxel's index in an array that fills a box."""
    z, y, x = (v - s for v, s in zip(voxel_zyx, box.start_zyx, strict=True))
    return z, y, x


def relative_to(box: Box, origin: Box) -> Box:
    """Return a box as it lies in an array that fills another."""
    z, y, x = origin.start_zyx
    return box.shift((-z, -y, -x))
