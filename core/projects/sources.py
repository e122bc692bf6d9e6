"""The arrays that a new project is made from: opened, checked against each other, given one grid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from segmend.core.errors import InputError
from segmend.core.geometry import Box, Grid, Zyx, ZyxNm
from segmend.core.projects.tissue_mask import TissueLabels, check_extent, covering, open_mask
from segmend.core.volumes.base import Volume, describe, dimensions
from segmend.core.volumes.labels import LabelVolume
from segmend.core.volumes.lazy import spacing_of
from segmend.core.volumes.memory import CroppedVolume
from segmend.core.volumes.opening import (
    check_affinities,
    check_image,
    check_labels,
    open_affinities,
    open_image,
    open_labels,
)

Source = str | Path | Volume
_SAME = 1e-3


@dataclass(frozen=True)
class Sources:
    """What a project is made from, all of one shape, cropped to the box.

    Parameters
    ----------
    image, supervoxels, segmentation, affinities : Volume or None
        Labels are background outside the mask.
    grid : Grid
    box : Box
        The part of the original arrays that is used.
    whole : bool
        Whether the box is all of it.
    mask : Volume or None
        What of it covers the box, at its own voxel size.
    """

    image: Volume | None
    supervoxels: Volume | None
    segmentation: Volume | None
    affinities: Volume | None
    grid: Grid
    box: Box
    whole: bool
    mask: Volume | None = None

    @property
    def shape_zyx(self) -> Zyx:
        """Extent of the project."""
        return self.box.shape_zyx

    def names(self) -> dict[str, str]:
        """Return what each array was opened from, for the record."""
        roles = ("image", "supervoxels", "segmentation", "affinities", "mask")
        return {role: getattr(self, role).source for role in roles if getattr(self, role)}


def open_sources(
    image: Source | None,
    supervoxels: Source | None,
    segmentation: Source | None,
    affinities: Source | None,
    *,
    mask: Source | None = None,
    voxel_size_nm_zyx: ZyxNm | None,
    offset_nm_zyx: ZyxNm | None,
    box: Box | None,
) -> Sources:
    """Open the arrays and find the grid that they share.

    Arguments win over what files say; among files the image is asked first, then supervoxels, segmentation and
    affinities.

    Raises
    ------
    InputError
        If none is given, one cannot be used, shapes or voxel sizes differ, none has a voxel size, or the box leaves
        the volume.
    """
    if image is None and supervoxels is None and segmentation is None:
        raise InputError(
            "a project needs an image, supervoxels or a segmentation: give at least one of --image, --supervoxels "
            "and --segmentation"
        )
    volumes: dict[str, Volume] = {}
    for role, source in (
        ("image", image),
        ("supervoxels", supervoxels),
        ("segmentation", segmentation),
        ("affinities", affinities),
    ):
        if source is not None:
            volumes[role] = _OPEN[role](source)
    shape = _common_shape(volumes)
    grid = _common_grid(volumes, voxel_size_nm_zyx, offset_nm_zyx)
    tissue = None if mask is None else open_mask(mask, grid, shape if voxel_size_nm_zyx else None)
    if tissue is not None:
        check_extent(tissue, grid, shape)
    part = Box.of_shape(shape) if box is None else _checked_box(box, shape)
    if box is not None:
        volumes = {role: CroppedVolume(v, part) for role, v in volumes.items()}
        grid = grid.cropped(part)
    if tissue is not None:
        tissue = covering(tissue, grid, Box.of_shape(part.shape_zyx))
        for role in volumes.keys() & {"supervoxels", "segmentation"}:
            volumes[role] = TissueLabels(volumes[role], tissue, grid)
    return Sources(
        volumes.get("image"),
        volumes.get("supervoxels"),
        volumes.get("segmentation"),
        volumes.get("affinities"),
        grid,
        part,
        box is None,
        tissue,
    )


def _open_image(source: Source) -> Volume:
    if isinstance(source, str | Path):
        return open_image(source, need_voxel_size=False)
    check_image(source)
    return source


def _open_labels(source: Source) -> Volume:
    if isinstance(source, str | Path):
        return open_labels(source)
    check_labels(source)
    return LabelVolume(source)


def _open_affinities(source: Source) -> Volume:
    if isinstance(source, str | Path):
        return open_affinities(source, need_voxel_size=False)
    check_affinities(source)
    return source


_OPEN: dict[str, Callable[[Source], Volume]] = {
    "image": _open_image,
    "supervoxels": _open_labels,
    "segmentation": _open_labels,
    "affinities": _open_affinities,
}


def _common_shape(volumes: dict[str, Volume]) -> Zyx:
    first_role, first = next(iter(volumes.items()))
    for role, volume in volumes.items():
        if volume.shape_zyx != first.shape_zyx:
            raise InputError(
                f"the {role} {volume.source} has {dimensions(volume.shape_zyx)} voxels, the {first_role} "
                f"{first.source} {dimensions(first.shape_zyx)} (z y x): expected the same shape; crop one of them"
            )
    return first.shape_zyx


def _common_grid(
    volumes: dict[str, Volume], voxel_size: ZyxNm | None, offset: ZyxNm | None
) -> Grid:
    if voxel_size is None:
        voxel_size = _agreed(volumes, "voxel_size_nm_zyx", "voxel size", "--voxel-size Z Y X")
    if voxel_size is None:
        named = next(iter(volumes.values())).source
        raise InputError(f"{named} has no voxel size: give --voxel-size Z Y X in nm")
    if offset is None:
        offset = _agreed(volumes, "offset_nm_zyx", "offset", "--offset Z Y X")
    return Grid(_floats(voxel_size), _floats(offset or (0.0, 0.0, 0.0)))


def _agreed(volumes: dict[str, Volume], what: str, words: str, option: str) -> ZyxNm | None:
    """Return the value that all files which have one agree on."""
    told = {role: getattr(spacing_of(v), what) for role, v in volumes.items()}
    told = {role: value for role, value in told.items() if value is not None}
    if not told:
        return None
    first_role, first = next(iter(told.items()))
    for role, value in told.items():
        if any(abs(a - b) > _SAME * max(1.0, abs(a)) for a, b in zip(first, value, strict=True)):
            raise InputError(
                f"the {first_role} has the {words} {_triple(first)} nm, the {role} {_triple(value)}: give the right "
                f"one with {option}"
            )
    return first


def _checked_box(box: Box, shape: Zyx) -> Box:
    inside = all(
        0 <= a < b <= n for a, b, n in zip(box.start_zyx, box.stop_zyx, shape, strict=True)
    )
    if not inside:
        raise InputError(
            f"--box {describe(box)} leaves the volume, which has {dimensions(shape)} voxels: choose a box inside it"
        )
    return box


def _floats(triple: ZyxNm) -> ZyxNm:
    z, y, x = (float(v) for v in triple)
    return z, y, x


def _triple(values: ZyxNm) -> str:
    return " ".join(f"{v:g}" for v in values)
