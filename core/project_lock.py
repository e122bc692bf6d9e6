"""One writer at a time: a lock file in the project folder that the system releases when its holder dies."""

from __future__ import annotations

import getpass
import json
import os
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from segmend.core.errors import ProjectError, ProjectLocked
from segmend.core.processes import process_alive, process_start

FILE_NAME = "writer.lock"


class ProjectLock:
    """The right to write to a project. Readers need none.

    The system's lock on ``writer.lock`` decides, so that two programs that start together cannot both have it and a
    dead holder's lock is free at once; the JSON inside says who holds it. Where the system's lock does not reach
    (a file system without locks, another machine), what the JSON says counts: a holder that may be alive keeps it.

    Parameters
    ----------
    project_path : Path
    author : str, optional
        Who writes; the system's user if not given.
    """

    def __init__(self, project_path: Path | str, author: str | None = None) -> None:
        self._path = Path(project_path) / FILE_NAME
        self._author = author or user_name()
        self._handle: int | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._handle is not None

    def acquire(self) -> None:
        """Take the lock.

        Raises
        ------
        ProjectLocked
            If somebody else writes; the message says who, where and since when.
        ProjectError
            If the folder cannot be written.
        """
        if self.held:
            return
        try:
            handle = os.open(
                self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666
            )
        except OSError as error:
            raise ProjectError(
                f"{self._path.parent} cannot be written ({error.strerror}): open it read-only or ask for permission"
            ) from error
        try:
            self._take(handle)
        except BaseException:
            os.close(handle)
            raise
        self._handle = handle

    def release(self) -> None:
        """Give the lock back; doing it twice is allowed."""
        if self._handle is None:
            return
        os.ftruncate(self._handle, 0)
        os.close(self._handle)
        self._handle = None

    def __enter__(self) -> ProjectLock:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()

    def _take(self, handle: int) -> None:
        free = _system_lock(handle)
        holder = _read_holder(handle)
        if not free or (holder and _may_be_alive(holder)):
            raise ProjectLocked(self._refusal(holder, free))
        os.ftruncate(handle, 0)
        os.lseek(handle, 0, os.SEEK_SET)
        os.write(handle, json.dumps(_myself(self._author)).encode())
        os.fsync(handle)

    def _refusal(self, holder: dict[str, Any], free: bool) -> str:
        project = self._path.parent
        if not holder:
            return f"{project} is being written by another program: wait until it is done, or open it read-only"
        who = f"{holder.get('author')} (process {holder.get('pid')} on {holder.get('host')})"
        advice = "wait until it is closed there, or open it read-only"
        if free:
            advice += f"; if that program no longer runs, remove {self._path}"
        return f"{project} is open for writing by {who} since {holder.get('since')}: {advice}"


def user_name() -> str:
    """Return the system's name for the user, or ``unknown``."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "unknown"


def _myself(author: str) -> dict[str, Any]:
    return {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "started": process_start(os.getpid()),
        "author": author,
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _may_be_alive(holder: dict[str, Any]) -> bool:
    if holder.get("host") != socket.gethostname():
        return True
    pid = holder.get("pid")
    if not isinstance(pid, int) or not process_alive(pid):
        return False
    started = process_start(pid)
    return not started or started == holder.get("started")


def _read_holder(handle: int) -> dict[str, Any]:
    """Return what the holder wrote; empty if nothing readable is there."""
    os.lseek(handle, 0, os.SEEK_SET)
    try:
        values = json.loads(os.read(handle, 4096).decode())
    except (OSError, ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}


if sys.platform == "win32":
    import msvcrt

    _FAR = 2**20  # beyond the text: a locked byte cannot be read by others

    def _system_lock(handle: int) -> bool:
        os.lseek(handle, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _system_lock(handle: int) -> bool:
        """Take the system's lock without waiting; true also where the file system has none."""
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True
