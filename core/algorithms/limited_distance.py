"""Euclidean distance to the nearest voxel outside a set, exact up to a limit.

One axis after the other: the squared distance is the least, over the voxels of a line, of what
the axes before gave plus the square of the steps along the line. With a limit the squares fit in 16 bits, and a line
needs no more steps than its largest value allows; whole rows are compared at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[Any]

LARGEST_LIMIT = 2**15
_LARGEST_SHORT = 181
"""Twice its square fits in 16 bits."""


def limited_distance(
    inside: Array, limit: int, *, flat: bool = False, part: tuple[slice, slice, slice] | None = None
) -> NDArray[np.float32]:
    """Return the distance of each voxel to the nearest one outside, at most `limit`.

    Parameters
    ----------
    inside : (z, y, x) bool array
        What lies beyond the array counts as inside.
    limit : int
        1 to `LARGEST_LIMIT`, in voxels.
    flat : bool
        Within each section only.
    part : tuple of 3 slice, optional
        Where the result is wanted; everywhere by default.

    Returns
    -------
    (z, y, x) float32
        0 outside.
    """
    shape = inside.shape
    whole = (slice(0, shape[0]), slice(0, shape[1]), slice(0, shape[2]))
    (z0, z1), (y0, y1), (x0, x1) = ((s.start, s.stop) for s in part or whole)
    dtype = np.uint16 if limit <= _LARGEST_SHORT else np.uint32
    first, last = (z0, z1) if flat else (0, shape[0])
    in_section = np.empty((last - first, y1 - y0, x1 - x0), dtype)
    _in_sections(inside[first:last], dtype(limit), y0, x0, in_section)
    squares = in_section
    if not flat:
        squares = np.empty((z1 - z0, *in_section.shape[1:]), dtype)
        _across_sections(in_section, z0, squares)
    return np.sqrt(squares, dtype=np.float32)


@njit(cache=True, nogil=True)
def _in_sections(inside: Array, limit: Any, y0: int, x0: int, out: Array) -> None:
    """Write the squared distances within sections, of the voxels from y0, x0 on."""
    nz, ny, nx = inside.shape
    steps = np.empty((ny, nx), out.dtype)
    margin = min(np.int64(limit), nx)
    line = np.full(nx + 2 * margin, limit * limit, out.dtype)
    for z in range(nz):
        _along_y(inside[z], limit, steps)
        for y in range(out.shape[1]):
            for x in range(nx):
                line[margin + x] = steps[y0 + y, x] * steps[y0 + y, x]
            _along_x(line, margin + x0, margin, out[z, y])


@njit(cache=True, nogil=True)
def _along_y(inside: Array, limit: Any, steps: Array) -> None:
    """Write the steps along y to the nearest voxel outside."""
    ny, nx = inside.shape
    for x in range(nx):
        steps[0, x] = limit if inside[0, x] else 0
    for y in range(1, ny):
        for x in range(nx):
            further = min(steps[y - 1, x], limit - type(limit)(1)) + type(limit)(1)
            steps[y, x] = further if inside[y, x] else 0
    for y in range(ny - 2, -1, -1):
        for x in range(nx):
            further = min(steps[y + 1, x], limit - type(limit)(1)) + type(limit)(1)
            steps[y, x] = min(steps[y, x], further)


@njit(cache=True, nogil=True)
def _along_x(line: Array, start: int, margin: int, out: Array) -> None:
    n = len(out)
    for x in range(n):
        out[x] = line[start + x]
    top = _largest(out)
    k = 1
    while k <= margin and k * k < top:
        _lower(out, line[start - k : start - k + n], k * k)
        _lower(out, line[start + k : start + k + n], k * k)
        top = _largest(out) if k % 2 == 0 else top
        k += 1


@njit(cache=True, nogil=True)
def _across_sections(squares: Array, z0: int, out: Array) -> None:
    nz, ny, nx = squares.shape
    for z in range(len(out)):
        here = z0 + z
        for y in range(ny):
            row = out[z, y]
            for x in range(nx):
                row[x] = squares[here, y, x]
            top = _largest(row)
            k = 1
            while k * k < top and (here - k >= 0 or here + k < nz):
                if here - k >= 0:
                    _lower(row, squares[here - k, y], k * k)
                if here + k < nz:
                    _lower(row, squares[here + k, y], k * k)
                top = _largest(row) if k % 2 == 0 else top
                k += 1


@njit(cache=True, nogil=True)
def _lower(row: Array, other: Array, more: int) -> None:
    """Take what is less: a row or another one plus a constant."""
    plus = row.dtype.type(more)
    for x in range(len(row)):
        row[x] = min(row[x], row.dtype.type(other[x] + plus))


@njit(cache=True, nogil=True)
def _largest(row: Array) -> Any:
    top = row.dtype.type(0)
    for x in range(len(row)):
        top = max(top, row[x])
    return top
