"""Boundaries of labels: where they are, how far they reach, how far two boundary maps differ."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.errors import InputError

Array = NDArray[Any]


def beside_boundary(truth: Array) -> NDArray[np.bool_]:
    """Return the voxels with a face neighbour of another label, as ``find_boundaries(truth, mode="thick")``.

    Parameters
    ----------
    truth : (z, y, x) integer array
    """
    return _beside(truth, range(truth.ndim))


def boundary_map(labels: Array) -> NDArray[np.bool_]:
    """Return the boundary in each section: label 0 (membrane), or beside another label in y or x.

    Parameters
    ----------
    labels : (z, y, x) integer array
    """
    return _beside(labels, (1, 2)) | (labels == 0)


def near_section_border(truth: Array, reach_vox: float) -> NDArray[np.bool_]:
    """Return the voxels within a distance of a border of their section.

    CREMI does not count them: its border voxels are those with a neighbour of another label in y or x, themselves
    within every distance.

    Parameters
    ----------
    truth : (z, y, x) integer array
    reach_vox : float
        In voxels of y and x, which must be of one size.
    """
    import edt

    near = np.empty(truth.shape, np.bool_)
    border = _beside(truth, (1, 2))
    for section, found in zip(border, near, strict=True):
        if not section.any():
            found[...] = False
            continue
        distance = edt.edt(np.ascontiguousarray(~section, np.uint8), black_border=False)
        found[...] = distance <= reach_vox
    return near


def pixel_error(boundary: Array, truth_boundary: Array) -> float:
    """Return the mean squared difference of two boundary maps, 0..1 (Arganda-Carreras et al. 2015).

    For binary maps that is the share of pixels that differ.

    Parameters
    ----------
    boundary, truth_boundary : arrays of one shape
        bool, or probabilities 0..1.

    Raises
    ------
    InputError
        If shapes differ, nothing is given or a value lies outside 0..1.
    """
    if boundary.shape != truth_boundary.shape or not boundary.size:
        raise InputError(
            f"boundary maps have shapes {boundary.shape} and {truth_boundary.shape}: expected one shape, not empty"
        )
    a, b = boundary.astype(np.float64), truth_boundary.astype(np.float64)
    if not (min(a.min(), b.min()) >= 0 and max(a.max(), b.max()) <= 1):
        raise InputError("boundary maps must lie in 0..1: divide 8-bit ones by 255")
    return float(np.mean((a - b) ** 2))


def _beside(labels: Array, axes: Any) -> NDArray[np.bool_]:
    beside = np.zeros(labels.shape, dtype=np.bool_)
    for axis in axes:
        before = (slice(None),) * axis + (slice(None, -1),)
        after = (slice(None),) * axis + (slice(1, None),)
        differs = labels[before] != labels[after]
        beside[before] |= differs
        beside[after] |= differs
    return beside
