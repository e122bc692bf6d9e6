"""What stages read and write on disk, and how its content is told apart.

An artifact is either the project's own (image, affinities, mask) or a set of files in a generation folder. Its identity
enters the keys of the stages that read it, so a changed input makes their marks void.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from segmend.core.geometry import Box
from segmend.core.volumes.base import Volume

_EXACT_LIMIT_BYTES = 2**30
_SLAB_VOXELS = 2**24
_BLOCK_ZYX = (64, 512, 512)
_SAMPLES = 64


def volume_identity(volume: Volume, *, whole: bool = False) -> str:
    """Return a hash of shape, type, voxel size and content.

    The content is read whole up to 1 GiB; above, 64 blocks of 32 voxels a side spread over the volume stand for it.

    Parameters
    ----------
    volume : Volume
        (z, y, x), or (c, z, y, x).
    whole : bool
        Read all of the content, however much it is.

    Returns
    -------
    str
        32 hexadecimal digits.
    """
    form = (volume.shape_zyx, volume.channels, str(volume.dtype), volume.grid)
    digest = hashlib.blake2b(repr(form).encode(), digest_size=16)
    for box in _boxes_to_read(volume, whole):
        digest.update(np.ascontiguousarray(volume.read(box)).data)
    return digest.hexdigest()


def _boxes_to_read(volume: Volume, everything: bool) -> Iterator[Box]:
    whole = Box.of_shape(volume.shape_zyx)
    if whole.size * (volume.channels or 1) * volume.dtype.itemsize <= _EXACT_LIMIT_BYTES:
        _, y, x = volume.shape_zyx
        yield from whole.blocks((max(1, _SLAB_VOXELS // (y * x)), y, x))
        return
    if everything:
        yield from whole.blocks(_BLOCK_ZYX)
        return
    per_axis = round(_SAMPLES ** (1 / 3))
    for index in np.ndindex(per_axis, per_axis, per_axis):
        start = tuple(
            max(0, (n - 32) * i // (per_axis - 1))
            for n, i in zip(volume.shape_zyx, index, strict=True)
        )
        yield Box(start, (start[0] + 32, start[1] + 32, start[2] + 32)).intersect(whole)


def files_identity(folder: Path, names: Iterable[str]) -> str:
    """Return a hash of the names and bytes of files and folders inside `folder`; 32 hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=16)
    for path in _files(folder, names):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
        with path.open("rb") as file:
            while chunk := file.read(2**20):
                digest.update(chunk)
    return digest.hexdigest()


def _files(folder: Path, names: Iterable[str]) -> Iterator[Path]:
    for name in names:
        root = folder / name
        if root.is_dir():
            yield from sorted(path for path in root.rglob("*") if path.is_file())
        elif root.is_file():
            yield root


def exist(folder: Path, names: Iterable[str]) -> bool:
    """Whether all of an artifact's files or folders are there."""
    return all((folder / name).exists() for name in names)


def link(source: Path, target: Path, names: Iterable[str]) -> None:
    """Give `target` the same files as `source` without a copy where the file system allows it.

    Hard links are safe because files of a generation are replaced by rename, never written again.
    """
    for path in _files(source, names):
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(path, copy)
        except OSError:
            shutil.copy2(path, copy)


def remove(folder: Path, names: Iterable[str]) -> None:
    """Remove an artifact's files and folders, where they are there."""
    for name in names:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def replace_folder(new: Path, old: Path) -> None:
    """Put a finished folder in the place of another by rename; readers never see a mixture.

    A crash between the two renames leaves no folder, which the marks of the stage treat as not finished.
    """
    aside = old.with_name(old.name + ".replaced")
    if aside.exists():
        shutil.rmtree(aside)
    old.parent.mkdir(parents=True, exist_ok=True)
    if old.exists():
        old.rename(aside)
    new.rename(old)
    shutil.rmtree(aside, ignore_errors=True)
