"""The surface of one segment that knows its supervoxels, so that pieces are coloured without meshing again. No Qt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from segmend.app.meshing import labels_around
from segmend.core.algorithms.meshes import Mesh, mesh_within, shade, smoothed
from segmend.core.session import Session

_MOST_VOXELS = 1_500_000


@dataclass(frozen=True, slots=True, eq=False)
class PieceSurface:
    """A mesh whose vertices know where they are from.

    Parameters
    ----------
    mesh : Mesh
    supervoxel : (v,) int64
        The nearest one of the segment.
    voxel_zyx : (v, 3) int64
        A voxel of it near the vertex, of the finest level.
    shade : (v,) float32
    """

    mesh: Mesh
    supervoxel: NDArray[Any]
    voxel_zyx: NDArray[Any]
    shade: NDArray[Any]


def surfacer_for(session: Session) -> Callable[[NDArray[Any], int], PieceSurface]:
    """Return what makes the surfaces of a session: supervoxels and most faces in, surface out."""

    def surfacer(supervoxels: NDArray[Any], max_faces: int) -> PieceSurface:
        box = session.segmentation.box_of(supervoxels)
        labels, volume, start = labels_around(box, session.supervoxels, _MOST_VOXELS)
        known = np.zeros(int(max(labels.max(initial=0), supervoxels.max())) + 1, bool)
        known[supervoxels] = True
        inside = known[labels]
        size, origin = volume.grid.voxel_size_nm_zyx, volume.grid.to_nm(start)
        mesh = smoothed(mesh_within(inside, size, origin, max_faces=max_faces))
        if not len(mesh.faces):
            nothing = np.zeros(0, np.int64)
            return PieceSurface(Mesh.empty(), nothing, nothing.reshape(0, 3), shade(mesh))
        nearest = distance_transform_edt(~inside, size, return_distances=False, return_indices=True)
        last = np.array(inside.shape) - 1
        at = np.clip(np.rint((mesh.vertices_nm - origin) / size).astype(np.int64), 0, last)
        at = nearest[:, at[:, 0], at[:, 1], at[:, 2]].T.astype(np.int64)
        supervoxel = labels[at[:, 0], at[:, 1], at[:, 2]].astype(np.int64)
        finest = session.supervoxels[0].shape_zyx
        factors = np.rint(np.array(finest) / volume.shape_zyx).astype(np.int64)
        return PieceSurface(mesh, supervoxel, (at + np.array(start)) * factors, shade(mesh))

    return surfacer
