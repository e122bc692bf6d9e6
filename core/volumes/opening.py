"""Open an array from a path, whatever its format, and check that it fits the role it is to play."""

from __future__ import annotations

import re
from pathlib import Path

from segmend.core.errors import InputError, VolumeError
from segmend.core.geometry import Grid, ZyxNm
from segmend.core.volumes.base import Volume, dimensions
from segmend.core.volumes.labels import LabelVolume
from segmend.core.volumes.lazy import ArraySource, FileVolume

FORMATS = (
    "HDF5 (.h5 .hdf5 .hdf), TIFF (.tif .tiff), .npy, .ckl, .cpso, Zarr (.zarr), a folder of PNG or TIFF sections, "
    "or an address (gs:// s3:// https:// precomputed://)"
)
_HDF5 = {".h5", ".hdf5", ".hdf"}
_TIFF = {".tif", ".tiff"}
_SPLIT = re.compile(r"^(.*\.(?:h5|hdf5|hdf|n5|zarr)):(/.*)$", re.IGNORECASE | re.DOTALL)


def split_path(text: str | Path) -> tuple[Path, str | None]:
    """Split ``FILE:/dataset`` at the last ``:/`` that follows .h5 .hdf5 .hdf .n5 .zarr.

    Returns
    -------
    path : Path
    dataset : str or None
        With its leading slash.
    """
    match = _SPLIT.match(str(text))
    if not match:
        return Path(text).expanduser(), None
    return Path(match.group(1)).expanduser(), match.group(2)


def find_array(path: str | Path) -> ArraySource:
    """Open an array of any known format without reading its voxels.

    Raises
    ------
    InputError
        If it is an address of no known form.
    VolumeError
        If the file or dataset is missing, of an unknown format, truncated or damaged.
    """
    from segmend.core.volumes.remote import is_remote, open_remote
    from segmend.core.volumes.zarr_source import is_zarr, open_foreign_zarr

    if is_remote(path):
        return open_remote(path)
    file, dataset = split_path(path)
    if not file.exists():
        raise VolumeError(f"{file} does not exist: expected {FORMATS}; look at the path")
    if file.is_dir():
        if is_zarr(file) or file.suffix.lower() in (".zarr", ".n5"):
            return open_foreign_zarr(file, dataset)
        from segmend.core.volumes.sections import open_sections

        return open_sections(file)
    return _open_file(file, dataset)


def _open_file(file: Path, dataset: str | None) -> ArraySource:
    suffix = file.suffix.lower()
    if suffix in _HDF5:
        from segmend.core.volumes.hdf5 import open_hdf5

        return open_hdf5(file, dataset)
    if suffix in _TIFF:
        from segmend.core.volumes.tiff import open_tiff

        return open_tiff(file)
    if suffix == ".npy":
        from segmend.core.volumes.npy import open_npy

        return open_npy(file)
    if suffix in (".ckl", ".cpso"):
        from segmend.core.volumes.coded_files import open_coded

        return open_coded(file)
    if suffix == ".png":
        raise VolumeError(
            f"{file} is one section: expected a volume; give the folder that holds all sections"
        )
    raise VolumeError(f"{file} is not of a known format: expected {FORMATS}; convert it")


def open_volume(
    path: str | Path,
    *,
    voxel_size_nm_zyx: ZyxNm | None = None,
    offset_nm_zyx: ZyxNm | None = None,
    need_voxel_size: bool = True,
) -> FileVolume:
    """Open an array as a volume without reading its voxels.

    Parameters
    ----------
    path : path-like
        ``FILE``, ``FILE:/dataset``, or an address (`segmend.core.volumes.remote`).
    voxel_size_nm_zyx, offset_nm_zyx : tuple of 3 float, optional
        Taken instead of what the file says.
    need_voxel_size : bool
        False: a volume of unknown voxel size gets 1 nm voxels, for work that counts in voxels only.

    Raises
    ------
    VolumeError
        If it cannot be opened.
    InputError
        If the voxel size is unknown or not usable.
    """
    array = find_array(path)
    spacing = array.spacing.overridden(voxel_size_nm_zyx, offset_nm_zyx)
    if spacing.voxel_size_nm_zyx is None and need_voxel_size:
        raise InputError(f"{array.source} has no voxel size: give --voxel-size Z Y X in nm")
    grid = Grid(
        spacing.voxel_size_nm_zyx or (1.0, 1.0, 1.0), spacing.offset_nm_zyx or (0.0, 0.0, 0.0)
    )
    return FileVolume(array, grid)


