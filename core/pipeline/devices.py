"""Which GPUs this machine has, asked without a deep-learning library."""

from __future__ import annotations

import os
import shutil
import subprocess


def visible_gpus() -> tuple[str, ...]:
    """Return the names by which ``CUDA_VISIBLE_DEVICES`` selects each usable GPU; empty without one."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return tuple(part.strip() for part in chosen.split(",") if part.strip() not in ("", "-1"))
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ()
    try:
        answer = subprocess.run(
            [tool, "-L"], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    lines = [line for line in answer.stdout.splitlines() if line.startswith("GPU ")]
    return tuple(str(index) for index in range(len(lines)))
