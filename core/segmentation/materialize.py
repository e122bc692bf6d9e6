"""Write the mapping back as labels: the one place where every voxel of a segmentation is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.errors import InputError
from segmend.core.geometry import Box, Zyx
from segmend.core.segmentation.mapped_labels import map_labels
from segmend.core.segmentation.segmentation import Segmentation
from segmend.core.volumes.base import Volume
from segmend.core.volumes.writing import open_writer
from segmend.core.volumes.zarr import CHUNK_ZYX

MEMORY_GB = 1.0
"""What blocks may take unless somebody says otherwise."""
_BYTES_PER_VOXEL = 40
"""Supervoxels read and composed (8), segments (4), names (8), and copies that the writer makes; on the safe side."""


class SegmentLabels:
    """The segmentation as the labels that files and people know, computed where it is read.

    Parameters
    ----------
    supervoxels : Volume
        uint32, under the voxel edits in effect.
    segmentation : Segmentation
    """

    def __init__(self, supervoxels: Volume, segmentation: Segmentation) -> None:
        self._supervoxels = supervoxels
        self._segment_of = segmentation.segment_of
        segments = np.arange(int(self._segment_of.max(initial=0)) + 1)
        names = segmentation.export_ids(segments)
        names[0] = 0
        self.highest = int(names.max(initial=0))
        self.dtype = np.dtype(np.uint32 if self.highest < 2**32 else np.uint64)
        self._names = names.astype(self.dtype)
        self.shape_zyx = supervoxels.shape_zyx
        self.grid = supervoxels.grid

    def read(self, box: Box) -> NDArray[Any]:
        """Return the labels of a box, (z, y, x), 0 for background."""
        supervoxels = np.ascontiguousarray(self._supervoxels.read(box))
        labels: NDArray[Any] = self._names[map_labels(supervoxels, self._segment_of)]
        return labels


def materialize(
    supervoxels: Volume,
    segmentation: Segmentation,
    out: str | Path,
    *,
    box: Box | None = None,
    memory_gb: float = MEMORY_GB,
    attributes: Mapping[str, Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write the segmentation to a file, block by block.

    Parameters
    ----------
    supervoxels : Volume
        uint32, under the voxel edits in effect.
    segmentation : Segmentation
    out : path
        ``.h5``, ``.zarr``, ``.tif`` or ``.npy``; appears under its name only when complete.
    box : Box, optional
        The part to write; the whole volume if not given.
    memory_gb : float
        What the blocks may take; the program with its cache (0.6 GB) and the look-up tables (about 20 bytes per
        supervoxel) come on top.
    attributes : mapping, optional
        Kept with the array in ``.zarr``.
    progress : callable, optional
        Called with blocks done and blocks in all.

    Returns
    -------
    Path
        Of what was written. Labels are what the source called the segments: uint32 where they fit, else uint64.

    Raises
    ------
    InputError
        If the memory does not suffice for one chunk.
    """
    labels = SegmentLabels(supervoxels, segmentation)
    whole = Box.of_shape(labels.shape_zyx)
    box = whole if box is None else box.intersect(whole)
    blocks = list(box.blocks(block_shape(box.shape_zyx, memory_gb)))
    grid = labels.grid.cropped(box)
    z, y, x = box.start_zyx
    with open_writer(out, box.shape_zyx, labels.dtype, grid, attributes=attributes) as writer:
        for done, block in enumerate(blocks, start=1):
            writer.write(block.shift((-z, -y, -x)), labels.read(block))
            if progress:
                progress(done, len(blocks))
    return Path(out)


def block_shape(shape_zyx: Zyx, memory_gb: float) -> Zyx:
    """Return the largest block of whole chunks that fits in the memory: rows first, then sections, then depth.

    Raises
    ------
    InputError
        If not even one chunk fits.
    """
    most = memory_gb * 1e9 / _BYTES_PER_VOXEL
    chunk = int(np.prod(CHUNK_ZYX))
    if not most >= chunk:
        raise InputError(
            f"--memory {memory_gb:g} is too little: expected at least {chunk * _BYTES_PER_VOXEL / 1e9:.2g} GB, "
            "which one chunk takes"
        )
    block = list(CHUNK_ZYX)
    for axis in (2, 1, 0):
        needed = -(-shape_zyx[axis] // CHUNK_ZYX[axis])
        room = min(most // (int(np.prod(block)) // block[axis] * CHUNK_ZYX[axis]), needed)
        block[axis] = CHUNK_ZYX[axis] * max(1, int(room))
    return block[0], block[1], block[2]
