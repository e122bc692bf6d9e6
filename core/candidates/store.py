"""Candidates on disk: one JSON file per generation, replaced by rename."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

from segmend.core.candidates.candidate import Candidate, from_json, to_json
from segmend.core.errors import InputError, ProjectError

_FORMAT = 1
_MAX_BYTES = 2 * 1024**3
_MAX_CANDIDATES = 2_000_000


def save_candidates(path: Path, candidates: Iterable[Candidate]) -> None:
    """Write candidates, one per line, under a temporary name first.

    Parameters
    ----------
    path : Path
        Usually ``candidates.json`` of a generation.
    candidates : iterable of Candidate
    """
    temporary = path.with_name(path.name + ".partial")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(f'{{"format": {_FORMAT}, "candidates": [')
        for i, candidate in enumerate(candidates):
            file.write(",\n" if i else "\n")
            file.write(json.dumps(to_json(candidate), allow_nan=False, separators=(",", ":")))
        file.write("\n]}\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def load_candidates(path: Path, supervoxel_count: int = 2**32 - 1) -> list[Candidate]:
    """Read candidates; nothing in the file is trusted.

    Parameters
    ----------
    path : Path
    supervoxel_count : int
        Highest supervoxel id of the generation; any 32-bit id passes without one.

    Raises
    ------
    ProjectError
        If the file is missing, too large, damaged, of a newer format, or names supervoxels that do not exist.
    """
    values = _read(path)
    if not isinstance(values, dict) or not isinstance(values.get("candidates"), list):
        raise ProjectError(f"{path} holds no list of candidates; run the candidates stage again")
    if values.get("format") != _FORMAT:
        raise ProjectError(
            f"{path} has format {str(values.get('format'))[:20]!r}: expected {_FORMAT}; "
            "update Segmend or run the candidates stage again"
        )
    if len(values["candidates"]) > _MAX_CANDIDATES:
        raise ProjectError(
            f"{path} holds {len(values['candidates'])} candidates: expected at most {_MAX_CANDIDATES}"
        )
    try:
        found = [from_json(value, supervoxel_count) for value in values["candidates"]]
    except InputError as error:
        raise ProjectError(f"{path} is damaged: {error}") from None
    return list({candidate.id: candidate for candidate in found}.values())


def _read(path: Path) -> object:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ProjectError(f"{path} is larger than 2 GB: no list of candidates is")
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ProjectError(
            f"{path} is missing: no candidates were detected yet; run `segmend run` on the project"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise ProjectError(
            f"{path} is damaged; run the candidates stage again", details=str(error)
        ) from None
