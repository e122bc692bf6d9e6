"""What a command answers, and the two streams it speaks on: results on stdout, progress on stderr."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, is_dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Answer:
    """The result of a command.

    Parameters
    ----------
    values : mapping
        What ``--json`` prints as one object; None where it was printed already.
    text : str
        What a person reads instead.
    code : int
        Exit status; not 0 where the command worked and found something wrong.
    """

    values: Mapping[str, Any] | None = field(default_factory=dict)
    text: str = ""
    code: int = 0


def write_answer(answer: Answer, *, as_json: bool) -> None:
    """Write the result as the last line (or lines) of stdout."""
    if as_json and answer.values is not None:
        write_line(to_json(answer.values))
    elif not as_json and answer.text:
        write_line(answer.text)


def write_line(text: str) -> None:
    """Write to stdout and flush, so that a reader at the other end of a pipe sees it now."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def say(text: str) -> None:
    """Tell of progress on stderr."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def say_what_is_left_out(problems: Sequence[Any]) -> None:
    """Warn on stderr of journal rows that cannot be read, as everything else goes on without them."""
    if problems:
        rows = ", ".join(str(problem.number) for problem in problems[:5])
        say(
            f"warning: {len(problems)} journal rows cannot be used and are left out (row {rows}): run `segmend check`"
        )


def to_json(values: object) -> str:
    """Return one line of JSON; integers keep all their digits, NaN becomes null."""
    return json.dumps(_plain(values), allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, str) or value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    if isinstance(value, Path):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if hasattr(value, "tolist"):  # numpy scalars and arrays
        return _plain(value.tolist())
    if isinstance(value, Sequence | set | frozenset):
        return [_plain(item) for item in value]
    return str(value)


class Steps:
    """Says on stderr how far long work is, one line in two seconds: nothing about what is done sooner, or not begun."""

    def __init__(self, seconds: float = 2.0) -> None:
        self._seconds = seconds
        self._said = time.monotonic()

    def __call__(self, step: str, done: float) -> None:
        """Report a share between 0 and 1 of a named step."""
        now = time.monotonic()
        if done > 0 and now - self._said >= self._seconds:
            say(f"{step}: {100 * min(max(done, 0.0), 1.0):.0f} %")
            self._said = now
