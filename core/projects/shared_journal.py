"""The journal of a new project in a database; SQLAlchemy is imported only where there is one."""

from __future__ import annotations

from contextlib import suppress
from typing import Self
from uuid import uuid4

from segmend.core.errors import InputError, JournalError
from segmend.core.projects.folder import located


class SharedJournal:
    """Where the journal of a new project is to be.

    Parameters
    ----------
    address : str, optional
        Of the database, maybe with a password; None for a file in the project.
    owner : str, optional
        Needed with an address.

    Raises
    ------
    InputError
        If the address is none, or there is no owner.
    JournalError
        If the server cannot be reached or does not allow it; told before the long work begins.
    """

    def __init__(self, address: str | None, owner: str | None) -> None:
        self.project_id = uuid4().hex
        self.address = address
        self.owner = owner
        self._made = False
        if address is None:
            return
        if not owner or not owner.strip():
            raise InputError("a journal in a database needs an owner: name who makes the project")
        from segmend.core.journal.database import check_server

        check_server(address)

    @property
    def stored(self) -> str | None:
        """What project.toml keeps: the address without the password."""
        if self.address is None:
            return None
        from segmend.core.journal.database import database_url, plain

        return plain(database_url(self.address))

    def make(self) -> None:
        """Make it, as the last step; inside ``with`` it is removed again if what follows fails.

        Raises
        ------
        JournalError
            If the server cannot be reached or does not allow it.
        """
        if self.address is None:
            return
        from segmend.core.journal.database import make_journal

        assert self.owner is not None
        make_journal(located(self.address, self.project_id), self.owner)
        self._made = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        if kind is None or not self._made:
            return
        from segmend.core.journal.database import remove_journal

        assert self.address is not None
        with suppress(JournalError):
            remove_journal(located(self.address, self.project_id))
