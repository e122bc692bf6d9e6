"""The skeleton of one segment, traced when it is asked for and kept in a folder that is safe to delete."""

from __future__ import annotations

import hashlib
import os
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from segmend.core.algorithms.coarse_skeletons import clearing_nm
from segmend.core.algorithms.skeletons import (
    Skeleton,
    coarse_factor,
    downsample_thin,
    skeletonize,
)
from segmend.core.errors import InputError
from segmend.core.geometry import Box, Zyx
from segmend.core.volumes.base import Volume

Array = NDArray[Any]

_RECIPE = 1
"""Counted up when the same supervoxels give another skeleton, so that kept ones are not used."""
_SLAB_VOXELS = 32 * 1024 * 1024
_MOST_COARSE_VOXELS = 256 * 1024 * 1024


def segment_skeleton(
    folder: Path, supervoxels: Array, box: Box, volume: Volume, *, target_nm: float = 30.0
) -> Skeleton:
    """Return the skeleton of some supervoxels; from the folder where it was traced before.

    Parameters
    ----------
    folder : Path
        ``traced/`` of the project's generation, for instance: no result of a stage, or stages that read it would run
        again. Made when first needed; where it cannot be written the skeleton is traced every time.
    supervoxels : (k,) uint32
        Members of the segment.
    box : Box
        Holds all of them; only this part of the volume is read, slab by slab.
    volume : Volume
        Supervoxels at full resolution, with the patches in effect.
    target_nm : float
        Voxel size of the coarse copy to come close to.

    Raises
    ------
    InputError
        If the box is too large to be traced in memory at this size.
    """
    file = folder / f"of-{_key(supervoxels, target_nm)}.npz"
    if (kept := _load(file)) is not None:
        return kept
    factor = coarse_factor(volume.grid.voxel_size_nm_zyx, target_nm)
    if not len(supervoxels) or not box.size:
        return _none()
    if box.size / np.prod(factor) > _MOST_COARSE_VOXELS:
        raise InputError(
            f"a segment of {box.size} voxels' extent is too large to trace at {target_nm:g} nm: give a coarser size"
        )
    skeleton = _trace(_coarse(supervoxels, box, volume, factor), box, volume, factor)
    _save(file, skeleton)
    return skeleton


def _trace(coarse: Array, box: Box, volume: Volume, factor: Zyx) -> Skeleton:
    grid = volume.grid.cropped(box)
    z, y, x = (s * f for s, f in zip(grid.voxel_size_nm_zyx, factor, strict=True))
    fz, fy, fx = factor
    found = skeletonize(
        coarse,
        (z, y, x),
        offset_nm_zyx=grid.to_nm(((fz - 1) / 2, (fy - 1) / 2, (fx - 1) / 2)),
        dust_voxels=1,
        const_nm=clearing_nm(min(grid.voxel_size_nm_zyx), max(z, y, x)),
    )
    return found.get(1, _none())


def _coarse(supervoxels: Array, box: Box, volume: Volume, factor: Zyx) -> Array:
    """Read a box slab by slab; return 1 where any voxel of the segment lies in a coarse one, else 0."""
    _, y, x = box.shape_zyx
    depth = factor[0] * max(1, _SLAB_VOXELS // (y * x * factor[0]))
    inside = np.zeros(int(np.max(supervoxels)) + 2, np.uint32)
    inside[supervoxels] = 1
    every, size = np.arange(2, dtype=np.uint32), np.ones(2)
    slabs = []
    for part in box.blocks((depth, y, x)):
        mask = inside[np.minimum(volume.read(part), len(inside) - 1)]
        slabs.append(downsample_thin(mask, every, size, factor))
    return np.concatenate(slabs)


def _none() -> Skeleton:
    return Skeleton(
        np.zeros((0, 3), np.float32), np.zeros((0, 2), np.uint32), np.zeros(0, np.float32)
    )


def _key(supervoxels: Array, target_nm: float) -> str:
    members = np.sort(np.asarray(supervoxels)).astype(np.uint32).tobytes()
    return f"{hashlib.blake2b(members, digest_size=12).hexdigest()}-{target_nm:g}-{_RECIPE}"


def _load(file: Path) -> Skeleton | None:
    """Read a kept skeleton; None where there is none or the file is damaged, so that it is traced again."""
    try:
        with np.load(file, allow_pickle=False) as arrays:
            found = Skeleton(arrays["vertices_nm"], arrays["edges"], arrays["radius_nm"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    many = len(found.radius_nm)
    fits = found.vertices_nm.shape == (many, 3) and found.edges.ndim == 2
    return found if fits and (not found.edges.size or int(found.edges.max()) < many) else None


def _save(file: Path, skeleton: Skeleton) -> None:
    """Keep a skeleton, unless that cannot be: the disk is full, or the project only to be read."""
    part = file.with_suffix(f".{os.getpid()}-{uuid4().hex}.part.npz")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez(
            part,
            vertices_nm=skeleton.vertices_nm,
            edges=skeleton.edges,
            radius_nm=skeleton.radius_nm,
        )
        part.replace(file)
    except OSError:
        with suppress(OSError):
            part.unlink(missing_ok=True)
