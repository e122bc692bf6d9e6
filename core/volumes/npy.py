"""Numpy ``.npy`` files, memory-mapped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from segmend.core.volumes.lazy import READ_ERRORS, ArraySource, damaged


def open_npy(path: Path) -> ArraySource:
    """Open a file without reading its voxels; pickled objects are refused.

    Raises
    ------
    VolumeError
        If the file is truncated, damaged or holds Python objects.
    """
    try:
        array: np.ndarray[Any, Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except READ_ERRORS as error:
        raise damaged(str(path), error) from error
    return ArraySource(str(path), array.shape, array.dtype, lambda index: np.array(array[index]))