def open_image(
    path: str | Path,
    *,
    voxel_size_nm_zyx: ZyxNm | None = None,
    offset_nm_zyx: ZyxNm | None = None,
    need_voxel_size: bool = True,
) -> FileVolume:
    """Open a grey image, uint8 or uint16; see `open_volume`.

    Raises
    ------
    InputError
        If it is not three-dimensional or of another type, besides what `open_volume` raises.
    """
    volume = open_volume(
        path,
        voxel_size_nm_zyx=voxel_size_nm_zyx,
        offset_nm_zyx=offset_nm_zyx,
        need_voxel_size=need_voxel_size,
    )
    check_image(volume)
    return volume


def open_labels(
    path: str | Path,
    *,
    voxel_size_nm_zyx: ZyxNm | None = None,
    offset_nm_zyx: ZyxNm | None = None,
    need_voxel_size: bool = False,
) -> LabelVolume:
    """Open labels: integers of any width, read as unsigned; see `open_volume`.

    Raises
    ------
    InputError
        If it is not three-dimensional or not integer, besides what `open_volume` raises. Negative labels are
        found when they are read.
    """
    volume = open_volume(
        path,
        voxel_size_nm_zyx=voxel_size_nm_zyx,
        offset_nm_zyx=offset_nm_zyx,
        need_voxel_size=need_voxel_size,
    )
    check_labels(volume)
    return LabelVolume(volume)


def open_affinities(
    path: str | Path,
    *,
    voxel_size_nm_zyx: ZyxNm | None = None,
    offset_nm_zyx: ZyxNm | None = None,
    need_voxel_size: bool = True,
) -> FileVolume:
    """Open affinities: (c, z, y, x) with c >= 3, uint8 0..255 or float 0..1; see `open_volume`.

    Raises
    ------
    InputError
        If shape or type are others, besides what `open_volume` raises.
    """
    volume = open_volume(
        path,
        voxel_size_nm_zyx=voxel_size_nm_zyx,
        offset_nm_zyx=offset_nm_zyx,
        need_voxel_size=need_voxel_size,
    )
    check_affinities(volume)
    return volume


def check_image(volume: Volume) -> None:
    """Refuse what cannot be an image."""
    _check_three_dimensions(volume, "an image")
    if volume.dtype.name not in ("uint8", "uint16"):
        raise VolumeError(
            f"{volume.source} holds {volume.dtype}: expected an image of uint8 or uint16; scale its grey values "
            "to 0..255 and convert it"
        )


def check_labels(volume: Volume) -> None:
    """Refuse what cannot be labels."""
    _check_three_dimensions(volume, "labels")
    if volume.dtype.kind not in "iu":
        raise VolumeError(
            f"{volume.source} holds {volume.dtype}: expected labels as integers; choose a label array, or convert "
            "it without loss"
        )


def check_affinities(volume: Volume) -> None:
    """Refuse what cannot be affinities."""
    channels = volume.channels or 0
    if channels < 3:
        shape = volume.shape_zyx if volume.channels is None else (channels, *volume.shape_zyx)
        raise VolumeError(
            f"{volume.source} has the shape {dimensions(shape)}: expected affinities as channel z y x with at least "
            "three channels (toward z, y, x); choose another array"
        )
    if volume.dtype.name not in ("uint8", "float16", "float32", "float64"):
        raise VolumeError(
            f"{volume.source} holds {volume.dtype}: expected affinities as uint8 0..255 or float 0..1; convert it"
        )


def _check_three_dimensions(volume: Volume, role: str) -> None:
    if volume.channels is None:
        return
    shape = (volume.channels, *volume.shape_zyx)
    colour = ", which looks like a colour image" if shape[-1] in (3, 4) else ""
    raise VolumeError(
        f"{volume.source} has 4 dimensions ({dimensions(shape)}{colour}): expected {role} with three (z y x); "
        "choose another array, or convert it"
    )
