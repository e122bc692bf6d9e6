"""A segmentation asked by places, which mean the same in every segmentation of a volume."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from segmend.core.edits.model import Spot
from segmend.core.edits.voxels import SupervoxelVoxels
from segmend.core.geometry import Box, ZyxNm
from segmend.core.segmentation.segmentation import Segmentation

_NEAR = 3
"""Voxels that a place may lie away from a supervoxel to be meant in it."""


class Tissue:
    """A segmentation asked by places.

    Parameters
    ----------
    segmentation : Segmentation
    voxels : SupervoxelVoxels
        Under its patches.
    """

    def __init__(self, segmentation: Segmentation, voxels: SupervoxelVoxels) -> None:
        self.segmentation = segmentation
        self.voxels = voxels
        self._known: dict[ZyxNm, int] = {}

    def supervoxel_at(self, place_nm: ZyxNm) -> int:
        """Return the supervoxel at a place, 0 for background; asked again when it died."""
        known = self._known.get(place_nm, 0)
        if not self.segmentation.is_alive(known):
            known = self.voxels.supervoxel_at_nm(place_nm)
            self._known[place_nm] = known
        return known

    def segment_at(self, place_nm: ZyxNm) -> int:
        """Return the segment at a place, 0 for background."""
        return int(self.segmentation.segment_of[self.supervoxel_at(place_nm)])

    def place_of(self, spot: Spot) -> ZyxNm:
        """Return a place inside what is left of a spot's supervoxel: the spot's own if it lies there."""
        there = self.supervoxel_at(spot.place_nm)
        left = self.segmentation.living(spot.supervoxel)
        if not left or there in left:
            return spot.place_nm
        return self.middle_of(max(left, key=lambda s: (int(self.segmentation.mapping.size[s]), -s)))

    def middle_of(self, supervoxel: int) -> ZyxNm:
        """Return a place well inside a supervoxel."""
        z, y, x = self.segmentation.points(np.array([supervoxel]))[0].tolist()
        return self.voxels.grid.to_nm((z, y, x))

    def around(self, place_nm: ZyxNm, count: int) -> list[ZyxNm]:
        """Return places in the supervoxels of the same segment that are nearest to a place."""
        segment = self.segment_at(place_nm)
        if not segment:
            return []
        members = self.segmentation.members(segment)
        size = np.array(self.voxels.grid.voxel_size_nm_zyx)
        points = self.segmentation.points(members)
        away = (points - np.array(self.voxels.grid.to_index(place_nm))) * size
        nearest = np.argsort((away**2).sum(axis=1), kind="stable")[:count]
        return [self.middle_of(int(members[i])) for i in nearest]

    def nearest(self, place_nm: ZyxNm) -> ZyxNm:
        """Return the nearest place within a few voxels that is not background; the place itself if there is none."""
        if self.supervoxel_at(place_nm):
            return place_nm
        return nearest_place(place_nm, self.voxels)


class Pins:
    """Many places followed through the edits of a segmentation.

    Parameters
    ----------
    places_nm : iterable of (z, y, x)
        Each is moved to the nearest supervoxel.
    tissue : Tissue
        Live.
    """

    def __init__(self, places_nm: Iterable[ZyxNm], tissue: Tissue) -> None:
        self.places = list(dict.fromkeys(places_nm))
        self.row = {place: row for row, place in enumerate(self.places)}
        self._tissue = tissue
        self._here = [tissue.nearest(place) for place in self.places]
        found = [tissue.supervoxel_at(place) for place in self._here]
        self._supervoxels: NDArray[np.int64] = np.array(found, np.int64)

    def segments(self) -> NDArray[np.int64]:
        """Return the segment at every place, 0 for background."""
        segment_of = self._tissue.segmentation.segment_of
        for row in np.flatnonzero(segment_of[self._supervoxels] == 0).tolist():
            self._supervoxels[row] = self._tissue.supervoxel_at(self._here[row])
        return segment_of[self._supervoxels].astype(np.int64)

    def segment(self, place_nm: ZyxNm) -> int:
        """Return the segment at one of the places."""
        return self._tissue.segment_at(self._here[self.row[place_nm]])

    def spot(self, place_nm: ZyxNm) -> Spot:
        """Return the spot at one of the places; raises InputError for background."""
        here = self._here[self.row[place_nm]]
        return Spot(self._tissue.supervoxel_at(here), here)


def nearest_place(place_nm: ZyxNm, voxels: SupervoxelVoxels) -> ZyxNm:
    """Return the nearest place within a few voxels that is not background; the place itself if there is none."""
    grid = voxels.grid
    z, y, x = grid.to_index(place_nm)
    box = Box((z, y, x), (z + 1, y + 1, x + 1)).grow((_NEAR, _NEAR, _NEAR))
    box = box.intersect(Box.of_shape(voxels.shape_zyx))
    if not box.size or voxels.supervoxel_at_nm(place_nm):
        return place_nm
    found: NDArray[np.int64] = np.argwhere(voxels.read(box)) + np.array(box.start_zyx)
    if not len(found):
        return place_nm
    away = (found - np.array((z, y, x))) * np.array(grid.voxel_size_nm_zyx)
    a, b, c = found[int((away**2).sum(axis=1).argmin())].tolist()
    return grid.to_nm((a, b, c))
