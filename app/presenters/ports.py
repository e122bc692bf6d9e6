"""What presenters need from the world, as Protocols: jobs, the session, and the views they talk to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from segmend.app.presenters.candidate_scene import CandidateScene
from segmend.core.algorithms.meshes import Mesh
from segmend.core.candidates.candidate import Candidate
from segmend.core.geometry import ZyxNm

FIRST_COLOUR = "#2f8dff"
SECOND_COLOUR = "#ff9f1c"
"""Blue and orange: told apart with every common kind of colour blindness (after Okabe and Ito 2008)."""
REST_COLOUR = "#a3acb8"
SIDE_COLOURS = (
    FIRST_COLOUR,
    SECOND_COLOUR,
    "#12b886",
    "#d67bd1",
    "#f2e250",
    "#e4572e",
    "#7bd3f7",
    "#a9713f",
    "#8f7bf0",
)
"""Of the sides of a split and the groups of a cleave; seeds have a shape of their own, too."""
MESH_COLOURS = (FIRST_COLOUR, SECOND_COLOUR, REST_COLOUR, *SIDE_COLOURS[2:])
"""Of the two sides, of segments a person asked for, and of more pieces."""


class Jobs(Protocol):
    """Work away from the window's thread; answers come back on it."""

    def query(
        self,
        work: Callable[[], Any],
        then: Callable[[Any], None],
        failed: Callable[[Exception], None] | None = None,
        topic: str = "",
    ) -> None:
        """Read something."""

    def edit(
        self,
        work: Callable[[], Any],
        then: Callable[[Any], None],
        failed: Callable[[Exception], None] | None = None,
        topic: str = "",
    ) -> None:
        """Change the session; with a topic, only the latest of what waits is done."""

    def compute(
        self,
        work: Callable[[], Any],
        then: Callable[[Any], None],
        failed: Callable[[Exception], None] | None = None,
    ) -> None:
        """Do something long in a worker process; `work` must be picklable."""


class ReviewSession(Protocol):
    """What reviewing needs of a session."""

    @property
    def queue(self) -> Any: ...  # noqa: D102
    @property
    def segmentation(self) -> Any: ...  # noqa: D102
    @property
    def project(self) -> Any: ...  # noqa: D102
    @property
    def can_undo(self) -> bool: ...  # noqa: D102
    @property
    def can_redo(self) -> bool: ...  # noqa: D102
    @property
    def operations_in_effect(self) -> Sequence[Any]: ...  # noqa: D102

    def decide(
        self,
        candidate: Candidate,
        verdict: str,
        *,
        reason: str = "",
        milliseconds: int | None = None,
    ) -> Any:
        """Record a verdict and carry out what it asks for."""

    def undo(self) -> Any:
        """Take the latest operation back."""

    def redo(self) -> Any:
        """Do it again."""


@dataclass(frozen=True, slots=True)
class ReviewCard:
    """Everything the review panel shows of one candidate.

    Parameters
    ----------
    kind : str
        "merge" or "split".
    question, accept_text, reject_text : str
    percent : int
        Probability that the edit is right.
    evidence : tuple of (str, str)
        Name and sentence.
    place : str
        Voxel, for notes and for colleagues.
    """

    kind: str
    question: str
    accept_text: str
    reject_text: str
    percent: int
    evidence: tuple[tuple[str, str], ...]
    place: str


@dataclass(frozen=True, slots=True)
class ReviewProgress:
    """How far the review is."""

    decided: int = 0
    accepted: int = 0
    remaining: int = 0
    can_undo: bool = False
    can_redo: bool = False


class ReviewView(Protocol):
    """The review panel."""

    def show_card(self, card: ReviewCard) -> None:
        """Show a candidate and allow the answers."""

    def show_end(self, title: str, text: str) -> None:
        """Say that there is nothing to decide, and what to do next."""

    def show_progress(self, progress: ReviewProgress) -> None:
        """Show the counts."""

    def show_note(self, text: str, *, warning: bool = False) -> None:
        """Show one line about what just happened; an empty text takes it away."""

    def set_waiting(self, waiting: bool) -> None:
        """Show that an answer is being worked on."""


@dataclass(frozen=True, slots=True, eq=False)
class ColouredMesh:
    """A mesh and the colour it is shown in.

    Parameters
    ----------
    mesh : Mesh
    colour : int
        Position in `MESH_COLOURS`.
    shade : (v,) float32
        Brightness of each vertex, 0 to 1; computed off the window's thread, unlike napari's own.
    """

    mesh: Mesh
    colour: int
    shade: NDArray[Any]


class SceneView(Protocol):
    """The 2D and the 3D view."""

    def show_sides(self, scene: CandidateScene) -> None:
        """Colour the two sides of a candidate."""

    def clear_sides(self) -> None:
        """Take the two colours away."""

    def frame(self, centre_nm: ZyxNm, extent_nm: float) -> None:
        """Move both views to a place, with `extent_nm` of it visible."""

    def show_meshes(self, meshes: Sequence[ColouredMesh], *, frame: bool = True) -> None:
        """Replace what the 3D view shows; without `frame` it stays turned as it is."""
