"""Every error Segmend raises on purpose.

A message says what is wrong, what was expected and what to do, in one line. The command line prints it and
exits with 2; the window shows it with ``details`` on request.
"""

from __future__ import annotations


class SegmendError(Exception):
    """Base of all errors that are meant for a person to read.

    Parameters
    ----------
    message : str
        One line: what is wrong, what was expected, what to do.
    details : str, optional
        More for those who ask: a traceback of a worker, a list of conflicts.
    """

    def __init__(self, message: str, *, details: str = "") -> None:
        super().__init__(message)
        self.details = details


class InputError(SegmendError, ValueError):
    """A value given by the user cannot be used."""


class VolumeError(InputError):
    """A file or array cannot be opened as the volume it was given for."""


class ProjectError(SegmendError):
    """A project folder is missing, damaged, of a newer format, or not what the command needs."""


class ProjectLocked(ProjectError):
    """Another program writes to this project now."""


class JournalError(SegmendError):
    """The journal cannot be read or written."""


class EditRefused(SegmendError):
    """An edit does not fit the present segmentation; nothing was changed."""


class SegmentLocked(EditRefused):
    """An edit would change a locked segment.

    Parameters
    ----------
    name : int
        What files and people call the segment.
    """

    def __init__(self, name: int) -> None:
        super().__init__(f"segment {name} is locked: unlock it first or leave it as it is")
        self.name = name


class StaleEdit(EditRefused):
    """Somebody else changed what an edit touches since it was looked at; nothing was changed."""


class NotAllowed(EditRefused):
    """The author's role in the team does not allow this."""


class StageError(SegmendError):
    """A pipeline stage failed; finished blocks are kept."""


class Cancelled(SegmendError):
    """The user cancelled long work; finished blocks are kept."""
