"""Smooth random fields and separable filters.

Only additions, multiplications and rounded weights: the same numbers on every machine.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.geometry import Zyx, ZyxNm

# A cubic B-spline over unit noise keeps this share of the variance on each axis.
_SPLINE_POWER = 0.479365


@njit(cache=True, nogil=True)
def _spline_last(coarse: NDArray, stop: int, scale: float, shift: float) -> NDArray:
    rows = coarse.shape[0]
    out = np.empty((rows, stop), np.float32)
    for i in range(stop):
        place = i * scale + shift
        k = int(place)
        t = place - k
        s = 1.0 - t
        w0, w3 = s * s * s / 6.0, t * t * t / 6.0
        w1 = (3.0 * t * t * t - 6.0 * t * t + 4.0) / 6.0
        w2 = 1.0 - w0 - w1 - w3
        for row in range(rows):
            c = coarse[row]
            out[row, i] = w0 * c[k] + w1 * c[k + 1] + w2 * c[k + 2] + w3 * c[k + 3]
    return out


def smooth_noise(
    rng: np.random.Generator, shape_zyx: Zyx, voxel_nm_zyx: ZyxNm, grain_nm: float
) -> NDArray[np.float32]:
    """Draw a smooth random field of mean 0 and standard deviation 1.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape_zyx, voxel_nm_zyx : tuple
        Size and voxel size of the field.
    grain_nm : float
        Spacing of the random lattice; features are about twice as wide.

    Returns
    -------
    (z, y, x) float32 array
    """
    scales = [size / max(grain_nm, size) for size in voxel_nm_zyx]
    coarse = [int(n * s) + 6 for n, s in zip(shape_zyx, scales, strict=True)]
    field = (rng.random(coarse, dtype=np.float32) - np.float32(0.5)) * np.float32(12.0**0.5)
    field *= np.float32(_SPLINE_POWER**-1.5)
    shifts = rng.random(3)
    for axis in range(3):
        moved = np.ascontiguousarray(np.moveaxis(field, axis, 2))
        rows = moved.reshape(-1, moved.shape[2])
        rows = _spline_last(rows, shape_zyx[axis], scales[axis], float(shifts[axis]))
        field = np.moveaxis(rows.reshape(*moved.shape[:2], shape_zyx[axis]), 2, axis)
    return np.ascontiguousarray(field)


def gaussian_weights(sigma: float) -> NDArray[np.float32]:
    """Weights of a Gaussian of `sigma` samples, cut at 3 sigma, rounded to 1e-6 so that machines agree."""
    reach = max(1, int(3.0 * sigma + 0.5))
    places = np.arange(-reach, reach + 1)
    weights = np.round(np.exp(-0.5 * (places / max(sigma, 1e-3)) ** 2), 6)
    return (weights / weights.sum()).astype(np.float32)


@njit(cache=True, nogil=True)
def _filter_middle(field: NDArray, weights: NDArray) -> NDArray:
    outer, n, inner = field.shape
    reach = weights.size // 2
    out = np.zeros_like(field)
    for o in range(outer):
        for i in range(n):
            row = out[o, i]
            for k in range(weights.size):
                j = min(max(i + k - reach, 0), n - 1)
                w = weights[k]
                source = field[o, j]
                for x in range(inner):
                    row[x] += w * source[x]
    return out


@njit(cache=True, nogil=True)
def _filter_last(field: NDArray, weights: NDArray) -> NDArray:
    rows, n = field.shape
    reach = weights.size // 2
    out = np.zeros_like(field)
    for r in range(rows):
        for k in range(weights.size):
            w, shift = weights[k], k - reach
            start, stop = min(max(0, -shift), n), max(min(n, n - shift), 0)
            for i in range(start):
                out[r, i] += w * field[r, 0]
            for i in range(start, stop):
                out[r, i] += w * field[r, i + shift]
            for i in range(max(stop, start), n):
                out[r, i] += w * field[r, n - 1]
    return out


def blur(field: NDArray[np.float32], sigma_zyx: tuple[float, float, float]) -> NDArray[np.float32]:
    """Blur a (z, y, x) float32 field with a Gaussian of `sigma_zyx` voxels; edges repeat."""
    nz, ny, nx = field.shape
    out = np.ascontiguousarray(field)
    if sigma_zyx[0] > 0.1:
        weights = gaussian_weights(sigma_zyx[0])
        out = _filter_middle(out.reshape(1, nz, ny * nx), weights).reshape(nz, ny, nx)
    if sigma_zyx[1] > 0.1:
        out = _filter_middle(out, gaussian_weights(sigma_zyx[1]))
    if sigma_zyx[2] > 0.1:
        rows = _filter_last(out.reshape(nz * ny, nx), gaussian_weights(sigma_zyx[2]))
        out = rows.reshape(nz, ny, nx)
    return out
