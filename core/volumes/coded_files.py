"""Whole label volumes in the files of Crackle (``.ckl``) and Compresso (``.cpso``), which other programs read too.

Both decode any range of sections alone, so a file is read slab by slab and only its compressed bytes are held whole.
They have no place for a voxel size: it lies beside the file in ``NAME.ckl.json``, with the length and the checksum of
the file. Decoders do not notice every damage, and some makes them abort the process: a file that this process did not
write is decoded once in a process of its own before it is used. A note cannot vouch for that, because whoever made the
file can have made the note; it tells apart copies that went wrong.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.errors import InputError, VolumeError
from segmend.core.geometry import Box, Grid, Zyx
from segmend.core.volumes.label_codecs import (
    CODECS,
    StreamHeader,
    check_encodable,
    decode_sections,
    encode_labels,
    read_header,
)
from segmend.core.volumes.lazy import ArraySource, Spacing, damaged

Array = NDArray[Any]

_CODEC_OF = {codec.suffix: name for name, codec in CODECS.items()}
_VOXELS_PER_SECOND = 10**7  # decoders are ten times as fast; a slower one hangs
_LONGEST_TRIAL_S = 1800.0  # a header can claim anything

_tried: set[bytes] = set()
"""Checksums of the files that this process wrote or saw decoded."""


def open_coded(path: Path) -> ArraySource:
    """Open a coded label volume; the file is read, its sections are decoded when they are asked for.

    Raises
    ------
    VolumeError
        If the file is damaged, too large to be decoded, or its package is missing.
    """
    codec = _CODEC_OF[path.suffix.lower()]
    try:
        data = path.read_bytes()
    except OSError as error:
        raise damaged(str(path), error) from error
    header = read_header(data, codec, str(path))
    spacing = _noted(path, data)
    if _checksum(data) not in _tried and 0 not in header.shape_zyx:
        _try_in_a_process(path, header.shape_zyx)
        _tried.add(_checksum(data))
    read = _reader(data, codec, header, str(path))
    return ArraySource(str(path), header.shape_zyx, header.dtype, read, spacing or Spacing())


def _checksum(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()


def _reader(
    data: bytes, codec: str, header: StreamHeader, source: str
) -> Callable[[tuple[slice, ...]], Array]:
    """Return what reads a box through the slabs of sections decoded last."""
    shape, depth = header.shape_zyx, header.slab_depth

    @lru_cache(maxsize=2)
    def slab(start: int) -> Array:
        return decode_sections(data, codec, start, min(start + depth, shape[0]), source)

    def read(index: tuple[slice, ...]) -> Array:
        z0, z1, _ = index[0].indices(shape[0])
        starts = range(z0 - z0 % depth, z1, depth)
        parts = [slab(s)[max(z0 - s, 0) : z1 - s, index[1], index[2]] for s in starts]
        return np.concatenate(parts) if parts else slab(0)[:0, index[1], index[2]]

    return read


@contextmanager
def coded_writer(
    path: Path, dataset: str | None, shape: Zyx, dtype: np.dtype[Any], grid: Grid
) -> Iterator[Callable[[Box, Array], None]]:
    """Take boxes in any order and write a ``.ckl`` or ``.cpso`` file and its note when all are there.

    Until then voxels lie uncompressed in a nameless file in the same folder. Crackle is encoded slab by slab;
    Compresso takes the whole volume in memory.

    Raises
    ------
    VolumeError
        If the volume is not one that the codec takes, or a dataset is named.
    """
    if dataset is not None:
        raise VolumeError(f"{path.name} holds one array: leave :{dataset} away")
    codec = _CODEC_OF[path.suffix.lower()]
    try:
        check_encodable(shape, dtype, codec)
    except InputError as error:
        raise VolumeError(str(error)) from None
    with tempfile.TemporaryFile(dir=path.parent) as scratch:
        scratch.truncate(int(np.prod(shape, dtype=np.int64)) * dtype.itemsize)
        voxels: Array = np.memmap(scratch, dtype, "r+", shape=shape)

        def write_box(box: Box, given: Array) -> None:
            voxels[box.slices] = given

        yield write_box
        data = encode_labels(voxels, codec)
        path.write_bytes(data)
        note_of(path).write_text(_note(data, grid), encoding="utf-8")
        _tried.add(_checksum(data))


def note_of(path: Path) -> Path:
    """Return where the voxel size and the checksum of a coded file are."""
    return path.with_name(path.name + ".json")


def _note(data: bytes, grid: Grid) -> str:
    values = {
        "voxel_size_nm_zyx": grid.voxel_size_nm_zyx,
        "offset_nm_zyx": grid.offset_nm_zyx,
        "bytes": len(data),
        "crc32": zlib.crc32(data),
    }
    return json.dumps(values, indent=1) + "\n"


def _noted(path: Path, data: bytes) -> Spacing | None:
    """Return the spacing that the note says, once the file is the one it speaks of; None without a note."""
    note = note_of(path)
    if not note.is_file():
        return None
    try:
        values = json.loads(note.read_text(encoding="utf-8"))
        size, offset = (
            tuple(map(float, values[name])) for name in ("voxel_size_nm_zyx", "offset_nm_zyx")
        )
        known = (int(values["bytes"]), int(values["crc32"]))
        if len(size) != 3 or len(offset) != 3:
            raise ValueError("not three numbers")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise VolumeError(
            f"{note} is damaged ({error}): restore it, or remove it and give --voxel-size"
        ) from error
    if known != (len(data), zlib.crc32(data)):
        raise VolumeError(
            f"{path} is not the file that {note.name} was written with: copy both again, or remove the note if another "
            "program changed the file"
        )
    return Spacing(size, offset)


def _try_in_a_process(path: Path, shape: Zyx) -> None:
    """Decode everything once where nothing is lost if the decoder dies."""
    limit = min(60 + int(np.prod(shape, dtype=object)) / _VOXELS_PER_SECOND, _LONGEST_TRIAL_S)
    command = [sys.executable, "-m", __name__, str(path.absolute())]
    try:
        done = subprocess.run(command, check=False, capture_output=True, timeout=limit)
    except subprocess.TimeoutExpired:
        raise VolumeError(
            f"{path} cannot be decoded in {limit:.0f} s: it is damaged; copy it again"
        ) from None
    if done.returncode:
        words = done.stderr.decode(errors="replace").strip().splitlines()
        raise VolumeError(
            f"{path} cannot be decoded: it is damaged or was not written by {path.suffix[1:]} tools; copy it again",
            details="\n".join(words[-20:]),
        )


def _decode_all(path: Path) -> None:
    codec = _CODEC_OF[path.suffix.lower()]
    data = path.read_bytes()
    header = read_header(data, codec)
    sections = header.shape_zyx[0]
    for start in range(0, sections, header.slab_depth):
        decode_sections(data, codec, start, min(start + header.slab_depth, sections))


if __name__ == "__main__":
    _decode_all(Path(sys.argv[1]))
