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
from segmend.core.edits.places import segment_at
from segmend.core.edits.voxels import SupervoxelVoxels
from segmend.core.errors import EditRefused

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
    voxels : SupervoxelVoxels, optional
        To find a pick again whose supervoxel was divided.
    """

    def __init__(
        self,
        jobs: Jobs,
        stage: SceneView,
        mesher: Mesher,
        segmentation: Any,
        voxels: SupervoxelVoxels | None = None,
    ) -> None:
        self._jobs = jobs
        self._stage = stage
        self._mesher = mesher
        self._segmentation = segmentation
        self._voxels = voxels
        self._scene: CandidateScene | None = None
        self._picked: dict[int, Spot] = {}
        self._away = False
        self._drawn: list[tuple[NDArray[Any], int]] = []

    @property
    def picks(self) -> tuple[Spot, ...]:
        """One spot in each picked segment, the latest last."""
        return tuple(self._picked.values())

    @property
    def latest(self) -> int:
        """Dense segment of the latest pick, 0 if there is none."""
        return next(reversed(self._picked), 0)

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
        """Look again which segments the picks are in and what these are made of, after an edit."""
        picks = self.picks
        self._picked = {s: spot for spot in picks if (s := self._segment(spot))}
        if not self._is_drawn(self._parts()):
            self._update()

    def give_way(self, away: bool) -> None:
        """Leave the 3D view to something else, or come back to it."""
        self._away = away
        if not away:
            self._update()

    def _segment(self, spot: Spot) -> int:
        """Return the segment that an edit of a spot would find; edits of voxels end supervoxels. 0 if none is left."""
        try:
            return segment_at(spot, self._segmentation, self._voxels)
        except EditRefused:
            return 0

    def _parts(self) -> list[tuple[NDArray[Any], int]]:
        """Return what is to be shown: supervoxels and the colour of each mesh."""
        parts: list[tuple[NDArray[Any], int]] = []
        if self._scene is not None:
            parts = [(self._scene.first, FIRST), (self._scene.second, SECOND)]
        members = self._segmentation.members
        return parts + [(np.array(members(s)), PICKED) for s in self._picked]

    def _is_drawn(self, parts: list[tuple[NDArray[Any], int]]) -> bool:
        drawn = self._drawn
        return len(drawn) == len(parts) and all(
            np.array_equal(a, b) for (a, _), (b, _) in zip(drawn, parts, strict=True)
        )

    def _update(self) -> None:
        if self._away:
            return
        self._drawn = parts = self._parts()
        budget = FACE_BUDGET // max(1, len(parts))

        def make() -> list[ColouredMesh]:
            meshes = [(self._mesher(ids, budget), colour) for ids, colour in parts]
            return [ColouredMesh(mesh, colour, shade(mesh)) for mesh, colour in meshes]

        self._jobs.query(make, self._stage.show_meshes, topic="solids")


def _same(one: CandidateScene | None, other: CandidateScene | None) -> bool:
    return one is not None and other is not None and one.candidate.id == other.candidate.id
