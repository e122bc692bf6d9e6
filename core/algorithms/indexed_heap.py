"""A binary heap of the numbers 0..k-1 by a score that may change, for kernels: the highest score first.

Of equal scores the smaller number comes first. Every number is there at most once, so the heap never grows; a change
moves it up or down. A heap is (score, items, place, size): score (k,) float64 of each number, items (k,) int32 in heap
order, place (k,) int32 of each number in it or -1, size (1,) int64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[Any]
Heap = tuple[Array, Array, Array, Array]


def new_heap(score: Array) -> Heap:
    """Return a heap of all numbers with their scores, (k,) float64, which it owns from now on."""
    order = np.lexsort((np.arange(len(score)), -score)).astype(np.int32)
    place = np.empty(len(score), np.int32)
    place[order] = np.arange(len(score), dtype=np.int32)
    return score, order, place, np.array([len(score)], np.int64)


@njit(cache=True, nogil=True)
def rescore(item: Any, score: Any, heap: Heap) -> None:
    """Change the score of a number that is in the heap."""
    heap[0][item] = score
    _rise(heap[2][item], heap)
    _sink(heap[2][item], heap)


@njit(cache=True, nogil=True)
def remove(item: Any, heap: Heap) -> None:
    """Take a number out of the heap, if it is there."""
    _, items, place, size = heap
    hole = place[item]
    if hole < 0:
        return
    size[0] -= 1
    place[item] = -1
    moved = items[size[0]]
    if moved != item:
        items[hole] = moved
        place[moved] = hole
        _rise(hole, heap)
        _sink(place[moved], heap)


@njit(cache=True, nogil=True, inline="always")
def _before(a: Any, b: Any, score: Array) -> Any:
    return score[a] > score[b] or (score[a] == score[b] and a < b)


@njit(cache=True, nogil=True)
def _rise(i: Any, heap: Heap) -> None:
    score, items, place, _ = heap
    item = items[i]
    while i > 0:
        up = (i - 1) >> 1
        if not _before(item, items[up], score):
            break
        items[i] = items[up]
        place[items[i]] = i
        i = up
    items[i] = item
    place[item] = i


@njit(cache=True, nogil=True)
def _sink(i: Any, heap: Heap) -> None:
    score, items, place, size = heap
    item = items[i]
    while True:
        child = 2 * i + 1
        if child >= size[0]:
            break
        if child + 1 < size[0] and _before(items[child + 1], items[child], score):
            child += 1
        if not _before(items[child], item, score):
            break
        items[i] = items[child]
        place[items[i]] = i
        i = child
    items[i] = item
    place[item] = i
