"""Dividing a supervoxel at voxel level: what joins its voxels, pieces to assign, and exact seeds.

What joins two touching voxels is taken from predicted affinities, else from the image (membranes are dark), else from
the distance to the supervoxel's surface (a neck is weak).
"""

from __future__ import annotations

from typing import Any

import edt
import fastremap
import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import ndimage

from segmend.core.algorithms.arrays import nearest_affinities
from segmend.core.algorithms.watershed import watershed

Array = NDArray[Any]

SMALLEST_PIECE = 30
"""Pieces with fewer voxels are merged with a neighbour."""
SMOOTHING = 1.0
"""Gaussian sigma in voxels on the image."""
UNKNOWN = 128
"""Face value between supervoxels where there are no affinities: 0.5, as in the region graph."""


def faces_from_affinities(affinities: Array) -> NDArray[np.uint8]:
    """Return (3, z, y, x) uint8 face values of affinities, uint8 or float 0..1."""
    values, scale = nearest_affinities(affinities)
    if values.dtype == np.uint8:
        return values
    return np.clip(np.rint(values * (255 / scale)), 0, 255).astype(np.uint8)


def faces_from_image(image: Array, mask: Array) -> NDArray[np.uint8]:
    """Return face values of an image in which boundaries are dark, scaled to the range inside a mask."""
    smooth = ndimage.gaussian_filter(image.astype(np.float32), SMOOTHING)
    low, high = np.percentile(smooth[mask], (1, 80)) if mask.any() else (0.0, 1.0)
    bright = np.clip((smooth - low) / max(float(high - low), 1e-6), 0, 1)
    return _lower_faces((255 * bright).astype(np.uint8))


def faces_from_shape(mask: Array, voxel_size_zyx: tuple[float, float, float]) -> NDArray[np.uint8]:
    """Return face values that fall towards the surface of a mask."""
    depth = edt.edt(mask, anisotropy=voxel_size_zyx, black_border=True)
    return _lower_faces((255 * depth / max(float(depth.max()), 1e-6)).astype(np.uint8))


def _lower_faces(height: Array) -> NDArray[np.uint8]:
    faces = np.zeros((3, *height.shape), np.uint8)
    np.minimum(height[1:], height[:-1], out=faces[0, 1:])
    np.minimum(height[:, 1:], height[:, :-1], out=faces[1, :, 1:])
    np.minimum(height[:, :, 1:], height[:, :, :-1], out=faces[2, :, :, 1:])
    return faces


def pieces_of(mask: Array, faces: Array, seed_voxels: Array, seed_sides: Array) -> Array:
    """Cut a supervoxel into pieces small enough to belong to one side.

    Parameters
    ----------
    mask : (z, y, x) bool array
        The supervoxel.
    faces : (3, z, y, x) uint8 array
        What joins a voxel to the one before it on each axis.
    seed_voxels : (s, 3) integer array
        z, y, x of seeds in the mask.
    seed_sides : (s,) integer array
        Side of each.

    Returns
    -------
    (z, y, x) uint32
        1..m in the mask; no piece holds seeds of two sides.
    """
    pieces = watershed(faces, size_threshold=SMALLEST_PIECE, link_affinity=0.0, mask=mask)
    left = mask & (pieces == 0)  # voxels that nothing joins to another
    if left.any():
        lost, _ = ndimage.label(left)
        pieces = np.where(left, lost + pieces.max(), pieces).astype(np.uint32)
    at = tuple(seed_voxels.T)
    for piece in np.unique(pieces[at]):
        inside = pieces[at] == piece
        if len(np.unique(seed_sides[inside])) > 1:
            parts = flooded(pieces == piece, faces, seed_voxels[inside], seed_sides[inside])
            high = int(pieces.max())
            pieces = np.where(parts > 0, high + parts, pieces).astype(np.uint32)
    dense, _ = fastremap.renumber(pieces, preserve_zero=True)
    return dense.astype(np.uint32)


def flooded(mask: Array, faces: Array, seed_voxels: Array, seed_sides: Array) -> Array:
    """Grow seeds in a mask across the strongest faces first (seeded watershed, Meyer 1991).

    Of faces of equal strength the one reached first counts, so equal seeds meet half way.

    Parameters
    ----------
    mask : (z, y, x) bool array
    faces : (3, z, y, x) uint8 array
    seed_voxels : (s, 3) integer array
    seed_sides : (s,) integer array

    Returns
    -------
    (z, y, x) uint32
        Side + 1 in the mask, also where no seed reaches (there that of the first seed); 0 outside.
    """
    labels = np.zeros(mask.shape, np.uint32)
    labels[tuple(seed_voxels.T)] = np.asarray(seed_sides) + 1
    _flood(np.ascontiguousarray(mask), faces, labels)
    labels[mask & (labels == 0)] = int(seed_sides[0]) + 1
    labels[~mask] = 0
    return labels


@njit(cache=True, nogil=True)
def _flood(mask: Array, faces: Array, labels: Array) -> None:
    """One queue per face value; a face that is stronger than the present level counts as the level."""
    nz, ny, nx = mask.shape
    room = mask.size
    following = np.empty(7 * room, np.int64)
    voxel = np.empty(7 * room, np.int64)
    head = np.full(256, -1, np.int64)
    tail = np.full(256, -1, np.int64)
    source = np.empty(7 * room, np.uint32)
    done = np.zeros(room, np.bool_)
    flat = labels.reshape(-1)
    used = 0
    for i in range(room):
        if flat[i] > 0:
            used = _enqueue(255, i, flat[i], used, head, tail, following, voxel, source)
    level = 255
    while level >= 0:
        entry = head[level]
        if entry < 0:
            level -= 1
            continue
        head[level] = following[entry]
        if head[level] < 0:
            tail[level] = -1
        i, label = voxel[entry], source[entry]
        z, y, x = i // (ny * nx), (i // nx) % ny, i % nx
        if done[i]:
            continue
        done[i] = True
        labels[z, y, x] = label
        for axis in range(3):
            for step in (-1, 1):
                w = z + step * (axis == 0)
                v = y + step * (axis == 1)
                u = x + step * (axis == 2)
                if not (0 <= w < nz and 0 <= v < ny and 0 <= u < nx):
                    continue
                if not mask[w, v, u] or labels[w, v, u] != 0:
                    continue
                value = faces[axis, z, y, x] if step < 0 else faces[axis, w, v, u]
                used = _enqueue(
                    min(np.int64(value), level), (w * ny + v) * nx + u, label, used,
                    head, tail, following, voxel, source,
                )  # fmt: skip


@njit(cache=True, nogil=True)
def _enqueue(
    level: Any, i: Any, label: Any, used: Any, head: Array, tail: Array, following: Array, voxel: Array, source: Array
) -> Any:  # fmt: skip
    voxel[used], source[used], following[used] = i, label, -1
    if tail[level] < 0:
        head[level] = used
    else:
        following[tail[level]] = used
    tail[level] = used
    return used + 1
