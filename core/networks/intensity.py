"""Grey level statistics that images are scaled by before a network sees them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segmend.core.geometry import Box
from segmend.core.volumes.base import Volume

SAMPLES_PER_AXIS = 3
SAMPLE_EDGE = 40
CLIP = 5.0


@dataclass(frozen=True, slots=True)
class Intensity:
    """Grey level statistics of a volume, which `normalise` scales by.

    Parameters
    ----------
    mean, deviation : float
    """

    mean: float
    deviation: float

    def normalise(self, image: NDArray) -> NDArray[np.float32]:
        """Return the image with mean 0 and deviation 1, clipped; 0 where the volume is constant."""
        values = image.astype(np.float32)
        np.nan_to_num(values, copy=False, nan=self.mean, posinf=self.mean, neginf=self.mean)
        values -= np.float32(self.mean)
        values *= np.float32(1.0 / self.deviation if self.deviation > 0 else 0.0)
        return np.clip(values, -CLIP, CLIP, out=values)


def volume_intensity(volume: Volume) -> Intensity:
    """Return grey level statistics from up to 27 small boxes spread evenly over a volume.

    The boxes depend on the shape only, so every block of a volume is scaled alike. Compute it once per volume and hand
    it to `predict_block`.
    """
    return intensity_of(np.concatenate([volume.read(box).ravel() for box in _sample_boxes(volume)]))


def _sample_boxes(volume: Volume) -> Iterator[Box]:
    per_axis = []
    for length in volume.shape_zyx:
        edge = min(length, SAMPLE_EDGE)
        starts = np.linspace(0, length - edge, min(SAMPLES_PER_AXIS, -(-length // edge)))
        per_axis.append([(int(start), int(start) + edge) for start in starts])
    for z0, z1 in per_axis[0]:
        for y0, y1 in per_axis[1]:
            for x0, x1 in per_axis[2]:
                yield Box((z0, y0, x0), (z1, y1, x1))


def intensity_of(image: NDArray) -> Intensity:
    """Return statistics of an array; exact zeros are padding unless nothing else is there."""
    values = np.asarray(image).ravel()
    values = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    inside = values[values != 0]
    if not inside.size:
        return Intensity(0.0, 0.0)
    return Intensity(float(inside.mean(dtype=np.float64)), float(inside.std(dtype=np.float64)))
