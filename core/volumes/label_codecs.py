"""Labels as compressed bytes: codecs made for segmentations, which store borders and one id per region.

Crackle (Silversmith 2022) follows the borders of each section as a chain of turns, Compresso (Matejek et al. 2017)
stores them as windows of bits. Neither notices every damage (a shortened Crackle stream decodes to wrong labels), so a
block starts with its own header: what it holds, how long it is and a checksum. Sizes are checked before anything is
allocated.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from segmend.core.errors import InputError, VolumeError

Array = NDArray[Any]

DEFAULT = "crackle"
"""The smaller and faster of the two on real segmentations: 84 to 166 times smaller than uint32 in large blocks
(Compresso 30 to 53, under zstd 59 to 110), decoded up to twice as fast. Zstd alone, as our Zarr has it, is 2.5 to 3
times larger and decodes up to three times as fast; ``segmend bench codecs``."""
MOST_VOXELS = 2**31

_MAGIC = b"SGLB"
_HEADER = struct.Struct(
    "<4sBBBx3QQI"
)  # magic, version, codec, bytes per voxel, shape, payload, its checksum
_VERSION = 1


class LabelCodec(NamedTuple):
    """One way to store labels.

    Parameters
    ----------
    number : int
        In the header of a block; never reused.
    encode : callable
        (z, y, x) C-contiguous unsigned integers to bytes.
    decode : callable
        Bytes to such an array.
    shape_zyx : callable
        Bytes to the shape that `decode` would allocate.
    """

    number: int
    encode: Callable[[Array], bytes]
    decode: Callable[[bytes], Array]
    shape_zyx: Callable[[bytes], tuple[int, int, int]]


def encode_labels(labels: Array, codec: str = DEFAULT) -> bytes:
    """Compress labels without loss.

    Parameters
    ----------
    labels : (z, y, x) unsigned integer array
    codec : str
        A name in `CODECS`.

    Raises
    ------
    InputError
        If the labels are not such an array, the codec is not known or its package is missing.
    """
    if labels.ndim != 3 or labels.dtype.kind != "u" or labels.size > MOST_VOXELS:
        raise InputError(
            f"labels have shape {labels.shape} and type {labels.dtype}: expected (z, y, x) unsigned integers, at most "
            f"{MOST_VOXELS} of them"
        )
    chosen = _codec(codec)
    dense = np.ascontiguousarray(labels, dtype=labels.dtype.newbyteorder("="))
    payload = chosen.encode(dense) if dense.size else b""
    return (
        _HEADER.pack(
            _MAGIC, _VERSION, chosen.number, dense.itemsize, *dense.shape, len(payload), zlib.crc32(payload)
        )
        + payload
    )  # fmt: skip


def decode_labels(data: bytes, *, most_voxels: int = MOST_VOXELS) -> Array:
    """Return the labels of a block written by `encode_labels`.

    Parameters
    ----------
    data : bytes
    most_voxels : int
        More than this are refused before anything is allocated.

    Returns
    -------
    (z, y, x) C-contiguous unsigned integer array

    Raises
    ------
    VolumeError
        If the block is damaged, of another version or too large, or its codec's package is missing.
    """
    chosen, itemsize, shape, payload = _checked(data, most_voxels)
    dtype = np.dtype(f"u{itemsize}")
    if 0 in shape:
        return np.zeros(shape, dtype)
    try:
        if chosen.shape_zyx(payload) != shape:
            raise _damaged("its stream has another shape than its header")
        labels = chosen.decode(payload)
    except (RuntimeError, ValueError, KeyError, struct.error) as problem:
        if isinstance(problem, VolumeError):
            raise
        raise _damaged(str(problem).splitlines()[0] if str(problem) else "unreadable") from None
    if labels.shape != shape or labels.dtype != dtype:
        raise _damaged(f"it decodes to {labels.shape} {labels.dtype}")
    return np.ascontiguousarray(labels)


def _checked(data: bytes, most_voxels: int) -> tuple[LabelCodec, int, tuple[int, ...], bytes]:
    if len(data) < _HEADER.size or data[:4] != _MAGIC:
        raise _damaged("it does not start as one")
    _, version, number, itemsize, *shape, length, checksum = _HEADER.unpack_from(data)
    if version != _VERSION:
        raise VolumeError(
            f"compressed labels are of version {version}, expected {_VERSION}: a newer Segmend wrote them; update"
        )
    names = {codec.number: name for name, codec in CODECS.items()}
    payload = data[_HEADER.size :]
    if number not in names or itemsize not in (1, 2, 4, 8) or len(payload) != length:
        raise _damaged("its header does not fit its content")
    if zlib.crc32(payload) != checksum:
        raise _damaged("its checksum is wrong")
    z, y, x = shape
    if z * y * x > min(most_voxels, MOST_VOXELS):
        raise VolumeError(
            f"compressed labels hold {z} {y} {x} voxels (z y x): expected at most {most_voxels} in all"
        )
    return CODECS[names[number]], itemsize, (z, y, x), payload


def _damaged(why: str) -> VolumeError:
    return VolumeError(
        f"a block of compressed labels is damaged ({why}): restore it or compute it again"
    )


def _codec(name: str) -> LabelCodec:
    if name not in CODECS:
        raise InputError(f"no label codec is called {name!r}: expected one of {', '.join(CODECS)}")
    return CODECS[name]


def codec_package(module: str) -> Any:
    """Import the package of a codec, which is compiled and needed only where such labels are.

    Raises
    ------
    VolumeError
        If it is not installed.
    """
    try:
        return import_module(module)
    except ImportError:
        raise VolumeError(
            f"labels are stored with {module}: install the package {_PACKAGES[module]}"
        ) from None


_PACKAGES = {"crackle": "crackle-codec", "compresso": "compresso"}


# Both codecs take (x, y, z) arrays in Fortran order: the transposed view of ours, without a copy.


def _crackle_encode(labels: Array) -> bytes:
    return bytes(codec_package("crackle").compress(labels.T, parallel=1))


def _crackle_decode(payload: bytes) -> Array:
    decoded: Array = codec_package("crackle").decompress(payload, parallel=1)
    return decoded.T


def _crackle_shape(payload: bytes) -> tuple[int, int, int]:
    header = codec_package("crackle").header(payload)
    return int(header.sz), int(header.sy), int(header.sx)


def _compresso_encode(labels: Array) -> bytes:
    return bytes(codec_package("compresso").compress(labels.T))


def _compresso_decode(payload: bytes) -> Array:
    decoded: Array = codec_package("compresso").decompress(payload)
    return decoded.T


def _compresso_shape(payload: bytes) -> tuple[int, int, int]:
    header = codec_package("compresso").header(payload)
    return int(header["sz"]), int(header["sy"]), int(header["sx"])


CODECS: dict[str, LabelCodec] = {
    "crackle": LabelCodec(1, _crackle_encode, _crackle_decode, _crackle_shape),
    "compresso": LabelCodec(2, _compresso_encode, _compresso_decode, _compresso_shape),
}
