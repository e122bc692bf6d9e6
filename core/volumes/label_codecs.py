"""Labels as compressed bytes: codecs made for segmentations, which store borders and one id per region.

Crackle (Silversmith 2022) follows the borders of each section as a chain of turns, Compresso (Matejek et al. 2017)
stores them as windows of bits. On real segmentations Crackle is the smaller one, 84 to 166 times smaller than uint32
in large blocks (Compresso 30 to 53, under zstd 59 to 110), and mostly decodes faster, up to twice. Zstd alone, as our
Zarr has it, is 2.5 to 3 times larger than Crackle and decodes whole chunks two to three times as fast, but cannot
decode one section of a chunk alone, as both of them can (``segmend bench codecs``).

Streams are those of the packages, so that other programs read them; their axes are x, y, z, ours the same voxels as
z, y, x. Sizes are checked before anything is decoded. Neither decoder notices every damage: keep a checksum beside a
stream (`segmend.core.volumes.coded_files` does).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from segmend.core.errors import InputError, VolumeError
from segmend.core.geometry import Zyx
from segmend.core.volumes.base import dimensions
from segmend.core.volumes.lazy import READ_ERRORS, damaged

Array = NDArray[Any]

MOST_VOXELS = 2**31
"""Of a volume that is encoded or decoded at once."""
_MOST_IN_SECTION = 2**28
_MOST_WITHOUT_INDEX = 2**28
_SLAB_SECTIONS = 16
_SLAB_VOXELS = 2**25


class StreamHeader(NamedTuple):
    """What a stream says of itself; without an index of its sections it is decoded whole."""

    shape_zyx: Zyx
    dtype: np.dtype[Any]
    indexed: bool = True

    @property
    def slab_depth(self) -> int:
        """Sections that are best decoded together."""
        return slab_depth(self.shape_zyx) if self.indexed else max(1, self.shape_zyx[0])


class LabelCodec(NamedTuple):
    """One way to store labels.

    Parameters
    ----------
    suffix : str
        How the names of its files end.
    header : callable
        Bytes to a header; raises whatever the package raises.
    sections : callable
        Bytes, start and stop to these sections, (z, y, x).
    encode : callable
        (z, y, x) unsigned integers to bytes.
    """

    suffix: str
    header: Callable[[bytes], StreamHeader]
    sections: Callable[[bytes, int, int], Array]
    encode: Callable[[Array], bytes]


def encode_labels(labels: Array, codec: str) -> bytes:
    """Compress labels without loss.

    Parameters
    ----------
    labels : (z, y, x) unsigned integer array
        May be mapped from a file: Crackle reads it slab by slab, Compresso whole.
    codec : str
        A name in `CODECS`.

    Raises
    ------
    InputError
        If the labels are not such an array, too many for the codec, or the codec is not known.
    VolumeError
        If its package is missing.
    """
    check_encodable(labels.shape, labels.dtype, codec)
    return _known(codec).encode(labels)


def check_encodable(shape: tuple[int, ...], dtype: np.dtype[Any], codec: str) -> None:
    """Refuse what a codec cannot take; raises `InputError` as `encode_labels` does."""
    most = 2**62 if _known(codec).suffix == ".ckl" else MOST_VOXELS
    fits = len(shape) == 3 and 0 not in shape and dtype.kind == "u"
    if not fits or int(np.prod(shape, dtype=object)) > most:
        raise InputError(
            f"labels of {dimensions(shape)} {dtype} cannot be stored with {codec}: expected unsigned integers, z y x, "
            f"not empty and for compresso at most {MOST_VOXELS}"
        )


def read_header(data: bytes, codec: str, source: str = "a stream of labels") -> StreamHeader:
    """Return what a stream holds, once that can be.

    Parameters
    ----------
    data : bytes
    codec : str
        A name in `CODECS`.
    source : str
        What messages call it.

    Raises
    ------
    VolumeError
        If it is no such stream, or claims more than so many bytes can hold.
    """
    with _damage(source):
        header = _known(codec).header(data)
    z, y, x = header.shape_zyx
    if y * x > _MOST_IN_SECTION or z > 8 * len(data):
        raise VolumeError(
            f"{source} claims {dimensions(header.shape_zyx)} voxels (z y x) in {len(data)} bytes: expected sections of "
            f"at most {_MOST_IN_SECTION} voxels; copy it again, or store it as .zarr"
        )
    if not header.indexed and z * y * x > _MOST_WITHOUT_INDEX:
        raise VolumeError(
            f"{source} has {dimensions(header.shape_zyx)} voxels (z y x) and no index of its sections: without one at "
            f"most {_MOST_WITHOUT_INDEX} voxels are decoded; write it again with random_access_z_index, or as .zarr"
        )
    return header


def decode_sections(
    data: bytes, codec: str, start: int, stop: int, source: str = "a stream of labels"
) -> Array:
    """Decode some sections of a stream whose header was read.

    Returns
    -------
    (stop - start, y, x) unsigned integer array

    Raises
    ------
    VolumeError
        If the stream is damaged where that is noticed, or too much is asked for at once.
    """
    shape, dtype, _ = read_header(data, codec, source)
    if not 0 <= start <= stop <= shape[0] or (stop - start) * shape[1] * shape[2] > MOST_VOXELS:
        raise VolumeError(
            f"{source} has {dimensions(shape)} voxels (z y x): sections {start} to {stop} cannot be decoded at once, "
            f"expected sections inside it with {MOST_VOXELS} voxels at most"
        )
    if start == stop:
        return np.zeros((0, *shape[1:]), dtype)
    with _damage(source):
        labels = _known(codec).sections(data, start, stop)
        if labels.shape != (stop - start, *shape[1:]) or labels.dtype != dtype:
            raise ValueError(f"it decodes to {labels.shape} {labels.dtype}")
    return labels


def slab_depth(shape_zyx: Zyx) -> int:
    """Return how many sections of a volume are best encoded or decoded together."""
    return max(1, min(_SLAB_SECTIONS, _SLAB_VOXELS // max(1, shape_zyx[1] * shape_zyx[2])))


@contextmanager
def _damage(source: str) -> Iterator[None]:
    """Turn what the packages raise into one error."""
    try:
        yield
    except VolumeError:
        raise
    except (*READ_ERRORS, struct.error) as error:
        raise damaged(source, error) from error
    except Exception as error:
        if type(error).__name__ not in _THEIR_ERRORS:
            raise
        raise damaged(source, error) from error


_THEIR_ERRORS = ("FormatError", "DecodeError")  # of the packages, which are imported late


def _known(name: str) -> LabelCodec:
    if name not in CODECS:
        raise InputError(f"no label codec is called {name!r}: expected one of {', '.join(CODECS)}")
    return CODECS[name]


def _package(module: str) -> Any:
    try:
        return import_module(module)  # compiled, and needed only where such labels are
    except ImportError:
        raise VolumeError(
            f"labels are stored with {module}: install the package {_PACKAGES[module]}"
        ) from None


_PACKAGES = {"crackle": "crackle-codec", "compresso": "compresso"}


def _crackle_header(data: bytes) -> StreamHeader:
    header = _package("crackle").header(data)
    if len(data) < header.header_bytes + header.grid_index_bytes:
        raise ValueError("it ends before its sections")
    return StreamHeader((int(header.sz), int(header.sy), int(header.sx)), np.dtype(header.dtype))


def _crackle_sections(data: bytes, start: int, stop: int) -> Array:
    decoded: Array = _package("crackle").codec.decompress_range(data, start, stop, parallel=1)
    return decoded.T


def _crackle_encode(labels: Array) -> bytes:
    crackle = _package("crackle")
    z, y, x = labels.shape
    depth = slab_depth((z, y, x))
    slabs = [
        crackle.compress(_native(labels[start : start + depth]).T, parallel=1)
        for start in range(0, z, depth)
    ]
    return bytes(crackle.zstack(slabs))


def _compresso_header(data: bytes) -> StreamHeader:
    header = _package("compresso").header(data[:36])
    shape = (int(header["sz"]), int(header["sy"]), int(header["sx"]))
    dtype = np.dtype(f"u{int(header['data_width'])}")
    return StreamHeader(shape, dtype, indexed=header["format_version"] != 0)


def _compresso_sections(data: bytes, start: int, stop: int) -> Array:
    compresso = _package("compresso")
    if not _compresso_header(data).indexed:
        decoded: Array = compresso.decompress(data)[..., start:stop]
    else:
        decoded = compresso.decompress(data, z=(start, stop))
    return decoded.T


def _compresso_encode(labels: Array) -> bytes:
    return bytes(_package("compresso").compress(_native(labels).T))


def _native(labels: Array) -> Array:
    return np.ascontiguousarray(labels, dtype=labels.dtype.newbyteorder("="))


CODECS: dict[str, LabelCodec] = {
    "crackle": LabelCodec(".ckl", _crackle_header, _crackle_sections, _crackle_encode),
    "compresso": LabelCodec(".cpso", _compresso_header, _compresso_sections, _compresso_encode),
}
