"""Marks on disk: which blocks and stages are finished, and with which settings and inputs.

A mark carries a key, the hash of everything that decides the stage's result. A mark with another key is no mark.
Marks are written by rename after the work they stand for, so a killed run leaves too few marks, never too many.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from segmend.core.errors import ProjectError, StageError
from segmend.core.geometry import Box
from segmend.core.whole_files import written_whole

_UNREADABLE = (
    OSError,
    EOFError,
    KeyError,
    TypeError,
    ValueError,
    SyntaxError,
    ProjectError,
    zlib.error,
    zipfile.BadZipFile,
)


@dataclass(frozen=True, slots=True)
class DoneMark:
    """A finished stage: key, outputs, how long it took, what it counted, settings, how often a part was done again."""

    key: str
    outputs: tuple[str, ...]
    seconds: float
    summary: Mapping[str, int | float | str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    retries: int = 0


@dataclass(frozen=True, slots=True)
class StageMarks:
    """The marks of one stage.

    Parameters
    ----------
    folder : Path
        The stage's own folder; made when the first mark is written.
    """

    folder: Path

    def finished_blocks(self, key: str, blocks: Iterable[Box], number: int = 0) -> set[Box]:
        """Return the blocks that have a mark with this key in round `number`."""
        return {block for block in blocks if self.block_path(key, block, number).is_file()}

    def block_path(self, key: str, block: Box, number: int = 0) -> Path:
        """Where the mark of a block lies; its name holds key, round and box."""
        return block_mark(self.scratch(key), block, number)

    def scratch(self, key: str) -> Path:
        """Where blocks leave what is not a result; removed when the stage is finished."""
        return self.folder / key / "scratch"

    def join_path(self, key: str, number: int) -> Path:
        """Where the mark of the work between a round and the next lies."""
        return join_mark(self.scratch(key), number)

    def done(self) -> DoneMark | None:
        """Return the mark of the finished stage; a damaged one counts as none."""
        try:
            values = json.loads((self.folder / "done.json").read_text(encoding="utf-8"))
            mark = DoneMark(**{**values, "outputs": tuple(values["outputs"])})
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return None
        return mark if _is_sound(mark) else None

    def is_done(self, key: str) -> bool:
        """Whether the stage finished with this key."""
        done = self.done()
        return done is not None and done.key == key

    def begin(self, key: str) -> None:
        """Forget a result and blocks with another key, before anything of it is overwritten."""
        (self.folder / "done.json").unlink(missing_ok=True)
        if self.folder.is_dir():
            for old in self.folder.iterdir():
                if old.is_dir() and old.name != key:
                    shutil.rmtree(old, ignore_errors=True)

    def discard(self) -> None:
        """Forget that anything of the stage is finished."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def finish(self, mark: DoneMark) -> None:
        """Write the mark of the finished stage; the marks of its blocks are no longer needed."""
        values = {**asdict(mark), "outputs": list(mark.outputs)}
        write_mark(self.folder / "done.json", json.dumps(values, indent=1))
        shutil.rmtree(self.folder / mark.key, ignore_errors=True)


def _is_sound(mark: DoneMark) -> bool:
    """Whether everything is of the type that its readers count on."""
    numbers = (mark.seconds, mark.retries)
    return (
        isinstance(mark.key, str)
        and all(isinstance(name, str) for name in mark.outputs)
        and not any(isinstance(n, bool) or not isinstance(n, int | float) for n in numbers)
        and all(0 <= n < float("inf") for n in numbers)
        and isinstance(mark.settings, Mapping)
        and isinstance(mark.summary, Mapping)
        and all(isinstance(value, int | float | str) for value in mark.summary.values())
    )


def write_mark(path: Path, text: str = "") -> None:
    """Write a small file by temporary name and rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as file:
        file.write(text.encode())


@contextlib.contextmanager
def redone_where_damaged(path: Path, mark: Path) -> Iterator[None]:
    """Void the mark of the work that wrote a file, if the file turns out to be damaged while it is read.

    Parameters
    ----------
    path : Path
    mark : Path
        See `block_mark` and `join_mark`.

    Raises
    ------
    StageError
        If the file cannot be read.
    """
    try:
        yield
    except _UNREADABLE as error:
        mark.unlink(missing_ok=True)
        raise StageError(
            f"{path} is damaged, an intermediate result; what wrote it is no longer taken as done: run again to do "
            "that part again",
            details=f"{type(error).__name__}: {error}",
        ) from error


def block_mark(scratch_dir: Path, block: Box, number: int) -> Path:
    """Return where the mark of a block lies, by the scratch folder beside it."""
    numbers = "-".join(map(str, (*block.start_zyx, *block.stop_zyx)))
    return scratch_dir.parent / f"round-{number}" / numbers


def join_mark(scratch_dir: Path, number: int) -> Path:
    """Return where the mark of the work after a round lies, by the scratch folder beside it."""
    return scratch_dir.parent / f"joined-{number}"


def stage_key(
    name: str, version: int, settings: Mapping[str, Any], identities: Sequence[str]
) -> str:
    """Hash all that decides a stage's result; 32 hexadecimal digits.

    Parameters
    ----------
    name, version : str, int
        The stage.
    settings : mapping
        JSON-able values.
    identities : sequence of str
        Of the inputs, in the stage's order, and of weights and the like.
    """
    text = json.dumps([name, version, settings, list(identities)], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
