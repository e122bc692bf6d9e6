"""Node tables and edges of new supervoxels on disk: a cache that may be deleted at any time."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segmend.core.errors import InputError
from segmend.core.segmentation.change import NodeTable
from segmend.core.segmentation.patches import Patch, PatchStack
from segmend.core.segmentation.segmentation import Segmentation
from segmend.core.segmentation.supervoxel_graph import Edges

Tables = tuple[NodeTable, Edges]
_SUFFIX = ".birth"
_NODE_WORDS, _EDGE_WORDS = 10, 8
_LIMIT = 512 * 2**20
_RECIPE = b"2"
"""Counted up when the same voxels give other tables."""


class BirthCache:
    """A folder with one small file per voxel edit.

    Parameters
    ----------
    folder : Path
        Made when first needed; other files in it are left alone.
    read_only : bool
        Look, but write nothing.
    limit : int
        Bytes that `sweep` leaves.
    """

    def __init__(self, folder: Path, *, read_only: bool = False, limit: int = _LIMIT) -> None:
        self._folder = folder
        self._read_only = read_only
        self._limit = limit

    def load(self, key: str, patches: Sequence[Patch]) -> Tables | None:
        """Return what is kept, to be looked at by `believable`; None if nothing is, or if it is damaged."""
        try:
            raw = (self._folder / f"{key}{_SUFFIX}").read_bytes()
        except OSError:
            return None
        return _decoded(raw, sum(len(patch.children) for patch in patches))

    def save(self, key: str, tables: Tables) -> None:
        """Keep tables; where that fails, they are computed again the next time."""
        if self._read_only:
            return
        part = self._folder / f"{key}.{os.getpid()}.part"
        with suppress(OSError):
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                part.write_bytes(_encoded(tables))
                part.replace(self._folder / f"{key}{_SUFFIX}")
            finally:
                part.unlink(missing_ok=True)

    def sweep(self) -> int:
        """Delete what a killed program left and the oldest files above the limit; return how many."""
        if self._read_only or not self._folder.is_dir():
            return 0
        garbage = [path for path in self._folder.glob("*.part") if path.is_file()]
        total = 0
        for path in sorted(self._folder.glob(f"*{_SUFFIX}"), key=_age):
            total += path.stat().st_size
            if total > self._limit:
                garbage.append(path)
        for path in garbage:
            with suppress(OSError):  # what stays does no harm
                path.unlink()
        return len(garbage)


def birth_key(patches: Sequence[Patch], stack: PatchStack) -> str:
    """Return a name that depends on all that the tables depend on, besides the base: patches and those around."""
    key = hashlib.blake2b(_RECIPE, digest_size=20)
    for patch in patches:
        key.update(patch.digest)
        for _, other in stack.touching(patch.box.grow((1, 1, 1))):
            key.update(other.digest)
        key.update(b";")
    return key.hexdigest()


def believable(tables: Tables, patches: Sequence[Patch], segmentation: Segmentation) -> bool:
    """Say whether tables can be those of some patches, not in effect yet: a file may hold anything."""
    nodes, edges = tables
    stops = np.cumsum([0, *(len(patch.children) for patch in patches)]).tolist()
    return all(
        _nodes_fit(NodeTable(nodes.size[a:b], nodes.point[a:b], nodes.box[a:b]), patch)
        for patch, (a, b) in zip(patches, pairwise(stops), strict=True)
    ) and _edges_fit(edges, patches, segmentation)


def _nodes_fit(nodes: NodeTable, patch: Patch) -> bool:
    try:
        local = patch.local
    except InputError:
        return False
    parts = 1 + np.flatnonzero(patch.ids)
    start, stop = nodes.box[:, :3], nodes.box[:, 3:]
    inside = (patch.box.start_zyx <= start) & (start <= nodes.point)
    inside &= (nodes.point < stop) & (stop <= patch.box.stop_zyx)
    if not inside.all():
        return False
    at = tuple((nodes.point - patch.box.start_zyx).T)
    sizes = np.bincount(local.ravel(), minlength=len(patch.ids) + 1)[parts]
    return bool((local[at] == parts).all() and np.array_equal(nodes.size, sizes))


def _edges_fit(edges: Edges, patches: Sequence[Patch], segmentation: Segmentation) -> bool:
    ids = edges.pairs.astype(np.int64)
    born = np.isin(ids, [child for patch in patches for child in patch.children])
    gone = np.isin(ids, [parent for patch in patches for parent in patch.parents])
    here = np.where(ids <= segmentation.supervoxel_count, ids, 0)
    known = born | ((segmentation.segment_of[here] > 0) & ~gone)
    return bool(
        known.all()
        and born.any(axis=1).all()
        and (ids[:, 0] < ids[:, 1]).all()
        and all(((v >= 0) & (v <= 1)).all() for v in (edges.affinity, edges.strong))
        and (edges.area > 0).all()
        and np.isfinite(edges.centroid).all()
    )


def _encoded(tables: Tables) -> bytes:
    nodes, edges = tables
    words = [
        np.array([len(nodes.size), len(edges)], "<u4"),
        nodes.size.astype("<u4"),
        nodes.point.astype("<i4").view("<u4"),
        nodes.box.astype("<i4").view("<u4"),
        edges.pairs.astype("<u4"),
        edges.affinity.astype("<f4").view("<u4"),
        edges.area.astype("<u4"),
        edges.strong.astype("<f4").view("<u4"),
        edges.centroid.astype("<f4").view("<u4"),
    ]
    body = b"".join(np.ascontiguousarray(part).tobytes() for part in words)
    return zlib.crc32(body).to_bytes(4, "little") + body


def _decoded(raw: bytes, children: int) -> Tables | None:
    if len(raw) < 12 or len(raw) % 4 or zlib.crc32(raw[4:]).to_bytes(4, "little") != raw[:4]:
        return None
    words = np.frombuffer(raw, "<u4")[1:]
    k, e = int(words[0]), int(words[1])
    if k != children or len(words) != 2 + k * _NODE_WORDS + e * _EDGE_WORDS:
        return None
    size, point, box, pairs, affinity, area, strong, centroid = np.split(
        words[2:], np.cumsum([k, 3 * k, 6 * k, 2 * e, e, e, e])
    )
    nodes = NodeTable(size.astype(np.int64), _signed(point, 3), _signed(box, 6))
    return nodes, Edges(
        pairs.astype(np.uint32).reshape(-1, 2),
        affinity.view("<f4").astype(np.float32),
        area.astype(np.uint32),
        strong.view("<f4").astype(np.float32),
        centroid.view("<f4").astype(np.float32).reshape(-1, 3),
    )


def _signed(words: NDArray[np.uint32], columns: int) -> NDArray[np.int32]:
    return words.view("<i4").astype(np.int32).reshape(-1, columns)


def _age(path: Path) -> float:
    with suppress(OSError):
        return -path.stat().st_mtime
    return 0.0
