"""Edges of the region adjacency graph as flat arrays."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Edges:
    """Edges between supervoxels; all arrays have one row per edge.

    Parameters
    ----------
    pairs : (E, 2) uint32
    affinity : (E,) float32
        Mean over the contact, 0..1.
    area : (E,) uint32
        Contact faces.
    strong : (E,) float32
        Share of faces above 0.5.
    centroid : (E, 3) float32
        Middle of the contact, z, y, x voxels.
    """

    pairs: Array
    affinity: Array
    area: Array
    strong: Array
    centroid: Array

    @classmethod
    def room_for(cls, count: int) -> Edges:
        """Return arrays for some edges, not filled in."""
        return cls(
            np.empty((count, 2), np.uint32),
            np.empty(count, np.float32),
            np.empty(count, np.uint32),
            np.empty(count, np.float32),
            np.empty((count, 3), np.float32),
        )

    @classmethod
    def none(cls) -> Edges:
        """Return no edges."""
        return cls.room_for(0)

    def __len__(self) -> int:
        return len(self.pairs)

    def same_as(self, other: Edges) -> bool:
        """Say whether others are the same edges in the same order, to the bit."""
        return all(
            getattr(self, column.name).tobytes() == getattr(other, column.name).tobytes()
            for column in fields(self)
        )

    def take(self, rows: Array | slice) -> Edges:
        """Return the chosen rows (indices, mask or slice)."""
        return Edges(
            self.pairs[rows],
            self.affinity[rows],
            self.area[rows],
            self.strong[rows],
            self.centroid[rows],
        )

    def put(self, start: int, other: Edges) -> None:
        """Write others over the rows from `start` on."""
        stop = start + len(other)
        self.pairs[start:stop] = other.pairs
        self.affinity[start:stop] = other.affinity
        self.area[start:stop] = other.area
        self.strong[start:stop] = other.strong
        self.centroid[start:stop] = other.centroid

    def joined(self, other: Edges) -> Edges:
        """Return these edges followed by others."""
        if not len(other):
            return self
        return Edges(
            np.concatenate([self.pairs, other.pairs]),
            np.concatenate([self.affinity, other.affinity]),
            np.concatenate([self.area, other.area]),
            np.concatenate([self.strong, other.strong]),
            np.concatenate([self.centroid, other.centroid]),
        )

    def in_order(self) -> Edges:
        """Return the edges by pair; edges of the same pair by what is known of them."""
        known = (*self.centroid.T, self.strong, self.area, self.affinity)
        keys = (*known, self.pairs[:, 1], self.pairs[:, 0])
        return self.take(np.lexsort(keys))
