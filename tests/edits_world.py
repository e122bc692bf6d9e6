"""A small segmentation with voxels, graph and journal, and nothing else."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from segmend.core.algorithms.region_graph import region_graph, supervoxel_table
from segmend.core.edits.births import BirthCache
from segmend.core.edits.mask import VoxelMask
from segmend.core.edits.model import Merge, Split, SplitSupervoxel, Spot
from segmend.core.edits.voxels import SupervoxelVoxels
from segmend.core.geometry import Box, Grid
from segmend.core.journal.journal import Journal
from segmend.core.segmentation.graph_files import GraphArrays
from segmend.core.segmentation.patches import PatchStack
from segmend.core.timeline.timeline import Timeline
from segmend.core.volumes.memory import MemoryVolume
from segmend.core.volumes.pyramid import coarser_grid, downsample_labels

GRID = Grid((10.0, 10.0, 10.0), (100.0, 0.0, 50.0))
FACTOR = (2, 2, 2)


def voronoi(shape_zyx=(10, 18, 20), count=24, seed=3):
    """Labels 1..count around random points; every label has voxels."""
    rng = np.random.default_rng(seed)
    flat = rng.choice(int(np.prod(shape_zyx)), count, replace=False)
    seeds = np.stack(np.unravel_index(flat, shape_zyx), axis=1)
    voxels = np.stack(np.indices(shape_zyx), axis=-1).reshape(-1, 1, 3)
    nearest = ((voxels - seeds) ** 2).sum(axis=-1).argmin(axis=1)
    return (nearest + 1).reshape(shape_zyx).astype(np.uint32)


def graph_arrays(supervoxels, affinities, segment_of, export_ids=None):
    graph = region_graph(supervoxels, affinities)
    table = supervoxel_table(supervoxels)
    segments = int(segment_of.max())
    return GraphArrays(
        **graph._asdict(),
        **table._asdict(),
        merge_edges=np.empty((0, 2)),
        merge_scores=np.empty(0),
        segment_of=segment_of,
        export_ids=np.arange(segments + 1) if export_ids is None else export_ids,
        source_ids=np.arange(len(table.size)),
    )


@dataclass
class World:
    """Base, files and live timeline in one folder."""

    base: GraphArrays
    labels: np.ndarray
    affinities: MemoryVolume
    folder: Path
    snapshots: Path | None = None

    def __post_init__(self):
        self.journal = Journal(self.folder / "journal.sqlite")
        coarse = downsample_labels(self.labels, FACTOR)
        pyramid = (
            MemoryVolume(self.labels, GRID),
            MemoryVolume(coarse, coarser_grid(GRID, FACTOR)),
        )
        self.base_voxels = SupervoxelVoxels.of(
            pyramid,
            PatchStack(),
            affinities=self.affinities,
            births=BirthCache(self.folder / "overlay"),
        )
        self.timeline = Timeline(
            self.base, self.journal, self.base_voxels, 1, "ada", snapshots=self.snapshots
        )

    @property
    def segmentation(self):
        return self.timeline.segmentation

    @property
    def voxels(self):
        return self.timeline.voxels

    @property
    def levels(self):
        return self.voxels.levels

    def commit(self, edit):
        return self.timeline.commit(edit)

    def close(self):
        self.timeline.close()
        self.journal.close()

    def reopened(self):
        self.close()
        return World(self.base, self.labels, self.affinities, self.folder, self.snapshots)

    def spot(self, supervoxel):
        """A place inside a supervoxel."""
        point = self.segmentation.points(np.array([supervoxel]))[0]
        return Spot(int(supervoxel), GRID.to_nm(tuple(point)))

    def merge(self, *supervoxels):
        return Merge(tuple(map(self.spot, supervoxels)))

    def split(self, *sides):
        """One supervoxel, or a list of them, on each side."""
        return Split(tuple(tuple(map(self.spot, np.atleast_1d(side))) for side in sides))

    def divide(self, supervoxel):
        """Two seeds in one supervoxel, as far apart as they get."""
        voxels = np.argwhere(self.finest() == supervoxel)
        ends = {tuple(voxels[0]), tuple(voxels[-1])}
        return SplitSupervoxel(
            tuple((Spot(int(supervoxel), GRID.to_nm(end)),) for end in sorted(ends))
        )

    def stroke(self, start, stop):
        """A box of voxels as a mask."""
        box = Box(tuple(start), tuple(stop))
        return VoxelMask.of(box, np.ones(box.shape_zyx, bool))

    def finest(self):
        return self.voxels.read(Box.of_shape(self.labels.shape))


def make_world(folder, seed=3, per_segment=3, snapshots=None):
    labels = voronoi(seed=seed)
    rng = np.random.default_rng(seed)
    affinities = rng.integers(0, 256, (3, *labels.shape)).astype(np.uint8)
    segment_of = np.concatenate([[0], 1 + np.arange(labels.max()) // per_segment]).astype(np.uint32)
    base = graph_arrays(labels, affinities, segment_of)
    return World(base, labels, MemoryVolume(affinities, GRID), folder, snapshots)
