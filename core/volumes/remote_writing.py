"""New arrays in buckets, and precomputed volumes in folders: voxels first, what makes them visible last.

Nothing in a bucket can be renamed. So the file that says what is there, ``.zattrs`` of an OME-Zarr group or ``info``
of a precomputed volume, is written when every voxel is: a reader finds no image before. What an interrupted export
leaves behind is chunks that nobody sees; the same export again writes over them.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.errors import VolumeError
from segmend.core.geometry import Box, Grid, Zyx
from segmend.core.processes import left_behind
from segmend.core.volumes import zarr_store
from segmend.core.volumes.ome import multiscales
from segmend.core.volumes.precomputed import INFO, PrecomputedLevels
from segmend.core.volumes.precomputed import coarser as coarser_by_corner
from segmend.core.volumes.pyramid import coarser_grid, pyramid_factors
from segmend.core.volumes.remote import Address, explained, parse_address, read_json, write_json

WriteBox = Callable[[Box, NDArray[Any]], None]
_BLOCK_ZYX = (16, 256, 256)


@dataclass(frozen=True)
class RemoteArray:
    """What is to be written.

    Parameters
    ----------
    shape_zyx : tuple of 3 int
    dtype : dtype
    grid : Grid
    labels : bool
        What coarser levels are made of; see `write_pyramid`.
    attributes : mapping
        Kept beside the metadata of OME-Zarr.
    """

    shape_zyx: Zyx
    dtype: np.dtype[Any]
    grid: Grid
    labels: bool
    attributes: Mapping[str, Any]


@contextmanager
def remote_array(text: str, array: RemoteArray) -> Iterator[WriteBox]:
    """Create an array at an address and give the function that writes its boxes; coarser levels follow at the end.

    ``gs://`` and ``s3://`` take OME-Zarr, ``precomputed://`` before them or before a folder a precomputed volume.

    Raises
    ------
    InputError
        If the address is not of a known form.
    VolumeError
        If something is there, or it cannot be written.
    """
    address = parse_address(text)
    if not all(n > 0 for n in array.shape_zyx):
        raise VolumeError(f"cannot create {address.text} without voxels: no axis may be empty")
    if address.folder is not None:
        with _folder(address, address.folder) as partial, _levels(partial, array) as write:
            yield write
        return
    if address.store["driver"] == "http":
        raise VolumeError(
            f"{address.text} cannot be written: web servers are only read; export to gs://, s3:// or a folder"
        )
    if read_json(address, INFO if address.precomputed else ".zattrs") is not None:
        raise VolumeError(f"{address.text} exists already: choose another name, or remove it")
    with _levels(address, array) as write:
        yield write


@contextmanager
def _folder(address: Address, folder: Path) -> Iterator[Address]:
    """Give the address of a temporary folder that gets its name at the end."""
    if folder.exists():
        raise VolumeError(f"{folder} exists already: choose another name, or remove it")
    if not folder.parent.is_dir():
        raise VolumeError(
            f"the folder {folder.parent} does not exist: make it, or choose another place"
        )
    prefix = f".{folder.name}.partial-"
    partial = folder.with_name(f"{prefix}{os.getpid()}")
    for old in (*left_behind(folder.parent, prefix), partial):
        shutil.rmtree(old, ignore_errors=True)
    try:
        yield replace(address, store={"driver": "file", "path": f"{partial}/"})
        partial.replace(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


class _ZarrLevels:
    """Makes the levels of a new OME-Zarr group, version 2."""

    def __init__(self, address: Address, array: RemoteArray) -> None:
        self._address = address
        self._array = array
        write_json(address, ".zgroup", {"zarr_format": 2})

    def create(self, level: int, shape_zyx: Zyx, grid: Grid) -> Any:
        store = self._address.below(str(level)).store
        return zarr_store.create_in(store, shape_zyx, self._array.dtype)

    def finish(self, grids: list[Grid]) -> None:
        name = self._address.text.rstrip("/").rsplit("/", 1)[-1].removesuffix(".zarr")
        found = multiscales(name, grids, channels=False, labels=self._array.labels)
        write_json(self._address, ".zattrs", {**found, **self._array.attributes})


@contextmanager
def _levels(address: Address, array: RemoteArray) -> Iterator[WriteBox]:
    scales = PrecomputedLevels(address, array.dtype, array.labels) if address.precomputed else None
    with explained(address.text, writing=True):
        levels: Any = scales or _ZarrLevels(address, array)
        finest = levels.create(0, array.shape_zyx, array.grid)

    def write_box(box: Box, voxels: NDArray[Any]) -> None:
        with explained(address.text, writing=True):
            finest[box.slices].write(voxels).result()

    yield write_box
    with explained(address.text, writing=True):
        grids = _write_coarser(levels, finest, array, coarser_by_corner if scales else coarser_grid)
        if scales is not None:
            scales.finish()
        else:
            levels.finish(grids)


def _write_coarser(
    levels: Any, finest: Any, array: RemoteArray, coarser: Callable[[Grid, Zyx], Grid]
) -> list[Grid]:
    """Write all coarser levels block by block, each from the one before."""
    from segmend.core.volumes.downsampling import downsample

    grids, finer = [array.grid], finest
    for level, factor in enumerate(pyramid_factors(array.shape_zyx, array.grid), start=1):
        z, y, x = (-(-int(n) // f) for n, f in zip(finer.shape, factor, strict=True))
        grids.append(coarser(grids[-1], factor))
        here = levels.create(level, (z, y, x), grids[-1])
        for box in Box.of_shape((z, y, x)).blocks(_BLOCK_ZYX):
            below = tuple(
                slice(part.start * f, min(part.stop * f, int(n)))
                for part, f, n in zip(box.slices, factor, finer.shape, strict=True)
            )
            voxels = finer[below].read().result()
            here[box.slices].write(downsample(voxels, factor, labels=array.labels)).result()
        finer = here
    return grids
