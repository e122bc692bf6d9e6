"""Write a new array to a file or an address, box by box. It appears under its name only when complete."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from segmend.core.errors import VolumeError
from segmend.core.geometry import Box, Grid, Zyx
from segmend.core.processes import left_behind
from segmend.core.volumes import zarr_store
from segmend.core.volumes.base import check_inside, dimensions
from segmend.core.volumes.coded_files import coded_writer, note_of
from segmend.core.volumes.lazy import READ_ERRORS
from segmend.core.volumes.opening import split_path
from segmend.core.volumes.remote import is_remote
from segmend.core.volumes.remote_writing import RemoteArray, remote_array
from segmend.core.volumes.zarr import CHUNK_ZYX, create_zarr, write_pyramid

DATASET = "/segmentation"
"""What an HDF5 export calls its array unless a name is given."""

_PLAIN_TIFF = 2**31  # above, offsets need 64 bits

WriteBox = Callable[[Box, NDArray[Any]], None]


class Writer(Protocol):
    """Takes the voxels of one box after the other, in any order."""

    def write(self, box: Box, voxels: NDArray[Any]) -> None:
        """Write the voxels of a box, (z, y, x)."""


class BoxWriter:
    """Checks what comes and hands it to a format.

    Parameters
    ----------
    path : path-like
        The final name, for messages.
    shape_zyx : tuple of 3 int
    dtype : dtype
    write_box : callable
    """

    def __init__(
        self, path: Path | str, shape_zyx: Zyx, dtype: np.dtype[Any], write_box: WriteBox
    ) -> None:
        self._path = path
        self._shape_zyx = shape_zyx
        self._dtype = dtype
        self._write_box: WriteBox | None = write_box

    def close(self) -> None:
        """Let go of the file, which some systems cannot rename while it is mapped."""
        self._write_box = None

    def write(self, box: Box, voxels: NDArray[Any]) -> None:
        """Write the voxels of a box, (z, y, x).

        Raises
        ------
        VolumeError
            If shape or type do not fit, or the disk refuses.
        """
        if self._write_box is None:
            raise VolumeError(
                f"{self._path} is complete and closed: open a new writer to write more"
            )
        check_inside(box, self._shape_zyx, str(self._path))
        if voxels.shape != box.shape_zyx or voxels.dtype != self._dtype:
            raise VolumeError(
                f"cannot write {dimensions(voxels.shape)} {voxels.dtype} into {self._path}: expected "
                f"{dimensions(box.shape_zyx)} {self._dtype}"
            )
        with _disk_refuses(self._path):
            self._write_box(box, voxels)


@contextmanager
def open_writer(
    out_path: str | Path,
    shape_zyx: Zyx,
    dtype: np.dtype[Any] | type[np.generic] | str,
    grid: Grid,
    *,
    labels: bool = True,
    attributes: Mapping[str, Any] | None = None,
) -> Iterator[Writer]:
    """Create an array file and give a writer for it; the file gets its name when the block ends without error.

    ``.h5`` ``.hdf5`` ``.hdf`` (dataset ``segmentation``, or ``FILE:/dataset``; gzip), ``.zarr`` (OME-Zarr with
    pyramid), ``.tif`` ``.tiff`` (one page per section, uncompressed), ``.npy``, and for labels
    ``.ckl`` (Crackle) and ``.cpso`` (Compresso). Voxel size and offset are kept, in a note beside the last two;
    ``.npy`` has no place for them.

    ``gs://`` and ``s3://`` addresses take OME-Zarr, and with ``precomputed://`` before them, or before a folder, a
    Neuroglancer precomputed volume; `remote_array` says what complete means there.

    Parameters
    ----------
    out_path : path-like
        Must not exist; its folder must.
    shape_zyx : tuple of 3 int
    dtype : dtype
    grid : Grid
    labels : bool
        What a pyramid is made of; see `write_pyramid`.
    attributes : mapping, optional
        JSON values kept beside the metadata of a ``.zarr``; other formats leave them away.

    Raises
    ------
    VolumeError
        If the name is taken, the format unknown, or the disk refuses.
    """
    dtype = np.dtype(dtype)
    if is_remote(out_path):
        array = RemoteArray(shape_zyx, dtype, grid, labels, attributes or {})
        with remote_array(str(out_path), array) as write_box:
            writer = BoxWriter(str(out_path), shape_zyx, dtype, write_box)
            yield writer
            writer.close()
        return
    path, dataset = split_path(out_path)
    create = _CREATE.get(path.suffix.lower())
    if create is None:
        raise VolumeError(
            f"{path} has no known ending: expected one of {' '.join(_CREATE)}; choose another name"
        )
    if path.exists():
        raise VolumeError(f"{path} exists already: choose another name, or remove it")
    if not path.parent.is_dir():
        raise VolumeError(
            f"the folder {path.parent} does not exist: make it, or choose another place"
        )
    prefix = f".{path.name}.partial-"
    partial = path.with_name(f"{prefix}{os.getpid()}{path.suffix}")
    for old in (*left_behind(path.parent, prefix), partial):
        _remove(old)
    try:
        with ExitStack() as stack:
            with _disk_refuses(path):
                write_box = stack.enter_context(create(partial, dataset, shape_zyx, dtype, grid))
            writer = BoxWriter(path, shape_zyx, dtype, write_box)
            del write_box
            yield writer
            writer.close()
        with _disk_refuses(path):
            _finish(partial, labels, attributes or {})
            if note_of(partial).exists():
                note_of(partial).replace(note_of(path))
            partial.replace(path)
    finally:
        _remove(partial)
        _remove(note_of(partial))


def _finish(partial: Path, labels: bool, attributes: Mapping[str, Any]) -> None:
    if partial.is_dir():
        write_pyramid(partial, labels=labels)
        if attributes:
            every = zarr_store.read_attributes(partial) | dict(attributes)
            zarr_store.write_json(partial / ".zattrs", every)
        return
    with partial.open("rb+") as file:
        os.fsync(file.fileno())


@contextmanager
def _disk_refuses(path: Path | str) -> Iterator[None]:
    try:
        yield
    except VolumeError:
        raise
    except READ_ERRORS as error:
        raise VolumeError(
            f"{path} cannot be written ({error}): look whether the disk is full or may be written",
            details=repr(error),
        ) from error


@contextmanager
def _hdf5(
    path: Path, dataset: str | None, shape: Zyx, dtype: np.dtype[Any], grid: Grid
) -> Iterator[WriteBox]:
    import h5py

    chunks = tuple(min(c, n) for c, n in zip(CHUNK_ZYX, shape, strict=True))
    with h5py.File(path, "w") as file:
        array = file.create_dataset(
            dataset or DATASET, shape, dtype, chunks=chunks, compression="gzip", compression_opts=1, shuffle=True
        )  # fmt: skip
        array.attrs["resolution_nm_zyx"] = grid.voxel_size_nm_zyx
        array.attrs["offset_nm_zyx"] = grid.offset_nm_zyx
        array.attrs["axes"] = "zyx"

        def write_box(box: Box, voxels: NDArray[Any]) -> None:
            array[box.slices] = voxels

        yield write_box


@contextmanager
def _zarr(
    path: Path, dataset: str | None, shape: Zyx, dtype: np.dtype[Any], grid: Grid
) -> Iterator[WriteBox]:
    _no_dataset(path, dataset)
    yield create_zarr(path, shape, dtype, grid).write


@contextmanager
def _tiff(
    path: Path, dataset: str | None, shape: Zyx, dtype: np.dtype[Any], grid: Grid
) -> Iterator[WriteBox]:
    import tifffile

    metadata = {
        "axes": "ZYX",
        "voxel_size_nm_zyx": grid.voxel_size_nm_zyx,
        "offset_nm_zyx": grid.offset_nm_zyx,
    }
    _, y, x = grid.voxel_size_nm_zyx
    array = tifffile.memmap(
        path, shape=shape, dtype=dtype, metadata=metadata, photometric="minisblack",
        resolution=(1e7 / x, 1e7 / y), resolutionunit="CENTIMETER",
        bigtiff=int(np.prod(shape, dtype=np.int64)) * dtype.itemsize > _PLAIN_TIFF,
    )  # fmt: skip

    def write_box(box: Box, voxels: NDArray[Any]) -> None:
        array[box.slices] = voxels

    yield write_box
    array.flush()


@contextmanager
def _npy(
    path: Path, dataset: str | None, shape: Zyx, dtype: np.dtype[Any], grid: Grid
) -> Iterator[WriteBox]:
    array = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)

    def write_box(box: Box, voxels: NDArray[Any]) -> None:
        array[box.slices] = voxels

    yield write_box
    array.flush()


def _no_dataset(path: Path, dataset: str | None) -> None:
    if dataset is not None:
        raise VolumeError(f"{path} is written as one OME-Zarr image: leave :{dataset} away")


_Create = Callable[[Path, str | None, Zyx, np.dtype[Any], Grid], Any]
_CREATE: dict[str, _Create] = {
    ".h5": _hdf5,
    ".hdf5": _hdf5,
    ".hdf": _hdf5,
    ".zarr": _zarr,
    ".tif": _tiff,
    ".tiff": _tiff,
    ".npy": _npy,
    ".ckl": coded_writer,
    ".cpso": coded_writer,
}


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
