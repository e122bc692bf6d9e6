"""From a resolved edit to a `Change`: deterministic, the same when an edit is made and when it is replayed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.edits.model import DivideSupervoxel, Merge, Resolved, Split, Spot
from segmend.core.errors import EditRefused
from segmend.core.segmentation.overlay import OverlayFiles
from segmend.core.segmentation.segmentation import Change, Division, NodeTable, Segmentation
from segmend.core.segmentation.supervoxel_graph import Edges
from segmend.core.segmentation.supervoxel_mapping import Move

Array = NDArray[Any]


def plan(resolved: Resolved, segmentation: Segmentation, files: OverlayFiles) -> Change:
    """Compute what a resolved edit changes; nothing is changed yet.

    Raises
    ------
    EditRefused
        If the edit does not fit the segmentation as it is.
    """
    edit = resolved.edit
    if isinstance(edit, Merge):
        return _plan_merge(edit, segmentation)
    if isinstance(edit, Split):
        return _plan_split(resolved, segmentation)
    if isinstance(edit, DivideSupervoxel):
        return _plan_division(edit, resolved, segmentation, files)
    return Change()


def segment_at(spot: Spot, segmentation: Segmentation) -> int:
    """Return the segment of a spot.

    Raises
    ------
    EditRefused
        If the supervoxel does not exist or was divided.
    """
    known = spot.supervoxel <= segmentation.supervoxel_count
    segment = int(segmentation.segment_of[spot.supervoxel]) if known else 0
    if not segment:
        raise EditRefused(
            f"supervoxel {spot.supervoxel} is not part of the segmentation (any more): "
            "it was divided or never existed; look the place up again"
        )
    return segment


def _plan_merge(edit: Merge, segmentation: Segmentation) -> Change:
    segments = [segment_at(spot, segmentation) for spot in edit.spots]
    different = sorted(set(segments))
    if len(different) < 2:
        name = int(segmentation.export_ids(np.array(different))[0])
        raise EditRefused(f"nothing to merge: all places are in segment {name} already")
    target = max(different, key=lambda s: (segmentation.voxels(s), -s))
    moves = tuple(Move(segmentation.members(s).copy(), s, target) for s in different if s != target)
    return Change(
        moves=moves,
        bridges=_bridges(edit.spots, segments, segmentation),
        old_ids=tuple(different),
        new_ids=(target,),
        box=segmentation.box_of(np.concatenate([move.supervoxels for move in moves])),
    )


def _bridges(spots: tuple[Spot, ...], segments: list[int], segmentation: Segmentation) -> Edges:
    pairs = []
    for i in range(1, len(spots)):
        before = set(segments[:i])
        if segments[i] in before:
            continue
        if not any(segmentation.touching(segments[i], other) for other in before):
            pairs.append(sorted((spots[i - 1].supervoxel, spots[i].supervoxel)))
    if not pairs:
        return Edges.none()
    ends = np.array(pairs, np.uint32)
    middles = (segmentation.points(ends[:, 0]) + segmentation.points(ends[:, 1])) / 2
    ones = np.ones(len(ends))
    return Edges(  # a person said that these belong together: the strongest contact there is
        ends,
        ones.astype(np.float32),
        ones.astype(np.uint32),
        ones.astype(np.float32),
        middles.astype(np.float32),
    )


def _plan_split(resolved: Resolved, segmentation: Segmentation) -> Change:
    moved = [np.array(side, np.uint32) for side in resolved.sides]
    if not moved or len(moved) != len(resolved.new_segments):
        raise EditRefused("the recorded split has no sides: its journal row is damaged")
    every = np.concatenate(moved)
    if int(every.max()) > segmentation.supervoxel_count:
        raise EditRefused(f"supervoxel {int(every.max())} does not exist in this generation")
    sources = np.unique(segmentation.segment_of[every])
    if len(sources) != 1 or not sources[0]:
        raise EditRefused("the supervoxels of this split are no longer in one segment")
    source = int(sources[0])
    if len(np.unique(every)) != len(every) or len(every) >= len(segmentation.members(source)):
        raise EditRefused("this split would leave a side empty")
    return Change(
        moves=tuple(
            Move(side, source, new) for side, new in zip(moved, resolved.new_segments, strict=True)
        ),
        old_ids=(source,),
        new_ids=(source, *resolved.new_segments),
        box=segmentation.box_of(every),
    )


def _plan_division(
    edit: DivideSupervoxel, resolved: Resolved, segmentation: Segmentation, files: OverlayFiles
) -> Change:
    parent = edit.spot.supervoxel
    segment = segment_at(edit.spot, segmentation)
    tables = _division_tables(resolved, segmentation, files)
    division = Division(
        parent=parent,
        children=resolved.children,
        nodes=NodeTable(tables["size"], tables["point"], tables["box"]),
        edges=Edges(
            tables["pairs"],
            tables["affinity"],
            tables["area"],
            tables["strong"],
            tables["centroid"],
        ),
        chunks={chunk[:4]: chunk[4] for chunk in resolved.chunks},
    )
    return Change(
        moves=(
            Move(np.array([parent], np.uint32), segment, 0),
            Move(np.array(resolved.children, np.uint32), 0, segment),
        ),
        division=division,
        old_ids=(segment,),
        new_ids=(segment,),
        box=segmentation.box_of(np.array([parent])),
    )


_DIVISION_FORM: dict[str, tuple[str, tuple[int, ...]]] = {
    # name: kind of number, trailing shape
    "size": ("iu", ()),
    "point": ("iu", (3,)),
    "box": ("iu", (6,)),
    "pairs": ("iu", (2,)),
    "affinity": ("f", ()),
    "area": ("iu", ()),
    "strong": ("f", ()),
    "centroid": ("f", (3,)),
}
_MOST_BORN = 1_000_000


def _division_tables(
    resolved: Resolved, segmentation: Segmentation, files: OverlayFiles
) -> dict[str, Array]:
    """Read the tables of a division and check that they fit its children; rows from outside may say anything."""
    children = resolved.children
    lowest = segmentation.base.supervoxel_count
    here = segmentation.segment_of
    in_row = len(children) == 2 and children[1] == children[0] + 1
    if (
        not in_row
        or not lowest < children[0] < lowest + _MOST_BORN
        or here[children[0] :][:2].any()
    ):
        raise EditRefused(
            f"a division into supervoxels {list(children)} does not fit: expected two new ids in a row"
        )
    tables = files.read_arrays(resolved.tables)
    nodes = len(children)
    edges = len(tables.get("pairs", ()))
    for name, (kinds, tail) in _DIVISION_FORM.items():
        table = tables.get(name)
        rows = nodes if name in ("size", "point", "box") else edges
        if table is None or table.shape != (rows, *tail) or table.dtype.kind not in kinds:
            raise EditRefused(
                f"the tables of this division are damaged ({name}): {resolved.tables}"
            )
    if edges and int(tables["pairs"].max()) > children[1]:
        raise EditRefused("the tables of this division name a supervoxel that does not exist")
    return tables
