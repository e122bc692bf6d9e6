"""From skeletons to labels: every voxel goes to the neurite whose ball surface is nearest."""

from __future__ import annotations

from typing import NamedTuple

import cc3d
import fastremap
import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.geometry import Zyx, ZyxNm
from segmend.core.synthesis.tissue import Skeletons

_BUCKET_NM = 2.0


class Warp(NamedTuple):
    """A smooth displacement in nm: voxel v shows the tissue at ``v * size + corner + (dz, dy, dx)[v]``."""

    dz: NDArray[np.float32]
    dy: NDArray[np.float32]
    dx: NDArray[np.float32]
    size_nm: NDArray[np.float64]
    corner_nm: NDArray[np.float64]


@njit(cache=True, nogil=True)
def place_of(warp: Warp, z: int, y: int, x: int) -> tuple[float, float, float]:
    """Place in the tissue (nm) that a voxel shows."""
    return (
        z * warp.size_nm[0] + warp.corner_nm[0] + warp.dz[z, y, x],
        y * warp.size_nm[1] + warp.corner_nm[1] + warp.dy[z, y, x],
        x * warp.size_nm[2] + warp.corner_nm[2] + warp.dx[z, y, x],
    )


@njit(cache=True, nogil=True)
def voxel_of(warp: Warp, point: NDArray) -> tuple[int, int, int]:
    """Voxel that shows a place, clamped to the volume; two steps of fixed-point iteration."""
    shape = warp.dz.shape
    z, y, x = 0, 0, 0
    sz, sy, sx = 0.0, 0.0, 0.0
    for _ in range(3):
        z = _clamp((point[0] - warp.corner_nm[0] - sz) / warp.size_nm[0], shape[0])
        y = _clamp((point[1] - warp.corner_nm[1] - sy) / warp.size_nm[1], shape[1])
        x = _clamp((point[2] - warp.corner_nm[2] - sx) / warp.size_nm[2], shape[2])
        sz, sy, sx = warp.dz[z, y, x], warp.dy[z, y, x], warp.dx[z, y, x]
    return z, y, x


@njit(cache=True, nogil=True)
def _clamp(place: float, n: int) -> int:
    return min(max(int(np.floor(place + 0.5)), 0), n - 1)


@njit(cache=True, nogil=True)
def assign(
    warp: Warp, balls: NDArray, neurite: NDArray, deepest: float, farthest: float
) -> NDArray:
    """Propagate ball numbers through the volume in order of distance to the ball's surface.

    A front in the manner of Dijkstra whose entries carry their ball, so that distances are exact; each voxel takes
    the label of the neighbour it was reached from, so that a neurite stays in one piece.

    Parameters
    ----------
    warp : Warp
    balls : (n, 4) float64 array
        z, y, x, radius in nm.
    neurite : (n,) int32 array
        From 1.
    deepest, farthest : float
        Bounds of the distance in nm, about minus the largest radius and the largest gap.

    Returns
    -------
    (z, y, x) uint32 array
    """
    nz, ny, nx = warp.dz.shape
    labels = np.zeros(nz * ny * nx, np.uint32)
    best = np.full(nz * ny * nx, np.float32(1e9))
    buckets = int((farthest - deepest) / _BUCKET_NM) + 2
    head = np.full(buckets, -1, np.int64)
    capacity = nz * ny * nx // 2 + balls.shape[0] + 64
    voxel_at = np.empty(capacity, np.int64)
    ball_at = np.empty(capacity, np.int32)
    after = np.empty(capacity, np.int64)
    used, free = 0, -1
    for i in range(balls.shape[0]):
        z, y, x = voxel_of(warp, balls[i, :3])
        p = place_of(warp, z, y, x)
        d = _distance(p, balls[i])
        v = (z * ny + y) * nx + x
        if d < best[v] and d < farthest:
            best[v] = d
            b = min(max(int((d - deepest) / _BUCKET_NM), 0), buckets - 1)
            voxel_at[used], ball_at[used], after[used] = v, i, head[b]
            head[b] = used
            used += 1
    b = 0
    while b < buckets:
        entry = head[b]
        if entry < 0:
            b += 1
            continue
        head[b] = after[entry]
        v, i = voxel_at[entry], ball_at[entry]
        after[entry] = free
        free = entry
        if labels[v]:
            continue
        labels[v] = neurite[i]
        z, y, x = v // (ny * nx), (v // nx) % ny, v % nx
        for side in range(6):
            qz, qy, qx = z, y, x
            if side == 0:
                qz -= 1
            elif side == 1:
                qz += 1
            elif side == 2:
                qy -= 1
            elif side == 3:
                qy += 1
            elif side == 4:
                qx -= 1
            else:
                qx += 1
            if qz < 0 or qz >= nz or qy < 0 or qy >= ny or qx < 0 or qx >= nx:
                continue
            q = (qz * ny + qy) * nx + qx
            if labels[q]:
                continue
            d = _distance(place_of(warp, qz, qy, qx), balls[i])
            if d >= best[q]:
                continue
            best[q] = d
            if free >= 0:
                slot = free
                free = after[slot]
            else:
                if used == voxel_at.size:
                    voxel_at = np.concatenate((voxel_at, np.empty_like(voxel_at)))
                    ball_at = np.concatenate((ball_at, np.empty_like(ball_at)))
                    after = np.concatenate((after, np.empty_like(after)))
                slot = used
                used += 1
            c = min(max(int((d - deepest) / _BUCKET_NM), b), buckets - 1)
            voxel_at[slot], ball_at[slot], after[slot] = q, i, head[c]
            head[c] = slot
    return labels.reshape(nz, ny, nx)


