"""How stages cut a volume into blocks."""

from __future__ import annotations

import math

from segmend.core.geometry import Box, Zyx


def chunk_blocks(shape_zyx: Zyx, block_zyx: Zyx) -> list[Box]:
    """Cut a volume evenly into blocks of whole chunks, so that no two workers write the same chunk.

    Parameters
    ----------
    shape_zyx : tuple of 3 int
    block_zyx : tuple of 3 int
        Voxels per block at most; a block has at least one chunk.

    Returns
    -------
    list of Box
        In raster order; all but the last on each axis have the same extent.
    """
    from segmend.core.volumes.zarr import CHUNK_ZYX

    z, y, x = (
        _even_step(*lengths) for lengths in zip(shape_zyx, block_zyx, CHUNK_ZYX, strict=True)
    )
    return Box.of_shape(shape_zyx).block_list((z, y, x))


def _even_step(length: int, block: int, chunk: int) -> int:
    """Return the extent of blocks of about equal size, at most `block` where that holds a chunk, in whole chunks."""
    count = math.ceil(length / max(block // chunk * chunk, chunk))
    return math.ceil(length / count / chunk) * chunk
