"""Zarr arrays and OME-Zarr groups of others: found, turned to z, y, x, and read by boxes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from segmend.core.errors import VolumeError
from segmend.core.geometry import Zyx
from segmend.core.volumes import zarr_store
from segmend.core.volumes.base import dimensions
from segmend.core.volumes.lazy import ArraySource, Spacing
from segmend.core.volumes.ome import Level, read_multiscales

Reading = Callable[[Any], Callable[[tuple[slice, ...]], Any]]
_SEARCH_DEPTH = 4
_LISTED = 12
_METADATA = frozenset({"zarr.json", ".zarray", ".zattrs", ".zmetadata", ".zgroup"})


def is_zarr(folder: Path) -> bool:
    """Say whether a folder is a Zarr array or group."""
    return zarr_store.is_array(folder) or zarr_store.is_group(folder)


def open_foreign_zarr(file: Path, dataset: str | None) -> ArraySource:
    """Open an array, or the finest level of an OME-Zarr group, without reading its voxels.

    A missing chunk reads as the fill value, as the format has it; an array with no chunk at all is refused.

    Raises
    ------
    VolumeError
        If nothing is there, the choice is not clear, or there is more than one channel axis or time point.
    """
    if file.suffix.lower() == ".n5":
        raise VolumeError(
            f"{file} is N5: expected Zarr, HDF5, TIFF or .npy; convert it to OME-Zarr"
        )
    folder = file if dataset is None else file / dataset.strip("/")
    source = str(file) if dataset is None else f"{file}:/{dataset.strip('/')}"
    if zarr_store.is_array(folder):
        return _array(folder, source, _level_of(folder))
    levels = read_multiscales(zarr_store.read_attributes(folder), source)
    if levels and folder.is_dir():
        return _array(folder / levels[0].path, source, levels[0])
    return _only_array(file, folder, source)


def _only_array(file: Path, folder: Path, source: str) -> ArraySource:
    """Open the one array or image inside a plain group; say what is there otherwise."""
    found = list(_arrays_below(folder if folder.is_dir() else file, _SEARCH_DEPTH))
    names = [f"/{path.relative_to(file).as_posix()}" for path in found]
    if folder.is_dir() and len(found) == 1:
        return open_foreign_zarr(file, names[0])
    if not names:
        raise VolumeError(
            f"{source} holds no Zarr array: expected an array or an OME-Zarr group; look at the path"
        )
    listed = ", ".join(names[:_LISTED]) + (
        f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    )
    what = f"{source} has several arrays" if folder.is_dir() else f"{source} does not exist"
    raise VolumeError(f"{what}; {file} has {listed}: name one, for example {file}:{names[0]}")


def _arrays_below(folder: Path, depth: int) -> Iterator[Path]:
    """Yield arrays and OME-Zarr groups; the levels inside a group count as one."""
    if zarr_store.is_array(folder) or "multiscales" in _ome(folder):
        yield folder
    elif depth:
        for child in sorted(p for p in folder.iterdir() if p.is_dir()):
            yield from _arrays_below(child, depth - 1)


def _ome(folder: Path) -> dict[str, Any]:
    attributes = zarr_store.read_attributes(folder)
    return dict(attributes.get("ome", attributes))


def _level_of(folder: Path) -> Level | None:
    """Return what the group around an array says about it."""
    for level in read_multiscales(zarr_store.read_attributes(folder.parent), str(folder.parent)):
        if folder.parent / level.path == folder:
            return level
    return None


def _array(folder: Path, source: str, level: Level | None) -> ArraySource:
    complete = bool(zarr_store.read_attributes(folder.parent).get(zarr_store.COMPLETE))
    store = zarr_store.open_array(folder, every_chunk=complete)
    if 0 not in store.shape and not _has_a_chunk(folder):
        raise VolumeError(
            f"{source} has metadata but not one chunk of voxels: copy it again from its source"
        )
    return array_source(store, source, level, zarr_store.read_attributes(folder))


def array_source(
    store: Any,
    source: str,
    level: Level | None,
    attributes: dict[str, Any],
    reading: Reading | None = None,
) -> ArraySource:
    """Turn an opened Zarr array to z, y, x.

    Parameters
    ----------
    store : TensorStore
    source : str
        What the array is called in messages and on record.
    level : Level, optional
        What the group around it says; else its own attributes are asked for the voxel size.
    attributes : dict
        Of the array.
    reading : callable, optional
        Makes the function that reads an index of the turned array.

    Raises
    ------
    VolumeError
        If there is more than one channel axis or time point.
    """
    if level is not None and len(level.axes) == len(store.shape):
        store = _as_czyx(store, level.axes, source)
    elif len(store.shape) > 3:
        store = store[(0,) * _leading_ones(store.shape)]
    return ArraySource(
        source,
        tuple(int(n) for n in store.shape),
        np.dtype(store.dtype.numpy_dtype),
        reading(store) if reading else lambda index: store[index].read().result(),
        level.spacing if level is not None else _own_spacing(attributes),
        chunk_of_store(store),
    )


def chunk_of_store(store: Any) -> Zyx | None:
    """Return what a turned array decodes at once, if more than a voxel."""
    chunk = store.chunk_layout.read_chunk.shape
    if chunk is None or len(chunk) < 3 or not all(chunk[-3:]):
        return None
    z, y, x = (int(n) for n in chunk[-3:])
    return z, y, x


def _as_czyx(store: Any, axes: tuple[str, ...], source: str) -> Any:
    """Drop axes of length 1 that are not in space, and put the rest in the order c, z, y, x."""
    import tensorstore as ts

    if not set("zyx") <= set(axes):
        raise VolumeError(
            f"{source} has the axes {' '.join(axes)}: expected z y x among them; choose another array"
        )
    kept = [name for name, n in zip(axes, store.shape, strict=True) if name in "zyx" or n != 1]
    extra = [name for name in kept if name not in "zyx"]
    if any(name != "c" for name in extra):
        raise VolumeError(
            f"{source} has the axes {' '.join(axes)} ({dimensions(tuple(store.shape))}): expected one time point; "
            "export one"
        )
    index = tuple(slice(None) if name in kept else 0 for name in axes)
    order = [kept.index(name) for name in (*extra, "z", "y", "x")]
    return store[index][ts.d[order].transpose[:]]


def _leading_ones(shape: tuple[int, ...]) -> int:
    count = 0
    while len(shape) - count > 3 and shape[count] == 1:
        count += 1
    return count


def _own_spacing(attributes: dict[str, Any]) -> Spacing:
    """Return the voxel size that plain arrays of the field carry as attributes, in nm."""
    return Spacing(
        _triple(attributes, ("resolution_nm_zyx", "voxel_size_nm_zyx", "voxel_size", "resolution")),
        _triple(attributes, ("offset_nm_zyx", "offset")),
    )


def _triple(
    attributes: dict[str, Any], names: tuple[str, ...]
) -> tuple[float, float, float] | None:
    for name in names:
        values = attributes.get(name)
        if isinstance(values, list) and len(values) == 3:
            z, y, x = (float(v) for v in values)
            return z, y, x
    return None


def _has_a_chunk(folder: Path) -> bool:
    """Look for the first chunk file; an array may have millions."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                if _has_a_chunk(Path(entry.path)):
                    return True
            elif entry.name not in _METADATA:
                return True
    return False
