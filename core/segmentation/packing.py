"""Bytes, small label arrays and masks as compressed text, for journal rows.

Sizes are checked before anything is allocated.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.errors import InputError

MOST_VOXELS = 2**27
"""Voxels of the box of one patch or mask (512^3); checking one takes about 2 GB."""


def pack_bytes(raw: bytes, level: int) -> str:
    """Return bytes as text, compressed at a level of zlib."""
    return base64.b64encode(zlib.compress(raw, level)).decode("ascii")


def unpack_bytes(text: str, length: int, what: str) -> bytes:
    """Return the bytes in a text; at most one more than `length`, so that more are seen and not allocated.

    Raises
    ------
    InputError
        If they cannot be unpacked; the message begins with `what`.
    """
    try:
        reader = zlib.decompressobj()
        return reader.decompress(base64.b64decode(text, validate=True), length + 1)
    except (binascii.Error, zlib.error, ValueError):
        raise InputError(f"{what} cannot be unpacked") from None


def pack(array: NDArray[np.uint8]) -> str:
    """Return a uint8 array as text; `unpack` needs its length."""
    return pack_bytes(np.ascontiguousarray(array).tobytes(), 3)


def unpack(text: Any, length: int) -> NDArray[np.uint8]:
    """Return the flat uint8 array of `length` items.

    Raises
    ------
    InputError
        If the text is damaged or holds another number of items.
    """
    if not isinstance(text, str) or not 0 < length <= MOST_VOXELS:
        raise InputError(f"voxels of an edit are damaged: expected text for {length} items")
    raw = unpack_bytes(text, length, "voxels of an edit are damaged: they")
    if len(raw) != length:
        raise InputError(f"voxels of an edit are damaged: expected {length}, found {len(raw)}")
    return np.frombuffer(raw, np.uint8)
