"""The voxels behind the supervoxels: what edits look at before they change anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from segmend.core.geometry import Box, Grid, Zyx, ZyxNm
from segmend.core.segmentation.overlay import OverlaidVolume, overlaid_pyramid
from segmend.core.segmentation.patches import PatchStack
from segmend.core.volumes.base import Volume

if TYPE_CHECKING:
    from segmend.core.edits.births import BirthCache


@dataclass(frozen=True, slots=True)
class SupervoxelVoxels:
    """The supervoxels under a stack of patches, with what was recorded of the tissue.

    Parameters
    ----------
    levels : tuple of OverlaidVolume
        Pyramid, finest first.
    affinities : Volume, optional
        (c, z, y, x); without them every contact counts as 0.5.
    image : Volume, optional
        (z, y, x), where there are no affinities.
    births : BirthCache, optional
        Where node tables and edges of new supervoxels are kept; computed each time if not given.
    """

    levels: tuple[OverlaidVolume, ...]
    affinities: Volume | None = None
    image: Volume | None = None
    births: BirthCache | None = None

    @classmethod
    def of(
        cls,
        base: Sequence[Volume],
        stack: PatchStack,
        *,
        affinities: Volume | None = None,
        image: Volume | None = None,
        births: BirthCache | None = None,
    ) -> SupervoxelVoxels:
        """Lay a stack of patches over a pyramid of supervoxels, finest first."""
        return cls(overlaid_pyramid(base, stack), affinities, image, births)

    def over(self, stack: PatchStack) -> SupervoxelVoxels:
        """Return the same base under other patches."""
        base = [level.base for level in self.levels]
        return replace(self, levels=overlaid_pyramid(base, stack, cache=self.levels[0].cache))

    @property
    def stack(self) -> PatchStack:
        """The patches, live."""
        return self.levels[0].stack

    @property
    def grid(self) -> Grid:
        """Where the finest voxels lie."""
        return self.levels[0].grid

    @property
    def shape_zyx(self) -> Zyx:
        """Of the finest level."""
        return self.levels[0].shape_zyx

    def read(self, box: Box) -> NDArray[np.uint32]:
        """Return the supervoxels of a box of the finest level, (z, y, x) uint32."""
        return self.levels[0].read(box)

    def supervoxel_at_nm(self, place_nm: ZyxNm) -> int:
        """Return the supervoxel at a place, 0 for background and outside the volume."""
        z, y, x = self.grid.to_index(place_nm)
        if not Box.of_shape(self.shape_zyx).contains((z, y, x)):
            return 0
        return int(self.read(Box((z, y, x), (z + 1, y + 1, x + 1)))[0, 0, 0])
