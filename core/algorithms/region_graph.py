"""The region adjacency graph of supervoxels, and a table of the supervoxels themselves."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from segmend.core.algorithms.arrays import dense_labels
from segmend.core.algorithms.graph_parts import contact_part, extent, nearest_voxels
from segmend.core.algorithms.graph_totals import centres

Array = NDArray[Any]


class RegionGraph(NamedTuple):
    """Contacts between supervoxels, one row per touching pair, sorted by the pair.

    Parameters
    ----------
    edges : (E, 2) uint32
        u < v.
    affinity : (E,) float32
        Mean over the contact faces, 0..1; 0.5 throughout where no affinities were given.
    area : (E,) uint32
        Contact faces.
    strong : (E,) float32
        Share of contact faces with affinity above 0.5.
    centroid : (E, 3) float32
        Mean place of the contact faces, z, y, x voxels (a face lies at half an index).
    """

    edges: Array
    affinity: Array
    area: Array
    strong: Array
    centroid: Array


class SupervoxelTable(NamedTuple):
    """Supervoxels by id; row 0 (background) is all 0.

    Parameters
    ----------
    size : (n + 1,) uint32
        Voxels.
    point : (n + 1, 3) int32
        The voxel of the supervoxel that is nearest to its centre of mass.
    box : (n + 1, 6) int32
        Start z, y, x and stop z, y, x.
    """

    size: Array
    point: Array
    box: Array


def region_graph(
    supervoxels: Array, affinities: Array | None, *, start_zyx: tuple[int, int, int] = (0, 0, 0)
) -> RegionGraph:
    """Gather the contacts between touching supervoxels over their common faces.

    To renew the edges of a few supervoxels, call it on a box that holds them grown by one voxel, and keep the rows
    that name them; they are the same to the bit as in the graph of the whole volume.

    Parameters
    ----------
    supervoxels : (z, y, x) integer array
        Ids in uint32; 0 is background and has no edges.
    affinities : (c, z, y, x) uint8 or float32 array, or None
        See `segmend.core.algorithms.arrays`; the first three channels are read.
    start_zyx : tuple of 3 int
        Place of the first voxel in the whole volume.

    Raises
    ------
    InputError
        If shapes or types do not fit.
    """
    contacts, _ = contact_part(supervoxels, affinities, start_zyx=start_zyx)
    stored = affinities is not None and affinities.dtype == np.uint8
    return graph_of_contacts(contacts, 255.0 if stored else 1.0)


def graph_of_contacts(contacts: Array, scale: float) -> RegionGraph:
    """Return the graph of contacts that were added up over a whole volume.

    Parameters
    ----------
    contacts : (E,) of `segmend.core.algorithms.graph_parts.CONTACT`
        Sorted by the pair.
    scale : float
        What stands for affinity 1 in their sums.
    """
    pair = contacts["pair"]
    area = contacts["area"].astype(np.float64)
    edges = np.stack([pair >> np.uint64(32), pair & np.uint64(0xFFFFFFFF)], axis=1)
    return RegionGraph(
        edges=edges.astype(np.uint32),
        affinity=(contacts["affinity"] / (area * scale)).astype(np.float32),
        area=np.ascontiguousarray(contacts["area"]),
        strong=(contacts["strong"] / area).astype(np.float32),
        centroid=(contacts["place"] / area[:, None]).astype(np.float32),
    )


def supervoxel_table(
    supervoxels: Array, *, start_zyx: tuple[int, int, int] = (0, 0, 0)
) -> SupervoxelTable:
    """Measure every supervoxel.

    Parameters
    ----------
    supervoxels : (z, y, x) integer array, dense ids
    start_zyx : tuple of 3 int
        Place of the first voxel in the whole volume; points and boxes count from the start of that, and are the same
        to the bit as in the table of the whole.

    Raises
    ------
    InputError
        If they are not 3D integers in uint32.
    """
    labels = dense_labels(supervoxels)
    nodes = int(labels.max()) + 1 if labels.size else 1
    size, box, place = extent(labels, nodes, *start_zyx)
    _, point = nearest_voxels(labels, centres(size, place), *start_zyx)
    return SupervoxelTable(size, point, box)
