"""How a volume is cut into the tiles that a network sees, without torch.

Tiles lie on a lattice that begins at the first voxel of the volume. What a network sees of a tile and around it depends
on the tile and the volume alone, so a voxel's affinities are the same to the bit in whatever block they are asked for.
Tiles do not overlap: the context around each (``margin_zyx`` of the card) is what makes neighbours agree.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from segmend.core.geometry import Box, Zyx
from segmend.core.networks.cards import ModelCard

TILE_ZYX: Zyx = (80, 128, 128)
"""Voxels of a tile without context; whole chunks of our arrays."""
LARGEST_TILE_VOXELS = 176**3
"""Voxels of a tile with context, which bounds the memory."""
LARGEST_MIRROR = 8
"""Patches end in zeros while training, so a network needs no full context at the border of a volume."""


def tile_shape(card: ModelCard, tile_zyx: Zyx = TILE_ZYX) -> Zyx:
    """Return the tile shape, halved where the context of a network would make it too large."""
    shape = list(tile_zyx)

    def voxels() -> int:
        z, y, x = (n + 2 * m for n, m in zip(shape, card.margin_zyx, strict=True))
        return z * y * x

    while voxels() > LARGEST_TILE_VOXELS and max(shape) > 1:
        axis = int(np.argmax(shape))
        shape[axis] = -(-shape[axis] // 2)
    return shape[0], shape[1], shape[2]


def tiles(box: Box, tile_zyx: Zyx, whole: Box) -> Iterator[Box]:
    """Yield the tiles of a volume that meet a box, in raster order, cut off where the volume ends."""
    start = tuple(a // t * t for a, t in zip(box.start_zyx, tile_zyx, strict=True))
    for tile in Box(start, box.stop_zyx).blocks(tile_zyx):  # type: ignore[arg-type]
        stop = tuple(a + t for a, t in zip(tile.start_zyx, tile_zyx, strict=True))
        yield Box(tile.start_zyx, stop).intersect(whole)  # type: ignore[arg-type]


def with_context(card: ModelCard, tile: Box, whole: Box) -> Box:
    """Return a tile with context, on the network's own lattice; beyond the volume a little is enough."""
    multiple, margin = card.architecture.multiple_zyx, card.margin_zyx
    mirrored = whole.grow(tuple(min(m, LARGEST_MIRROR) for m in margin))  # type: ignore[arg-type]
    grown = tile.grow(margin).intersect(mirrored)
    start = tuple(a // m * m for a, m in zip(grown.start_zyx, multiple, strict=True))
    stop = tuple(-(-b // m) * m for b, m in zip(grown.stop_zyx, multiple, strict=True))
    return Box(start, stop)  # type: ignore[arg-type]


def mirrored(image: NDArray, have: Box, wanted: Box) -> NDArray:
    """Extend an image of box `have` to `wanted` by reflection, also beyond its own width."""
    for axis in range(3):
        start, stop = have.start_zyx[axis], have.stop_zyx[axis]
        length = stop - start
        index = np.arange(wanted.start_zyx[axis], wanted.stop_zyx[axis]) - start
        if index[0] == 0 and index.size == length:
            continue
        index = index % (2 * length)
        image = np.take(image, np.where(index < length, index, 2 * length - 1 - index), axis=axis)
    return image
