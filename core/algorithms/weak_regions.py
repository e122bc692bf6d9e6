"""Joining weak regions across their best contacts, as far as that is certain.

Every region has a weight: its number of seeds (threshold 1), or of voxels (threshold: the least size wanted). It is
weak below the threshold. Contacts are taken from the strongest to the weakest, and one joins two regions if one of them
is weak: size-dependent single linkage of Zlateski & Seung 2015 (arXiv 1505.00249), and with seeds the maximum spanning
forest of Cousty et al. 2009. Where no two contacts are equal the result is unique.

In a block of a volume, regions that reach its border may have contacts and voxels that nobody here knows: they are
*open*. As in Lu, Zlateski & Seung 2021 (arXiv 2106.10795), what cannot be changed by anything outside is done in the
block, and the rest is handed on. A strong region stays strong whatever is added, so

* a contact between two strong regions never joins, and is dropped;
* a weak region that is wholly known joins a region that is strong or wholly known across its best contact;
* every other contact is kept: an open region that is weak here may be strong in truth, and its time is not known. But
  either it joins, or both sides are strong, so both have at least the weight of the two together from then on, and
  further contacts between them change nothing.

What a strong region takes up adds nothing to its weight: the order of the kept contacts is still that of the whole, and
a region must not be strong in it before it is in truth.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.algorithms.basins import find_root
from segmend.core.algorithms.strongest_faces import Passes, falling

Array = NDArray[Any]


class Joined(NamedTuple):
    """What became of regions.

    Parameters
    ----------
    root : (n,) uint32
        The region each one went into: the smallest of its members.
    weight : (n,) int64
        Of each root, as far as it counts for what is still to be decided.
    kept : Passes
        Contacts whose fate is not known, in falling order; their pairs are roots.
    """

    root: Array
    weight: Array
    kept: Passes


def join_weak(
    passes: Passes, weight: Array, threshold: int, open_regions: Array | None = None
) -> Joined:
    """Join weak regions as far as it is certain.

    Parameters
    ----------
    passes : Passes
        The contacts that may join, each pair once or several times.
    weight : (n,) integer array
        0 or more per region.
    threshold : int
        Regions below it are weak.
    open_regions : (n,) bool, optional
        Those that may have other contacts and more weight elsewhere; none by default, and then nothing is kept.
    """
    ordered = falling(passes)
    root = np.arange(len(weight)).astype(np.uint32)
    total = weight.astype(np.int64)
    if open_regions is None:
        _join(ordered.pairs, root, total, threshold)
        return Joined(root, total, Passes(*(array[:0] for array in ordered)))
    kept = np.zeros(len(ordered.face), np.bool_)
    _join_known(ordered.pairs, root, total, threshold, open_regions.copy(), kept)
    pairs = root[ordered.pairs[kept]]
    return Joined(root, total, Passes(pairs, ordered.strength[kept], ordered.face[kept]))


@njit(cache=True, nogil=True)
def _join(pairs: Array, parent: Array, weight: Array, threshold: int) -> None:
    """Join along `pairs` in order where one side is weak; `parent` becomes the root of each."""
    for k in range(len(pairs)):
        a = find_root(parent, np.int64(pairs[k, 0]))
        b = find_root(parent, np.int64(pairs[k, 1]))
        if a != b and min(weight[a], weight[b]) < threshold:
            low, high = min(a, b), max(a, b)
            parent[high] = low
            weight[low] += weight[high]
    for i in range(len(parent)):
        parent[i] = find_root(parent, i)


@njit(cache=True, nogil=True)
def _join_known(
    pairs: Array, parent: Array, weight: Array, threshold: int, unsure: Array, kept: Array
) -> None:
    """Do as `_join` where it is certain; mark the others.

    `group` joins regions that are one, or strong both, from here on; `least` is the weight they have at least.
    """
    group = parent.copy()
    least = weight.copy()
    for k in range(len(pairs)):
        u, v = np.int64(pairs[k, 0]), np.int64(pairs[k, 1])
        a, b = find_root(group, u), find_root(group, v)
        if a == b or min(least[a], least[b]) >= threshold:
            continue
        if least[a] >= threshold or (unsure[a] and least[b] < threshold and not unsure[b]):
            a, b, u, v = b, a, v, u
        strong = least[b] >= threshold
        if not unsure[a] and (strong or not unsure[b] or least[a] == 0):
            small, large = find_root(parent, u), find_root(parent, v)
            low, high = min(small, large), max(small, large)
            joint = weight[large] + (0 if strong else weight[small])
            parent[high] = low
            weight[low] = joint
        else:
            kept[k] = True
        low, high = min(a, b), max(a, b)
        group[high] = low
        least[low] += least[high]
        unsure[low] |= unsure[high]
    for i in range(len(parent)):
        parent[i] = find_root(parent, i)
