"""Copy arrays of others into the project, block by block; the sources are only read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.errors import InputError
from segmend.core.geometry import Box, Grid, Zyx
from segmend.core.projects.runs import dense, unique
from segmend.core.volumes.base import Volume, dimensions
from segmend.core.volumes.lazy import chunk_of
from segmend.core.volumes.zarr import CHUNK_ZYX, create_zarr, write_pyramid

BLOCK_ZYX: Zyx = (64, 256, 256)
"""Whole chunks of our arrays, 32 MiB of uint64."""
LARGEST_BLOCK = 2**26
"""Voxels; 512 MiB of uint64."""
WHOLE_VOLUME = 512**3
"""Voxels up to which a segmentation is taken in whole, for its connected components."""

Report = Callable[[int, int], None]


def import_image(image: Volume, path: Path, grid: Grid, report: Report) -> None:
    """Copy a grey image and write its pyramid."""
    out = create_zarr(path, image.shape_zyx, image.dtype, grid)
    for box in _blocks(image, report):
        out.write(box, image.read(box))
    write_pyramid(path, labels=False)


def import_affinities(affinities: Volume, path: Path, grid: Grid, report: Report) -> None:
    """Copy affinities as uint8, floats scaled from 0..1 to 0..255, and write their pyramid.

    Raises
    ------
    InputError
        If a float affinity is outside 0..1 or not a number.
    """
    out = create_zarr(path, affinities.shape_zyx, np.uint8, grid, channels=affinities.channels)
    for box in _blocks(affinities, report):
        out.write(box, _as_bytes(affinities.read(box), affinities.source))
    write_pyramid(path, labels=False)


def import_mask(mask: Volume, path: Path, report: Report) -> None:
    """Copy a mask as 0 and 1, at its own voxel size.

    Raises
    ------
    InputError
        If there is no tissue in it.
    """
    out = create_zarr(path, mask.shape_zyx, np.uint8, mask.grid)
    tissue = False
    for box in _blocks(mask, report):
        inside = mask.read(box) != 0
        tissue = tissue or bool(inside.any())
        out.write(box, inside.astype(np.uint8))
    if not tissue:
        raise InputError(
            f"the mask {mask.source} is 0 everywhere in the volume: expected non-zero where there is tissue; invert or "
            "leave it out"
        )
    write_pyramid(path, labels=True)


def import_labels(labels: Volume, path: Path, grid: Grid, report: Report) -> NDArray[np.uint64]:
    """Copy labels as dense uint32, in the order of the source's ids, with their pyramid.

    Returns
    -------
    (n + 1,) uint64
        What the source called each; 0 for background.

    Raises
    ------
    InputError
        If there is no label but background, or more than uint32 can count.
    """
    ids = unique_labels(labels, report)
    if len(ids) < 2:
        raise InputError(
            f"{labels.source} has no label but background (0): expected labelled objects; choose another array"
        )
    out = create_zarr(path, labels.shape_zyx, np.uint32, grid)
    for box in _blocks(labels, report):
        out.write(box, dense(labels.read(box), ids))
    write_pyramid(path, labels=True)
    return ids


def unique_labels(labels: Volume, report: Report) -> NDArray[np.uint64]:
    """Return the sorted ids of a volume as uint64, with 0 always first."""
    found = np.zeros(1, np.uint64)
    for box in _blocks(labels, report):
        found = np.union1d(found, unique(labels.read(box)).astype(np.uint64))
        if len(found) > 2**32 - 1:
            raise InputError(
                f"{labels.source} has more labels than 32 bits can count; import a part with --box"
            )
    return found


def import_components(segmentation: Volume, path: Path, grid: Grid) -> tuple[int, NDArray[Any]]:
    """Write one supervoxel per connected piece (6 neighbours) of each segment, the whole volume at once.

    Returns
    -------
    highest : int
        The largest id.
    labels : (z, y, x) unsigned integer
        The segmentation itself.

    Raises
    ------
    InputError
        If the volume is larger than `WHOLE_VOLUME` or has no label.
    """
    import cc3d

    check_whole_volume(segmentation)
    whole = Box.of_shape(segmentation.shape_zyx)
    labels = segmentation.read(whole)
    components = cc3d.connected_components(labels, connectivity=6, out_dtype=np.uint32)
    supervoxels: NDArray[np.uint32] = components.astype(np.uint32, copy=False)
    if not supervoxels.any():
        raise InputError(
            f"{segmentation.source} has no label but background (0): expected labelled objects; choose another array"
        )
    out = create_zarr(path, segmentation.shape_zyx, np.uint32, grid)
    out.write(whole, supervoxels)
    write_pyramid(path, labels=True)
    return int(supervoxels.max()), labels


def check_whole_volume(labels: Volume) -> None:
    """Refuse a segmentation that is too large to be cut into connected components."""
    if Box.of_shape(labels.shape_zyx).size > WHOLE_VOLUME:
        raise InputError(
            f"{labels.source} has {dimensions(labels.shape_zyx)} voxels: connected pieces are found in up to "
            "512 x 512 x 512 voxels; give --supervoxels too, or import a part with --box Z0:Z1,Y0:Y1,X0:X1"
        )


def _as_bytes(affinities: NDArray[Any], source: str) -> NDArray[np.uint8]:
    if affinities.dtype == np.uint8:
        return affinities
    lowest, highest = affinities.min(), affinities.max()
    if not (lowest >= 0.0 and highest <= 1.0):
        raise InputError(
            f"{source} has affinities from {lowest:g} to {highest:g}: expected float 0..1 or uint8 0..255; scale them"
        )
    return np.rint(affinities.astype(np.float32) * 255).astype(np.uint8)


def blocks_of(volume: Volume) -> list[Box]:
    """Cut a volume into whole chunks of our arrays, so large that few of its own chunks are decoded twice."""
    wanted = [max(b, c) for b, c in zip(BLOCK_ZYX, chunk_of(volume) or BLOCK_ZYX, strict=True)]
    z, y, x = (-(-w // c) * c for w, c in zip(wanted, CHUNK_ZYX, strict=True))
    if z * y * x > LARGEST_BLOCK:
        z = CHUNK_ZYX[0]
    while z * y * x > LARGEST_BLOCK and y > CHUNK_ZYX[1]:
        y = -(-y // 2 // CHUNK_ZYX[1]) * CHUNK_ZYX[1]
    return Box.of_shape(volume.shape_zyx).block_list((z, y, x))


def _blocks(volume: Volume, report: Report) -> Iterator[Box]:
    """Yield the blocks of a volume; `report` hears how many are done."""
    blocks = blocks_of(volume)
    for done, box in enumerate(blocks):
        report(done, len(blocks))
        yield box
    report(len(blocks), len(blocks))
