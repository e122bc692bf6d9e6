"""What a project's journal holds, without opening a session on it."""

from __future__ import annotations

from segmend.core.edits.history import count_edits, history
from segmend.core.edits.journal import Journal
from segmend.core.project import Project


def edits_in_effect(project: Project) -> int:
    """Return the number of edits in effect on the supervoxels that are there now.

    Verdicts without an edit are not counted. The answer holds for as long as nobody else may write, so hold the
    project's lock and open the project under it.

    Parameters
    ----------
    project : Project

    Returns
    -------
    int

    Raises
    ------
    JournalError
        If the journal cannot be read.
    """
    if not project.journal_path.exists():
        return 0
    journal = Journal(project.journal_path, read_only=True)
    try:
        past = history(journal.operations(), project.generation)
    finally:
        journal.close()
    return count_edits(past.done)
