"""Who decides: the person at the keyboard and the perfect reviewer look the same from here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from segmend.core.candidates.candidate import Candidate

if TYPE_CHECKING:
    from segmend.core.session import Session

ReviewVerdict = Literal["accept", "reject", "unsure"]


class Reviewer(Protocol):
    """Anyone who can judge a candidate."""

    def decide(self, candidate: Candidate, session: Session) -> ReviewVerdict:
        """Judge a candidate on the session as it is; nothing is changed."""
