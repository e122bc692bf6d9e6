"""Cuts of the merge tree, with colours that stay while the threshold moves. No Qt, no napari."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.algorithms.agglomeration import MergeTree, cut_tree
from segmend.core.segmentation.patches import PatchStack
from segmend.core.segmentation.segmentation import Segmentation


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """The segments at a threshold.

    Parameters
    ----------
    threshold : float
    colours : (n + 1,) uint32
        What each supervoxel is coloured by: the same for all of a segment, 0 for background.
    segments : int
        How many there are.
    """

    threshold: float
    colours: NDArray[np.uint32]
    segments: int


class TreeCuts:
    """Cuts a merge tree at any threshold.

    A segment has the colour of its largest supervoxel, so the larger side of a merge keeps its colour. A supervoxel
    that is the largest of its segment now has the colour of that segment: what is not changed looks as it did.

    Parameters
    ----------
    tree : MergeTree
    size : (n + 1,) integer array
        Voxels per supervoxel.
    segment_of : (k + 1,) integer array
        Segments now, k >= n.
    parents : mapping
        The base supervoxel of each part of a divided one; painted parts (0) have no colour.
    """

    def __init__(
        self,
        tree: MergeTree,
        size: NDArray[Any],
        segment_of: NDArray[Any],
        parents: Mapping[int, int] | None = None,
    ) -> None:
        self._tree = tree
        self._n = len(size) - 1
        self._by_size = np.argsort(np.asarray(size), kind="stable").astype(np.int64)
        now = np.asarray(segment_of)
        self._colour_of = self._colours_now(now)
        self._parts = np.arange(len(now) - self._n - 1) + self._n + 1
        known = parents or {}
        self._parents = np.array([known.get(int(part), 0) for part in self._parts], np.int64)

    def _colours_now(self, segment_of: NDArray[Any]) -> NDArray[np.uint32]:
        base = segment_of[: self._n + 1]
        colours = int(segment_of.max(initial=0)) + np.arange(self._n + 1, dtype=np.uint32)
        largest = self._largest(base)
        present = np.flatnonzero(largest)
        colours[largest[present]] = present
        colours[0] = 0
        return colours

    def _largest(self, labels: NDArray[Any]) -> NDArray[np.int64]:
        """Return the largest supervoxel of each label; of equal ones the one with the largest id."""
        found = np.zeros(int(labels.max(initial=0)) + 1, np.int64)
        found[labels[self._by_size]] = self._by_size  # the last one written stays
        found[0] = 0
        return found

    def cut(self, threshold: float) -> Cut:
        """Return the segments at a threshold."""
        labels = cut_tree(self._tree, self._n, threshold)
        colours = self._colour_of[self._largest(labels)][labels]
        if len(self._parts):
            colours = np.concatenate([colours, colours[self._parents]])
        return Cut(threshold, colours, int(labels.max(initial=0)))


def cuts_of(segmentation: Segmentation) -> TreeCuts:
    """Return the cuts of the tree that a segmentation was made from."""
    base = segmentation.base
    return TreeCuts(
        MergeTree(base.merge_edges, base.merge_scores),
        base.size,
        segmentation.segment_of.copy(),
        base_parents(segmentation.patches),
    )


def base_parents(patches: PatchStack) -> dict[int, int]:
    """Return the supervoxel of the base that each part made by voxel edits comes from; 0 for painted ones."""
    found: dict[int, int] = {}
    for operation in patches.operations:
        for patch in patches.of(operation):
            for part, origin in zip(patch.ids, patch.origins, strict=True):
                found[part] = found.get(origin, origin)
    return found
