"""Reading what stages share, by boxes: affinities, the mask, supervoxels of the generation being built."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.errors import StageError
from segmend.core.geometry import Box
from segmend.core.pipeline.stage import StageContext
from segmend.core.project import Project
from segmend.core.projects.tissue_mask import sampled
from segmend.core.volumes.base import Volume, describe

_NEAREST = 3
_SLAB_VOXELS = 2**22


def nearest_affinities(project: Project, box: Box | None = None) -> NDArray[Any]:
    """Read the affinities to the voxels before in z, y and x.

    Parameters
    ----------
    project : Project
    box : Box, optional
        The part to read; default the whole volume.

    Returns
    -------
    (3, z, y, x) uint8 or float32

    Raises
    ------
    StageError
        If the project has no affinities, fewer than three channels, or values that are none.
    """
    volume = _affinities(project)
    whole = Box.of_shape(project.shape_zyx)
    return _checked(_first_channels(volume, _NEAREST, whole if box is None else box), volume, box)


def all_affinities(project: Project, box: Box | None = None) -> NDArray[Any]:
    """Read the affinities with their long-range channels.

    Parameters
    ----------
    project : Project
    box : Box, optional
        The part to read; default the whole volume.

    Returns
    -------
    (c, z, y, x) uint8 or float32

    Raises
    ------
    StageError
        If the project has no affinities, fewer than three channels, or values that are none.
    """
    volume = _affinities(project)
    part = Box.of_shape(project.shape_zyx) if box is None else box
    return _checked(volume.read(part), volume, box)


def _affinities(project: Project) -> Volume:
    volume = project.affinities
    if volume is None:
        raise StageError(
            f"{project.path} has no affinities; run the affinities stage first or give --affinities"
        )
    if volume.channels is None or volume.channels < _NEAREST:
        raise StageError(
            f"{volume.source} has {volume.channels or 1} channels; affinities need at least three (z, y, x)"
        )
    return volume


def _first_channels(volume: Volume, count: int, box: Box) -> NDArray[Any]:
    """Read the first channels; arrays that give only all at once are read slab by slab, most have nine."""
    from segmend.core.volumes.zarr import ZarrVolume

    if isinstance(volume, ZarrVolume):
        return volume.read(box, channels=slice(0, count))
    out = np.empty((count, *box.shape_zyx), volume.dtype)
    _, y, x = box.shape_zyx
    for slab in box.blocks((max(1, _SLAB_VOXELS // max(1, y * x)), max(1, y), max(1, x))):
        here = slab.shift(tuple(-a for a in box.start_zyx))  # type: ignore[arg-type]
        out[(slice(None), *here.slices)] = volume.read(slab)[:count]
    return out


def _checked(values: NDArray[Any], volume: Volume, box: Box | None) -> NDArray[Any]:
    """Refuse what no affinity can be; other floats become float32."""
    if values.dtype == np.uint8:
        return values
    where = "" if box is None else f" in {describe(box)}"
    if values.dtype.kind != "f":
        raise StageError(
            f"{volume.source} holds {values.dtype}: expected affinities as uint8 0..255 or float 0..1; convert it"
        )
    # A comparison with NaN is false, so it is caught like any value out of range.
    if values.size and not (values.min() >= 0 and values.max() <= 1):
        raise StageError(
            f"{volume.source} has affinities from {values.min():g} to {values.max():g}{where}: expected finite "
            "numbers 0..1; correct the file"
        )
    return values.astype(np.float32, copy=False)


def tissue(project: Project, box: Box) -> NDArray[np.bool_] | None:
    """Read which voxels of a box are to be worked on.

    Parameters
    ----------
    project : Project
    box : Box
        Inside the volume.

    Returns
    -------
    (z, y, x) bool, or None
        None where the project has no mask.

    Raises
    ------
    ProjectError
        If the mask cannot be opened or covers another part of space.
    """
    mask = project.mask
    return None if mask is None else sampled(mask, project.grid, box)


def supervoxels(context: StageContext, box: Box | None = None) -> NDArray[Any]:
    """Read the supervoxels of the generation being built, or their part in a box, (z, y, x) uint32."""
    from segmend.core.volumes.zarr import open_zarr

    finest = open_zarr(context.supervoxels_path)
    return finest.read(Box.of_shape(finest.shape_zyx) if box is None else box)
