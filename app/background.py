"""Long work that the window gives to a worker process: plain functions, picklable by `functools.partial`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from segmend.app.presenters.projects import NewProject

SAMPLE_PROJECT, SAMPLE_VOLUME = "sample.segmend", "sample.h5"


def make_sample(folder: Path) -> Path:
    """Make the synthetic sample and a project on it; one that is there already is kept.

    Returns
    -------
    Path
        The project.
    """
    project = folder / SAMPLE_PROJECT
    if not (project / "project.toml").is_file():
        from segmend.core.synthesis import DEMO_SPEC, save_sample, synthesize

        folder.mkdir(parents=True, exist_ok=True)
        save_sample(synthesize(DEMO_SPEC), folder / SAMPLE_VOLUME)
        _create(project, image=f"{folder / SAMPLE_VOLUME}:/raw")
    return project


def make_project(new: NewProject) -> Path:
    """Make a project from the form of a person."""
    return _create(
        new.path,
        image=new.image,
        affinities=new.affinities,
        supervoxels=new.supervoxels,
        segmentation=new.segmentation,
        voxel_size_nm_zyx=new.voxel_size_nm_zyx,
    )


def export_segmentation(project: Path, out: Path) -> Path:
    """Write the segmentation of a project with every edit that is in the journal now."""
    from segmend.app.exports import export
    from segmend.core.session import Session

    with Session.open(project, read_only=True) as session:
        export(session, out, "segmentation", box=None, progress=lambda name, share: None)
    return out


def _create(path: Path, **sources: Any) -> Path:
    from segmend.core.project import create_project

    made: Path = create_project(path, **sources).path
    return made
