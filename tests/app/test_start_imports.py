"""The window's process does not pay for what it does not use at start."""

import subprocess
import sys

CODE = """
import sys
import segmend.app.application
print(",".join(m for m in ("torch", "distributed", "kimimaro", "h5py") if m in sys.modules))
"""


def test_heavy_libraries_are_not_imported_at_start():
    answer = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, check=True, timeout=120
    )
    assert answer.stdout.strip() == ""
