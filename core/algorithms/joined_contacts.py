"""Regions that merge, and contacts that are joined when they do: the sums, the table of pairs, the half edges.

For kernels that merge in the order of scores, that is all over memory. So whatever a merge will read is asked for some
steps before. A contact e has two half edges, 2 e and 2 e + 1, one at each end. Those of a supervoxel lie side by side,
and those of a region in the stretches of its supervoxels, so that handing them over copies none.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.algorithms.edge_table import pair_key, slot_of
from segmend.core.algorithms.pair_index import mixed
from segmend.core.algorithms.prefetch import prefetch

Array = NDArray[Any]

_AHEAD = 16
"""Contacts between asking for a place in memory and reading it."""

TOTAL, QUEUED = 0, 2
"""Columns of a contact as float64: sum of its affinities in steps of 1/255; the score under which it waits."""
AREA, TIE = 2, 3
"""Columns of a contact as int32: faces (0: merged, or joined with another contact); its smallest row of `edges`."""
_LOW, _COUNT, _NEXT, _LAST, _DEGREE = range(5)
"""Columns of a region: where its own stretch of half edges begins and how many are left there; the next stretch and
the last one of the regions it took in, -1 for none; half edges of all of them."""


@njit(cache=True, nogil=True)
def lay_out(ends: Array, regions: Array, halves: Array) -> None:
    """Give every region a stretch of the half edges 2 e and 2 e + 1 of its contacts e."""
    for e in range(len(ends)):
        regions[ends[e, 0], _DEGREE] += 1
        regions[ends[e, 1], _DEGREE] += 1
    low = 0
    for region in range(len(regions)):
        regions[region, _LOW], regions[region, _NEXT], regions[region, _LAST] = low, -1, region
        low += regions[region, _DEGREE]
    for half in range(len(halves)):
        end = ends[half >> 1, half & 1]
        halves[regions[end, _LOW] + regions[end, _COUNT]] = half
        regions[end, _COUNT] += 1


@njit(cache=True, nogil=True, inline="always")
def _home(a: Any, b: Any, keys: Array) -> Any:
    """Return where the search for a pair begins."""
    return np.int64(mixed(pair_key(a, b)) & np.uint64(len(keys) - 1))


@njit(cache=True, nogil=True)
def entered(whole: Array, ends: Array, keys: Array) -> int:
    """Enter anew the contacts that are left; return their number."""
    keys[:] = -1
    left = 0
    for e in range(len(ends)):
        ahead = min(e + _AHEAD, len(ends) - 1)
        prefetch(keys, _home(ends[ahead, 0], ends[ahead, 1], keys))
        if whole[e, AREA] > 0:
            slot = slot_of(pair_key(ends[e, 0], ends[e, 1]), keys)
            keys[slot, 0], keys[slot, 1] = pair_key(ends[e, 0], ends[e, 1]), e
            left += 1
    return left


@njit(cache=True, nogil=True)
def announce(heap_item: Array, size: int, ends: Array, regions: Array, halves: Array) -> None:
    """Ask for the regions of the contacts in the heap, and for the half edges that would be handed over."""
    for k in range(size):
        e = heap_item[k] & 0xFFFFFFFF
        prefetch(regions, np.int64(ends[e, 0]))
        prefetch(regions, np.int64(ends[e, 1]))
    for k in range(size):
        e = heap_item[k] & 0xFFFFFFFF
        u, v = np.int64(ends[e, 0]), np.int64(ends[e, 1])
        fewer = u if regions[u, _DEGREE] < regions[v, _DEGREE] else v
        prefetch(halves, np.int64(regions[fewer, _LOW]))


@njit(cache=True, nogil=True)
def merge_ends(
    e: Any, rows: Array, whole: Array, ends: Array, keys: Array, regions: Array, halves: Array, used: Array
) -> None:  # fmt: skip
    """Merge the two regions of a contact; the one with fewer half edges hands them over, stretch by stretch."""
    keeper, gone = np.int64(ends[e, 0]), np.int64(ends[e, 1])
    if regions[keeper, _DEGREE] < regions[gone, _DEGREE]:
        keeper, gone = gone, keeper
    if 4 * (used[0] + regions[gone, _DEGREE]) > 3 * len(keys):
        used[0] = entered(whole, ends, keys)
    _ask_for(keeper, gone, rows, ends, keys, regions, halves)
    node, before = gone, np.int64(regions[keeper, _LAST])
    while node >= 0:
        onward = np.int64(regions[node, _NEXT])
        low, high = (
            np.int64(regions[node, _LOW]),
            np.int64(regions[node, _LOW] + regions[node, _COUNT]),
        )
        left = _hand_over(keeper, low, high, halves, rows, whole, ends, keys, used)
        regions[node, _COUNT] = left
        if left > 0:
            regions[before, _NEXT] = node
            regions[keeper, _DEGREE] += left
            before = node
        node = onward
    regions[before, _NEXT], regions[keeper, _LAST] = -1, before


@njit(cache=True, nogil=True)
def _ask_for(
    keeper: Any, gone: Any, rows: Array, ends: Array, keys: Array, regions: Array, halves: Array
) -> None:  # fmt: skip
    """Ask for all that handing over will read, step by step: each step's places are known from the one before."""
    node = np.int64(gone)
    while node >= 0:
        prefetch(halves, np.int64(regions[node, _LOW]))
        node = np.int64(regions[node, _NEXT])
    node = np.int64(gone)
    while node >= 0:
        for k in range(regions[node, _LOW], regions[node, _LOW] + regions[node, _COUNT]):
            prefetch(rows, np.int64(halves[k] >> 1))
        node = np.int64(regions[node, _NEXT])
    node = np.int64(gone)
    while node >= 0:
        for k in range(regions[node, _LOW], regions[node, _LOW] + regions[node, _COUNT]):
            e, side = np.int64(halves[k] >> 1), np.int64(halves[k] & 1)
            prefetch(keys, _home(keeper, ends[e, 1 - side], keys))
        node = np.int64(regions[node, _NEXT])


