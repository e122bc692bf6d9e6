"""Files that appear whole or not at all, even where two processes write the same one at once."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[IO[bytes]]:
    """Open a temporary file beside `path` that is flushed to disk and takes its name when it is complete.

    The temporary name is nobody else's: with a shared one a second writer empties what the first is about to rename.

    Parameters
    ----------
    path : Path
        In a folder that exists; a file of that name is replaced.
    """
    temporary = path.with_name(f"{path.name}.partial-{os.getpid()}-{uuid.uuid4().hex}")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        with contextlib.suppress(OSError):  # its folder may be gone, too
            temporary.unlink(missing_ok=True)
