"""A screen that nobody sees, for taking pictures of the window on machines without one."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

SIZE = "1600x1000x24"
START_SECONDS = 20.0


@contextmanager
def virtual_screen() -> Iterator[dict[str, str] | None]:
    """Start Xvfb on a free display and yield the environment to use it; None where there is no Xvfb."""
    program = shutil.which("Xvfb")
    if program is None:
        yield None
        return
    reader, writer = os.pipe()
    command = [program, "-displayfd", str(writer), "-screen", "0", SIZE, "-nolisten", "tcp"]
    server = subprocess.Popen(
        command, pass_fds=(writer,), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    os.close(writer)
    try:
        display = _number(reader)
        yield {**os.environ, "DISPLAY": f":{display}"} if display else None
    finally:
        os.close(reader)
        server.terminate()
        server.wait()


def _number(reader: int) -> str:
    """Return the display that the server chose, or nothing if it did not start in time."""
    text = b""
    while not text.endswith(b"\n"):
        ready, _, _ = select.select([reader], [], [], START_SECONDS)
        piece = os.read(reader, 16) if ready else b""
        if not piece:
            return ""
        text += piece
    return text.decode().strip()
