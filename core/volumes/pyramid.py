"""Multiscale levels below an array, down to a size that a viewer may read at every step."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from segmend.core.geometry import Box, Grid, Zyx
from segmend.core.volumes import zarr_store
from segmend.core.volumes.ome import multiscales
from segmend.core.volumes.zarr_volume import ZarrVolume, own_levels

COARSEST = 512
"""Largest extent of the coarsest level in y and x; viewers read that level at every step."""
_NEAR_ISOTROPIC = 1.5
_BLOCK_ZYX = (16, 256, 256)


def write_pyramid(path: Path | str, *, labels: bool) -> None:
    """Write all coarser levels of one of our groups, block by block, and say in its metadata what they are.

    Running it again replaces them. Factor 2 in y and x; also in z once voxels are near isotropic.

    Parameters
    ----------
    path : path-like
        A group from `create_zarr` whose level 0 is written.
    labels : bool
        True: the most frequent label of the voxels below; else their mean.

    Raises
    ------
    VolumeError
        If level 0 is missing or damaged.
    """
    group = Path(path)
    grids, _ = own_levels(group)
    finest = ZarrVolume(group, 0, grids[0])
    levels = [finest]
    for level, factor in enumerate(pyramid_factors(finest.shape_zyx, finest.grid), start=1):
        levels.append(_write_level(group, level, levels[-1], factor, labels))
    _remove_levels_from(group, len(levels))
    attributes = multiscales(
        group.stem, [v.grid for v in levels], channels=finest.channels is not None, labels=labels
    )
    attributes[zarr_store.COMPLETE] = _has_every_chunk(group / "0", finest)
    zarr_store.write_json(group / ".zattrs", attributes)


def pyramid_factors(shape_zyx: Zyx, grid: Grid) -> list[Zyx]:
    """Return the factor from each level to the next one."""
    factors: list[Zyx] = []
    z, y, x = shape_zyx
    size_z, size_y, _ = grid.voxel_size_nm_zyx
    while max(y, x) > COARSEST:
        fz = 2 if size_z < _NEAR_ISOTROPIC * size_y and z > 1 else 1
        factors.append((fz, 2, 2))
        z, y, x = -(-z // fz), -(-y // 2), -(-x // 2)
        size_z, size_y = size_z * fz, size_y * 2
    return factors


def downsample_labels(labels: NDArray[Any], factor_zyx: Zyx) -> NDArray[Any]:
    """Return the coarser level of a block that starts at a multiple of the factor, as `write_pyramid` has it."""
    from segmend.core.volumes.downsampling import downsample

    return downsample(labels, factor_zyx, labels=True)


def coarser_grid(grid: Grid, factor_zyx: Zyx) -> Grid:
    """Return the grid of the next level: a coarse voxel's centre is the middle of those it stands for."""
    sz, sy, sx = (s * f for s, f in zip(grid.voxel_size_nm_zyx, factor_zyx, strict=True))
    middle = tuple((f - 1) / 2 for f in factor_zyx)
    return Grid((sz, sy, sx), grid.to_nm(middle))  # type: ignore[arg-type]


def _write_level(
    group: Path, level: int, finer: ZarrVolume, factor: Zyx, labels: bool
) -> ZarrVolume:
    from segmend.core.volumes.downsampling import downsample

    _remove_levels_from(group, level)
    z, y, x = (-(-n // f) for n, f in zip(finer.shape_zyx, factor, strict=True))
    shape = (z, y, x) if finer.channels is None else (finer.channels, z, y, x)
    zarr_store.create_array(group / str(level), shape, finer.dtype)
    volume = ZarrVolume(group, level, coarser_grid(finer.grid, factor), writable=True)
    for box in Box.of_shape(volume.shape_zyx).blocks(_BLOCK_ZYX):
        volume.write(box, downsample(finer.read(_below(box, factor, finer)), factor, labels=labels))
    return volume


def _below(box: Box, factor: Zyx, finer: ZarrVolume) -> Box:
    start = tuple(a * f for a, f in zip(box.start_zyx, factor, strict=True))
    stop = tuple(b * f for b, f in zip(box.stop_zyx, factor, strict=True))
    return Box(start, stop).intersect(Box.of_shape(finer.shape_zyx))  # type: ignore[arg-type]


def _remove_levels_from(group: Path, level: int) -> None:
    while (group / str(level)).exists():
        shutil.rmtree(group / str(level))
        level += 1


def _has_every_chunk(folder: Path, volume: Any) -> bool:
    """Say whether each chunk of an array is a file; arrays that were written only in part are not complete."""
    expected = volume.channels or 1
    for length, chunk in zip(volume.shape_zyx, zarr_store.CHUNK_ZYX, strict=True):
        expected *= -(-length // chunk)
    found = sum(1 for path in folder.rglob("[0-9]*") if path.is_file())
    return bool(found == expected)
