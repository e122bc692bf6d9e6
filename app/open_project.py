"""A project on show, and how it is opened; runs on the thread of the session."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from segmend.app.layers.scene import SceneVolumes
from segmend.core.journal.team import VIEWER
from segmend.core.project import Project, open_project
from segmend.core.report.contents import folder_of
from segmend.core.report.page import FILE_NAME
from segmend.core.session import Session

if TYPE_CHECKING:
    from segmend.app.proofreading import Proofreading


@dataclass
class OpenProject:
    """A project on show; without a session before it has supervoxels.

    Parameters
    ----------
    project : Project
    session : Session, optional
    no_edit : str
        Why nothing may be changed; empty where it may.
    report : Path, optional
        The page about the result, where there is one.
    work : Proofreading, optional
        What is done with the session; set when it is on show.
    """

    project: Project
    session: Session | None = None
    no_edit: str = ""
    report: Path | None = None
    work: Proofreading | None = None


def open_for_review(path: Path, author: str | None, *, look_only: bool = False) -> OpenProject:
    """Open a project, with its session where it has supervoxels; raises what these raise."""
    project = open_project(path)
    if not project.generation:
        return OpenProject(project, report=report_of(project))
    session = Session.open(path, author=author, read_only=look_only)
    return OpenProject(project, session, why_not_editable(session), report_of(project))


def report_of(project: Project) -> Path | None:
    """Return the page about a project's result; None where no run has written one."""
    page = folder_of(project) / FILE_NAME
    return page if page.is_file() else None


def why_not_editable(session: Session) -> str:
    """Say why a session may not change anything; empty where it may."""
    if session.read_only:
        return "the project is open to look only"
    if session.journal.team.role_of(session.author) == VIEWER:
        return f"{session.author} is a viewer of this project"
    return ""


def scene_volumes(project: Project, session: Session | None) -> SceneVolumes:
    """Return what can be shown of a project."""
    return SceneVolumes(
        image=project.image_pyramid or (),
        supervoxels=session.supervoxels if session else (),
        affinities=project.affinities,
        grid=project.grid,
    )
