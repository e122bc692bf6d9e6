"""What the 3D view shows: the two sides of the candidate, and segments a person asked for. No Qt, no napari."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.app.presenters.candidate_scene import CandidateScene
from segmend.app.presenters.ports import ColouredMesh, Jobs, SceneView
from segmend.core.algorithms.meshes import Mesh, shade
from segmend.core.edits.model import Spot

FIRST, SECOND, PICKED = range(3)
"""Positions in `MESH_COLOURS`."""
FACE_BUDGET = 90_000
"""Of all meshes together: turning 50,000 faces takes about 90 ms without a graphics card."""
MOST_PICKED = 8


Mesher = Callable[[NDArray[Any], int], Mesh]
"""Makes the mesh of some supervoxels with at most so many faces; slow, so called off the window's thread."""


class SolidsPresenter:
    """Keeps the 3D view at the candidate.

    Parameters
    ----------
    jobs : Jobs
    stage : SceneView
    mesher : Mesher
    segmentation : Segmentation
        As it is now.
    """

    def __init__(
        self,
        jobs: Jobs,
        stage: SceneView,
        mesher: Mesher,
        segmentation: Any,
    ) -> None:
        self._jobs = jobs
        self._stage = stage
        self._mesher = mesher
        self._segmentation = segmentation
        self._scene: CandidateScene | None = None
        self._picked: dict[int, Spot] = {}
        self._away = False

    @property
    def picks(self) -> tuple[Spot, ...]:
        """One spot in each picked segment, the latest last."""
        return tuple(self._picked.values())

    def show(self, scene: CandidateScene | None) -> None:
        """Show the sides of a candidate; what was picked goes when another candidate comes."""
        if not _same(self._scene, scene):
            self._picked.clear()
        self._scene = scene
        self._update()

    def prepare(self, scene: CandidateScene) -> None:
        """Make the meshes of the next candidate, so that they are there when it comes."""
        budget = FACE_BUDGET // 2

        def make() -> None:
            for supervoxels in (scene.first, scene.second):
                self._mesher(supervoxels, budget)

        self._jobs.query(make, lambda _: None, topic="solids ahead")

    def pick(self, spot: Spot) -> None:
        """Add the segment of a spot to what is shown, or take it away again."""
        segment = self._segment(spot)
        if not segment:
            return
        if self._picked.pop(segment, None) is None:
            self._picked[segment] = spot
            while len(self._picked) > MOST_PICKED:
                del self._picked[next(iter(self._picked))]
        self._update()

    def drop(self) -> None:
        """Pick nothing."""
        if self._picked:
            self._picked.clear()
            self._update()

    def follow(self) -> None:
        """Look again which segments the picks are in, after an edit."""
        before, picks = list(self._picked), self.picks
        self._picked = {s: spot for spot in picks if (s := self._segment(spot))}
        if list(self._picked) != before:
            self._update()

    def give_way(self, away: bool) -> None:
        """Leave the 3D view to something else, or come back to it."""
        self._away = away
        if not away:
            self._update()

    def _segment(self, spot: Spot) -> int:
        return int(self._segmentation.segment_of[spot.supervoxel])

    def _update(self) -> None:
        if self._away:
            return
        parts: list[tuple[NDArray[Any], int]] = []
        if self._scene is not None:
            parts = [(self._scene.first, FIRST), (self._scene.second, SECOND)]
        members = self._segmentation.members
        parts += [(np.asarray(members(s)), PICKED) for s in self._picked]
        budget = FACE_BUDGET // max(1, len(parts))

        def make() -> list[ColouredMesh]:
            meshes = [(self._mesher(ids, budget), colour) for ids, colour in parts]
            return [ColouredMesh(mesh, colour, shade(mesh)) for mesh, colour in meshes]

        self._jobs.query(make, self._stage.show_meshes, topic="solids")


def _same(one: CandidateScene | None, other: CandidateScene | None) -> bool:
    return one is not None and other is not None and one.candidate.id == other.candidate.id
