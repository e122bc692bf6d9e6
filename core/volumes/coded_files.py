"""Whole label volumes in the files of Crackle (``.ckl``) and Compresso (``.cpso``), which other programs read too.

Their axes are x, y, z, ours the same voxels as z, y, x. Both formats decode any range of sections alone, so a file is
read slab by slab and only its compressed bytes are held whole. They have no place for a voxel size: it lies beside the
file in ``NAME.ckl.json``, with the length and the checksum of the file. Their decoders do not notice every damage, and
some makes them abort the process: a file without that note is decoded once in a process of its own before it is used.
"""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from segmend.core.errors import VolumeError
from segmend.core.geometry import Box, Grid, Zyx
from segmend.core.volumes.base import dimensions
from segmend.core.volumes.label_codecs import MOST_VOXELS, codec_package
from segmend.core.volumes.lazy import READ_ERRORS, ArraySource, Spacing, damaged

Array = NDArray[Any]

_SLAB_SECTIONS = 16
_SLAB_VOXELS = 2**25
_VOXELS_PER_SECOND = 10**7  # decoders are ten times as fast; a slower one hangs


class _Form(NamedTuple):
    """One kind of file: what its header says, some of its sections, and how a volume is written."""

    header: Callable[[bytes], tuple[Zyx, np.dtype[Any]]]
    sections: Callable[[bytes, int, int], Array]
    encode: Callable[[Array], bytes]


def open_coded(path: Path) -> ArraySource:
    """Open a coded label volume; the file is read, its sections are decoded when they are asked for.

    Raises
    ------
    VolumeError
        If the file is damaged, too large to be decoded, or its package is missing.
    """
    form = _FORMS[path.suffix.lower()]
    try:
        data = path.read_bytes()
        shape, dtype = form.header(data)
    except VolumeError:
        raise
    except (*READ_ERRORS, struct.error) as error:
        raise damaged(str(path), error) from error
    except Exception as error:
        if type(error).__name__ not in _HEADER_ERRORS:
            raise
        raise damaged(str(path), error) from error
    if shape[1] * shape[2] > _SLAB_VOXELS * 8 or shape[0] > 8 * len(data):
        raise VolumeError(
            f"{path} claims {dimensions(shape)} voxels (z y x) in {len(data)} bytes: expected sections of at most "
            f"{_SLAB_VOXELS * 8} voxels; copy it again, or store it as .zarr"
        )
    spacing = _noted(path, data)
    if spacing is None and 0 not in shape:
        _try_in_a_process(path, shape)
    return ArraySource(str(path), shape, dtype, _reader(data, form, shape), spacing or Spacing())


def _reader(data: bytes, form: _Form, shape: Zyx) -> Callable[[tuple[slice, ...]], Array]:
    """Return what reads a box through the slabs of sections decoded last."""
    depth = _depth(shape)

    @lru_cache(maxsize=2)
    def slab(start: int) -> Array:
        return form.sections(data, start, min(start + depth, shape[0]))

    def read(index: tuple[slice, ...]) -> Array:
        z0, z1, _ = index[0].indices(shape[0])
        starts = range(z0 - z0 % depth, z1, depth)
        parts = [slab(s)[max(z0 - s, 0) : z1 - s, index[1], index[2]] for s in starts]
        return np.concatenate(parts) if parts else slab(0)[:0, index[1], index[2]]

    return read


def _depth(shape: Zyx) -> int:
    return max(1, min(_SLAB_SECTIONS, _SLAB_VOXELS // max(1, shape[1] * shape[2])))


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
        If the volume is too large for Compresso, of a type without codec, or a dataset is named.
    """
    if dataset is not None:
        raise VolumeError(f"{path.name} holds one array: leave :{dataset} away")
    suffix = path.suffix.lower()
    if dtype.kind != "u" or (
        suffix == ".cpso" and int(np.prod(shape, dtype=np.int64)) > MOST_VOXELS
    ):
        raise VolumeError(
            f"{dimensions(shape)} {dtype} cannot be written as {suffix}: expected unsigned labels, for .cpso at most "
            f"{MOST_VOXELS} voxels; choose .ckl or .zarr"
        )
    form = _FORMS[suffix]
    with tempfile.TemporaryFile(dir=path.parent) as scratch:
        scratch.truncate(int(np.prod(shape, dtype=np.int64)) * dtype.itemsize)
        voxels: Array = np.memmap(scratch, dtype, "r+", shape=shape)

        def write_box(box: Box, given: Array) -> None:
            voxels[box.slices] = given

        yield write_box
        data = form.encode(voxels)
        path.write_bytes(data)
        note_of(path).write_text(_note(data, grid), encoding="utf-8")


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
    limit = 60 + int(np.prod(shape, dtype=np.int64)) / _VOXELS_PER_SECOND
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
    form = _FORMS[path.suffix.lower()]
    data = path.read_bytes()
    shape, _ = form.header(data)
    depth = _depth(shape)
    for start in range(0, shape[0], depth):
        stop = min(start + depth, shape[0])
        if form.sections(data, start, stop).shape != (stop - start, *shape[1:]):
            raise ValueError("sections of another shape")


# Crackle: magic, version, format bits, sizes; the index of sections lies behind it and gives a bound for their number.


def _crackle_header(data: bytes) -> tuple[Zyx, np.dtype[Any]]:
    header = codec_package("crackle").header(data)
    shape = (int(header.sz), int(header.sy), int(header.sx))
    if len(data) < header.header_bytes + header.grid_index_bytes:
        raise ValueError("it ends before its sections")
    return shape, np.dtype(header.dtype)


def _crackle_sections(data: bytes, start: int, stop: int) -> Array:
    decoded: Array = codec_package("crackle").codec.decompress_range(data, start, stop, parallel=1)
    return decoded.T


def _crackle_encode(voxels: Array) -> bytes:
    crackle = codec_package("crackle")
    z, y, x = voxels.shape
    depth = _depth((z, y, x))
    slabs = [
        crackle.compress(np.ascontiguousarray(voxels[z : z + depth]).T, parallel=1)
        for z in range(0, len(voxels), depth)
    ]
    return bytes(crackle.zstack(slabs))


def _compresso_header(data: bytes) -> tuple[Zyx, np.dtype[Any]]:
    header = codec_package("compresso").header(data[:36])
    shape = (int(header["sz"]), int(header["sy"]), int(header["sx"]))
    return shape, np.dtype(f"u{int(header['data_width'])}")


def _compresso_sections(data: bytes, start: int, stop: int) -> Array:
    compresso = codec_package("compresso")
    if compresso.header(data[:36])["format_version"] == 0:  # without an index of sections
        decoded: Array = compresso.decompress(data)[..., start:stop]
    else:
        decoded = compresso.decompress(data, z=(start, stop))
    return decoded.T


def _compresso_encode(voxels: Array) -> bytes:
    return bytes(codec_package("compresso").compress(np.array(voxels).T))


_FORMS = {
    ".ckl": _Form(_crackle_header, _crackle_sections, _crackle_encode),
    ".cpso": _Form(_compresso_header, _compresso_sections, _compresso_encode),
}
_HEADER_ERRORS = ("FormatError", "DecodeError")  # of the packages, which are imported late

CODED = frozenset(_FORMS)
"""How the names of such files end."""


if __name__ == "__main__":
    _decode_all(Path(sys.argv[1]))
