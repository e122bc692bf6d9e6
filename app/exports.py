"""Writing what others can open: labels, meshes, skeletons, the journal, the candidates. Knows no toolkit."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from segmend.core.errors import InputError
from segmend.core.geometry import Box

if TYPE_CHECKING:
    from segmend.core.session import Session

Progress = Callable[[str, float], None]


def export(
    session: Session,
    out: Path,
    what: str,
    *,
    box: Box | None,
    progress: Progress,
    memory_gb: float | None = None,
    since: int | None = None,
    challenge: str | None = None,
    segments: Sequence[int] = (),
) -> dict[str, Any]:
    """Write one kind of result.

    Parameters
    ----------
    session : Session
        Read only is enough.
    out : Path
        A file for a segmentation, journal or candidates; a folder that does not exist yet for the others.
    what : {"segmentation", "submission", "meshes", "skeletons", "journal", "candidates"}
    box : Box, optional
        The part of the volume to write, in voxels.
    progress : callable
        Called with a name and the share that is done.
    memory_gb : float, optional
        What writing a segmentation may take.
    since : int, optional
        Bring an OME-Zarr export of a segmentation up to date that was made at this operation or later.
    challenge : {"isbi2012", "snemi3d", "cremi"}, optional
        Whom a submission is for.
    segments : sequence of int, optional
        Ids as people see them: write the meshes or skeletons of these only.

    Returns
    -------
    dict
        ``out``, ``what`` and how many were written; ``chunks`` where only chunks were rewritten.

    Raises
    ------
    InputError
        If the box lies outside the volume, the folder exists, the export cannot be brought up to date, a challenge is
        missing or does not score such a volume, or no segment has one of the ids.
    """
    whole = Box.of_shape(session.project.shape_zyx)
    part = whole if box is None else box.intersect(whole)
    if not part.size:
        raise InputError(
            f"--box lies outside the volume of {' x '.join(map(str, whole.stop_zyx))} voxels (z y x): give another"
        )
    if (what == "submission") != (challenge is not None):
        raise InputError(
            "--what submission goes with --challenge isbi2012, snemi3d or cremi: give both, or none of them"
        )
    if segments and what not in ("meshes", "skeletons"):
        raise InputError(
            f"--segments is for meshes and skeletons: leave it away with --what {what}"
        )
    try:
        if challenge is not None:
            _no_since(since, what)
            return _submission(session, out, part, challenge)
        if what == "segmentation":
            return _segmentation(session, out, box, progress, memory_gb, since)
        _no_since(since, what)
        if what in ("meshes", "skeletons"):
            count = _shapes(session, out, what, box, segments, progress)
        else:
            count = _WRITERS[what](session, out, part, progress)
    except OSError as error:
        raise InputError(
            f"{out} cannot be written ({error.strerror or error}): make room, or check the rights of the folder"
        ) from error
    return {"out": str(out), "what": what, "count": count}


def _shapes(
    session: Session,
    out: Path,
    what: str,
    box: Box | None,
    segments: Sequence[int],
    progress: Progress,
) -> int:
    from segmend.app.shape_exports import named_segments, write_meshes, write_skeletons

    chosen = named_segments(session, segments) if segments else None
    write = write_meshes if what == "meshes" else write_skeletons
    with _new_folder(out) as folder:
        return write(session, folder, box, chosen, progress)


def _no_since(since: int | None, what: str) -> None:
    if since is not None:
        raise InputError(f"--since is for segmentations: leave it away with --what {what}")


def _submission(session: Session, out: Path, box: Box, challenge: str) -> dict[str, Any]:
    from segmend.app.segmentation_export import write_challenge

    count = write_challenge(session, out, box, challenge)
    return {"out": str(out), "what": "submission", "challenge": challenge, "count": count}


def _segmentation(
    session: Session,
    out: Path,
    box: Box | None,
    progress: Progress,
    memory_gb: float | None,
    since: int | None,
) -> dict[str, Any]:
    from segmend.app.segmentation_export import update_segmentation, write_segmentation

    answer: dict[str, Any] = {"out": _shown(out), "what": "segmentation"}
    if since is None:
        write_segmentation(session, out, box, progress, memory_gb)
    else:
        answer["chunks"] = update_segmentation(session, out, box, progress, since)
    answer["count"] = int(np.count_nonzero(np.unique(session.segmentation.segment_of)))
    return answer


def _shown(out: Path) -> str:
    """Return a place as it was given; a path would have folded the slashes of an address."""
    from segmend.core.volumes.remote import is_remote, parse_address

    return parse_address(out).text if is_remote(out) else str(out)


def _journal(session: Session, out: Path, box: Box, progress: Progress) -> int:
    if out.suffix == ".jsonl":
        return _journal_lines(session, out)
    rows = [asdict(operation) for operation in session.log()]
    _write_json(out, {"project": session.project.path.name, "operations": rows})
    return len(rows)


def _journal_lines(session: Session, out: Path) -> int:
    """Write what `segmend adopt` reads."""
    from segmend.core.copies.copying import project_identity
    from segmend.core.journal.lines import write_lines

    identity = project_identity(session.project, session.segmentation.base)
    with _new_file(out) as unfinished, unfinished.open("w", encoding="utf-8") as file:
        return write_lines(session.log(), identity, file)


def _candidates(session: Session, out: Path, box: Box, progress: Progress) -> int:
    from segmend.core.candidates.candidate import to_json
    from segmend.core.candidates.store import load_candidates

    path = session.project.candidates_path
    every = load_candidates(path, session.segmentation.supervoxel_count) if path.exists() else []
    grid = session.project.grid
    inside = [c for c in every if box.contains(grid.to_index(c.place_nm))]
    _write_json(out, {"candidates": [to_json(candidate) for candidate in inside]})
    return len(inside)


_WRITERS: dict[str, Callable[[Session, Path, Box, Progress], int]] = {
    "journal": _journal,
    "candidates": _candidates,
}


def _write_json(out: Path, values: dict[str, Any]) -> None:
    with _new_file(out) as unfinished:
        unfinished.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


@contextmanager
def _new_file(out: Path) -> Iterator[Path]:
    """Yield a temporary name in the same folder for a file that gets its own when it is complete."""
    out = out.absolute()
    if out.exists():
        raise InputError(f"{out} exists already: give another name, or remove it first")
    unfinished = _unfinished(out)
    try:
        yield unfinished
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def _new_folder(out: Path) -> Iterator[Path]:
    """Yield a temporary folder that gets its name when everything is in it."""
    out = out.absolute()
    if out.exists():
        raise InputError(f"{out} exists already: give the name of a new folder, or remove it first")
    unfinished = _unfinished(out)
    unfinished.mkdir()
    try:
        yield unfinished
        unfinished.rename(out)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _unfinished(out: Path) -> Path:
    return out.with_name(f".{out.name}.{uuid.uuid4().hex[:8]}")
