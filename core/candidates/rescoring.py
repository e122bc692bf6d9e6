"""Probabilities and gains of candidates on the segmentation as it is now."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from segmend.core.candidates.edge_model import TogetherModel, shipped_model
from segmend.core.candidates.evidence import Evidence, segment_pairs
from segmend.core.segmentation.supervoxel_graph import Edges

Array = NDArray[Any]

_MOST_MEMBERS = 20_000


class LiveSegments(Protocol):
    """The part of a segmentation that the queue looks at."""

    @property
    def segment_of(self) -> NDArray[np.uint32]:
        """(n + 1,) uint32, live."""

    def living(self, supervoxel: int) -> tuple[int, ...]:
        """Return what is left of a supervoxel."""

    def members(self, segment: int) -> Array:
        """Return the supervoxels of a segment."""

    def voxels(self, segment: int) -> int:
        """Return the size of a segment in voxels."""

    def edges_around(self, segment: int) -> Edges:
        """Return the graph edges that leave a segment."""


class PairScorer:
    """The contact between two segments, measured and judged again after an edit.

    Parameters
    ----------
    segmentation : LiveSegments
    voxel_nm3 : float
        Volume of a voxel.
    model : TogetherModel, optional
        The shipped one by default.
    """

    def __init__(
        self, segmentation: LiveSegments, voxel_nm3: float, model: TogetherModel | None = None
    ) -> None:
        self._segmentation = segmentation
        self._voxel_nm3 = voxel_nm3
        self._model = model or shipped_model()

    def around(self, segments: Iterable[int]) -> dict[tuple[int, int], dict[str, float]]:
        """Return the evidence of every contact of some segments, by pair, lower id first.

        Segments of more than 20,000 supervoxels are left out: measuring them would be felt at the keyboard.
        """
        found: dict[tuple[int, int], dict[str, float]] = {}
        for segment in segments:
            if 0 < len(self._segmentation.members(segment)) <= _MOST_MEMBERS:
                found |= self._contacts(segment)
        return found

    def _contacts(self, segment: int) -> dict[tuple[int, int], dict[str, float]]:
        edges = self._segmentation.edges_around(segment)
        segment_of = self._segmentation.segment_of
        ids, dense = np.unique(segment_of[edges.pairs], return_inverse=True)
        local = Edges(
            np.arange(2 * len(edges)).reshape(-1, 2),
            edges.affinity, edges.area, edges.strong, edges.centroid,
        )  # fmt: skip
        sizes = np.array([0, *(self._segmentation.voxels(int(i)) for i in ids)], float)
        pairs = segment_pairs(local, dense.reshape(-1).astype(np.uint32) + 1, sizes)
        return {
            (int(ids[a - 1]), int(ids[b - 1])): pairs.evidence.row(row)
            for row, (a, b) in enumerate(pairs.pairs.tolist())
        }

    def together(self, rows: list[dict[str, float]]) -> Array:
        """Return the probability that the two sides of each row belong together, (k,)."""
        return self._model.together(Evidence.from_rows(rows), self._voxel_nm3)
