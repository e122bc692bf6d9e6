"""Boxes and physical coordinates. Every triple in Segmend is in z, y, x order.

A voxel's place in nanometres is that of its centre: ``nm = offset + index * size``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from segmend.core.errors import InputError

Zyx = tuple[int, int, int]
ZyxNm = tuple[float, float, float]

_MOST_BLOCKS = 2**24


@dataclass(frozen=True, slots=True)
class Box:
    """A half-open box of voxels, ``start <= index < stop`` on each axis.

    Parameters
    ----------
    start_zyx, stop_zyx : tuple of 3 int
    """

    start_zyx: Zyx
    stop_zyx: Zyx

    @classmethod
    def of_shape(cls, shape_zyx: Zyx) -> Box:
        """Return the box of a whole volume."""
        return cls((0, 0, 0), shape_zyx)

    @property
    def shape_zyx(self) -> Zyx:
        """Extent on each axis, never negative."""
        z, y, x = (max(0, b - a) for a, b in zip(self.start_zyx, self.stop_zyx, strict=True))
        return z, y, x

    @property
    def size(self) -> int:
        """Number of voxels."""
        z, y, x = self.shape_zyx
        return z * y * x

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """Index of the box in a z, y, x array."""
        z, y, x = (slice(a, b) for a, b in zip(self.start_zyx, self.stop_zyx, strict=True))
        return z, y, x

    def intersect(self, other: Box) -> Box:
        """Return the common part; its ``size`` is 0 where there is none."""
        start = tuple(max(a, b) for a, b in zip(self.start_zyx, other.start_zyx, strict=True))
        stop = tuple(min(a, b) for a, b in zip(self.stop_zyx, other.stop_zyx, strict=True))
        return Box(start, tuple(max(a, b) for a, b in zip(start, stop, strict=True)))  # type: ignore[arg-type]

    def union(self, other: Box) -> Box:
        """Return the smallest box that holds both."""
        start = tuple(min(a, b) for a, b in zip(self.start_zyx, other.start_zyx, strict=True))
        stop = tuple(max(a, b) for a, b in zip(self.stop_zyx, other.stop_zyx, strict=True))
        return Box(start, stop)  # type: ignore[arg-type]

    def grow(self, margin_zyx: Zyx) -> Box:
        """Return the box with a margin on every side; clip it with `intersect`."""
        start = tuple(a - m for a, m in zip(self.start_zyx, margin_zyx, strict=True))
        stop = tuple(b + m for b, m in zip(self.stop_zyx, margin_zyx, strict=True))
        return Box(start, stop)  # type: ignore[arg-type]

    def shift(self, by_zyx: Zyx) -> Box:
        """Return the box moved by a number of voxels."""
        start = tuple(a + m for a, m in zip(self.start_zyx, by_zyx, strict=True))
        stop = tuple(b + m for b, m in zip(self.stop_zyx, by_zyx, strict=True))
        return Box(start, stop)  # type: ignore[arg-type]

    def contains(self, point_zyx: tuple[float, float, float]) -> bool:
        """Say whether a voxel position lies inside."""
        return all(
            a <= p < b for a, p, b in zip(self.start_zyx, point_zyx, self.stop_zyx, strict=True)
        )

    def block_list(self, shape_zyx: Zyx) -> list[Box]:
        """Return all of `blocks`, unless they alone would fill the memory.

        Raises
        ------
        InputError
            If there are more than 2^24: a file may claim any shape.
        """
        steps = zip(self.shape_zyx, shape_zyx, strict=True)
        count = math.prod(-(-length // step) for length, step in steps)
        if count > _MOST_BLOCKS:
            raise InputError(
                f"{' x '.join(map(str, self.shape_zyx))} voxels (z y x) make {count} blocks: expected at most "
                f"{_MOST_BLOCKS}; take a part with --box, or larger blocks"
            )
        return list(self.blocks(shape_zyx))

    def blocks(self, shape_zyx: Zyx) -> Iterator[Box]:
        """Cut the box into blocks of at most `shape_zyx`, in raster order."""
        (z0, y0, x0), (z1, y1, x1) = self.start_zyx, self.stop_zyx
        dz, dy, dx = shape_zyx
        for z in range(z0, z1, dz):
            for y in range(y0, y1, dy):
                for x in range(x0, x1, dx):
                    yield Box((z, y, x), (min(z + dz, z1), min(y + dy, y1), min(x + dx, x1)))


@dataclass(frozen=True, slots=True)
class Grid:
    """Where a volume's voxels lie in space.

    Parameters
    ----------
    voxel_size_nm_zyx : tuple of 3 float
        Edge lengths of a voxel, all positive.
    offset_nm_zyx : tuple of 3 float
        Centre of voxel (0, 0, 0).

    Raises
    ------
    InputError
        If a voxel size is not positive and finite.
    """

    voxel_size_nm_zyx: ZyxNm = (1.0, 1.0, 1.0)
    offset_nm_zyx: ZyxNm = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        if not all(0 < size < float("inf") for size in self.voxel_size_nm_zyx):
            raise InputError(
                f"voxel size {_triple(self.voxel_size_nm_zyx)} nm (z y x) is not usable: expected three positive "
                "numbers; give them with --voxel-size Z Y X"
            )
        if not all(abs(offset) < float("inf") for offset in self.offset_nm_zyx):
            raise InputError(
                f"offset {_triple(self.offset_nm_zyx)} nm (z y x) is not usable: expected three finite numbers; "
                "give them with --offset Z Y X"
            )

    def to_nm(self, index_zyx: tuple[float, float, float]) -> ZyxNm:
        """Return the place of a voxel index (fractions allowed) in nm."""
        z, y, x = (
            o + i * s
            for o, i, s in zip(self.offset_nm_zyx, index_zyx, self.voxel_size_nm_zyx, strict=True)
        )
        return z, y, x

    def to_index(self, point_nm: ZyxNm) -> Zyx:
        """Return the voxel that holds a place in nm."""
        z, y, x = (
            round((p - o) / s)
            for p, o, s in zip(point_nm, self.offset_nm_zyx, self.voxel_size_nm_zyx, strict=True)
        )
        return z, y, x

    def cropped(self, box: Box) -> Grid:
        """Return the grid of a sub-volume that starts at `box`."""
        return Grid(self.voxel_size_nm_zyx, self.to_nm(box.start_zyx))


_BOX = re.compile(r"(\d+):(\d+),(\d+):(\d+),(\d+):(\d+)")


def parse_box(text: str) -> Box:
    """Read ``Z0:Z1,Y0:Y1,X0:X1``.

    Raises
    ------
    InputError
        If the text has another form or the box is empty.
    """
    match = _BOX.fullmatch(text.replace(" ", ""))
    if not match:
        raise InputError(
            f"--box {text!r} is not a box: expected Z0:Z1,Y0:Y1,X0:X1 in voxels, for example 0:64,0:256,0:256"
        )
    z0, z1, y0, y1, x0, x1 = map(int, match.groups())
    box = Box((z0, y0, x0), (z1, y1, x1))
    if not box.size:
        raise InputError(f"--box {text!r} is empty: each end must be larger than its start")
    return box


def _triple(values: tuple[float, float, float]) -> str:
    return " ".join(f"{v:g}" for v in values)
