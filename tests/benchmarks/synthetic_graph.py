"""A region graph of any size with the degree and the neurons of a real one, and the project that holds it.

Supervoxels stand on a lattice, one voxel each. Each of the 13 forward directions of the 26 neighbours is an edge with
probability 6/13, so the mean degree is 12 away from the border. Neurons are columns along z, bundled as in the
cross-section of a tract: thick ones of 14 x 14 (19,600 supervoxels), 7 x 7 and 2 x 2. Two of three are broken into
fragments along z, which is what merges have to mend. Sizes do not depend on the number of supervoxels: a larger
volume has more neurons, not larger ones.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np

from segmend.core.geometry import Grid
from segmend.core.project import create_project
from segmend.core.segmentation.graph_files import GraphArrays, save_graph
from segmend.core.volumes.memory import MemoryVolume

LARGEST_LATTICE = 2_000_000
BLOCK = 20
LENGTH = 100
BUNDLE = 14
WIDTHS = (14, 7, 2)
MEAN_FRAGMENT = 20
FORWARD = tuple(d for d in product((0, 1), (-1, 0, 1), (-1, 0, 1)) if d > (0, 0, 0))
SHARE = 6 / len(FORWARD)


def lattice_shape(supervoxels: int) -> tuple[int, int, int]:
    """Return the shape of a volume with about that many voxels, as long as the others."""
    height = max(1, round((supervoxels / LENGTH) ** 0.5))
    return LENGTH, height, -(-supervoxels // (LENGTH * height))


def synthetic_graph(supervoxels: int, seed: int = 0) -> GraphArrays:
    """Return a graph of about `supervoxels` nodes; supervoxel 1 + the index of its voxel."""
    shape = lattice_shape(supervoxels)
    rng = np.random.default_rng(seed)
    segment_of = np.concatenate([[0], _neurons(shape, rng).reshape(-1)]).astype(np.uint32)
    edges = _edges(shape, rng)
    point = np.zeros((len(segment_of), 3), np.int32)
    point[1:] = np.indices(shape, np.int32).reshape(3, -1).T
    return GraphArrays(
        edges=edges,
        **_contacts(edges, segment_of, point, rng),
        size=np.minimum(np.arange(len(segment_of)), 1),
        point=point,
        box=np.concatenate([point, point + (np.arange(len(point)) > 0)[:, None]], axis=1),
        merge_edges=np.empty((0, 2)),
        merge_scores=np.empty(0),
        segment_of=segment_of,
        export_ids=np.arange(int(segment_of.max()) + 1),
        source_ids=np.arange(len(segment_of)),
    )


def _edges(shape: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
    depth, height, width = shape
    steps = np.array([(dz * height + dy) * width + dx for dz, dy, dx in FORWARD], np.int64)
    order = np.argsort(steps)
    y, x = np.indices((height, width)).reshape(2, -1)
    fits = np.stack(
        [
            (y + FORWARD[i][1] >= 0)
            & (y + FORWARD[i][1] < height)
            & (x + FORWARD[i][2] >= 0)
            & (x + FORWARD[i][2] < width)
            for i in order
        ],
        axis=1,
    )
    goes_up = np.array([FORWARD[i][0] for i in order], bool)
    found = []
    for z in range(depth):  # section by section, so that the largest graphs fit into memory
        kept = fits & (rng.random(fits.shape, np.float32) < SHARE)
        if z == depth - 1:
            kept[:, goes_up] = False
        node, direction = np.nonzero(kept)
        u = node + z * height * width + 1
        found.append(np.stack([u, u + steps[order][direction]], axis=1).astype(np.uint32))
    return np.concatenate(found)


def _neurons(shape: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
    """Return the segment of each voxel, dense from 1."""
    depth, height, width = shape
    y, x = np.indices((height, width))
    bundles = rng.integers(0, len(WIDTHS), (height // BUNDLE + 1, width // BUNDLE + 1))
    thickness = np.array(WIDTHS)[bundles[y // BUNDLE, x // BUNDLE]]
    corner = np.stack([y // thickness * thickness, x // thickness * thickness])
    _, column = np.unique(corner[0] * width + corner[1], return_inverse=True)
    breaks = rng.random((depth, int(column.max()) + 1), np.float32) < 1 / MEAN_FRAGMENT
    breaks &= rng.random(breaks.shape[1]) < 2 / 3
    breaks[0] = True
    fragment = np.cumsum(breaks.T.reshape(-1)).reshape(breaks.shape[::-1])
    return fragment[column.reshape(height, width)].transpose(2, 0, 1)


def _contacts(
    edges: np.ndarray, segment_of: np.ndarray, point: np.ndarray, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Return strong contacts inside segments, weak ones across, with exceptions."""
    count = len(edges)
    inside = segment_of[edges[:, 0]] == segment_of[edges[:, 1]]
    affinity = rng.random(count, np.float32) * np.float32(0.4)
    affinity[inside] += np.float32(0.6)
    return {
        "affinity": affinity,
        "area": rng.integers(1, 200, count, np.uint32),
        "strong": (affinity > 0.5).astype(np.float32),
        "centroid": point[edges[:, 0]].astype(np.float32),
    }


def create_synthetic_project(path: Path, supervoxels: int, seed: int = 0) -> None:
    """Make a project whose region graph is synthetic and whose voxels are the lattice.

    Above `LARGEST_LATTICE` the voxels are blocks instead: importing ten million supervoxels of one voxel takes minutes
    and times nothing that an edit of the graph looks at.
    """
    arrays = synthetic_graph(supervoxels, seed)
    shape = lattice_shape(supervoxels)
    voxels = np.arange(1, arrays.supervoxel_count + 1, dtype=np.uint32).reshape(shape)
    if supervoxels > LARGEST_LATTICE:
        z, y, x = (np.arange(length, dtype=np.uint32) // BLOCK for length in shape)
        count = [int(places[-1]) + 1 for places in (y, x)]
        voxels = (z[:, None, None] * count[0] + y[:, None]) * count[1] + x + np.uint32(1)
    project = create_project(path, supervoxels=MemoryVolume(voxels, Grid((10.0, 10.0, 10.0))))
    save_graph(project.graph_dir, arrays)
