"""Supervoxels in memory with graph and pyramid, edited without a journal."""

from dataclasses import dataclass, field

import numpy as np

from segmend.core.algorithms.region_graph import region_graph, supervoxel_table
from segmend.core.edits.mask import VoxelMask
from segmend.core.edits.model import Erase, Paint, Resolved, SplitSupervoxel, Spot
from segmend.core.edits.painting import resolve_erase, resolve_paint
from segmend.core.edits.planning import plan
from segmend.core.edits.resolving import NextIds
from segmend.core.edits.voxels import SupervoxelVoxels
from segmend.core.geometry import Box, Grid
from segmend.core.segmentation.graph_files import GraphArrays
from segmend.core.segmentation.patches import Patch
from segmend.core.segmentation.segmentation import Segmentation
from segmend.core.volumes.memory import MemoryVolume
from segmend.core.volumes.pyramid import coarser_grid, downsample_labels

GRID = Grid((10.0, 10.0, 10.0), (100.0, 0.0, 50.0))
FACTORS = ((2, 2, 2), (1, 2, 2))


def cells(shape_zyx=(11, 18, 21), count=24, seed=3):
    """Labels 1..count around random points, with a plane of background."""
    rng = np.random.default_rng(seed)
    flat = rng.choice(int(np.prod(shape_zyx)), count, replace=False)
    seeds = np.stack(np.unravel_index(flat, shape_zyx), axis=1)
    voxels = np.stack(np.indices(shape_zyx), axis=-1).reshape(-1, 1, 3)
    labels = 1 + ((voxels - seeds) ** 2).sum(axis=-1).argmin(axis=1).reshape(shape_zyx)
    labels[:, shape_zyx[1] // 2] *= np.isin(labels[:, shape_zyx[1] // 2], 1 + np.arange(4))
    return np.unique(labels, return_inverse=True)[1].reshape(shape_zyx).astype(np.uint32)


def pyramid(labels, grid=GRID, factors=FACTORS):
    """All levels of some labels, finest first."""
    levels = [MemoryVolume(labels, grid)]
    for factor in factors:
        labels, grid = downsample_labels(labels, factor), coarser_grid(grid, factor)
        levels.append(MemoryVolume(labels, grid))
    return levels


@dataclass
class VoxelWorld:
    """Live segmentation and voxels; `step` makes one edit."""

    labels: np.ndarray
    affinities: np.ndarray
    births: object = None
    per_segment: int = 3
    number: int = 0
    changes: dict = field(default_factory=dict)

    def __post_init__(self):
        segment_of = -(-np.arange(int(self.labels.max()) + 1) // self.per_segment)
        self.segmentation = Segmentation(
            GraphArrays(
                **region_graph(self.labels, self.affinities)._asdict(),
                **supervoxel_table(self.labels)._asdict(),
                merge_edges=np.empty((0, 2)),
                merge_scores=np.empty(0),
                segment_of=segment_of,
                export_ids=np.arange(int(segment_of.max()) + 1),
                source_ids=np.arange(len(segment_of)),
            )
        )
        self.free = NextIds(int(segment_of.max()) + 1, int(self.labels.max()) + 1)
        self.voxels = SupervoxelVoxels.of(
            pyramid(self.labels),
            self.segmentation.patches,
            affinities=None if self.affinities is None else MemoryVolume(self.affinities, GRID),
            births=self.births,
        )

    @property
    def whole(self):
        return Box.of_shape(self.labels.shape)

    @property
    def now(self):
        """Supervoxels as they are."""
        return self.voxels.read(self.whole)

    def spot(self, index_zyx):
        return Spot(int(self.now[index_zyx]), GRID.to_nm(index_zyx))

    def paint(self, mask, at=None):
        edit = Paint(
            VoxelMask.of(self.whole, mask), None if at is None else self.spot(at), (0, 0, 0)
        )
        return resolve_paint(edit, self.segmentation, self.voxels, self.free)

    def erase(self, mask, at=None):
        edit = Erase(
            VoxelMask.of(self.whole, mask), None if at is None else self.spot(at), (0, 0, 0)
        )
        return resolve_erase(edit, self.segmentation, self.voxels, self.free)

    def divide(self, supervoxel, behind):
        """Divide a supervoxel into what a mask of the volume holds of it, and the rest."""
        mine = self.now == supervoxel
        local = np.where(mine, np.where(behind, 2, 1), 0)
        first = self.free.supervoxel
        patch = Patch.of(
            self.whole, (supervoxel,), (first, first + 1), (supervoxel, supervoxel), local
        )
        sides = tuple(
            (Spot(supervoxel, GRID.to_nm(np.argwhere(local == k)[0].tolist())),) for k in (1, 2)
        )
        return Resolved(SplitSupervoxel(sides), patches=(patch,))

    def step(self, resolved):
        """Carry a resolved edit out and return its change."""
        change = plan(resolved, self.segmentation, self.voxels)
        self.number += 1
        self.segmentation.apply(self.number, change)
        self.changes[self.number] = change
        self.free = NextIds(
            self.free.segment + len(resolved.new_segments),
            self.free.supervoxel + len(resolved.children),
        )
        return change

    def undo(self):
        self.segmentation.revert(self.number, self.changes.pop(self.number))
        self.number -= 1


def make_voxel_world(seed=3, affinity_type=np.uint8, births=None, per_segment=3):
    """A world with random affinities; `affinity_type` None for one without."""
    labels = cells(seed=seed)
    rng = np.random.default_rng(seed)
    affinities = None
    if affinity_type is not None:
        affinities = rng.integers(0, 256, (3, *labels.shape)).astype(np.uint8)
        if affinity_type == np.float32:
            affinities = rng.random((3, *labels.shape)).astype(np.float32)
    return VoxelWorld(labels, affinities, births, per_segment)


def random_edit(world, rng):
    """A random stroke, erasure or division, resolved; None where it would change nothing."""
    a, b = np.sort([rng.integers(0, n + 1, 2) for n in world.labels.shape], axis=1).T
    mask = np.zeros(world.labels.shape, bool)
    mask[Box(tuple(a), tuple(np.minimum(b + 1, a + 7))).slices] = True
    now, kind = world.now, rng.integers(0, 4)
    inside = np.unique(now[mask & (now > 0)])
    if kind == 0 and len(inside):
        supervoxel = int(rng.choice(inside))
        mine = now == supervoxel
        split = mine & (rng.random(now.shape) < 0.5)
        if split.any() and (mine & ~split).any():
            return world.divide(supervoxel, split)
    if kind == 1 and len(inside):
        return world.erase(mask)
    alive = np.argwhere(now > 0)
    at = tuple(alive[rng.integers(len(alive))].tolist())
    segments = world.segmentation.segment_of
    if mask.any() and (kind == 2 or (segments[now[mask]] != segments[now[at]]).any()):
        return world.paint(mask, None if kind == 2 else at)
    return None
