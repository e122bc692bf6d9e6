"""The region graph and the table of supervoxels of a volume, added up from its blocks (`graph_parts`) in any order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.algorithms.graph_parts import CONTACT

Array = NDArray[Any]


def distinct_pairs(parts: Iterable[Array]) -> Array:
    """Return all pairs of several blocks once, sorted, (E,) uint64."""
    keys = [np.ascontiguousarray(part["pair"]) for part in parts]
    return np.unique(np.concatenate([np.empty(0, np.uint64), *keys]))


class ContactTotals:
    """Sums over blocks, added one after the other.

    Parameters
    ----------
    pairs : (E,) uint64
        From `distinct_pairs`.
    bins : int
        Columns of the histograms.

    Attributes
    ----------
    contacts : (E,) of `CONTACT`
    histogram : (E, bins) uint32
    """

    def __init__(self, pairs: Array, bins: int = 0) -> None:
        self._pairs = pairs
        self.contacts = np.zeros(len(pairs), CONTACT)
        self.contacts["pair"] = pairs
        self.histogram = np.zeros((len(pairs), bins), np.uint32)

    def add(self, part: Array, histogram: Array | None = None) -> None:
        """Add what `contact_part` found in a block."""
        rows = np.searchsorted(self._pairs, np.ascontiguousarray(part["pair"]))
        for name in ("area", "strong", "affinity", "place"):
            self.contacts[name][rows] += part[name]
        if histogram is not None:
            self.histogram[rows] += histogram


class SupervoxelTotals:
    """The table of supervoxels, added up from blocks.

    Parameters
    ----------
    highest : int
        Largest id.

    Attributes
    ----------
    size : (n + 1,) uint32
    box : (n + 1, 6) int32
    place : (n + 1, 3) float64
        Sum over the voxels.
    """

    def __init__(self, highest: int) -> None:
        self.size = np.zeros(highest + 1, np.uint32)
        self.box = np.zeros((highest + 1, 6), np.int32)
        self.place = np.zeros((highest + 1, 3), np.float64)

    def add(self, part: Array) -> None:
        """Add what `supervoxel_part` found in a block."""
        ids, box = part["id"], part["box"]
        known = self.size[ids][:, None] > 0
        start, stop = self.box[ids, :3], self.box[ids, 3:]
        self.box[ids, :3] = np.where(known, np.minimum(start, box[:, :3]), box[:, :3])
        self.box[ids, 3:] = np.maximum(stop, box[:, 3:])
        self.size[ids] += part["size"]
        self.place[ids] += part["place"]

    @property
    def centre(self) -> Array:
        """Centre of mass, (n + 1, 3) float64."""
        return centres(self.size, self.place)


def centres(size: Array, place: Array) -> Array:
    """Divide sums of places by numbers of voxels; 0 where there are none."""
    centre: Array = place / np.maximum(size, 1)[:, None]
    return centre


class NearestPoints:
    """The nearest voxels of all blocks; on a tie the first in raster order of the volume.

    Parameters
    ----------
    highest : int
        Largest id.

    Attributes
    ----------
    point : (n + 1, 3) int32
    """

    def __init__(self, highest: int) -> None:
        self._distance = np.full(highest + 1, np.inf)
        self.point = np.zeros((highest + 1, 3), np.int32)

    def add(self, part: Array) -> None:
        """Take what `nearest_part` found in a block where it is nearer."""
        ids, distance, point = part["id"], part["distance"], part["point"]
        (z, y, x), (bz, by, bx) = point.T, self.point[ids].T
        first = (z < bz) | (z == bz) & ((y < by) | (y == by) & (x < bx))
        best = self._distance[ids]
        nearer = (distance < best) | (distance == best) & first
        self._distance[ids[nearer]] = distance[nearer]
        self.point[ids[nearer]] = point[nearer]
