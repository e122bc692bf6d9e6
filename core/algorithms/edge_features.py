"""Features of a contact between two supervoxels or segments, for the model that ranks candidates."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

FEATURE_NAMES: tuple[str, ...] = (
    "affinity",
    "strong",
    "log_area",
    "log_smaller_size",
    "log_larger_size",
    "log_size_ratio",
    "relative_area",
)


def edge_features(
    affinity: Array, area: Array, strong: Array, size_u: Array, size_v: Array
) -> NDArray[np.float32]:
    """Return one row of features per contact, in the order of `FEATURE_NAMES`.

    Parameters
    ----------
    affinity : (E,) float array
        Mean over the contact, 0..1.
    area : (E,) array
        Contact faces.
    strong : (E,) float array
        Share of faces above 0.5.
    size_u, size_v : (E,) array
        Voxels of the two sides; which is which does not matter.

    Returns
    -------
    (E, 7) float32
        Logarithms are natural, of 1 + x. `relative_area` is the contact over the surface of a ball as large as the
        smaller side.
    """
    faces = np.asarray(area, dtype=np.float64)
    smaller = np.minimum(size_u, size_v).astype(np.float64)
    larger = np.maximum(size_u, size_v).astype(np.float64)
    surface = np.pi ** (1 / 3) * (6 * np.maximum(smaller, 1)) ** (2 / 3)
    columns = (
        np.asarray(affinity, dtype=np.float64),
        np.asarray(strong, dtype=np.float64),
        np.log1p(faces),
        np.log1p(smaller),
        np.log1p(larger),
        np.log1p(larger) - np.log1p(smaller),
        faces / surface,
    )
    return np.stack(columns, axis=1).astype(np.float32)
