"""Read a ``.segmend`` project into napari: the image, and the segmentation as it is now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from segmend.core.geometry import Grid
from segmend.core.project import Project, open_project
from segmend.core.projects.config import FILE_NAME
from segmend.core.segmentation.mapped_labels import MappedLabels
from segmend.core.session import Session
from segmend.core.volumes.deferred import DeferredVolume

LayerData = tuple[Any, dict[str, Any], str]
Reader = Callable[[str | Sequence[str]], list[LayerData]]


def project_reader(path: str | Sequence[str]) -> Reader | None:
    """Return `read_project` for one project folder, None for anything else."""
    return read_project if isinstance(path, str) and (Path(path) / FILE_NAME).is_file() else None


def read_project(path: str | Sequence[str]) -> list[LayerData]:
    """Return the layers of a project; voxels are read when they are shown, edits made later are not.

    Parameters
    ----------
    path : str
        A project folder.

    Raises
    ------
    ProjectError
        If it is not a project, or damaged.
    """
    project = open_project(path if isinstance(path, str) else path[0])
    layers = _image(project)
    if project.supervoxel_pyramid is not None:
        layers += _segmentation(project)
    return layers


def _image(project: Project) -> list[LayerData]:
    pyramid = project.image_pyramid
    if pyramid is None:
        return []
    whole = pyramid[0].dtype.kind in "ui"
    limits = {"contrast_limits": (0, 2 ** (8 * pyramid[0].dtype.itemsize) - 1)} if whole else {}
    data = [DeferredVolume(level) for level in pyramid]
    return [_layer(data, f"{project.name} EM", "image", project.grid, rgb=False, **limits)]


def _segmentation(project: Project) -> list[LayerData]:
    # What the layers need, the mapping and the voxels, outlives the session; its journal need not stay open.
    with Session(project, read_only=True) as session:
        data = [MappedLabels(level, session.segmentation) for level in session.supervoxels]
    return [_layer(data, f"{project.name} segments", "labels", project.grid, opacity=0.3)]


def _layer(data: list[Any], name: str, kind: str, grid: Grid, **more: Any) -> LayerData:
    place = {
        "scale": grid.voxel_size_nm_zyx,
        "translate": grid.offset_nm_zyx,
        "axis_labels": ("z", "y", "x"),
        "units": ("nm", "nm", "nm"),
    }
    levels = len(data) > 1
    return data if levels else data[0], {"name": name, "multiscale": levels, **place, **more}, kind
