"""Sections through a volume as pictures: image, segments over it, affinities.

A picture is sampled from the coarsest level of a pyramid that is as fine as its pixels, and of a volume without
coarser levels only the middle is shown, so that what is read stays small whatever the size of the volume.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.geometry import Box, Zyx, ZyxNm
from segmend.core.report.markup import Markup, element
from segmend.core.volumes.base import Volume

Array = NDArray[Any]
Pyramid = Sequence[Volume]

_PIXELS = 512
_MOST_READ = 2048  # voxels of the coarsest level along one axis
_FILL, _OUTLINE = 0.4, 0.85  # how much of its colour a segment shows over the image


@dataclass(frozen=True)
class Plane:
    """A section across one axis and the places of its pixels.

    Parameters
    ----------
    axis : int
        0, 1, 2: the section lies across z, y, x.
    place_nm : float
        Where it cuts the axis.
    rows_nm, columns_nm : (h,), (w,) float64
        Centres of the pixels along the other axes, which are of one size.
    """

    axis: int
    place_nm: float
    rows_nm: Array
    columns_nm: Array

    def sample(self, pyramid: Pyramid) -> Array:
        """Return the values at the pixels, (h, w) or (h, w, channels)."""
        volume = self._level(pyramid)
        places = [self.rows_nm, self.columns_nm]
        places.insert(self.axis, np.array([self.place_nm]))
        index = [
            np.clip(np.floor((nm - offset) / size + 0.5), 0, n - 1).astype(np.int64)
            for nm, offset, size, n in zip(
                places, volume.grid.offset_nm_zyx, volume.grid.voxel_size_nm_zyx, volume.shape_zyx, strict=True
            )
        ]  # fmt: skip
        z, y, x = ((int(i[0]), int(i[-1]) + 1) for i in index)
        voxels = volume.read(Box((z[0], y[0], x[0]), (z[1], y[1], x[1])))
        if volume.channels is not None:
            voxels = np.moveaxis(voxels[:3], 0, -1)
        section: Array = voxels[np.ix_(*(i - i[0] for i in index))]
        return section.squeeze(self.axis)

    def _level(self, pyramid: Pyramid) -> Volume:
        pixel = self.rows_nm[1] - self.rows_nm[0] if len(self.rows_nm) > 1 else np.inf
        across = [k for k in range(3) if k != self.axis]
        fine = [v for v in pyramid if max(v.grid.voxel_size_nm_zyx[k] for k in across) <= pixel]
        return fine[-1] if fine else pyramid[0]


def plane(pyramids: Sequence[Pyramid], axis: int, at_zyx: Zyx) -> Plane:
    """Return the section through a voxel, around it where the volume is large and has no coarse level.

    Parameters
    ----------
    pyramids : sequence of pyramids
        Of one project, finest level first.
    axis : int
    at_zyx : tuple of 3 int
        In voxels of the finest level.
    """
    finest = pyramids[0][0]
    size, centre = finest.grid.voxel_size_nm_zyx, finest.grid.to_nm(at_zyx)
    spans = [_span(pyramids, k, at_zyx[k], size, finest) for k in range(3) if k != axis]
    pixel = max(stop - start for start, stop in spans) / _PIXELS
    rows, columns = (
        start + pixel * (np.arange(max(1, round((stop - start) / pixel))) + 0.5)
        for start, stop in spans
    )
    return Plane(axis, centre[axis], rows, columns)


def _span(
    pyramids: Sequence[Pyramid], axis: int, at: int, size: ZyxNm, finest: Volume
) -> tuple[float, float]:
    """Return from where to where a picture goes along an axis, nm."""
    start = finest.grid.offset_nm_zyx[axis] - size[axis] / 2
    whole = finest.shape_zyx[axis] * size[axis]
    most = _MOST_READ * min(levels[-1].grid.voxel_size_nm_zyx[axis] for levels in pyramids)
    if whole <= most:
        return start, start + whole
    begin = min(max(0.0, at * size[axis] - most / 2), whole - most)
    return start + begin, start + begin + most


def grey(section: Array) -> Array:
    """Stretch grey values between their 0.5th and 99.5th percentiles, (h, w) uint8."""
    low, high = np.percentile(section, [0.5, 99.5])
    scaled = (section.astype(np.float64) - low) / max(float(high - low), 1e-9)
    return (255 * np.clip(scaled, 0, 1)).astype(np.uint8)


def coloured(segments: Array, image: Array | None) -> Array:
    """Lay segments in colour over a grey section, outlines stronger; background is left free, (h, w, 3) uint8."""
    base = np.full(segments.shape, 110, np.uint8) if image is None else image
    edge = np.zeros(segments.shape, bool)
    edge[:-1] |= segments[:-1] != segments[1:]
    edge[:, :-1] |= segments[:, :-1] != segments[:, 1:]
    share = np.where(edge, _OUTLINE, _FILL if image is not None else 0.75) * (segments > 0)
    mixed = base[..., None] * (1 - share[..., None]) + _colours(segments) * share[..., None]
    return mixed.astype(np.uint8)


def mean_affinity(section: Array) -> Array:
    """Return the mean of the affinities to the next voxels as grey, dark at boundaries, (h, w) uint8."""
    mean = section.astype(np.float64).mean(axis=-1)
    return (mean * (1 if section.dtype.kind == "u" else 255)).clip(0, 255).astype(np.uint8)


def picture(pixels: Array, words: str) -> Markup:
    """Return pixels, (h, w) or (h, w, 3) uint8, as an image that the page carries with it."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", optimize=True)
    data = base64.b64encode(file.getvalue()).decode("ascii")
    height, width = pixels.shape[:2]
    return element(
        "img", src=f"data:image/png;base64,{data}", alt=words, width=width, height=height
    )


def _colours(segments: Array) -> Array:
    """Return a colour for each label, far from that of the next: hues by the golden angle, two shades."""
    ids = segments.astype(np.uint64)
    hue = (ids * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(40)).astype(np.float64) / 2**24
    shade = 255 * np.where(ids % np.uint64(2) == 0, 0.95, 0.72)
    turned = (hue[..., None] + np.array([0.0, 2 / 3, 1 / 3])) % 1.0
    colour: Array = shade[..., None] * np.clip(np.abs(6 * turned - 3) - 1, 0.12, 1)
    return colour
