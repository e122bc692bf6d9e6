"""Claims on candidates, so that two people never get the same one.

A claim keeps honest programs apart and ends by itself, so that nobody who went home blocks the others. It is no lock:
an edit that was overtaken is refused when it is committed, claimed or not.
"""

from __future__ import annotations

from dataclasses import dataclass

from segmend.core.errors import InputError, JournalError
from segmend.core.journal.rows import check_text
from segmend.core.journal.storage import Storage

LONGEST_SECONDS = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Claim:
    """Somebody works on a candidate.

    Parameters
    ----------
    candidate : str
    author : str
    until : float
        Seconds since 1970, UTC, by the clock of the journal's database.
    """

    candidate: str
    author: str
    until: float


class Claims:
    """The claims of one journal.

    Parameters
    ----------
    storage : Storage
    read_only : bool
    """

    def __init__(self, storage: Storage, *, read_only: bool) -> None:
        self._storage = storage
        self._read_only = read_only

    def claim(self, candidate: str, author: str, seconds: float) -> bool:
        """Take a candidate, or keep it for longer; False if somebody else has it.

        Raises
        ------
        InputError
            If a text cannot be stored or `seconds` is out of range.
        JournalError
            If it could not be written.
        """
        check_text("candidate", candidate)
        check_text("author", author)
        if not 0 < seconds <= LONGEST_SECONDS:
            raise InputError(
                f"a claim of {seconds} seconds: expected more than 0, at most {LONGEST_SECONDS:g}"
            )
        self._check_writable()
        with self._storage.section(alone=False):
            now = self._storage.now()
            changed = self._storage.change(
                "INSERT INTO claims (candidate, author, until) VALUES (:candidate, :author, :until)"
                " ON CONFLICT (candidate) DO UPDATE SET author = excluded.author, until = excluded.until"
                " WHERE claims.author = excluded.author"
                " OR NOT (claims.until > :now AND claims.until <= :latest)",
                {
                    "candidate": candidate,
                    "author": author,
                    "until": now + seconds,
                    "now": now,
                    "latest": now + LONGEST_SECONDS,
                },
            )
        return changed == 1

    def release(self, candidate: str, author: str) -> None:
        """Give a candidate back; one that somebody else has stays theirs."""
        self._check_writable()
        with self._storage.section(alone=False):
            self._storage.change(
                "DELETE FROM claims WHERE candidate = :candidate AND author = :author",
                {"candidate": candidate, "author": author},
            )

    def active(self) -> tuple[Claim, ...]:
        """Return the claims that hold now, the one that ends first first."""
        if not self._storage.has_team:
            return ()
        rows = self._storage.rows(
            "SELECT candidate, author, until FROM claims WHERE until > :now AND until <= :latest"
            " ORDER BY until, candidate LIMIT 100000",
            now=(now := self._storage.now()),
            latest=now + LONGEST_SECONDS,
        )
        return tuple(
            Claim(candidate, author, float(until))
            for candidate, author, until in rows
            if isinstance(candidate, str)
            and isinstance(author, str)
            and isinstance(until, float | int)
        )

    def _check_writable(self) -> None:
        if self._read_only:
            raise JournalError(
                "the journal was opened read-only: open the project for writing to claim candidates"
            )
