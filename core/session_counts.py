"""What a project's journal holds, without opening a session on it."""

from __future__ import annotations

from pathlib import Path

from segmend.core.journal.journal import Journal
from segmend.core.project import Project
from segmend.core.timeline.history import History, count_edits, history


def recorded_edits(project: Project) -> int:
    """Return the number of edits that were made on the supervoxels that are there now, in effect or not.

    Those that were undone or switched off count, too, because they can be brought back; verdicts without an edit do
    not. The answer holds for as long as nobody else may write, so hold the project's lock and open the project under
    it.

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
    location = project.journal_location
    if isinstance(location, Path) and not location.exists():
        return 0
    journal = Journal(location, read_only=True)
    try:
        return count_recorded(history(journal.operations(), project.generation))
    finally:
        journal.close()


def count_recorded(past: History) -> int:
    """Return the number of edits of a history, in effect or not."""
    return count_edits((*past.done, *past.undone, *past.off))
