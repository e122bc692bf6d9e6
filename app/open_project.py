"""A project on show, and how it is opened; runs on the thread of the session."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from segmend.app.layers.scene import SceneVolumes
from segmend.app.presenters.review import ReviewPresenter
from segmend.app.presenters.solids import SolidsPresenter
from segmend.core.project import Project, open_project
from segmend.core.session import Session


@dataclass
class OpenProject:
    """A project on show; without a session before it has supervoxels."""

    project: Project
    session: Session | None = None
    review: ReviewPresenter | None = None
    solids: SolidsPresenter | None = None


def open_for_review(path: Path, author: str | None) -> OpenProject:
    """Open a project, with its session where it has supervoxels; raises what these raise."""
    project = open_project(path)
    if not project.generation:
        return OpenProject(project)
    return OpenProject(project, Session.open(path, author=author))


def scene_volumes(project: Project, session: Session | None) -> SceneVolumes:
    """Return what can be shown of a project."""
    return SceneVolumes(
        image=project.image_pyramid or (),
        supervoxels=session.supervoxels if session else (),
        affinities=project.affinities,
        grid=project.grid,
    )
