"""The ``graph/`` folder of a generation: flat arrays, one ``.npy`` file each.

Index 0 of every node array is background. Files are read without pickle, their shapes checked against each
other before anything uses them, and each is replaced by rename.
"""

from __future__ import annotations

import math
import os
import tokenize
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.errors import ProjectError
from segmend.core.segmentation.edges import Edges
from segmend.core.segmentation.neighbour_lists import BaseGraph
from segmend.core.segmentation.partition import Partition
from segmend.core.whole_files import written_whole

Array = NDArray[Any]

_FORM: dict[str, tuple[type[np.generic], tuple[int, ...]]] = {
    # name: dtype, trailing shape
    "edges": (np.uint32, (2,)),
    "affinity": (np.float32, ()),
    "area": (np.uint32, ()),
    "strong": (np.float32, ()),
    "centroid": (np.float32, (3,)),
    "size": (np.uint32, ()),
    "point": (np.int32, (3,)),
    "box": (np.int32, (6,)),
    "merge_edges": (np.uint32, (2,)),
    "merge_scores": (np.float32, ()),
    "segment_of": (np.uint32, ()),
    "export_ids": (np.uint64, ()),
    "source_ids": (np.uint64, ()),
}
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_UNREADABLE = (  # numpy parses the header as Python literals, which has failures of its own
    OSError,
    ValueError,
    TypeError,
    EOFError,
    SyntaxError,
    tokenize.TokenError,
    MemoryError,
    OverflowError,
    RecursionError,
)
_LEAST_MAPPED = 1 << 20
_PER_EDGE = ("affinity", "area", "strong", "centroid")
_PER_NODE = ("point", "box", "segment_of", "source_ids")


