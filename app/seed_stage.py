"""The 2D and the 3D view while seeds are placed: the candidate gives way to the segment in hand."""

from __future__ import annotations

from collections.abc import Sequence

from segmend.app.layers.scene import CANDIDATE, Scene
from segmend.app.presenters.pieces import Pieces
from segmend.app.presenters.segment_in_hand import Stroke
from segmend.app.presenters.solid_pieces import SolidPieces
from segmend.app.presenters.solids import SolidsPresenter


class SeedStage:
    """Implements the presenters' `SeedsStage` on both views.

    Parameters
    ----------
    scene : Scene
    pieces : SolidPieces
    solids : SolidsPresenter
        Has the 3D view before and afterwards.
    """

    def __init__(self, scene: Scene, pieces: SolidPieces, solids: SolidsPresenter) -> None:
        self._scene = scene
        self._pieces = pieces
        self._solids = solids
        self._hidden = False

    def begin_seeds(self, segment: int) -> None:
        """Take clicks as seeds, and show a segment alone in 3D."""
        candidate = self._scene.layer(CANDIDATE)
        self._hidden = candidate is not None and candidate.visible
        if self._hidden:
            self._scene.toggle(CANDIDATE)
        self._scene.seeds.begin()
        self._solids.give_way(True)
        self._pieces.begin(segment)

    def show_segment(self, segment: int) -> None:
        """Show another segment alone in 3D, or the same one after it was changed."""
        self._pieces.begin(segment, frame=False)

    def show_seeds(self, strokes: Sequence[Stroke]) -> None:
        """Mark the places."""
        self._scene.seeds.show_seeds(strokes)

    def show_pieces(self, pieces: Pieces | None) -> None:
        """Colour what the segment would become."""
        self._scene.seeds.show_pieces(pieces)
        self._pieces.show(pieces)

    def end_seeds(self) -> None:
        """Give both views back to the candidate."""
        self._scene.seeds.end()
        if self._hidden:
            self._scene.toggle(CANDIDATE)
        self._pieces.end()
        self._solids.give_way(False)
