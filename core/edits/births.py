"""New supervoxels: their sizes, places and contacts, computed from the voxels around the patches that make them.

The result is the same to the bit as the rows of a region graph of the whole volume. It costs the patch boxes, never
the volume, and is kept in a cache because replaying a journal asks for it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.algorithms.region_graph import region_graph, supervoxel_table
from segmend.core.edits.birth_cache import BirthCache, Tables, believable, birth_key
from segmend.core.edits.voxels import SupervoxelVoxels
from segmend.core.errors import EditRefused, InputError
from segmend.core.geometry import Box
from segmend.core.segmentation.change import Birth, NodeTable
from segmend.core.segmentation.packing import MOST_VOXELS
from segmend.core.segmentation.patches import Patch
from segmend.core.segmentation.runs import Runs
from segmend.core.segmentation.segmentation import Segmentation
from segmend.core.segmentation.supervoxel_graph import Edges

__all__ = ["BirthCache", "birth_of"]

_MOST_BORN = 10_000_000
"""Ids that edits may add to a generation; tables are as long as the highest id."""

Array = NDArray[Any]


def birth_of(
    patches: tuple[Patch, ...], segmentation: Segmentation, voxels: SupervoxelVoxels
) -> Birth:
    """Return what the new supervoxels of some patches are, if the patches fit the voxels as they are.

    Parameters
    ----------
    patches : tuple of Patch
        Of one operation, not in effect yet.
    segmentation : Segmentation
    voxels : SupervoxelVoxels
        Under the stack of the segmentation.

    Raises
    ------
    EditRefused
        If a parent is dead, an id is not new, or anything but all of the parents and background lies under a patch.
    """
    _check_ids(patches, segmentation)
    for patch in patches:
        _check_box(patch, voxels)
    key = birth_key(patches, voxels.stack) if voxels.births else ""
    kept = voxels.births.load(key, patches) if voxels.births else None
    if kept is not None and believable(kept, patches, segmentation):
        return Birth(patches, _children(patches), *kept)
    tables = _computed(patches, segmentation, voxels)
    if voxels.births:
        voxels.births.save(key, tables)
    return Birth(patches, _children(patches), *tables)


def _children(patches: Sequence[Patch]) -> tuple[int, ...]:
    return tuple(child for patch in patches for child in patch.children)


def _check_ids(patches: Sequence[Patch], segmentation: Segmentation) -> None:
    parents = [parent for patch in patches for parent in patch.parents]
    for parent in parents:
        if not segmentation.is_alive(parent):
            raise EditRefused(
                f"supervoxel {parent} is not part of the segmentation (any more): another voxel edit changed it; "
                "look the place up again"
            )
    if len(set(parents)) != len(parents):
        raise EditRefused("two patches of this edit change the same supervoxel: expected one")
    children = _children(patches)
    base = segmentation.base.supervoxel_count
    first = children[0] if children else base + 1
    if children != tuple(range(first, first + len(children))) or not (
        base < first <= first + len(children) <= base + _MOST_BORN
    ):
        raise EditRefused(
            f"the new supervoxels {_few(children)} do not fit: expected ids in a row above {base}"
        )
    if segmentation.segment_of[first : first + len(children)].any():
        raise EditRefused(f"the new supervoxels {_few(children)} exist already")


def _few(ids: tuple[int, ...]) -> str:
    return ", ".join(map(str, ids[:3])) + (", ..." if len(ids) > 3 else "")


def _check_box(patch: Patch, voxels: SupervoxelVoxels) -> None:
    inside = patch.box.intersect(Box.of_shape(voxels.shape_zyx)) == patch.box
    if not inside or not 0 < patch.box.size <= MOST_VOXELS:
        raise EditRefused(
            f"a patch from {patch.box.start_zyx} to {patch.box.stop_zyx} does not fit: expected a box of 1 to "
            f"{MOST_VOXELS} voxels inside the volume"
        )
    if not set(patch.origins) <= {0, *patch.parents}:
        raise EditRefused("a part names a supervoxel as its origin that the patch does not change")


def _computed(
    patches: Sequence[Patch], segmentation: Segmentation, voxels: SupervoxelVoxels
) -> Tables:
    labels = [_local(patch) for patch in patches]
    for patch, local in zip(patches, labels, strict=True):
        _check_voxels(patch, local, voxels.read(patch.box), segmentation)
    laid = [
        Runs.of(patch.box, np.array((0, *patch.ids), np.uint32)[local], local > 0)
        for patch, local in zip(patches, labels, strict=True)
    ]
    nodes = [_nodes(patch, local) for patch, local in zip(patches, labels, strict=True)]
    edges = Edges.none()
    known: set[int] = set()
    for patch, local in zip(patches, labels, strict=True):
        edges = edges.joined(_edges(patch, local, laid, known, voxels))
        known |= set(patch.children)
    table = NodeTable(*(np.concatenate(column) for column in zip(*nodes, strict=True)))
    return table, edges


def _local(patch: Patch) -> NDArray[np.uint8]:
    try:
        return patch.local
    except InputError as error:
        raise EditRefused(str(error)) from error


def _check_voxels(
    patch: Patch,
    local: NDArray[np.uint8],
    below: NDArray[np.uint32],
    segmentation: Segmentation,
) -> None:
    """Refuse a patch unless all of its parents, and besides only background, lie under it."""
    chosen = local > 0
    parts, found = local[chosen], below[chosen]
    parents = np.array((0, *sorted(patch.parents)), np.uint32)
    rows = np.searchsorted(parents, found)
    rows[rows == len(parents)] = 0
    foreign = parents[rows] != found
    if foreign.any():
        raise EditRefused(
            f"the voxels of this edit belong to supervoxel {int(found[foreign][0])} now: another voxel edit changed "
            "them; look the place up again"
        )
    columns = len(patch.ids) + 1
    counts = np.bincount(rows * columns + parts, minlength=len(parents) * columns)
    _check_counts(patch, parents, counts.reshape(-1, columns), segmentation)


def _check_counts(patch: Patch, parents: Array, counts: Array, segmentation: Segmentation) -> None:
    """Check the voxels of each parent (rows, background first) in each part (columns, from 1)."""
    if not np.array_equal(counts.sum(axis=1)[1:], segmentation.mapping.size[parents[1:]]):
        raise EditRefused(
            "this edit leaves a part of a supervoxel that it changes without a new name: expected all voxels of it"
        )
    if not counts[:, 1:].any(axis=0).all():
        raise EditRefused("a new supervoxel of this edit has no voxels: expected at least one")
    for part, origin in enumerate(patch.origins, start=1):
        if origin and counts[:, part].sum() != counts[np.searchsorted(parents, origin), part]:
            raise EditRefused(
                f"a part of supervoxel {origin} has voxels of others: expected only its own"
            )


def _nodes(patch: Patch, local: NDArray[np.uint8]) -> tuple[Array, Array, Array]:
    table = supervoxel_table(local, start_zyx=patch.box.start_zyx)
    rows = 1 + np.flatnonzero(patch.ids)
    return table.size[rows].astype(np.int64), table.point[rows], table.box[rows]


def _edges(
    patch: Patch,
    local: NDArray[np.uint8],
    laid: Sequence[Runs],
    known: set[int],
    voxels: SupervoxelVoxels,
) -> Edges:
    """Return the contacts of the children of one patch, but for those that an earlier patch has told already."""
    around = patch.box.grow((1, 1, 1)).intersect(Box.of_shape(voxels.shape_zyx))
    composed = np.array(voxels.read(around), order="C")
    for runs in laid:
        runs.lay_over(composed, around)
    inside = patch.box.shift(tuple(-a for a in around.start_zyx)).slices  # type: ignore[arg-type]
    expected = np.array((0, *patch.ids), np.uint32)[local]
    if not np.array_equal(composed[inside][local > 0], expected[local > 0]):
        raise EditRefused("two patches of this edit change the same voxels: expected one")
    affinities = voxels.affinities.read(around) if voxels.affinities else None
    graph = region_graph(composed, affinities, start_zyx=around.start_zyx)
    ours = np.isin(graph.edges, patch.children).any(axis=1)
    told = np.isin(graph.edges, list(known)).any(axis=1)
    return Edges(*graph).take(np.flatnonzero(ours & ~told))
