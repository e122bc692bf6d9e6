"""Debian's PostgreSQL, started for a test on loopback in a folder of its own and gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

PASSWORD = "never in a file of a project"
NOBODY = "postgres"
"""Who runs the server where the tests run as root, which PostgreSQL refuses to do."""


@dataclass(frozen=True)
class Server:
    """A running server."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        """Without password; PGPASSWORD has it while the server runs."""
        return f"postgresql://tester@127.0.0.1:{self.port}/postgres"

    def control(self, *arguments: str) -> None:
        """Call pg_ctl on it."""
        log = self.folder / "log"
        _call("pg_ctl", "-D", str(self.folder / "data"), "-l", str(log), "-w", *arguments)

    def start(self) -> None:
        """Start it."""
        options = (
            f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c max_connections=60"
        )
        self.control("-o", options, "start")

    def stop(self) -> None:
        """Stop it at once; whoever is connected loses the connection."""
        self.control("-m", "immediate", "stop")


@contextmanager
def running_server() -> Iterator[Server]:
    """Start a server, or skip the test where that cannot be."""
    _skip_where_impossible()
    folder = Path(tempfile.mkdtemp(prefix="segmend-postgresql-"))
    before = os.environ.get("PGPASSWORD")
    server = Server(folder, _free_port())
    try:
        (folder / "password").write_text(PASSWORD)
        if os.geteuid() == 0:
            for path in (folder, folder / "password"):
                shutil.chown(path, NOBODY, NOBODY)
        _call(
            *("initdb", "--no-sync", "-D", str(folder / "data"), "-U", "tester", "-E", "UTF8"),
            *("--auth=scram-sha-256", f"--pwfile={folder / 'password'}", "--locale=C.UTF-8"),
        )
        os.environ["PGPASSWORD"] = PASSWORD
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        os.environ.pop("PGPASSWORD", None)
        if before is not None:
            os.environ["PGPASSWORD"] = before
        shutil.rmtree(folder, ignore_errors=True)


def _skip_where_impossible() -> None:
    for program in ("initdb", "pg_ctl"):
        if _program(program) is None:
            pytest.skip(f"no PostgreSQL: {program} is neither on PATH nor in /usr/lib/postgresql")
    if os.geteuid() != 0:
        return
    if shutil.which("setpriv") is None:
        pytest.skip("no setpriv: PostgreSQL does not run as root")
    try:
        pwd.getpwnam(NOBODY)
    except KeyError:
        pytest.skip(f"no user {NOBODY}: PostgreSQL does not run as root")


def _program(name: str) -> str | None:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    return str(found[0]) if found else shutil.which(name)


def _call(program: str, *arguments: str) -> None:
    path = _program(program)
    assert path is not None
    command = [path, *arguments]
    if os.geteuid() == 0:
        ids = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        command = ["setpriv", *ids, *command]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