@dataclass(frozen=True)
class GraphArrays:
    """Everything a segmentation starts from; n supervoxels, E edges, M recorded merges, m segments.

    Never changed, so segmentations share what is derived from it.

    Parameters
    ----------
    edges : (E, 2) uint32
        Touching supervoxels, first < second, sorted.
    affinity : (E,) float32
        Mean affinity over the contact, 0..1.
    area : (E,) uint32
        Contact faces.
    strong : (E,) float32
        Share of contact faces with an affinity above 0.5.
    centroid : (E, 3) float32
        Middle of the contact, z, y, x voxels.
    size : (n + 1,) uint32
        Voxels per supervoxel.
    point : (n + 1, 3) int32
        A voxel inside, z, y, x.
    box : (n + 1, 6) int32
        Start and stop, z, y, x.
    merge_edges, merge_scores : (M, 2) uint32, (M,) float32
        The recorded merge tree, best first.
    segment_of : (n + 1,) uint32
        Dense segment of each supervoxel; 0 for background only.
    export_ids : (m + 1,) uint64
        What the source called a segment.
    source_ids : (n + 1,) uint64
        What the source called a supervoxel.
    """

    edges: Array
    affinity: Array
    area: Array
    strong: Array
    centroid: Array
    size: Array
    point: Array
    box: Array
    merge_edges: Array
    merge_scores: Array
    segment_of: Array
    export_ids: Array
    source_ids: Array

    def __post_init__(self) -> None:
        for field in fields(self):
            dtype, tail = _FORM[field.name]
            array = np.ascontiguousarray(getattr(self, field.name), dtype=dtype)
            if array.ndim != 1 + len(tail) or array.shape[1:] != tail:
                raise ProjectError(
                    f"graph array {field.name} has shape {array.shape}: expected {('n', *tail)}; "
                    "run the graph stage again"
                )
            object.__setattr__(self, field.name, array)
        self._check_lengths()

    def _check_lengths(self) -> None:
        wanted = dict.fromkeys(_PER_EDGE, len(self.edges)) | dict.fromkeys(
            _PER_NODE, len(self.size)
        )
        wanted["merge_scores"] = len(self.merge_edges)
        for name, length in wanted.items():
            if len(getattr(self, name)) != length:
                raise ProjectError(
                    f"graph array {name} has {len(getattr(self, name))} rows: expected {length}; "
                    "run the graph stage again"
                )
        if not len(self.size):
            raise ProjectError(
                "graph array size is empty: expected a row for background; run the graph stage again"
            )
        highest = int(self.segment_of.max())
        if highest >= len(self.export_ids):
            raise ProjectError(
                f"graph array segment_of names segment {highest} but export_ids ends at "
                f"{len(self.export_ids) - 1}; run the agglomeration stage again"
            )
        if len(self.edges) and int(self.edges.max()) >= len(self.size):
            raise ProjectError(
                f"graph array edges names supervoxel {int(self.edges.max())} of {len(self.size) - 1}; "
                "run the graph stage again"
            )

    @cached_property
    def graph(self) -> BaseGraph:
        """The edges by supervoxel, made when first asked for."""
        edges = Edges(self.edges, self.affinity, self.area, self.strong, self.centroid)
        return BaseGraph(edges, self.supervoxel_count)

    @cached_property
    def partition(self) -> Partition:
        """The supervoxels by segment, made when first asked for."""
        return Partition(self.segment_of, self.size)

    def __getstate__(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def supervoxel_count(self) -> int:
        """Number of supervoxels, background not counted."""
        return len(self.size) - 1

    @property
    def segment_count(self) -> int:
        """Number of segments, background not counted."""
        return len(self.export_ids) - 1


def save_graph(graph_dir: Path, arrays: GraphArrays) -> None:
    """Write every array, each under a temporary name first."""
    graph_dir.mkdir(parents=True, exist_ok=True)
    for field in fields(arrays):
        save_array(graph_dir / f"{field.name}.npy", getattr(arrays, field.name))


def load_graph(graph_dir: Path) -> GraphArrays:
    """Read and check the arrays; large ones stay on disk and are read where they are used.

    Raises
    ------
    ProjectError
        If a file is missing, damaged, or does not fit the others.
    """
    return GraphArrays(
        **{name: load_array(graph_dir / f"{name}.npy", mapped=True) for name in _FORM}
    )


def save_array(path: Path, array: Array) -> None:
    """Write one array durably: temporary name, flush, rename."""
    with written_whole(path) as file:
        np.save(file, array, allow_pickle=False)


def load_array(path: Path, *, mapped: bool = False) -> Array:
    """Read one array; damaged or missing files are named in the error.

    Parameters
    ----------
    path : Path
    mapped : bool
        Leave a large array on disk, read-only. Files are replaced, never rewritten, so it does not change.
    """
    try:
        with path.open("rb") as file:
            size = _check_size(file)
            if mapped and size >= _LEAST_MAPPED:
                array: Array = np.load(path, mmap_mode="r", allow_pickle=False)
            else:
                array = np.load(file, allow_pickle=False)
    except FileNotFoundError:
        raise ProjectError(
            f"{path} is missing: the project has no region graph yet; run `segmend run` on it"
        ) from None
    except _UNREADABLE as error:
        cause = str(error) or type(error).__name__
        raise ProjectError(
            f"{path} is damaged ({cause}); run the graph stage again", details=str(error)
        ) from error
    return array


def _check_size(file: IO[bytes]) -> int:
    """Compare what the header claims with what the file has, before anything is allocated; return the bytes."""
    read_header = _HEADERS.get(np.lib.format.read_magic(file))
    if read_header is None:
        raise ValueError("its array format is unknown")
    shape, _, dtype = read_header(file)
    claimed = math.prod(shape) * dtype.itemsize
    there = os.fstat(file.fileno()).st_size - file.tell()
    if min(shape, default=0) < 0 or claimed > there:
        raise ValueError(f"its header claims {claimed} bytes, the file has {there}")
    file.seek(0)
    return claimed
