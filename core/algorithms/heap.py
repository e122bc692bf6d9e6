"""A binary heap in two flat arrays, for kernels: the highest score first, of equal scores the smaller item.

The caller keeps the number of entries and allocates the arrays.
"""

from __future__ import annotations

from typing import Any

from numba import njit
from numpy.typing import NDArray

Array = NDArray[Any]


@njit(cache=True, nogil=True, inline="always")
def _before(score_a: Any, item_a: Any, score_b: Any, item_b: Any) -> Any:
    return score_a > score_b or (score_a == score_b and item_a < item_b)


@njit(cache=True, nogil=True)
def push(scores: Array, items: Array, size: int, score: Any, item: Any) -> None:
    """Add an entry to a heap of `size` entries; it then has one more."""
    i = size
    while i > 0:
        up = (i - 1) >> 1
        if not _before(score, item, scores[up], items[up]):
            break
        scores[i], items[i] = scores[up], items[up]
        i = up
    scores[i], items[i] = score, item


@njit(cache=True, nogil=True)
def pop(scores: Array, items: Array, size: int) -> None:
    """Remove the first entry (read it before) from a heap of `size` entries; it then has one less."""
    size -= 1
    score, item = scores[size], items[size]
    i = 0
    while True:
        child = 2 * i + 1
        if child >= size:
            break
        if child + 1 < size and _before(
            scores[child + 1], items[child + 1], scores[child], items[child]
        ):
            child += 1
        if not _before(scores[child], items[child], score, item):
            break
        scores[i], items[i] = scores[child], items[child]
        i = child
    scores[i], items[i] = score, item
