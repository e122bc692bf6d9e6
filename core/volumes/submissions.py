"""Files in the forms that the challenges take: ISBI 2012, SNEMI3D, CREMI.

`write_submission` checks first that the volume is one that the challenge can score: of the size of its test volumes
and, for CREMI, with its voxels.

They are written section block by section block, under a temporary name that becomes the final one when complete.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from segmend.core.algorithms.boundaries import boundary_map
from segmend.core.errors import InputError, VolumeError
from segmend.core.geometry import Box, Zyx, ZyxNm
from segmend.core.volumes.base import Volume, dimensions

Array = NDArray[Any]

_SECTIONS = 8
_NOTHING = 2**64 - 1


def write_isbi2012(path: str | Path, volume: Volume) -> None:
    """Write a TIFF stack of 32-bit numbers: 0 on membranes, 1 inside cells.

    Parameters
    ----------
    path : path-like
        Must not exist.
    volume : Volume
        Probability of membrane, float 0..1 or uint8 0..255; or labels of 16 bits and more, whose membranes are
        label 0 and the voxels beside another label of their section.

    Raises
    ------
    VolumeError
        If the name is taken, a probability is out of range or the disk refuses.
    """
    import tifffile

    with _complete(path, volume) as partial, tifffile.TiffWriter(partial) as file:
        for _, voxels in _sections(volume):
            for section in voxels:
                file.write(_inside(section, volume.source), contiguous=True)


def write_snemi3d(path: str | Path, labels: Volume) -> None:
    """Write HDF5 with labels in dataset ``main``, (z, y, x) uint32, as SNEMI3D reads them.

    Parameters
    ----------
    path : path-like
        Must not exist.
    labels : Volume
        0 is background; ids above 32 bits are numbered anew.

    Raises
    ------
    VolumeError
        If the name is taken or the disk refuses.
    """
    import h5py

    number = _numbers(labels)
    with _complete(path, labels) as partial, h5py.File(partial, "w") as file:
        out = file.create_dataset("main", labels.shape_zyx, np.uint32, **_COMPRESSED)
        for box, voxels in _sections(labels):
            out[box.slices] = number(voxels)


def write_cremi(path: str | Path, labels: Volume, comment: str = "") -> None:
    """Write a CREMI file, format 0.2: ``volumes/labels/neuron_ids`` as uint64, with resolution and offset in nm.

    Parameters
    ----------
    path : path-like
        Must not exist.
    labels : Volume
    comment : str
        For one's own records.

    Raises
    ------
    VolumeError
        If the name is taken, the id 2^64 - 1 occurs or the disk refuses.
    """
    import h5py

    with _complete(path, labels) as partial, h5py.File(partial, "w") as file:
        file.attrs["file_format"] = "0.2"
        out = file.create_dataset(
            "volumes/labels/neuron_ids", labels.shape_zyx, np.uint64, **_COMPRESSED
        )
        out.attrs["resolution"] = labels.grid.voxel_size_nm_zyx
        if any(labels.grid.offset_nm_zyx):
            out.attrs["offset"] = labels.grid.offset_nm_zyx
        if comment:
            out.attrs["comment"] = comment
        for box, voxels in _sections(labels):
            if voxels.dtype.itemsize == 8 and (voxels == _NOTHING).any():
                raise VolumeError(
                    f"{labels.source} has the id {_NOTHING}, which is no object in CREMI files: renumber it"
                )
            out[box.slices] = voxels


class Challenge(NamedTuple):
    """What a challenge scores.

    Parameters
    ----------
    shape_zyx : tuple of 3 int
        Of each of its test volumes.
    voxel_size_nm_zyx : tuple of 3 float
        Of these.
    suffixes : tuple of str
        How the names of its files end.
    write : callable
        Path and labels.
    """

    shape_zyx: Zyx
    voxel_size_nm_zyx: ZyxNm
    suffixes: tuple[str, ...]
    write: Callable[[Path, Volume], None]


CHALLENGES: dict[str, Challenge] = {
    "isbi2012": Challenge((30, 512, 512), (50.0, 4.0, 4.0), (".tif", ".tiff"), write_isbi2012),
    "snemi3d": Challenge((100, 1024, 1024), (30.0, 6.0, 6.0), (".h5", ".hdf5"), write_snemi3d),
    "cremi": Challenge((125, 1250, 1250), (40.0, 4.0, 4.0), (".hdf", ".h5", ".hdf5"), write_cremi),
}


def write_submission(path: str | Path, labels: Volume, challenge: str) -> None:
    """Write labels as a challenge takes them.

    Parameters
    ----------
    path : path-like
        Must not exist.
    labels : Volume
        Integers, 0 is background; for ISBI 2012 also the probability of membrane, see `write_isbi2012`.
    challenge : str
        A name in `CHALLENGES`.

    Raises
    ------
    InputError
        If the challenge is not known or does not score such a volume, or the name ends otherwise.
    VolumeError
        If an id has another meaning there, the name is taken or the disk refuses.
    """
    if challenge not in CHALLENGES:
        raise InputError(
            f"no challenge is called {challenge!r}: expected one of {', '.join(CHALLENGES)}"
        )
    wanted, final = CHALLENGES[challenge], Path(path)
    if final.suffix.lower() not in wanted.suffixes:
        raise InputError(
            f"{final} is no name for {challenge}: expected one that ends with {' or '.join(wanted.suffixes)}"
        )
    if labels.shape_zyx != wanted.shape_zyx:
        raise InputError(
            f"{labels.source} has {dimensions(labels.shape_zyx)} voxels (z y x): {challenge} scores "
            f"{dimensions(wanted.shape_zyx)}; choose them with --box, or export the segmentation"
        )
    size = labels.grid.voxel_size_nm_zyx
    if challenge == "cremi" and size != wanted.voxel_size_nm_zyx:
        raise InputError(
            f"{labels.source} has voxels of {' x '.join(f'{s:g}' for s in size)} nm (z y x): expected 40 x 4 x 4 for "
            "cremi, which places labels by it; make the project with --voxel-size 40 4 4"
        )
    wanted.write(final, labels)


_COMPRESSED: dict[str, Any] = {"compression": "gzip", "compression_opts": 4, "shuffle": True}


def _inside(section: Array, source: str) -> Array:
    if section.dtype.kind in "iu" and section.dtype.itemsize > 1:
        return (~boundary_map(section[None])[0]).astype(np.float32)
    membrane = section.astype(np.float32) / (255 if section.dtype.kind == "u" else 1)
    if membrane.size and not (membrane.min() >= 0 and membrane.max() <= 1):
        raise VolumeError(
            f"{source} holds values outside 0..1: expected the probability of membrane; convert it"
        )
    return 1 - membrane


def _numbers(labels: Volume) -> Callable[[Array], Array]:
    """Return what makes labels fit in 32 bits."""
    ids = np.zeros(1, np.uint64)
    for _, voxels in _sections(labels):
        ids = np.union1d(ids, np.unique(voxels))
    if int(ids[-1]) < 2**32:
        return lambda voxels: voxels.astype(np.uint32)
    return lambda voxels: np.searchsorted(ids, voxels).astype(np.uint32)


def _sections(volume: Volume) -> Iterator[tuple[Box, Array]]:
    z, y, x = volume.shape_zyx
    for box in Box.of_shape((z, y, x)).blocks((_SECTIONS, y, x)):
        yield box, volume.read(box)


@contextmanager
def _complete(path: str | Path, volume: Volume) -> Iterator[Path]:
    """Give a temporary name that becomes the final one if all goes well."""
    final = Path(path).expanduser()
    if volume.channels is not None:
        raise VolumeError(f"{volume.source} has channels: expected one value per voxel; choose one")
    if final.exists() or not final.parent.is_dir():
        raise VolumeError(
            f"{final} exists already or its folder does not: choose another name for the submission"
        )
    partial = final.with_name(f".{final.name}.partial-{os.getpid()}{final.suffix}")
    try:
        yield partial
        partial.replace(final)
    except OSError as problem:
        raise VolumeError(
            f"{final} cannot be written ({problem.strerror or problem}): make room or choose another place"
        ) from None
    finally:
        partial.unlink(missing_ok=True)
