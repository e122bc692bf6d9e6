"""Claims on candidates, so that colleagues are not asked the same question. No Qt, no napari."""

from __future__ import annotations

from typing import Any

HELD_SECONDS = 600.0
"""Longer than anybody looks at one candidate; a claim of somebody who went home ends by itself."""


class CandidateClaims:
    """Holds the candidate on show; runs on the thread of the session.

    Parameters
    ----------
    session : Session
    allowed : bool
        Whether this person edits; who only looks takes nothing from others.
    """

    def __init__(self, session: Any, *, allowed: bool = True) -> None:
        self._session = session
        self._allowed = allowed
        self._held = ""

    @property
    def _shared(self) -> bool:
        return self._allowed and bool(self._session.journal.shared)

    def take(self, candidate_id: str) -> bool:
        """Hold a candidate instead of the one before; False if a colleague has it."""
        if not self._shared:
            return True
        if candidate_id != self._held:
            self.give_back()
        taken: bool = self._session.journal.claims.claim(
            candidate_id, self._session.author, HELD_SECONDS
        )
        self._held = candidate_id if taken else ""
        return taken

    def keep(self) -> None:
        """Hold the candidate on show for longer."""
        if self._held:
            self.take(self._held)

    def give_back(self) -> None:
        """Let colleagues have it."""
        if self._held:
            self._session.journal.claims.release(self._held, self._session.author)
            self._held = ""
