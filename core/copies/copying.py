"""Another copy of a project, or the journal that was exported from one: read to be adopted, and never changed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from segmend.core.copies.adoption import Adoption, adopt
from segmend.core.errors import InputError, ProjectError
from segmend.core.journal.journal import Journal, Problem
from segmend.core.journal.lines import ForeignJournal, ProjectIdentity, read_lines
from segmend.core.project import Project, open_project
from segmend.core.segmentation.graph_files import GraphArrays, load_graph
from segmend.core.session import Session


def project_identity(project: Project, base: GraphArrays) -> ProjectIdentity:
    """Return what copies of a project have in common: the supervoxels in use, where they lie, and their segments."""
    total = hashlib.blake2b(digest_size=16)
    total.update(repr((project.shape_zyx, len(base.edges))).encode())
    for array in (base.size, base.point, base.box, base.segment_of):
        total.update(np.ascontiguousarray(array).data)
    return ProjectIdentity(project.generation, total.hexdigest())


def read_copy(path: str | Path) -> ForeignJournal:
    """Read the journal of another copy.

    Parameters
    ----------
    path : str or Path
        A NAME.segmend folder, or a file of ``segmend export --what journal``.

    Raises
    ------
    InputError
        If it is neither.
    ProjectError, JournalError
        If the project or its journal cannot be read.
    """
    place = Path(path).expanduser()
    if place.is_dir():
        return _of_project(open_project(place))
    try:
        with place.open("rb") as file:
            return read_lines(file, str(path))
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror or error}): expected a copy of the project or its exported journal"
        ) from error


def adopt_copy(session: Session, foreign: ForeignJournal) -> tuple[Adoption, tuple[Problem, ...]]:
    """Take in what only another copy has; views of the session have to be drawn anew.

    Parameters
    ----------
    session : Session
        Open for writing.
    foreign : ForeignJournal

    Returns
    -------
    Adoption
    tuple of Problem
        Operations that do not fit since then.

    Raises
    ------
    InputError, StaleEdit, JournalError, NotAllowed
        As `adopt`; nothing was changed.
    """
    before = {problem.number for problem in session.problems}
    base = session.segmentation.base
    identity = project_identity(session.project, base)
    timeline = session.timeline
    adoption = adopt(session.journal, foreign, identity, base, timeline.voxels, session.author)
    timeline.catch_up()
    return adoption, tuple(p for p in session.problems if p.number not in before)


def _of_project(project: Project) -> ForeignJournal:
    if project.generation == 0:
        raise ProjectError(f"{project.path} has no supervoxels yet, so there are no edits to adopt")
    identity = project_identity(project, load_graph(project.graph_dir))
    journal = Journal(project.journal_location, read_only=True)
    try:
        operations = tuple(journal.operations())
        return ForeignJournal(str(project.path), identity, operations, journal.damaged)
    finally:
        journal.close()
