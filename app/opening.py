"""One request to open a project, which may be overtaken by another before its answer arrives."""

from __future__ import annotations

from pathlib import Path

from segmend.app.open_project import OpenProject, open_for_review


class Opening:
    """A project on its way to the window; both methods run on the thread of the session, `load` first.

    Parameters
    ----------
    path : Path
    author : str or None
    run : bool
        Run the pipeline on arrival where there are no supervoxels yet.
    look_only : bool
        Change nothing, and leave the project to others.
    """

    def __init__(
        self, path: Path, author: str | None, *, run: bool = False, look_only: bool = False
    ) -> None:
        self.path = path
        self.run = run
        self.look_only = look_only
        self.overtaken = False
        self._author = author
        self._opened: OpenProject | None = None

    def load(self) -> OpenProject | None:
        """Open the project, or do nothing where another request came first; raises what opening raises."""
        if not self.overtaken:
            self._opened = open_for_review(self.path, self._author, look_only=self.look_only)
        return self._opened

    def close(self) -> None:
        """Give back what nobody waits for any more."""
        opened, self._opened = self._opened, None
        if opened is not None and opened.session is not None:
            opened.session.close()
