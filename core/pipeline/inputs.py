"""Reading what stages share: affinities of the nearest neighbours, supervoxels of the generation being built."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.errors import StageError
from segmend.core.geometry import Box
from segmend.core.pipeline.stage import StageContext
from segmend.core.project import Project

_SLAB_SECTIONS = 32


def nearest_affinities(project: Project) -> NDArray[Any]:
    """Read the affinities to the voxels before in z, y and x, whole.

    Returns
    -------
    (3, z, y, x) uint8 or float32

    Raises
    ------
    StageError
        If the project has no affinities or they have fewer than three channels.
    """
    volume = project.affinities
    if volume is None:
        raise StageError(
            f"{project.path} has no affinities; run the affinities stage first or give --affinities"
        )
    if volume.channels is None or volume.channels < 3:
        raise StageError(
            f"{volume.source} has {volume.channels or 1} channels; affinities need at least three (z, y, x)"
        )
    _, y, x = volume.shape_zyx
    nearest = np.empty((3, *volume.shape_zyx), volume.dtype)
    # Slab by slab, because a volume gives all channels at once and most have nine.
    for slab in Box.of_shape(volume.shape_zyx).blocks((_SLAB_SECTIONS, y, x)):
        nearest[(slice(None), *slab.slices)] = volume.read(slab)[:3]
    return nearest


def all_affinities(project: Project) -> NDArray[Any]:
    """Read the affinities with their long-range channels, whole.

    Returns
    -------
    (c, z, y, x) uint8 or float32

    Raises
    ------
    StageError
        If the project has no affinities.
    """
    if project.affinities is None:
        raise StageError(
            f"{project.path} has no affinities; run the affinities stage first or give --affinities"
        )
    return project.affinities.read(Box.of_shape(project.shape_zyx))


def supervoxels(context: StageContext) -> NDArray[Any]:
    """Read the supervoxels of the generation being built, whole, (z, y, x) uint32."""
    from segmend.core.volumes.zarr import open_pyramid

    finest = open_pyramid(context.supervoxels_path)[0]
    return finest.read(Box.of_shape(finest.shape_zyx))
