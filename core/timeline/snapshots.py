"""What some operations left behind, on disk, so that a project opens without carrying them all out again.

A cache: every file may be deleted, and one that is damaged or no longer fits the journal is not used.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from segmend.core.journal.operation import Operation
from segmend.core.segmentation.graph_files import GraphArrays

Array = NDArray[Any]

FORMAT = 1
EVERY = 1024
"""Rows between two files: what a killed program has to carry out again."""
LATELY = 32
"""Operations that are cheap to take back in a project that was just opened."""
_MOST_BYTES = 1 << 31
_FORM: dict[str, tuple[str, tuple[int, ...]]] = {
    "about": ("<i8", ()),
    "digest": ("|u1", ()),
    "numbers": ("<i8", ()),
    "left_out": ("|u1", ()),
    "changed": ("<u4", ()),
    "changed_to": ("<u4", ()),
    "born": ("<u4", ()),
    "born_to": ("<u4", ()),
    "size": ("<i8", ()),
    "point": ("<i4", (3,)),
    "box": ("<i4", (6,)),
    "trace_numbers": ("<i8", ()),
    "trace_starts": ("<i8", ()),
    "trace_segments": ("<u4", ()),
    "edge_numbers": ("<i8", ()),
    "pairs": ("<u4", (2,)),
    "affinity": ("<f4", ()),
    "area": ("<u4", ()),
    "strong": ("<f4", ()),
    "centroid": ("<f4", (3,)),
    "finished": ("<u4", ()),
    "locked": ("<u4", ()),
}


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """A segmentation as arrays; m supervoxels of the base with another segment, b born ones, e added edges.

    Parameters
    ----------
    about : (3,) int64
        Format, supervoxels and segments of the base.
    digest : (32,) uint8
        Of the operations.
    numbers : (k,) int64
        Operations that are on, in order.
    left_out : (r,) uint8
        JSON: ``[[number, is a conflict, reason], ...]``.
    changed, changed_to : (m,) uint32
        Supervoxels of the base and their segments.
    born, born_to : (b,) uint32
        Supervoxels made by operations, and their segments.
    size, point, box : (b,) int64, (b, 3) int32, (b, 6) int32
    trace_numbers, trace_starts : (t,) int64, (t + 1,) int64
        Operations in effect, and where their segments are in ``trace_segments``.
    trace_segments : (s,) uint32
    edge_numbers : (e,) int64
        Operation of each edge, sorted.
    pairs, affinity, area, strong, centroid : (e, ...)
        As in `Edges`.
    finished, locked : (f,) uint32
    """

    about: Array
    digest: Array
    numbers: Array
    left_out: Array
    changed: Array
    changed_to: Array
    born: Array
    born_to: Array
    size: Array
    point: Array
    box: Array
    trace_numbers: Array
    trace_starts: Array
    trace_segments: Array
    edge_numbers: Array
    pairs: Array
    affinity: Array
    area: Array
    strong: Array
    centroid: Array
    finished: Array
    locked: Array

    def __post_init__(self) -> None:
        for name, (dtype, tail) in _FORM.items():
            array = getattr(self, name)
            if array.dtype != np.dtype(dtype) or array.shape[1:] != tail or not array.ndim:
                raise ValueError(f"{name} has another form")
        for names in (
            ("changed", "changed_to"),
            ("born", "born_to", "size", "point", "box"),
            ("edge_numbers", "pairs", "affinity", "area", "strong", "centroid"),
        ):
            if len({len(getattr(self, name)) for name in names}) > 1:
                raise ValueError(f"{names[0]} has another length")
        if len(self.trace_starts) != len(self.trace_numbers) + 1:
            raise ValueError("trace_starts has another length")
        self.problems()  # fails in one of many ways if the text is anything else

    def problems(self) -> list[tuple[int, bool, str]]:
        """Return the operations left out: number, whether it is a conflict, reason."""
        rows = json.loads(self.left_out.tobytes() or b"[]")
        return [(int(number), bool(conflict), str(reason)) for number, conflict, reason in rows]

    def fits(self, base: GraphArrays, operations: Sequence[Operation]) -> bool:
        """Say whether this is what the first of some operations leave behind on a base."""
        count = len(self.numbers)
        first = operations[:count]
        return (
            self.about.tolist() == [FORMAT, base.supervoxel_count, base.segment_count]
            and 0 < count == len(first)
            and self.numbers.tolist() == [o.number for o in first]
            and self.digest.tobytes() == digest(first)
        )


def digest(operations: Iterable[Operation]) -> bytes:
    """Return 32 bytes that tell these operations from others that have the same numbers."""
    total = hashlib.blake2b(digest_size=32)
    for o in operations:
        total.update(f"{o.number} {o.kind} {o.author} {o.time} {o.place_nm}\n".encode())
    return total.digest()


class SnapshotStore:
    """The snapshots of one generation.

    Parameters
    ----------
    folder : Path, optional
        Nothing is kept without one.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def newest(
        self,
        base: GraphArrays,
        operations: Sequence[Operation],
        *,
        below: int | None = None,
        at_least: int = 0,
    ) -> tuple[int, Snapshot] | None:
        """Return the latest snapshot of the first of some operations, so many and all below a number, after its row."""
        for row, path in reversed(self._files()):
            snapshot = _read(path)
            if snapshot is None or (below and (snapshot.numbers >= below).any()):
                continue
            if len(snapshot.numbers) < at_least:
                break
            if snapshot.fits(base, operations):
                return row, snapshot
        return None

    @property
    def keeps(self) -> bool:
        """Whether there is a folder."""
        return self._folder is not None

    def sweep(self) -> None:
        """Delete what killed programs left unfinished."""
        if self._folder is not None:
            for draft in self._folder.glob("*.tmp"):
                with suppress(OSError):  # what stays does no harm
                    draft.unlink()

    def save(self, number: int, snapshot: Snapshot, *, instead_of: Iterable[int] = ()) -> None:
        """Write the snapshot after a row, and delete those that are no longer of use; failing does no harm."""
        if self._folder is None:
            return
        path = self._folder / f"{number}.npz"
        draft = path.with_name(f"{number}.{uuid4().hex}.tmp")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with draft.open("wb") as file:
                np.savez(file, **{name: getattr(snapshot, name) for name in _FORM})
            os.replace(draft, path)
            for row in set(instead_of) - {number}:
                path.with_name(f"{row}.npz").unlink(missing_ok=True)
            self._thin()
        except OSError:
            draft.unlink(missing_ok=True)

    def _thin(self) -> None:
        """Keep the newest, and of the older ones the fewer the older they are."""
        files = self._files()
        newest = files[-1][0]
        ages: dict[int, Path] = {}
        for number, path in files[:-1]:  # of each age the oldest stays, so that it can grow older
            age = ((newest - number) // LATELY).bit_length()
            if ages.setdefault(age, path) != path:
                path.unlink(missing_ok=True)

    def _files(self) -> list[tuple[int, Path]]:
        if self._folder is None or not self._folder.is_dir():
            return []
        found = ((path.stem, path) for path in self._folder.glob("*.npz"))
        return sorted((int(stem), path) for stem, path in found if stem.isdecimal())


def _read(path: Path) -> Snapshot | None:
    """Read a file that may hold anything."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
        stored = all(e.compress_type == zipfile.ZIP_STORED for e in entries)
        if not stored or sum(e.file_size for e in entries) > min(_MOST_BYTES, path.stat().st_size):
            return None
        with np.load(path, allow_pickle=False) as arrays:
            return Snapshot(**{name: arrays[name] for name in _FORM})
    except Exception:  # noqa: BLE001 - a damaged file fails in many ways and none of them matters
        return None
