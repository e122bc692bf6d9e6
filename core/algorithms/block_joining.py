"""Putting the rests of blocks together: one partition of the whole volume, the same for every grid of blocks.

What blocks hand on (`segmend.core.algorithms.block_rest`) is brought together in three steps, as in Lu, Zlateski &
Seung 2021 (arXiv 2106.10795): pieces of one basin become one, contacts across the sides of blocks are added, and the
joining that blocks began (`segmend.core.algorithms.weak_regions`) is ended. Only sides of blocks are looked at voxel by
voxel, two at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.algorithms.arrays import LARGEST_ID
from segmend.core.algorithms.basin_pieces import CLIMBS, LEVEL
from segmend.core.algorithms.block_rest import Rest, Side
from segmend.core.algorithms.components import joined
from segmend.core.algorithms.strongest_faces import Passes, best_of_each
from segmend.core.algorithms.weak_regions import join_weak
from segmend.core.errors import InputError
from segmend.core.geometry import Zyx

Array = NDArray[Any]


class BlockJoining:
    """Gathers blocks and their sides, then joins.

    Parameters
    ----------
    counts : sequence of int
        Regions of each block.
    shape_zyx : tuple of 3 int
        The whole volume.
    threshold, floor : int, float
        As the blocks had them.

    Raises
    ------
    InputError
        If there are too many regions for uint32.
    """

    def __init__(
        self, counts: Sequence[int], shape_zyx: Zyx, *, threshold: int, floor: float = -np.inf
    ) -> None:
        self._starts = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
        total = int(self._starts[-1])
        if total > LARGEST_ID:
            raise InputError(
                f"{total} regions before joining are too many for uint32; work on a box"
            )
        self._shape = shape_zyx
        self._threshold, self._floor = threshold, np.float32(floor)
        self._weight, self._size, self._first = (np.zeros(total + 1, np.int64) for _ in range(3))
        self._passes: list[Passes] = []
        self._same: list[Array] = []
        self._slopes: list[tuple[Array, Array]] = []

    def add(self, block: int, rest: Rest) -> None:
        """Take a block's regions and contacts; its labels and sides are not looked at."""
        start, stop = self._starts[block], self._starts[block + 1]
        for mine, given in zip(
            (self._weight, self._size, self._first),
            (rest.weight, rest.size, rest.first),
            strict=True,
        ):
            mine[start + 1 : stop + 1] = given[1:]
        pairs = (rest.passes.pairs + start).astype(np.uint32)
        self._passes.append(Passes(pairs, rest.passes.strength, rest.passes.face))

    def meet(
        self, blocks: tuple[int, int], sides: tuple[Side, Side], axis: int, start_zyx: Zyx
    ) -> None:
        """Look at two sides that touch, after both blocks were added.

        Parameters
        ----------
        blocks : tuple of 2 int
            The lower and the upper one.
        sides : tuple of 2 Side
        axis : int
        start_zyx : tuple of 3 int
            First voxel of the upper block.
        """
        lower, upper = sides
        both = (lower.labels != 0) & (upper.labels != 0)
        a = lower.labels[both] + self._starts[blocks[0]]
        b = upper.labels[both] + self._starts[blocks[1]]
        face = self._faces(axis, start_zyx, both)
        self._meet_basins(a, b, lower.crossing[both], upper.crossing[both], face)
        strength = upper.strength[both]
        counts = (strength >= self._floor) & (
            np.minimum(self._weight[a], self._weight[b]) < self._threshold
        )
        pairs = np.stack([a, b], axis=1)[counts].astype(np.uint32)
        self._passes.append(best_of_each(Passes(pairs, strength[counts], face[counts])))

    def unite(self, blocks: tuple[int, int], pairs: Array) -> None:
        """Make regions of two blocks one, whatever their contacts are.

        Parameters
        ----------
        blocks : tuple of 2 int
        pairs : (n, 2) integer array
            A region of the first and one of the second.
        """
        self._same.append(pairs + self._starts[list(blocks)])

    def _meet_basins(self, a: Array, b: Array, up: Array, down: Array, face: Array) -> None:
        same = (up == CLIMBS) | (down == CLIMBS) | ((up == LEVEL) & (down == LEVEL))
        self._same.append(np.unique(np.stack([a[same], b[same]], axis=1), axis=0))
        for here, there, level in ((a, b, up == LEVEL), (b, a, down == LEVEL)):
            found = level & ~same
            self._slopes.append((np.stack([here[found], there[found]], axis=1), face[found]))

    def _faces(self, axis: int, start_zyx: Zyx, both: Array) -> Array:
        """Return the numbers of the faces below a plane that begins at a voxel."""
        places = list(np.nonzero(both))
        places.insert(axis, np.zeros(len(places[0]), np.int64))
        z, y, x = (place + first for place, first in zip(places, start_zyx, strict=True))
        _, ny, nx = self._shape
        out: Array = 3 * ((z * np.int64(ny) + y) * np.int64(nx) + x) + axis
        return out

    def solve(self, dust: int = 0) -> tuple[list[Array], int]:
        """Join everything.

        Parameters
        ----------
        dust : int
            What has fewer voxels becomes background.

        Returns
        -------
        tables : list of (n + 1,) uint32
            For each block, the supervoxel of each of its regions: 0 background, else dense in the order of the first
            voxel in the whole volume.
        count : int
        """
        basin = self._basins()
        n = int(basin.max(initial=0))
        weight = np.bincount(basin, self._weight, n + 1).astype(np.int64)
        contacts = _together(self._passes)
        root = join_weak(
            contacts._replace(pairs=basin[contacts.pairs]), weight, self._threshold
        ).root[basin]
        size = np.bincount(root, self._size, n + 1)
        first = np.full(n + 1, np.iinfo(np.int64).max)
        np.minimum.at(first, root[1:], self._first[1:])
        keep = np.flatnonzero((size >= dust) & (size > 0))
        number = np.zeros(n + 1, np.uint32)
        number[keep[np.argsort(first[keep])]] = np.arange(1, len(keep) + 1)
        final = number[root]
        return [
            np.concatenate([[np.uint32(0)], final[a + 1 : b + 1]])
            for a, b in zip(self._starts[:-1], self._starts[1:], strict=True)
        ], len(keep)

    def _basins(self) -> Array:
        """Return the basin of each region.

        A plateau larger than the context may be undivided in one block and divided in the next. It goes to one of the
        basins there, over its first face; to join it with all would make them one.
        """
        total = len(self._weight) - 1
        basin = joined(_stacked(self._same), total)
        slopes = _stacked([pairs for pairs, _ in self._slopes])
        faces = np.concatenate([np.empty(0, np.int64), *(face for _, face in self._slopes)])
        slopes = slopes[np.argsort(faces, kind="stable")]
        slopes = basin[slopes].astype(np.int64)
        slopes = slopes[slopes[:, 0] != slopes[:, 1]]
        _, chosen = np.unique(slopes[:, 0], return_index=True)
        wider: Array = joined(slopes[chosen], int(basin.max(initial=0)))[basin]
        return wider


def _stacked(pairs: list[Array]) -> Array:
    return np.concatenate([np.empty((0, 2), np.int64), *pairs]).astype(np.int64)


def _together(passes: list[Passes]) -> Passes:
    return Passes(
        np.concatenate([np.empty((0, 2), np.uint32), *(p.pairs for p in passes)]),
        np.concatenate([np.empty(0, np.float32), *(p.strength for p in passes)]),
        np.concatenate([np.empty(0, np.int64), *(p.face for p in passes)]),
    )
