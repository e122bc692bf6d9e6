"""The pieces of a preview in 3D: one surface of the segment, coloured anew at each seed. No Qt, no napari."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.app.presenters.pieces import REST_NUMBER, Pieces
from segmend.app.presenters.ports import ColouredMesh, Jobs, SceneView
from segmend.core.algorithms.meshes import Mesh

FACE_BUDGET = 30_000
_TOPIC = "solids"
_REST_MESH = 2
"""Position in `MESH_COLOURS` of the rest; those of side 1 and 2 are 0 and 1, of later ones their number."""


class SolidPieces:
    """Shows a segment in hand, and its pieces.

    Parameters
    ----------
    jobs : Jobs
    stage : SceneView
    surfacer : callable
        Makes the `PieceSurface` of some supervoxels with at most so many faces; slow.
    members : callable
        Supervoxels of a segment, as it is now.
    """

    def __init__(
        self,
        jobs: Jobs,
        stage: SceneView,
        surfacer: Callable[[NDArray[Any], int], Any],
        members: Callable[[int], NDArray[Any]],
    ) -> None:
        self._jobs = jobs
        self._stage = stage
        self._surfacer = surfacer
        self._members = members
        self._surface: Any = None
        self._pieces: Pieces | None = None

    def begin(self, segment: int, *, frame: bool = True) -> None:
        """Show a segment, all of one colour; without `frame` the view stays turned as it is."""
        members = np.asarray(self._members(segment))
        self._surface, self._pieces = None, None
        self._jobs.query(
            lambda: self._surfacer(members, FACE_BUDGET),
            lambda surface: self._on_surface(surface, frame),
            topic=_TOPIC,
        )

    def show(self, pieces: Pieces | None) -> None:
        """Colour the pieces; None for one colour."""
        self._pieces = pieces
        surface = self._surface
        if surface is not None:
            self._jobs.query(lambda: coloured(surface, pieces), self._draw, topic=_TOPIC)

    def end(self) -> None:
        """Forget the segment."""
        self._surface = self._pieces = None

    def _on_surface(self, surface: Any, frame: bool) -> None:
        self._surface = surface
        self._stage.show_meshes(coloured(surface, self._pieces), frame=frame)

    def _draw(self, meshes: list[ColouredMesh]) -> None:
        if self._surface is not None:
            self._stage.show_meshes(meshes, frame=False)


def coloured(surface: Any, pieces: Pieces | None) -> list[ColouredMesh]:
    """Take a surface apart by colour; every face has the colour of its first vertex."""
    side = np.full(len(surface.supervoxel), REST_NUMBER, np.uint8)
    if pieces is not None:
        side = np.take(pieces.table, surface.supervoxel, mode="clip")
        for overlay in pieces.overlays:
            at = surface.voxel_zyx - np.array(overlay.box.start_zyx)
            inside = np.all((at >= 0) & (at < overlay.sides.shape), axis=1)
            z, y, x = at[inside].T
            parts = overlay.sides[z, y, x]
            side[inside] = np.where(parts > 0, parts, side[inside])
    of_face = side[surface.mesh.faces[:, 0]]
    return [_part(surface, of_face == number, int(number)) for number in np.unique(of_face)]


def _part(surface: Any, chosen: NDArray[np.bool_], number: int) -> ColouredMesh:
    faces = surface.mesh.faces[chosen]
    vertices, rows = np.unique(faces, return_inverse=True)
    mesh = Mesh(surface.mesh.vertices_nm[vertices], rows.reshape(-1, 3).astype(np.uint32))
    colour = {0: _REST_MESH, 1: 0, 2: 1, REST_NUMBER: _REST_MESH}.get(number, number)
    return ColouredMesh(mesh, colour, surface.shade[vertices])
