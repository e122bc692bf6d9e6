"""Write the mapping back as labels: the one place where every voxel of a segmentation is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from segmend.core.geometry import Box, Zyx
from segmend.core.segmentation.mapped_labels import map_labels
from segmend.core.segmentation.segmentation import Segmentation
from segmend.core.volumes.base import Volume
from segmend.core.volumes.writing import open_writer

BLOCK_ZYX: Zyx = (64, 512, 512)
"""128 MiB of uint64 labels at a time."""


def materialize(
    supervoxels: Volume,
    segmentation: Segmentation,
    out: str | Path,
    *,
    box: Box | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write the segmentation to a file, block by block.

    Parameters
    ----------
    supervoxels : Volume
        uint32, with the overlay on top.
    segmentation : Segmentation
    out : path
        ``.h5``, ``.zarr``, ``.tif`` or ``.npy``; appears under its name only when complete.
    box : Box, optional
        The part to write; the whole volume if not given.
    progress : callable, optional
        Called with blocks done and blocks in all.

    Returns
    -------
    Path
        Of what was written. Labels are what the source called the segments: uint32 where they fit, else uint64.
    """
    whole = Box.of_shape(supervoxels.shape_zyx)
    box = whole if box is None else box.intersect(whole)
    segments = np.arange(int(segmentation.segment_of.max(initial=0)) + 1)
    names = segmentation.export_ids(segments)
    names[0] = 0
    dtype = np.dtype(np.uint32 if int(names.max(initial=0)) < 2**32 else np.uint64)
    names = names.astype(dtype)
    blocks = list(box.blocks(BLOCK_ZYX))
    with open_writer(out, box.shape_zyx, dtype, supervoxels.grid.cropped(box)) as writer:
        for done, block in enumerate(blocks, start=1):
            mapped = map_labels(
                np.ascontiguousarray(supervoxels.read(block)), segmentation.segment_of
            )
            z, y, x = box.start_zyx
            writer.write(block.shift((-z, -y, -x)), names[mapped])
            if progress:
                progress(done, len(blocks))
    return Path(out)
