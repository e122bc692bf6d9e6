"""Voxel edits as chunk files over a base that is never rewritten.

A chunk file holds one chunk of one pyramid level as it is after an edit. Files get new names, are flushed, and
count from the moment a journal row names them; files that no row names are garbage and swept on open.
"""

from __future__ import annotations

import os
import secrets
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from segmend.core.errors import ProjectError
from segmend.core.geometry import Box, Grid, Zyx
from segmend.core.segmentation.segmentation import ChunkKey
from segmend.core.volumes.base import Volume

CHUNK_ZYX: Zyx = (16, 128, 128)
_CACHED_CHUNKS = 64  # 64 MiB at most
_DAMAGE = (
    OSError,
    ValueError,
    EOFError,
    KeyError,
    TypeError,
    NotImplementedError,
    MemoryError,
    BadZipFile,
    zlib.error,
)
"""What a truncated, altered or foreign file makes numpy and zipfile raise."""


class OverlayFiles:
    """The folder of chunk files.

    Parameters
    ----------
    folder : Path
        Made when the first chunk is written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._cache: OrderedDict[str, NDArray[np.uint32]] = OrderedDict()

    def write(self, chunk: NDArray[np.uint32]) -> str:
        """Write a chunk under a new name, durably, and return the name."""
        name = f"{secrets.token_hex(12)}.npz"
        self.write_arrays(name, labels=chunk)
        self._remember(name, chunk)
        return name

    def write_arrays(self, name: str, **arrays: NDArray[Any]) -> None:
        """Write named arrays as one durable file.

        Raises
        ------
        ProjectError
            If the disk is full or the folder cannot be written; nothing counts then.
        """
        temporary = self._folder / f"{name}.partial"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._folder / name)
            _flush_folder(self._folder)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise ProjectError(
                f"{self._folder} cannot be written ({error}); the edit was not made: make room, or check the "
                "rights, and try again"
            ) from error

    def read(self, name: str) -> NDArray[np.uint32]:
        """Read a chunk; the last few stay in memory."""
        if name not in self._cache:
            self._remember(name, self._read_chunk(name))
        self._cache.move_to_end(name)
        return self._cache[name]

    def read_arrays(self, name: str) -> dict[str, NDArray[Any]]:
        """Read a file of named arrays.

        Raises
        ------
        ProjectError
            If the file is missing or damaged.
        """
        path = self._folder / checked_name(name)
        try:
            with np.load(path, allow_pickle=False) as file:
                return {key: file[key] for key in file.files}
        except _DAMAGE as error:
            raise ProjectError(
                f"overlay file {path} is missing or damaged; the edit that wrote it cannot be shown: "
                "run `segmend check` on the project",
                details=str(error),
            ) from error

    def _read_chunk(self, name: str) -> NDArray[np.uint32]:
        chunk = self.read_arrays(name).get("labels")
        if chunk is None or chunk.dtype != np.uint32 or chunk.ndim != 3:
            raise ProjectError(
                f"overlay file {self._folder / name} holds no chunk of supervoxels: it is not one that Segmend "
                "wrote; run `segmend check` on the project"
            )
        return chunk

    def sweep(self, named: Iterable[str]) -> int:
        """Delete files that no journal row names and return how many there were."""
        if not self._folder.is_dir():
            return 0
        keep = set(named)
        files = [path for path in self._folder.iterdir() if path.suffix in (".npz", ".partial")]
        garbage = [path for path in files if path.name not in keep and path.is_file()]
        for path in garbage:
            with suppress(OSError):  # garbage that stays does no harm
                path.unlink()
        return len(garbage)

    def _remember(self, name: str, chunk: NDArray[np.uint32]) -> None:
        self._cache[name] = chunk
        while len(self._cache) > _CACHED_CHUNKS:
            self._cache.popitem(last=False)


class OverlaidVolume:
    """One pyramid level of the supervoxels with the overlay chunks on top.

    Parameters
    ----------
    base : Volume
        The level as the pipeline wrote it, uint32.
    level : int
    files : OverlayFiles
    chunks : mapping
        Overlay file of each chunk that has one; live.
    """

    channels = None

    def __init__(
        self, base: Volume, level: int, files: OverlayFiles, chunks: Mapping[ChunkKey, str]
    ) -> None:
        self._base = base
        self._level = level
        self._files = files
        self._chunks = chunks
        self.shape_zyx: Zyx = base.shape_zyx
        self.dtype = np.dtype(np.uint32)
        self.grid: Grid = base.grid
        self.source = base.source

    def read(self, box: Box) -> NDArray[np.uint32]:
        """Return the voxels of a box, (z, y, x) uint32."""
        out: NDArray[np.uint32] = np.asarray(self._base.read(box), np.uint32)
        if not self._chunks:
            return out
        out = out.copy()
        for key in chunks_touched(box, self._level):
            if key in self._chunks:
                place = chunk_box(key, self.shape_zyx)
                common = place.intersect(box)
                chunk = self._files.read(self._chunks[key])
                out[common.shift(_negative(box.start_zyx)).slices] = chunk[
                    common.shift(_negative(place.start_zyx)).slices
                ]
        return out


def rewrite(
    level: OverlaidVolume, files: OverlayFiles, number: int, box: Box, voxels: NDArray[np.uint32]
) -> dict[ChunkKey, str]:
    """Write the chunks of one level that a new box of voxels touches; returns their names."""
    names: dict[ChunkKey, str] = {}
    for key in chunks_touched(box, number):
        place = chunk_box(key, level.shape_zyx)
        common = place.intersect(box)
        if not common.size:
            continue
        chunk = level.read(place).copy()
        chunk[common.shift(_negative(place.start_zyx)).slices] = voxels[
            common.shift(_negative(box.start_zyx)).slices
        ]
        names[key] = files.write(chunk)
    return names


def chunks_touched(box: Box, level: int) -> Iterator[ChunkKey]:
    """Return the keys of the chunks that a box meets, in raster order."""
    if not box.size:
        return
    ranges = [
        range(start // chunk, (stop - 1) // chunk + 1)
        for start, stop, chunk in zip(box.start_zyx, box.stop_zyx, CHUNK_ZYX, strict=True)
    ]
    for z in ranges[0]:
        for y in ranges[1]:
            for x in ranges[2]:
                yield level, z, y, x


def chunk_box(key: ChunkKey, shape_zyx: Zyx) -> Box:
    """Return the voxels of a chunk, clipped to the volume."""
    start = tuple(i * c for i, c in zip(key[1:], CHUNK_ZYX, strict=True))
    stop = tuple(s + c for s, c in zip(start, CHUNK_ZYX, strict=True))
    return Box(start, stop).intersect(Box.of_shape(shape_zyx))  # type: ignore[arg-type]


def checked_name(name: str) -> str:
    """Return the name if it is a plain file name; journals from outside may say anything."""
    if not name.endswith(".npz") or not name[:-4].replace("-", "").isalnum():
        raise ProjectError(f"overlay file name {name!r} is not one that Segmend writes")
    return name


def _negative(point: Zyx) -> Zyx:
    return -point[0], -point[1], -point[2]


def _flush_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
