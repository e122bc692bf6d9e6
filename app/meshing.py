"""Surfaces of some supervoxels of a project: read coarse voxels, mesh, remember. No Qt."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.algorithms.meshes import Mesh, mesh_within, smoothed
from segmend.core.geometry import Box
from segmend.core.session import Session
from segmend.core.volumes.base import Volume

_RECIPE = 2
"""Counted up when the same supervoxels give another mesh, so that kept ones are not used."""
_READ_VOXELS = 6_000_000
_MESH_VOXELS = 1_500_000


class MeshShelf:
    """Makes meshes and keeps them in a folder that is safe to delete.

    Parameters
    ----------
    folder : Path
        Of the project's generation; made when first needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def mesh(
        self, supervoxels: NDArray[Any], box: Box, levels: Sequence[Volume], max_faces: int
    ) -> Mesh:
        """Return the surface of some supervoxels.

        Parameters
        ----------
        supervoxels : (k,) uint32
        box : Box
            Holds all of them, in the finest voxels.
        levels : sequence of Volume
            Pyramid of supervoxels, finest first.
        max_faces : int
        """
        if not len(supervoxels) or not box.size:
            return Mesh.empty()
        file = self._folder / f"{_key(supervoxels, max_faces)}.npz"
        if (kept := _load(file)) is not None:
            return kept
        mask, volume, start = _mask(supervoxels, box, levels)
        z, y, x = volume.grid.voxel_size_nm_zyx
        while mask.size > _MESH_VOXELS:
            mask, z, y, x = mask[::2, ::2, ::2], 2 * z, 2 * y, 2 * x
        mesh = smoothed(mesh_within(mask, (z, y, x), volume.grid.to_nm(start), max_faces=max_faces))
        _save(file, mesh)
        return mesh


def mesher_for(session: Session) -> Callable[[NDArray[Any], int], Mesh]:
    """Return what makes the meshes of a session: supervoxels and most faces in, mesh out."""
    shelf = MeshShelf(session.project.generation_dir / "meshes")

    def mesher(supervoxels: NDArray[Any], max_faces: int) -> Mesh:
        box = session.segmentation.box_of(supervoxels)
        return shelf.mesh(supervoxels, box, session.supervoxels, max_faces)

    return mesher


def _mask(
    supervoxels: NDArray[Any], box: Box, levels: Sequence[Volume]
) -> tuple[NDArray[np.bool_], Volume, tuple[int, int, int]]:
    labels, volume, start = labels_around(box, levels, _READ_VOXELS)
    inside = np.zeros(max(int(labels.max(initial=0)), int(supervoxels.max())) + 1, bool)
    inside[supervoxels] = True
    return inside[labels], volume, start


def labels_around(
    box: Box, levels: Sequence[Volume], most_voxels: int
) -> tuple[NDArray[Any], Volume, tuple[int, int, int]]:
    """Return the supervoxels of a box at the finest level that is small enough, that level, and where it starts.

    Parameters
    ----------
    box : Box
        Of the finest level.
    levels : sequence of Volume
        Pyramid of supervoxels, finest first.
    most_voxels : int
        The coarsest level may have more.
    """
    finest = levels[0].shape_zyx
    for volume in levels:
        factors = [a / b for a, b in zip(finest, volume.shape_zyx, strict=True)]
        part = Box(
            tuple(int(a / f) for a, f in zip(box.start_zyx, factors, strict=True)),  # type: ignore[arg-type]
            tuple(-int(-b // f) for b, f in zip(box.stop_zyx, factors, strict=True)),  # type: ignore[arg-type]
        ).intersect(Box.of_shape(volume.shape_zyx))
        if part.size <= most_voxels:
            break
    return volume.read(part), volume, part.start_zyx


def _key(supervoxels: NDArray[Any], max_faces: int) -> str:
    digest = hashlib.blake2b(np.sort(supervoxels).astype(np.uint32).tobytes(), digest_size=12)
    return f"{digest.hexdigest()}-{max_faces}-{_RECIPE}"


def _load(file: Path) -> Mesh | None:
    try:
        with np.load(file, allow_pickle=False) as arrays:
            return Mesh(arrays["vertices_nm"], arrays["faces"])
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None


def _save(file: Path, mesh: Mesh) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(f".{os.getpid()}.part.npz")
    np.savez(part, vertices_nm=mesh.vertices_nm, faces=mesh.faces)
    part.replace(file)
