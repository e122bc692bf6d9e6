"""Changes in which supervoxels leave their segment, die, or are born."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.edits.births import birth_of
from segmend.core.edits.bridging import bridges_to_strokes
from segmend.core.edits.model import Erase, Paint, Resolved, SplitSupervoxel
from segmend.core.edits.numbering import usable
from segmend.core.edits.places import supervoxel_at
from segmend.core.edits.voxels import SupervoxelVoxels
from segmend.core.errors import EditRefused
from segmend.core.geometry import Box
from segmend.core.segmentation.patches import Patch
from segmend.core.segmentation.segmentation import Birth, Change, Segmentation
from segmend.core.segmentation.supervoxel_graph import Edges
from segmend.core.segmentation.supervoxel_mapping import Move

Array = NDArray[Any]
_NOWHERE = Box((0, 0, 0), (0, 0, 0))


@dataclass(frozen=True, slots=True, eq=False)
class _Exchange:
    """Supervoxels that die and those that are born in their place."""

    birth: Birth | None
    moves: tuple[Move, ...]
    home: dict[int, int]
    """Segment of each child."""
    box: Box

    @property
    def dying(self) -> set[int]:
        return {int(s) for move in self.moves if not move.target for s in move.supervoxels}

    def members_after(self, segment: int, segmentation: Segmentation) -> int:
        lost = sum(len(move.supervoxels) for move in self.moves if move.source == segment)
        won = sum(len(move.supervoxels) for move in self.moves if move.target == segment)
        return len(segmentation.members(segment)) - lost + won


def plan_leaving(
    resolved: Resolved, segmentation: Segmentation, voxels: SupervoxelVoxels | None
) -> Change:
    """Plan that supervoxels leave their segment, some of them divided before."""
    new = resolved.new_segments
    if not resolved.sides or len(resolved.sides) != len(new):
        raise EditRefused("the recorded edit has no sides: its journal row is damaged")
    _check_new_segments(new, segmentation)
    exchange = _exchange(resolved.patches, segmentation, voxels, painted=0)
    sides = [_living_side(side, exchange, segmentation) for side in resolved.sides]
    every = np.concatenate(sides)
    source = _common_source(every, exchange, segmentation)
    if (np.diff(np.sort(every)) == 0).any():
        raise EditRefused("this edit names a supervoxel on two sides: its journal row is damaged")
    if len(every) >= exchange.members_after(source, segmentation):
        raise EditRefused("this edit would leave a side empty: nothing would stay in the segment")
    leaving = (Move(side, source, target) for side, target in zip(sides, new, strict=True))
    older = every if not exchange.home else np.setdiff1d(every, list(exchange.home))
    return Change(
        moves=(*exchange.moves, *leaving),
        birth=exchange.birth,
        old_ids=(source,),
        new_ids=(source, *new),
        box=_union([segmentation.box_of(older), exchange.box]),
    )


def plan_patches(
    resolved: Resolved, segmentation: Segmentation, voxels: SupervoxelVoxels | None
) -> Change:
    """Plan that voxels get other supervoxels: painted, erased, or one supervoxel divided."""
    edit, target, new = resolved.edit, 0, resolved.new_segments
    anchor = 0
    if not resolved.patches:
        raise EditRefused("the recorded edit has no voxels: its journal row is damaged")
    if isinstance(edit, Paint):
        _check_new_segments(new, segmentation)
        if len(new) != (edit.target is None):
            raise EditRefused("the recorded stroke names no segment: its journal row is damaged")
        anchor = supervoxel_at(edit.target, segmentation, voxels) if edit.target else 0
        target = int(segmentation.segment_of[anchor]) if anchor else new[0]
    exchange = _exchange(
        resolved.patches, segmentation, voxels, painted=target, erases=isinstance(edit, Erase)
    )
    homes = {move.source for move in exchange.moves if move.source}
    if isinstance(edit, SplitSupervoxel) and len(exchange.dying) != 1:
        raise EditRefused("the recorded edit divides several supervoxels: expected one")
    old = sorted(homes | ({target} - {0, *new}))
    left = (s for s in sorted({*old, target} - {0}) if exchange.members_after(s, segmentation))
    bridges = Edges.none()
    if anchor and exchange.birth:
        bridges = bridges_to_strokes(exchange.birth, target, anchor, segmentation)
    return Change(
        moves=exchange.moves,
        bridges=bridges,
        birth=exchange.birth,
        old_ids=tuple(old),
        new_ids=tuple(left),
        box=exchange.box,
    )


def _exchange(
    patches: tuple[Patch, ...],
    segmentation: Segmentation,
    voxels: SupervoxelVoxels | None,
    *,
    painted: int,
    erases: bool = False,
) -> _Exchange:
    """Plan the deaths and births of some patches; children of no parent go to the segment `painted`."""
    if not patches:
        return _Exchange(None, (), {}, _NOWHERE)
    if voxels is None:
        raise EditRefused(
            "the voxels of this project are not at hand: open it with its supervoxels"
        )
    _check_parts(patches, segmentation, painted=painted, erases=erases)
    birth = birth_of(patches, segmentation, voxels)
    segment_of = segmentation.segment_of
    parents = [p for patch in patches for p in patch.parents]
    home = {
        child: int(segment_of[origin]) if origin else painted
        for patch in patches
        for child, origin in zip(patch.ids, patch.origins, strict=True)
        if child
    }
    deaths = [Move(s, where, 0) for where, s in _by_segment(parents, segment_of[parents])]
    births = [Move(s, 0, where) for where, s in _by_segment(list(home), list(home.values()))]
    box = _union([patch.box for patch in patches])
    return _Exchange(birth, (*deaths, *births), home, box)


def _check_parts(
    patches: tuple[Patch, ...], segmentation: Segmentation, *, painted: int, erases: bool
) -> None:
    children = sorted(child for patch in patches for child in patch.children)
    in_row = not children or children == list(range(children[0], children[0] + len(children)))
    new = usable(children, segmentation.base.supervoxel_count)
    if not in_row or not new or any(map(segmentation.is_known, children)):
        raise EditRefused(
            "this edit makes supervoxels whose ids are taken or out of range: expected new ones in a row"
        )
    parents = [parent for patch in patches for parent in patch.parents]
    if len(set(parents)) < len(parents):
        raise EditRefused("this edit names a supervoxel in two patches: its journal row is damaged")
    if gone := [parent for parent in parents if not segmentation.is_alive(parent)]:
        raise EditRefused(
            f"supervoxel {gone[0]} is not part of the segmentation (any more): "
            "another edit changed its voxels, or the one that made it is off"
        )
    nowhere = any(c and not o for p in patches for c, o in zip(p.ids, p.origins, strict=True))
    if (nowhere and not painted) or (any(0 in p.ids for p in patches) and not erases):
        raise EditRefused("this edit leaves voxels without a segment: its journal row is damaged")


def _living_side(side: tuple[int, ...], exchange: _Exchange, segmentation: Segmentation) -> Array:
    """Return what stands for a recorded side now: living descendants in place of what died since."""
    named = np.array(side, np.int64)
    count = segmentation.supervoxel_count
    alive = segmentation.segment_of[np.where(named <= count, named, 0)] > 0
    if not alive.all():
        rest: list[int] = []
        for supervoxel in named[~alive].tolist():
            if supervoxel in exchange.home:
                rest.append(supervoxel)
            elif not segmentation.is_known(supervoxel):
                raise EditRefused(
                    f"supervoxel {supervoxel} of this edit does not exist: the operation that made it is off"
                )
            rest.extend(segmentation.living(supervoxel))
        named = np.concatenate([named[alive], np.array(rest, np.int64)])
    if not len(named):
        raise EditRefused("nothing is left of one side of this edit: its voxels were erased")
    if exchange.birth and np.isin(list(exchange.dying), named).any():
        raise EditRefused(
            "this edit names a supervoxel that it divides: its journal row is damaged"
        )
    return named.astype(np.uint32)


def _common_source(every: Array, exchange: _Exchange, segmentation: Segmentation) -> int:
    segments = segmentation.segment_of[every[every <= segmentation.supervoxel_count]]
    segments = segments[segments > 0]
    found = set(segments[:1].tolist()) | set(segments[segments != segments[:1]].tolist())
    if exchange.birth:
        children = np.array(list(exchange.home), np.int64)
        found |= {exchange.home[s] for s in children[np.isin(children, every)].tolist()}
        found |= {move.source for move in exchange.moves if move.source}
    if len(found) != 1:
        raise EditRefused("the supervoxels of this edit are no longer in one segment")
    return int(found.pop())


def _check_new_segments(new: tuple[int, ...], segmentation: Segmentation) -> None:
    free = usable(new, segmentation.base.segment_count) and len(set(new)) == len(new)
    if not free or any(len(segmentation.members(segment)) for segment in new):
        raise EditRefused(
            f"this edit makes segments {list(new[:5])}, which are in use or out of range: expected new ids"
        )


def _by_segment(supervoxels: list[int], segments: Any) -> list[tuple[int, Array]]:
    ids, where = np.array(supervoxels, np.uint32), np.asarray(segments, np.int64)
    return [(int(segment), ids[where == segment]) for segment in np.unique(where)]


def _union(boxes: Iterable[Box]) -> Box:
    return reduce(Box.union, [box for box in boxes if box.size] or [_NOWHERE])
