"""What the 3D view shows: the two sides of the candidate, and segments a person asked for. No Qt, no napari."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.app.presenters.candidate_scene import CandidateScene
from segmend.app.presenters.ports import ColouredMesh, Jobs, SceneView
from segmend.core.algorithms.meshes import Mesh, shade

FIRST, SECOND, PICKED = range(3)
"""Positions in `MESH_COLOURS`."""
FACE_BUDGET = 90_000
"""Of all meshes together: turning 50,000 faces takes about 90 ms without a graphics card."""
_MAX_PICKED = 4


Mesher = Callable[[NDArray[Any], int], Mesh]
"""Makes the mesh of some supervoxels with at most so many faces; slow, so called off the window's thread."""


class SolidsPresenter:
    """Keeps the 3D view at the candidate.

    Parameters
    ----------
    jobs : Jobs
    stage : SceneView
    mesher : Mesher
    members : callable
        Supervoxels of a segment, as it is now.
    """

    def __init__(
        self,
        jobs: Jobs,
        stage: SceneView,
        mesher: Mesher,
        members: Callable[[int], NDArray[Any]],
    ) -> None:
        self._jobs = jobs
        self._stage = stage
        self._mesher = mesher
        self._members = members
        self._scene: CandidateScene | None = None
        self._picked: list[int] = []

    def show(self, scene: CandidateScene | None) -> None:
        """Show the sides of a candidate; what was picked before goes."""
        self._scene = scene
        self._picked.clear()
        self._update()

    def prepare(self, scene: CandidateScene) -> None:
        """Make the meshes of the next candidate, so that they are there when it comes."""
        budget = FACE_BUDGET // 2

        def make() -> None:
            for supervoxels in (scene.first, scene.second):
                self._mesher(supervoxels, budget)

        self._jobs.query(make, lambda _: None, topic="solids ahead")

    def pick(self, segment: int) -> None:
        """Add a segment to what is shown, or take it away again."""
        if not segment:
            return
        if segment in self._picked:
            self._picked.remove(segment)
        else:
            self._picked = [*self._picked, segment][-_MAX_PICKED:]
        self._update()

    def _update(self) -> None:
        parts: list[tuple[NDArray[Any], int]] = []
        if self._scene is not None:
            parts = [(self._scene.first, FIRST), (self._scene.second, SECOND)]
        parts += [(np.asarray(self._members(s)), PICKED) for s in self._picked]
        budget = FACE_BUDGET // max(1, len(parts))

        def make() -> list[ColouredMesh]:
            meshes = [(self._mesher(ids, budget), colour) for ids, colour in parts]
            return [ColouredMesh(mesh, colour, shade(mesh)) for mesh, colour in meshes]

        self._jobs.query(make, self._stage.show_meshes, topic="solids")
