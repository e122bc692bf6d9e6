"""Whether another process of this machine still runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def process_alive(pid: int) -> bool:
    """Say whether a process of this machine runs."""
    if sys.platform == "win32":
        return _windows_process_alive(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def process_start(pid: int) -> str:
    """Return when a process started, in the kernel's ticks, or an empty string where that is not known.

    Tells a process from a later one that got the same number (field 22 of /proc/PID/stat).
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[19]


def left_behind(folder: Path, prefix: str) -> list[Path]:
    """Return what dead processes left in a folder under names of the form PREFIX + their number + any suffix."""
    found = []
    for path in folder.iterdir():
        number = path.name.removeprefix(prefix).partition(".")[0]
        if path.name.startswith(prefix) and number.isdigit() and not process_alive(int(number)):
            found.append(path)
    return found


if sys.platform == "win32":
    import ctypes

    def _windows_process_alive(pid: int) -> bool:
        query, still_active = 0x1000, 259
        process = ctypes.windll.kernel32.OpenProcess(query, False, pid)
        if not process:
            return False
        code = ctypes.c_ulong()
        ctypes.windll.kernel32.GetExitCodeProcess(process, ctypes.byref(code))
        ctypes.windll.kernel32.CloseHandle(process)
        return code.value == still_active
