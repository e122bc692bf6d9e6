"""Stable order of many 32-bit keys."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[Any]

_BITS = 11
_DIGITS = 1 << _BITS


@njit(cache=True, nogil=True)
def falling_order(keys: Array) -> Array:
    """Return the places of keys from the largest to the smallest; equal keys keep their order.

    A radix sort from the lowest digit, eleven bits at a time: three passes, whatever the keys are.

    Parameters
    ----------
    keys : (n,) uint32, n < 2^32

    Returns
    -------
    (n,) uint32
    """
    order = np.arange(len(keys)).astype(np.uint32)
    other = np.empty_like(order)
    for shift in range(0, 32, _BITS):
        start = np.zeros(_DIGITS + 1, np.int64)
        for i in range(len(keys)):
            start[_DIGITS - 1 - ((keys[i] >> np.uint32(shift)) & np.uint32(_DIGITS - 1)) + 1] += 1
        if start.max() == len(keys):
            continue  # all have the same digit here
        for d in range(_DIGITS):
            start[d + 1] += start[d]
        for i in range(len(keys)):
            d = _DIGITS - 1 - ((keys[order[i]] >> np.uint32(shift)) & np.uint32(_DIGITS - 1))
            other[start[d]] = order[i]
            start[d] += 1
        order, other = other, order
    return order
