"""Edits of earlier generations brought over to the one in use."""

from __future__ import annotations

from segmend.core.candidates.store import load_candidates
from segmend.core.edits.model import Merge, Split
from segmend.core.errors import InputError, ProjectError
from segmend.core.project import Project
from segmend.core.reapplying.constraints import Decision, decisions_of
from segmend.core.reapplying.meaning import Reapplied, still_meant, without_undone
from segmend.core.reapplying.reapplying import reapply
from segmend.core.reapplying.tissue import Tissue
from segmend.core.session import Session


def reapply_edits(session: Session, since: int = 1) -> Reapplied:
    """Make the decisions of earlier generations good on the present one, oldest first.

    Parameters
    ----------
    session : Session
        Open for writing.
    since : int
        The first generation whose decisions count.

    Raises
    ------
    InputError
        If there is no such generation.
    ProjectError
        If an earlier generation is gone: what was decided on it cannot be read any more.
    """
    project = session.project
    if since != 1 and project.generation == 1:
        raise InputError(
            f"there is no generation {since} to take edits from: the project is in its first one; "
            "segment it anew first (segmend run PROJECT --new-generation)"
        )
    if not 1 <= since < max(project.generation, 2):
        raise InputError(
            f"generation {since} is not one to take edits from: expected 1 to {project.generation - 1}"
        )
    decisions: list[Decision] = []
    superseded = 0
    former: Tissue | None = None
    for generation in range(since, project.generation):
        with _former_session(project, generation) as old:
            former = _tissue(old)
            decisions, undone = without_undone(decisions, old.timeline.history)
            decisions += decisions_of(old.operations_in_effect, former, _asked(old))
            decisions, more = still_meant(decisions, former)
            superseded += undone + more
    if former is None:
        return Reapplied(0, 0, 0, 0, ())
    waiting = [c.id for c in session.queue if session.queue.status(c.id) == "open"]
    return reapply(decisions, former, session.timeline, waiting, superseded)


def _former_session(project: Project, generation: int) -> Session:
    if not project.generation_path(generation).is_dir():
        raise ProjectError(
            f"{project.generation_path(generation)} is gone, and with it what the edits of generation {generation} "
            f"were about: put it back from a copy, or give --since {generation + 1}"
        )
    config = project.config.changed(generation=generation)
    return Session(Project(project.path, config), read_only=True)


def _tissue(session: Session) -> Tissue:
    voxels = session.timeline.voxels
    assert voxels is not None
    return Tissue(session.segmentation, voxels)


def _asked(session: Session) -> dict[str, Merge | Split]:
    path = session.project.candidates_path
    if not path.exists():
        return {}
    known = load_candidates(path, session.segmentation.base.supervoxel_count)
    return {candidate.id: candidate.edit for candidate in known}
