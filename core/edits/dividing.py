"""Dividing a supervoxel down to the voxels: new chunk files, and the piece of region graph that goes with them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.algorithms.region_graph import region_graph, supervoxel_table
from segmend.core.edits.model import DivideSupervoxel
from segmend.core.errors import EditRefused
from segmend.core.geometry import Box, Grid, Zyx
from segmend.core.segmentation.overlay import OverlaidVolume, OverlayFiles, rewrite
from segmend.core.volumes.base import Volume
from segmend.core.volumes.pyramid import downsample_labels

Array = NDArray[Any]
Chunk = tuple[int, int, int, int, str]


@dataclass(frozen=True, slots=True)
class SupervoxelVoxels:
    """The voxels behind the supervoxels.

    Parameters
    ----------
    levels : tuple of OverlaidVolume
        Pyramid, finest first.
    files : OverlayFiles
        Where new chunks go.
    affinities : Volume, optional
        (c, z, y, x); without them every contact counts as 0.5.
    """

    levels: tuple[OverlaidVolume, ...]
    files: OverlayFiles
    affinities: Volume | None


def divide_by_plane(
    edit: DivideSupervoxel, box: Box, children: tuple[int, int], voxels: SupervoxelVoxels
) -> tuple[tuple[Chunk, ...], str]:
    """Write the chunks and the region graph of a divided supervoxel.

    Parameters
    ----------
    edit : DivideSupervoxel
    box : Box
        Of the supervoxel.
    children : tuple of 2 int
        New ids, before and behind the plane.
    voxels : SupervoxelVoxels

    Returns
    -------
    chunks : tuple of (level, z, y, x, file)
    tables : str
        File with node tables and edges of the children.

    Raises
    ------
    EditRefused
        If the plane leaves a side empty.
    """
    around = box.grow((1, 1, 1)).intersect(Box.of_shape(voxels.levels[0].shape_zyx))
    divided = voxels.levels[0].read(around).copy()
    mask = divided == edit.spot.supervoxel
    behind = mask & _behind_plane(around, voxels.levels[0].grid, edit)
    if not behind.any() or np.array_equal(behind, mask):
        raise EditRefused(
            "the plane does not pass through the supervoxel: one side would be empty; move the plane"
        )
    divided[mask] = children[0]
    divided[behind] = children[1]
    chunks = _write_levels(around, divided, voxels)
    return chunks, _write_tables(around, divided, children, voxels)


def _behind_plane(box: Box, grid: Grid, edit: DivideSupervoxel) -> Array:
    start = grid.to_nm(box.start_zyx)
    distance = np.zeros(box.shape_zyx)
    for axis, length in enumerate(box.shape_zyx):
        places = start[axis] + np.arange(length) * grid.voxel_size_nm_zyx[axis]
        shape = [1, 1, 1]
        shape[axis] = length
        distance += ((places - edit.place_nm[axis]) * edit.normal_zyx[axis]).reshape(shape)
    return distance > 0


def _write_levels(box: Box, voxels: Array, volume: SupervoxelVoxels) -> tuple[Chunk, ...]:
    """Each level is made from the one above it, as `write_pyramid` does."""
    finer = volume.levels[0]
    names = rewrite(finer, volume.files, 0, box, voxels)
    for number, level in enumerate(volume.levels[1:], start=1):
        factor = _factor(finer.grid, level.grid)
        below = _coarse(box, factor).intersect(Box.of_shape(level.shape_zyx))
        source = _fine(below, factor).intersect(Box.of_shape(finer.shape_zyx))
        patched = finer.read(source).copy()
        patched[box.shift(_minus(source.start_zyx)).slices] = voxels
        box, voxels, finer = below, downsample_labels(patched, factor), level
        names |= rewrite(level, volume.files, number, box, voxels)
    return tuple((*key, name) for key, name in sorted(names.items()))


def _write_tables(
    box: Box, divided: Array, children: tuple[int, int], voxels: SupervoxelVoxels
) -> str:
    affinities = voxels.affinities.read(box) if voxels.affinities else None
    ids, local = np.unique(divided, return_inverse=True)
    if ids[0] != 0:
        ids, local = np.concatenate([[0], ids]), local + 1
    local = local.reshape(divided.shape).astype(np.uint32)
    graph = region_graph(local, affinities)
    ours = np.searchsorted(ids, children)
    keep = np.isin(graph.edges, ours).any(axis=1)
    pairs = np.sort(ids[graph.edges[keep]].astype(np.uint32), axis=1)
    table = supervoxel_table(local)
    start = np.array(box.start_zyx)
    name = f"tables-{children[0]}-{secrets.token_hex(6)}.npz"
    voxels.files.write_arrays(
        name,
        pairs=pairs,
        affinity=graph.affinity[keep],
        area=graph.area[keep],
        strong=graph.strong[keep],
        centroid=(graph.centroid[keep] + start).astype(np.float32),
        size=table.size[ours].astype(np.int64),
        point=(table.point[ours] + start).astype(np.int32),
        box=(table.box[ours] + np.tile(start, 2)).astype(np.int32),
    )
    return name


def _factor(fine: Grid, coarse: Grid) -> Zyx:
    z, y, x = (
        round(c / f) for c, f in zip(coarse.voxel_size_nm_zyx, fine.voxel_size_nm_zyx, strict=True)
    )
    return z, y, x


def _coarse(box: Box, factor: Zyx) -> Box:
    start = tuple(a // f for a, f in zip(box.start_zyx, factor, strict=True))
    stop = tuple(-(-b // f) for b, f in zip(box.stop_zyx, factor, strict=True))
    return Box(start, stop)  # type: ignore[arg-type]


def _fine(box: Box, factor: Zyx) -> Box:
    start = tuple(a * f for a, f in zip(box.start_zyx, factor, strict=True))
    stop = tuple(b * f for b, f in zip(box.stop_zyx, factor, strict=True))
    return Box(start, stop)  # type: ignore[arg-type]


def _minus(point: Zyx) -> Zyx:
    return -point[0], -point[1], -point[2]
