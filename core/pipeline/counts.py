"""Counts of what a generation holds, of everything or inside a box."""

from __future__ import annotations

from dataclasses import dataclass

from segmend.core.geometry import Box, Grid
from segmend.core.pipeline.generations import Home


@dataclass(frozen=True, slots=True)
class Counts:
    """How many there are; None where nothing of the kind was made yet."""

    supervoxels: int | None = None
    segments: int | None = None
    candidates: int | None = None


def counts_of(home: Home, grid: Grid, box: Box | None = None) -> Counts:
    """Count supervoxels, segments and candidates of a generation.

    Parameters
    ----------
    home : Home
        Its folder.
    grid : Grid
        Of the project.
    box : Box, optional
        Count objects that have a voxel inside, and candidates whose place lies inside.
    """
    supervoxels, segments = _objects(home, box)
    return Counts(supervoxels, segments, _candidates(home, grid, box))


def _objects(home: Home, box: Box | None) -> tuple[int | None, int | None]:
    import numpy as np

    from segmend.core.segmentation.graph_files import load_array
    from segmend.core.volumes.zarr import open_pyramid

    graph = home.folder / "graph"
    if not (graph / "size.npy").is_file():
        return None, None
    mapped = (graph / "segment_of.npy").is_file()
    if box is None:
        supervoxels = len(load_array(graph / "size.npy", mapped=True)) - 1
        segments = load_array(graph / "export_ids.npy", mapped=True) if mapped else None
        return supervoxels, None if segments is None else len(segments) - 1
    volume = open_pyramid(home.folder / "supervoxels.zarr")[0]
    inside = np.zeros(len(load_array(graph / "size.npy", mapped=True)), bool)
    for slab in box.intersect(Box.of_shape(volume.shape_zyx)).blocks((16, 1024, 1024)):
        inside[volume.read(slab)] = True
    inside[0] = False
    if not mapped:
        return int(inside.sum()), None
    segments = np.unique(load_array(graph / "segment_of.npy")[inside])
    return int(inside.sum()), int((segments > 0).sum())


def _candidates(home: Home, grid: Grid, box: Box | None) -> int | None:
    from segmend.core.candidates.store import load_candidates

    path = home.folder / "candidates.json"
    if not path.is_file():
        return None
    found = load_candidates(path)
    if box is None:
        return len(found)
    return sum(box.contains(grid.to_index(candidate.place_nm)) for candidate in found)