@njit(cache=True, nogil=True)
def _distance(point: tuple[float, float, float], ball: NDArray) -> float:
    dz, dy, dx = point[0] - ball[0], point[1] - ball[1], point[2] - ball[2]
    return np.sqrt(dz * dz + dy * dy + dx * dx) - ball[3]


def pack(skeletons: Skeletons, warp: Warp) -> NDArray[np.uint32]:
    """Return labels (z, y, x) uint32 without background, numbered as the neurites."""
    if not len(skeletons.balls):
        return np.ones(warp.dz.shape, np.uint32)
    deepest = -float(skeletons.balls[:, 3].max()) - _BUCKET_NM
    return assign(warp, skeletons.balls, skeletons.neurite, deepest, 4000.0)


def one_piece_labels(labels: NDArray[np.uint32], smallest: int) -> NDArray[np.uint32]:
    """Give every connected piece its own label, let neighbours take pieces below `smallest`, number densely.

    Parameters
    ----------
    labels : (z, y, x) uint32 array
        0 stays 0.
    smallest : int
        Voxels.

    Returns
    -------
    (z, y, x) uint32 array
        1..n dense, each one 6-connected piece; 0 only where `labels` is 0.
    """
    pieces = cc3d.connected_components(labels, connectivity=6).astype(np.uint32, copy=False)
    sizes = np.bincount(pieces.ravel())
    keep = sizes >= min(smallest, int(sizes[1:].max(initial=0)))
    keep[0] = True
    if not keep.all():
        pieces = _take_over(np.where(keep[pieces], pieces, 0).astype(np.uint32), labels != 0)
    dense, _ = fastremap.renumber(pieces, preserve_zero=True)
    return dense.astype(np.uint32, copy=False)


@njit(cache=True, nogil=True)
def _take_over(labels: NDArray, inside: NDArray) -> NDArray:
    """Let labels grow breadth-first over voxels of 0 that are `inside`."""
    nz, ny, nx = labels.shape
    flat, room = labels.copy().ravel(), inside.ravel()
    front = np.empty(flat.size, np.int64)
    stop = 0
    for v in range(flat.size):
        if flat[v]:
            front[stop] = v
            stop += 1
    at = 0
    while at < stop:
        v = front[at]
        at += 1
        z, y, x = v // (ny * nx), (v // nx) % ny, v % nx
        for side in range(6):
            step = (ny * nx, nx, 1)[side // 2]
            place, n = (z, y, x)[side // 2], (nz, ny, nx)[side // 2]
            if (side % 2 == 0 and place == 0) or (side % 2 == 1 and place == n - 1):
                continue
            q = v - step if side % 2 == 0 else v + step
            if room[q] and not flat[q]:
                flat[q] = flat[v]
                front[stop] = q
                stop += 1
    return flat.reshape(nz, ny, nx)


def working_voxel_nm(voxel_size_nm_zyx: ZyxNm) -> tuple[ZyxNm, int]:
    """Return the voxel size at which tissue is made and how many of its planes make one section."""
    z, y, x = voxel_size_nm_zyx
    planes = max(1, round(z / (1.5 * x)))
    return (z / planes, y, x), planes


def working_shape(shape_zyx: Zyx, planes: int, margin: int) -> Zyx:
    """Return the shape at which tissue is made, `margin` pixels wider on each side of a section."""
    return shape_zyx[0] * planes, shape_zyx[1] + 2 * margin, shape_zyx[2] + 2 * margin
