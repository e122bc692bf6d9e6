"""Contacts through which one object may go on as another: as wide as the objects themselves, near a skeleton's end.

Like the graph pruning of Matejek et al. 2019, "Biologically-constrained graphs for global connectomics
reconstruction", this keeps the few edges of an adjacency graph that the shape of neurites allows. Their rule, a narrow
cone ahead of every skeleton end, fits long thin segments. The pieces of a dense volume are often as thick as they are
long, TEASAR's ends lie in their corners, and what is straight ahead of a corner is a neighbour. Hence another measure:
where a neurite was cut, the contact fills its whole cross-section; neighbours side by side touch along a strip, and
just behind the strip each of them is wider. An end near the contact is asked for as well.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.algorithms.region_graph import region_graph
from segmend.core.algorithms.skeletons import EndPoints
from segmend.core.errors import InputError
from segmend.core.geometry import ZyxNm

Array = NDArray[Any]

LEAST_FILLING = 0.55
END_TO_CONTACT_NM = 250.0
_WIDEST_NM = 600.0


class Continuations(NamedTuple):
    """Contacts that suggest one object, k of them.

    Parameters
    ----------
    edges : (k, 2) uint32
        Labels, the smaller first; sorted.
    place_nm : (k, 3) float64
        Middle of the contact, z, y, x.
    filling : (k,) float64
        Contact area over the cross-sections behind it, geometric mean of both sides.
    gap_nm : (k,) float64
        From the contact to the nearest end of either skeleton; 0 where a side is too small for a skeleton.
    """

    edges: Array
    place_nm: Array
    filling: Array
    gap_nm: Array


def continuations(
    labels: Array,
    voxel_size_nm_zyx: ZyxNm,
    offset_nm_zyx: ZyxNm,
    ends: EndPoints,
    *,
    least_filling: float = LEAST_FILLING,
    reach_nm: float = END_TO_CONTACT_NM,
) -> Continuations:
    """Keep the contacts that fill the cross-section of what they join and lie near an end of it.

    Parameters
    ----------
    labels : (z, y, x) uint32
        The coarse copy the skeletons were traced on; dense ids, 0 is background.
    voxel_size_nm_zyx, offset_nm_zyx : tuple of 3 float
        Of `labels`.
    ends : EndPoints
        A label without any, too small for a skeleton, counts as an end itself.
    least_filling : float
        1: as wide as the objects; 0 keeps every contact.
    reach_nm : float
        Largest distance from an end to the middle of the contact.

    Raises
    ------
    InputError
        If labels are not dense.
    """
    size, offset = np.asarray(voxel_size_nm_zyx, float), np.asarray(offset_nm_zyx, float)
    graph = region_graph(labels, None)
    edges = graph.edges.astype(np.int64)
    place = graph.centroid.astype(np.float64) * size + offset
    filling = contact_filling(labels, edges, place, size, offset)
    gap = _end_gaps(edges, place, ends, int(labels.max(initial=0)))
    keep = (filling >= least_filling) & (gap <= reach_nm)
    return Continuations(graph.edges[keep], place[keep], filling[keep], gap[keep])


def contact_filling(
    labels: Array, edges: Array, place_nm: Array, voxel_size_nm: Array, offset_nm: Array
) -> NDArray[np.float64]:
    """Return how much of the cross-section behind it each contact fills, geometric mean of both sides, (E,).

    The area of a contact is that of its projection along its normal; the cross-section of a side is the area of the
    label in a slab parallel to it, one and a half voxels behind it and within three times the contact's radius.

    Parameters
    ----------
    labels : (z, y, x) uint32
    edges : (E, 2) int64
        Touching labels, the smaller first; sorted.
    place_nm : (E, 3) float64
        Middles of the contacts.
    voxel_size_nm, offset_nm : (3,) float64

    Raises
    ------
    InputError
        If the edges are not sorted.
    """
    keys = edges[:, 0] << 32 | edges[:, 1]
    if (np.diff(keys) <= 0).any():
        raise InputError("the contacts are not sorted: expected each pair once, in order")
    voxel = float(np.prod(voxel_size_nm))
    faces = _face_vectors(np.ascontiguousarray(labels, np.uint32), keys) * (voxel / voxel_size_nm)
    area = np.linalg.norm(faces, axis=1)
    normal = faces / np.maximum(area, 1e-9)[:, None]
    widest = float(voxel_size_nm.max())
    radius = np.minimum(3 * np.sqrt(area / np.pi) + 2 * widest, _WIDEST_NM)
    behind = _voxels_behind(
        np.ascontiguousarray(labels, np.uint32), edges, (place_nm - offset_nm) / voxel_size_nm,
        normal, radius, np.asarray(voxel_size_nm, np.float64), 1.5 * widest, 0.5 * widest,
    )  # fmt: skip
    section = behind * (voxel / widest)
    smallest = voxel / widest  # one voxel's face, where nothing lies behind
    share = area[:, None] / np.maximum(section, smallest)
    filling: NDArray[np.float64] = np.sqrt(share.prod(axis=1))
    return filling


def _end_gaps(edges: Array, place: Array, ends: EndPoints, n: int) -> Array:
    """Return the distance from each contact to the nearest end of its two labels."""
    order = np.argsort(ends.segment, kind="stable")
    starts = np.searchsorted(ends.segment[order], np.arange(n + 2))
    gap = np.full(len(edges), np.inf)
    for side in (0, 1):
        label = edges[:, side]
        count = starts[label + 1] - starts[label]
        rows = np.repeat(np.arange(len(edges)), count)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
        chosen = order[starts[label[rows]] + within]
        np.minimum.at(gap, rows, np.linalg.norm(place[rows] - ends.point_nm[chosen], axis=1))
        gap[count == 0] = 0.0
    return gap


@njit(cache=True, nogil=True)
def _face_vectors(labels: Array, keys: Array) -> Array:
    """Return the faces of each contact per axis: from the smaller label to the larger less the other way round."""
    nz, ny, nx = labels.shape
    found = np.zeros((len(keys), 3))
    for z in range(nz):
        for y in range(ny):
            for x in range(nx):
                a = np.int64(labels[z, y, x])
                for axis in range(3):
                    k, j, i = z + (axis == 0), y + (axis == 1), x + (axis == 2)
                    if a == 0 or k == nz or j == ny or i == nx:
                        continue
                    b = np.int64(labels[k, j, i])
                    if b == 0 or a == b:
                        continue
                    row = np.searchsorted(keys, min(a, b) << 32 | max(a, b))
                    found[row, axis] += 1.0 if a < b else -1.0
    return found


@njit(cache=True, nogil=True)
def _voxels_behind(
    labels: Array, edges: Array, middle: Array, normal: Array, radius: Array,
    size: Array, depth: float, half: float,
) -> Array:  # fmt: skip
    """Count the voxels of both labels in slabs behind each contact, at `depth` with a thickness of twice `half`."""
    count = np.zeros((len(edges), 2))
    first, last = np.empty(3, np.int64), np.empty(3, np.int64)
    for e in range(len(edges)):
        for axis in range(3):
            wide = (radius[e] + depth + half) / size[axis]
            first[axis] = max(0, int(np.floor(middle[e, axis] - wide)))
            last[axis] = min(labels.shape[axis] - 1, int(np.ceil(middle[e, axis] + wide)))
        for z in range(first[0], last[0] + 1):
            for y in range(first[1], last[1] + 1):
                for x in range(first[2], last[2] + 1):
                    label = labels[z, y, x]
                    if label != edges[e, 0] and label != edges[e, 1]:
                        continue
                    dz = (z - middle[e, 0]) * size[0]
                    dy = (y - middle[e, 1]) * size[1]
                    dx = (x - middle[e, 2]) * size[2]
                    along = dz * normal[e, 0] + dy * normal[e, 1] + dx * normal[e, 2]
                    side = 0 if label == edges[e, 0] else 1
                    away = -along if side == 0 else along
                    aside = dz * dz + dy * dy + dx * dx - along * along
                    if abs(away - depth) <= half and aside <= radius[e] * radius[e]:
                        count[e, side] += 1
    return count
