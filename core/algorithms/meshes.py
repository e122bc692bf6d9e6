"""Surfaces of segments for the 3D view: marching cubes on coarse voxels, within a budget of faces.

Decimating a fine mesh costs far more than meshing coarse voxels, so a mesh with too many faces is made again from
voxels of twice the size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import zmesh
from numpy.typing import NDArray

from segmend.core.errors import InputError
from segmend.core.geometry import Zyx, ZyxNm


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """A triangle mesh.

    Parameters
    ----------
    vertices_nm : (v, 3) float32
        z, y, x in nm.
    faces : (f, 3) uint32
        Rows of `vertices_nm`.
    """

    vertices_nm: NDArray[np.float32]
    faces: NDArray[np.uint32]

    @classmethod
    def empty(cls) -> Mesh:
        """Return a mesh without faces."""
        return cls(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.uint32))


def mesh_mask(
    mask: NDArray[np.bool_], voxel_size_nm_zyx: ZyxNm, offset_nm_zyx: ZyxNm = (0.0, 0.0, 0.0)
) -> Mesh:
    """Return the surface of the True voxels, closed at the border of the array.

    Marching cubes (Lorensen and Cline 1987) as implemented by zmesh.

    Parameters
    ----------
    mask : (z, y, x) bool
    voxel_size_nm_zyx : tuple of 3 float
    offset_nm_zyx : tuple of 3 float
        Centre of voxel (0, 0, 0).

    Raises
    ------
    InputError
        If the mask does not have three axes.
    """
    if mask.ndim != 3:
        raise InputError(
            f"a mesh needs a mask with axes z, y, x, not one with {mask.ndim} axes; give one volume"
        )
    if not mask.any():
        return Mesh.empty()
    mesher = zmesh.Mesher(voxel_size_nm_zyx)
    mesher.mesh(np.ascontiguousarray(mask).view(np.uint8), close=True)
    surface = mesher.get(1, normals=False, reduction_factor=0, voxel_centered=False)
    mesher.clear()
    # Closing pads the volume by one voxel, and zmesh leaves the vertices where the padding put them.
    shift = np.subtract(offset_nm_zyx, voxel_size_nm_zyx).astype(np.float32)
    vertices = np.asarray(surface.vertices, np.float32) + shift
    return Mesh(np.ascontiguousarray(vertices), np.ascontiguousarray(surface.faces, np.uint32))


def mesh_within(
    mask: NDArray[np.bool_],
    voxel_size_nm_zyx: ZyxNm,
    offset_nm_zyx: ZyxNm = (0.0, 0.0, 0.0),
    *,
    max_faces: int,
) -> Mesh:
    """Return the surface of the True voxels with at most `max_faces` faces.

    Voxels are joined along the axes on which they are smallest until the budget holds; a joined voxel counts as
    inside where any of its parts does, so that thin neurites stay in one piece.

    Parameters
    ----------
    mask : (z, y, x) bool
    voxel_size_nm_zyx, offset_nm_zyx : tuple of 3 float
        As in `mesh_mask`.
    max_faces : int
        At least 12, the faces of one voxel are 8.
    """
    if max_faces < 12:
        raise InputError(f"a budget of {max_faces} faces is too small for a mesh: give at least 12")
    size, offset = voxel_size_nm_zyx, offset_nm_zyx
    mesh = mesh_mask(mask, size, offset)
    while len(mesh.faces) > max_faces and max(mask.shape) > 1:
        factors = coarsening_step(size)
        mask = any_pooled(mask, factors)
        offset = _triple(o + (f - 1) * s / 2 for o, f, s in zip(offset, factors, size, strict=True))
        size = _triple(s * f for s, f in zip(size, factors, strict=True))
        mesh = mesh_mask(mask, size, offset)
    return mesh


def coarsening_step(voxel_size_nm_zyx: ZyxNm) -> Zyx:
    """Return how many voxels to join on each axis, 1 or 2, so that voxels become more even.

    Examples
    --------
    >>> coarsening_step((40.0, 8.0, 8.0))
    (1, 2, 2)
    """
    smallest = min(voxel_size_nm_zyx)
    z, y, x = (2 if size < 2 * smallest else 1 for size in voxel_size_nm_zyx)
    return z, y, x


def any_pooled(mask: NDArray[np.bool_], factors_zyx: Zyx) -> NDArray[np.bool_]:
    """Join voxels; True where any part is True.

    Parameters
    ----------
    mask : (z, y, x) bool
    factors_zyx : tuple of 3 int
        Voxels joined on each axis; a last partial one counts as one.
    """
    pooled: NDArray[np.bool_] = mask
    for axis, factor in enumerate(factors_zyx):
        starts = np.arange(0, pooled.shape[axis], factor)
        pooled = np.logical_or.reduceat(pooled, starts, axis=axis)
    return pooled


def smoothed(mesh: Mesh, rounds: int = 4) -> Mesh:
    """Return the mesh without the steps of its voxels; it does not shrink.

    Taubin smoothing (Taubin 1995): each round moves vertices towards the mean of their neighbours and most of the
    way back, here with factors 0.5 and -0.53.

    Parameters
    ----------
    mesh : Mesh
    rounds : int
    """
    if not len(mesh.faces):
        return mesh
    ends = np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]])
    count = len(mesh.vertices_nm)
    degree = np.maximum(np.bincount(ends[:, 0], minlength=count), 1)[:, None]
    vertices = mesh.vertices_nm.astype(np.float64)
    for factor in (0.5, -0.53) * rounds:
        sums = np.stack(
            [np.bincount(ends[:, 0], vertices[ends[:, 1], axis], count) for axis in range(3)],
            axis=1,
        )
        vertices = vertices + factor * (sums / degree - vertices)
    return Mesh(vertices.astype(np.float32), mesh.faces)


def shade(mesh: Mesh, towards_light_zyx: ZyxNm = (0.6, -0.9, -0.2)) -> NDArray[np.float32]:
    """Return how bright each vertex is under a far light: 0 turned away, 1 facing it.

    Half-Lambert shading: ``(n . l + 1) / 2``, which keeps form visible on the side away from the light.

    Parameters
    ----------
    mesh : Mesh
    towards_light_zyx : tuple of 3 float
        Any length but zero.

    Returns
    -------
    (v,) float32
    """
    if not len(mesh.faces):
        return np.zeros(len(mesh.vertices_nm), np.float32)
    corners = mesh.vertices_nm[mesh.faces].astype(np.float64)
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    flat, count = mesh.faces.reshape(-1), len(mesh.vertices_nm)
    normals = np.stack(
        [np.bincount(flat, np.repeat(across[:, axis], 3), count) for axis in range(3)], axis=1
    )
    # Outwards: the signed volume says which way the faces are wound.
    if np.einsum("ij,ij->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) < 0:
        normals = -normals
    light = np.array(towards_light_zyx) / np.linalg.norm(towards_light_zyx)
    lengths = np.maximum(np.linalg.norm(normals, axis=1), 1e-12)
    brightness: NDArray[np.float32] = ((normals @ light) / lengths + 1) / 2
    return brightness.astype(np.float32)


def joined(meshes: list[Mesh]) -> tuple[Mesh, NDArray[np.uint32]]:
    """Put meshes into one.

    Returns
    -------
    mesh : Mesh
    part : (v,) uint32
        Position in `meshes` of each vertex.
    """
    if not meshes:
        return Mesh.empty(), np.zeros(0, np.uint32)
    counts = [len(mesh.vertices_nm) for mesh in meshes]
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.uint32)
    vertices = np.concatenate([mesh.vertices_nm for mesh in meshes])
    faces = np.concatenate([m.faces + start for m, start in zip(meshes, starts, strict=True)])
    part = np.repeat(np.arange(len(meshes), dtype=np.uint32), counts)
    return Mesh(vertices, faces.astype(np.uint32)), part


def _triple(values: Any) -> ZyxNm:
    z, y, x = values
    return float(z), float(y), float(x)
