"""Who may do what in a project, and who is at work.

Owners may do everything, proofreaders edit, viewers look on. What this protects against is mistakes: names are what
people's programs say they are, and whoever may write to the database can write to it without this program. The fence
is the database account: give viewers one that may only read (`grants` has the statements).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from segmend.core.errors import InputError, JournalError, NotAllowed
from segmend.core.journal.claims import Claim
from segmend.core.journal.rows import MOST_OPERATIONS, check_text
from segmend.core.journal.storage import Storage

OWNER, PROOFREADER, VIEWER = ROLES = ("owner", "proofreader", "viewer")

_SET_MEMBER = (
    "INSERT INTO members (author, role) VALUES (:author, :role)"
    " ON CONFLICT (author) DO UPDATE SET role = excluded.role"
)
_SET_DEFAULT = (
    "INSERT INTO settings (name, value) VALUES ('default_role', :role)"
    " ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)
_ROLE = (
    "SELECT (SELECT role FROM members WHERE author = :author),"
    " (SELECT value FROM settings WHERE name = 'default_role'),"
    " EXISTS (SELECT 1 FROM members)"
)
RECENT = 5000
"""Operations in which to look for who is at work."""


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody with a role of their own.

    Parameters
    ----------
    author : str
    role : {"owner", "proofreader", "viewer"}
    """

    author: str
    role: str


@dataclass(frozen=True, slots=True)
class Presence:
    """What somebody did last and is doing now.

    Parameters
    ----------
    author : str
    operation : int
        Their last one; 0 if none of the recent ones is theirs.
    time : str
        Of that operation, UTC in ISO form; empty if there is none.
    claims : tuple of str
        Candidates they are working on.
    """

    author: str
    operation: int
    time: str
    claims: tuple[str, ...]


class Team:
    """The roles of one journal.

    As long as nobody has a role, as in a project of one person, everybody is an owner.

    Parameters
    ----------
    storage : Storage
    read_only : bool
    """

    def __init__(self, storage: Storage, *, read_only: bool) -> None:
        self._storage = storage
        self._read_only = read_only

    @property
    def default_role(self) -> str:
        """The role of everybody who has none of their own."""
        if not self._storage.has_team:
            return PROOFREADER
        rows = self._storage.rows("SELECT value FROM settings WHERE name = 'default_role'")
        return _checked(rows[0][0]) if rows else PROOFREADER

    def role_of(self, author: str) -> str:
        """Return the role of an author: "owner", "proofreader" or "viewer"."""
        if not self._storage.has_team:
            return OWNER
        role, default, anybody = self._storage.rows(_ROLE, author=author)[0]
        if not anybody:
            return OWNER
        return _checked(default or PROOFREADER if role is None else role)

    def members(self) -> tuple[Member, ...]:
        """Return everybody who has a role of their own, by name."""
        if not self._storage.has_team:
            return ()
        rows = self._storage.rows("SELECT author, role FROM members ORDER BY author LIMIT 100000")
        return tuple(
            Member(author, _checked(role)) for author, role in rows if isinstance(author, str)
        )

    def set_role(self, by: str, author: str, role: str) -> None:
        """Give an author a role; whoever names the first one becomes an owner.

        Raises
        ------
        NotAllowed
            If `by` is no owner, or nobody would be one any more.
        InputError
            If there is no such role.
        """
        check_text("author", author)
        check_text("author", by)
        _check_role(role)
        self._check_writable()
        with self._storage.section():
            self.check_owner(by, "give roles")
            if not self.members():
                self._storage.change(_SET_MEMBER, {"author": by, "role": OWNER})
            self._storage.change(_SET_MEMBER, {"author": author, "role": role})
            if all(member.role != OWNER for member in self.members()):
                raise NotAllowed(f"{author} is the only owner: make somebody else an owner first")

    def set_default_role(self, by: str, role: str) -> None:
        """Set the role of everybody who has none of their own; raises what `set_role` raises."""
        _check_role(role)
        check_text("author", by)
        self._check_writable()
        with self._storage.section():
            self.check_owner(by, "give roles")
            if not self.members():
                self._storage.change(_SET_MEMBER, {"author": by, "role": OWNER})
            self._storage.change(_SET_DEFAULT, {"role": role})

    def check_may_edit(self, author: str) -> None:
        """Refuse the edits of viewers.

        Raises
        ------
        NotAllowed
        """
        if self.role_of(author) == VIEWER:
            raise NotAllowed(
                f"{author} is a viewer of this project and cannot edit it; an owner{self._owners()} can change that "
                f"with `segmend team PROJECT set {author} proofreader`"
            )

    def check_owner(self, author: str, what: str) -> None:
        """Refuse what only owners may do, such as giving roles or starting a new generation.

        Raises
        ------
        NotAllowed
        """
        role = self.role_of(author)
        if role != OWNER:
            raise NotAllowed(
                f"{author} is a {role} of this project and cannot {what}; ask an owner{self._owners()}"
            )

    def _owners(self) -> str:
        names = [member.author for member in self.members() if member.role == OWNER]
        return f" ({', '.join(names[:3])})" if names else ""

    def _check_writable(self) -> None:
        if self._read_only:
            raise JournalError(
                "the journal was opened read-only: open the project for writing to change roles"
            )


def present(storage: Storage, claims: Iterable[Claim]) -> tuple[Presence, ...]:
    """Return who worked lately or has a claim: the last first."""
    claimed: dict[str, list[str]] = {}
    for claim in claims:
        claimed.setdefault(claim.author, []).append(claim.candidate)
    rows = storage.rows(
        "SELECT author, time, number FROM operations WHERE number IN ("
        "SELECT max(number) FROM (SELECT author, number FROM operations"
        " WHERE number <= :most ORDER BY number DESC LIMIT :recent) AS late GROUP BY author)"
        " ORDER BY number DESC",
        most=MOST_OPERATIONS,
        recent=RECENT,
    )
    found = [
        Presence(author, number, time, tuple(claimed.pop(author, ())))
        for author, time, number in rows
        if isinstance(author, str) and isinstance(time, str)
    ]
    found += [Presence(author, 0, "", tuple(of)) for author, of in claimed.items()]
    return tuple(found)


def grants(schema: str) -> tuple[str, ...]:
    """Return the SQL that lets a database account edit, and the one that lets it only look on.

    Parameters
    ----------
    schema : str
        Of the project.
    """
    return (
        f"GRANT USAGE ON SCHEMA {schema} TO ACCOUNT; "
        f"GRANT SELECT, INSERT ON {schema}.operations TO ACCOUNT; "
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.claims TO ACCOUNT; "
        f"GRANT SELECT ON {schema}.members, {schema}.settings TO ACCOUNT;",
        f"GRANT USAGE ON SCHEMA {schema} TO ACCOUNT; "
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO ACCOUNT;",
    )


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise InputError(f"{role!r} is no role: expected {', '.join(ROLES)}")


def _checked(role: object) -> str:
    """Return a role from the database; what is none there may only look on."""
    return role if isinstance(role, str) and role in ROLES else VIEWER
