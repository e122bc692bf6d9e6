"""What a block of a volume leaves undecided, as small arrays: the input of `segmend.core.algorithms.block_joining`."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.algorithms.basin_pieces import Part, Pieces, side_of
from segmend.core.algorithms.strongest_faces import Passes, no_passes, strongest_faces
from segmend.core.algorithms.weak_regions import join_weak

Array = NDArray[Any]


class Side(NamedTuple):
    """A side of a block beyond which the volume goes on.

    Parameters
    ----------
    labels : (a, b) uint32
        Regions of the outermost voxels.
    crossing : (a, b) uint8
        How their basins go on beyond, see `segmend.core.algorithms.basin_pieces`.
    strength : (a, b) float32
        Of the faces to the voxels beyond; only for the sides towards lower z, y, x, else without voxels.
    """

    labels: Array
    crossing: Array
    strength: Array


class Rest(NamedTuple):
    """The regions of a block after everything that is certain was joined.

    Parameters
    ----------
    labels : (z, y, x) uint32
        0 background, 1..n in raster order of the first voxel.
    weight : (n + 1,) int64
        What counts against the threshold; 0 for background.
    size : (n + 1,) int64
        Voxels.
    first : (n + 1,) int64
        Raster index of the first voxel in the whole volume.
    passes : Passes
        Contacts between regions of the block that are not decided; faces are numbered in the whole volume.
    sides : dict of int to Side
        By direction, -z, -y, -x, +z, +y, +x as 0 to 5.
    """

    labels: Array
    weight: Array
    size: Array
    first: Array
    passes: Passes
    sides: dict[int, Side]


def rest_of(
    pieces: Pieces,
    weight: Array | None,
    values: Array,
    part: Part,
    *,
    threshold: int,
    floor: float = -np.inf,
    flat: bool = False,
) -> Rest:
    """Join what can be joined for certain inside a block.

    Parameters
    ----------
    pieces : Pieces
    weight : (n + 1,) int64, optional
        Per piece; its voxels by default.
    values : (3, z, y, x) affinities or (z, y, x) heights over ``part.box``
    part : Part
    threshold, floor : int, float
        Pieces below the threshold join across faces from `floor` up.
    flat : bool
        Sections do not touch.
    """
    size, first = region_extents(pieces.labels, pieces.total, part)
    total = size if weight is None else weight
    passes = no_passes()
    if threshold > 1 or weight is not None:
        inside = np.ascontiguousarray(values[(..., *part.inside)])
        passes = strongest_faces(pieces.labels, inside, floor=floor, flat=flat)
    directions = [d for d in part.open_directions if not (flat and d % 3 == 0)]
    known = join_weak(passes, total, threshold, _reaching(pieces, directions))
    is_root = known.root == np.arange(len(known.root))
    new = (np.cumsum(is_root) - 1).astype(np.uint32)[known.root]
    labels = pieces.labels if is_root.all() else _mapped(pieces.labels, new)
    sides = {
        d: Side(side_of(labels, d), pieces.crossings[d], _strength(values, part, d))
        for d in directions
    }
    sizes = np.bincount(known.root, size, len(size))[is_root].astype(np.int64)
    kept = Passes(new[known.kept.pairs], known.kept.strength, _global_faces(known.kept.face, part))
    return Rest(labels, known.weight[is_root], sizes, first[is_root], kept, sides)


def region_extents(labels: Array, total: int, part: Part) -> tuple[Array, Array]:
    """Return the voxels of each region of a block and the first one's raster index in the whole volume.

    Parameters
    ----------
    labels : (z, y, x) uint32, 0..total
    total : int
    part : Part

    Returns
    -------
    size, first : (total + 1,) int64
        Both 0 for background.
    """
    size, first = _extent(labels, total + 1)
    first = _global_index(first, part)
    first[0] = 0
    return size, first


def _reaching(pieces: Pieces, directions: list[int]) -> Array | None:
    """Mark the pieces that reach an open side."""
    if not directions:
        return None
    reaching = np.zeros(pieces.total + 1, np.bool_)
    for direction in directions:
        reaching[side_of(pieces.labels, direction)] = True
    return reaching


def _strength(values: Array, part: Part, direction: int) -> Array:
    """Return the strength of the faces between a lower side and the voxels beyond it."""
    if direction >= 3:
        return np.empty((0, 0), np.float32)
    here: list[Any] = list(part.inside)
    first = here[direction].start
    here[direction] = first
    if values.ndim == 4:
        return values[(direction, *here)].astype(np.float32)
    beyond = list(here)
    beyond[direction] = first - 1
    return np.minimum(values[tuple(here)], values[tuple(beyond)]).astype(np.float32)


def _global_index(index: Array, part: Part) -> Array:
    """Turn raster indices of the block into those of the whole volume."""
    _, ny, nx = part.core.shape_zyx
    _, rows, columns = part.shape_zyx
    z, y, x = index // (ny * nx), index // nx % ny, index % nx
    z0, y0, x0 = part.core.start_zyx
    out: Array = ((z + z0) * rows + y + y0) * np.int64(columns) + x + x0
    return out


def _global_faces(face: Array, part: Part) -> Array:
    return 3 * _global_index(face // 3, part) + face % 3


@njit(cache=True, nogil=True)
def _extent(labels: Array, nodes: int) -> tuple[Array, Array]:
    """Return the voxels of each label and the raster index of the first; 0 of both for label 0."""
    size = np.zeros(nodes, np.int64)
    first = np.zeros(nodes, np.int64)
    flat = labels.ravel()
    for i in range(len(flat)):
        a = flat[i]
        if size[a] == 0:
            first[a] = i
        size[a] += 1
    size[0] = 0
    first[0] = 0
    return size, first


@njit(cache=True, nogil=True)
def _mapped(labels: Array, new: Array) -> Array:
    out = np.empty_like(labels)
    source, target = labels.ravel(), out.reshape(-1)
    for i in range(len(source)):
        target[i] = new[source[i]]
    return out
