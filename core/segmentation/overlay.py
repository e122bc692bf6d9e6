"""The supervoxels as they are now: a base that is never rewritten, with the patches in effect laid over it.

Nothing of this is kept on disk, so nothing can be out of step with the journal. What was unpacked stays in memory, as
runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.geometry import Box, Grid, Zyx
from segmend.core.segmentation.patches import Patch, PatchStack
from segmend.core.segmentation.runs import RunCache, Runs
from segmend.core.volumes.base import Volume, check_inside
from segmend.core.volumes.pyramid import downsample_labels

_TILE_ZYX: Zyx = (1, 128, 128)
"""What is made at a time of a coarser level: thin, because sections are looked at one by one."""


class OverlaidVolume:
    """One pyramid level of the supervoxels under a stack of patches.

    Coarser levels are made from the composed finer level wherever a patch lies, so every level is the same as if the
    whole pyramid had been written anew.

    Parameters
    ----------
    base : Volume
        The level as the pipeline wrote it, uint32.
    level : int
        0 is the finest.
    stack : PatchStack
        Live.
    finer : OverlaidVolume, optional
        The next finer level, under the same stack; None for the finest.
    cache : RunCache, optional
        For what was unpacked. Views of one base under different stacks may share that of the finest level.
    """

    channels = None

    def __init__(
        self,
        base: Volume,
        level: int,
        stack: PatchStack,
        finer: OverlaidVolume | None = None,
        cache: RunCache | None = None,
    ) -> None:
        self.base = base
        self.level = level
        self.stack = stack
        self.finer = finer
        self.cache = cache or RunCache()
        self.shape_zyx: Zyx = base.shape_zyx
        self.dtype = np.dtype(np.uint32)
        self.grid: Grid = base.grid
        self.source = base.source
        self.chunk_zyx: Zyx | None = getattr(base, "chunk_zyx", None)
        self._factor = _factor(finer, base) if finer else (1, 1, 1)
        self._scale: Zyx = _times(finer._scale, self._factor) if finer else (1, 1, 1)
        self._revision = stack.revision

    def read(self, box: Box) -> NDArray[np.uint32]:
        """Return the voxels of a box, (z, y, x) uint32.

        Raises
        ------
        VolumeError
            If the box leaves the volume or a chunk of the base is damaged.
        """
        check_inside(box, self.shape_zyx, self.source)
        out: NDArray[np.uint32] = np.asarray(self.base.read(box), np.uint32)
        if not self.stack:
            return out
        patches = [patch for _, patch in self.stack.touching(_fine(box, self._scale))]
        if patches:
            out = np.array(out, order="C")
            for runs in self._changed(patches, box):
                runs.lay_over(out, box)
        return out

    def _changed(self, patches: list[Patch], box: Box) -> Iterator[Runs]:
        """Yield what differs from the base in a box; the later counts."""
        if self.finer is None:
            yield from map(self._unpacked, patches)
            return
        self._forget_changed()
        places = [_coarse(patch.box, self._scale).intersect(box) for patch in patches]
        for tile in sorted({tile for place in places for tile in _tiles(place)}):
            runs = self._resampled(tile, self.finer)
            if runs is not None:
                yield runs

    def _unpacked(self, patch: Patch) -> Runs:
        runs = self.cache.get(patch)
        if runs is None:
            local = patch.local
            runs = Runs.of(patch.box, np.array((0, *patch.ids), np.uint32)[local], local > 0)
            self.cache.put(patch, runs)
        return runs

    def _resampled(self, tile: Zyx, finer: OverlaidVolume) -> Runs | None:
        """Return what differs from the base in a tile: all patches that lie there have a say.

        None where the last of them was taken away since the tile was found.
        """
        runs = self.cache.get(tile)
        if runs is None:
            revision = self.stack.revision
            place = Box(tile, _sum(tile, (1, 1, 1)))
            whole = _fine(place, _TILE_ZYX).intersect(Box.of_shape(self.shape_zyx))
            boxes = [patch.box for _, patch in self.stack.touching(_fine(whole, self._scale))]
            if not boxes:
                return None
            part = reduce(Box.union, [_coarse(box, self._scale).intersect(whole) for box in boxes])
            source = _fine(part, self._factor).intersect(Box.of_shape(finer.shape_zyx))
            labels = downsample_labels(finer.read(source), self._factor)
            runs = Runs.of(part, labels, labels != self.base.read(part))
            if revision == self.stack.revision:
                self.cache.put(tile, runs)
        return runs

    def _forget_changed(self) -> None:
        revision = self.stack.revision
        changed = self.stack.changed_since(self._revision)
        if changed is None:
            self.cache.clear()
        else:
            for box in changed:
                for tile in _tiles(_coarse(box, self._scale)):
                    self.cache.drop(tile)
        self._revision = revision


def overlaid_pyramid(
    base: Sequence[Volume], stack: PatchStack, *, cache: RunCache | None = None
) -> tuple[OverlaidVolume, ...]:
    """Return all levels of the supervoxels, finest first, under a stack of patches.

    Parameters
    ----------
    base : sequence of Volume
        Finest first.
    stack : PatchStack
        Live.
    cache : RunCache, optional
        That of the finest level of another view of the same base.
    """
    levels: list[OverlaidVolume] = []
    for number, volume in enumerate(base):
        finer = levels[-1] if levels else None
        levels.append(OverlaidVolume(volume, number, stack, finer, None if levels else cache))
    return tuple(levels)


def _tiles(box: Box) -> Iterator[Zyx]:
    """Yield the tiles that a box of coarse voxels meets."""
    if box.size:
        touched = _coarse(box, _TILE_ZYX)
        yield from product(*map(range, touched.start_zyx, touched.stop_zyx))


def _factor(finer: OverlaidVolume, base: Volume) -> Zyx:
    z, y, x = (
        round(coarse / fine)
        for coarse, fine in zip(
            base.grid.voxel_size_nm_zyx, finer.grid.voxel_size_nm_zyx, strict=True
        )
    )
    return z, y, x


def _sum(a: Zyx, b: Zyx) -> Zyx:
    return a[0] + b[0], a[1] + b[1], a[2] + b[2]


def _times(a: Zyx, b: Zyx) -> Zyx:
    return a[0] * b[0], a[1] * b[1], a[2] * b[2]


def _coarse(box: Box, factor: Zyx) -> Box:
    """Return the coarse voxels that a box meets."""
    start: Any = tuple(a // f for a, f in zip(box.start_zyx, factor, strict=True))
    stop: Any = tuple(-(-b // f) for b, f in zip(box.stop_zyx, factor, strict=True))
    return Box(start, stop)


def _fine(box: Box, factor: Zyx) -> Box:
    """Return the fine voxels that a box stands for."""
    return Box(_times(box.start_zyx, factor), _times(box.stop_zyx, factor))