@njit(cache=True, nogil=True)
def _hand_over(
    keeper: Any, low: Any, high: Any, halves: Array, rows: Array, whole: Array, ends: Array, keys: Array, used: Array
) -> Any:  # fmt: skip
    """Give a stretch of half edges to `keeper`; of two contacts with a neighbour the one queued higher survives.

    The keys of the former owner stay in the table: nobody asks for them again. Return how many half edges are left.
    """
    kept = low
    for k in range(low, high):
        half = np.int64(halves[k])
        e, side = half >> 1, half & 1
        other = np.int64(ends[e, 1 - side])
        if whole[e, AREA] == 0 or other == keeper:
            whole[e, AREA] = 0
            continue
        slot = slot_of(pair_key(keeper, other), keys)
        rival = keys[slot, 1]
        if keys[slot, 0] == -1:
            keys[slot, 0], keys[slot, 1] = pair_key(keeper, other), e
            used[0] += 1
        elif _outranks(rival, e, rows, whole):
            _add_to(rival, e, rows, whole)
            continue
        else:
            _add_to(e, rival, rows, whole)
            keys[slot, 1] = e
        ends[e, side] = keeper
        halves[kept] = half
        kept += 1
    return kept - low


@njit(cache=True, nogil=True, inline="always")
def _outranks(a: Any, b: Any, rows: Array, whole: Array) -> Any:
    above, below = rows[a, QUEUED], rows[b, QUEUED]
    return above > below or (above == below and whole[a, TIE] < whole[b, TIE])


@njit(cache=True, nogil=True, inline="always")
def _add_to(stays: Any, goes: Any, rows: Array, whole: Array) -> None:
    rows[stays, TOTAL] += rows[goes, TOTAL]
    whole[stays, AREA] += whole[goes, AREA]
    whole[stays, TIE] = min(whole[stays, TIE], whole[goes, TIE])
    whole[goes, AREA] = 0
