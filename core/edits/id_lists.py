"""Lists of ids as compressed text, for journal rows; the length is checked before anything is allocated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from segmend.core.errors import InputError
from segmend.core.segmentation.packing import pack_bytes, unpack_bytes


def pack_ids(ids: Sequence[int]) -> str:
    """Return ids as text: sorted, differences, zlib, base64."""
    steps = np.diff(np.sort(np.asarray(ids, np.int64)), prepend=0).astype("<u4")
    return f"{len(ids)}:{pack_bytes(steps.tobytes(), 6)}"


def unpack_ids(text: Any, most: int) -> tuple[int, ...]:
    """Return the ids of `pack_ids`, sorted.

    Parameters
    ----------
    text : object
        From outside.
    most : int
        More ids than this cannot be meant.

    Raises
    ------
    InputError
        If the text is damaged, or names an id twice or one that is not an id.
    """
    count, _, packed = text.partition(":") if isinstance(text, str) else ("", "", "")
    short = count.isascii() and count.isdigit() and len(count) < 11
    if not short or not 0 < int(count) <= most:
        raise InputError(f"an id list is damaged: expected COUNT:DATA with a count up to {most}")
    raw = unpack_bytes(packed, 4 * int(count), "an id list is damaged: its data")
    if len(raw) != 4 * int(count):
        raise InputError(f"an id list is damaged: expected {count} ids, found {len(raw) / 4:g}")
    steps = np.frombuffer(raw, "<u4")
    ids = np.cumsum(steps, dtype=np.int64)
    if not steps.all() or ids[-1] >= 2**32:
        raise InputError("an id list is damaged: an id is there twice, or is not one")
    return tuple(ids.tolist())
