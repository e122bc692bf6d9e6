"""What a stage is: settings, the artifacts it reads and writes, and a function per block.

A stage holds no state and opens nothing at construction, so it travels to a worker process as a small value. Heavy
libraries are imported inside the functions that run in a worker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

from segmend.core.errors import StageError
from segmend.core.geometry import Box
from segmend.core.pipeline.settings import StageSettings
from segmend.core.project import Project

Scope = Literal["project", "segmentation", "derived"]

Summary = Mapping[str, int | float | str]
"""What a finished stage leaves in its mark, for instance ``{"supervoxels": 1200}``."""

WHOLE_VOLUME_LIMIT = 512**3
"""Voxels that one worker takes at once; larger volumes need block-wise stages."""


@dataclass(frozen=True)
class StageContext:
    """Where a stage works; the same in every worker.

    Parameters
    ----------
    project : Project
        Its own generation is the one that is current now, not the one being built.
    generation_dir : Path
        The generation that is being built; it becomes current after the whole run succeeded. For stages of scope
        ``project`` it is the project folder.
    scratch_dir : Path
        For results that pass from blocks to ``finish``; removed afterwards.
    device : str
        ``auto``, ``cpu`` or ``cuda``, for stages with a network.
    round : int
        How often all blocks have been gone through before; see `Stage.rounds`.
    """

    project: Project
    generation_dir: Path
    scratch_dir: Path
    device: str = "auto"
    round: int = 0

    @property
    def graph_dir(self) -> Path:
        """Folder of the flat graph arrays of the generation being built."""
        return self.generation_dir / "graph"

    @property
    def supervoxels_path(self) -> Path:
        """Label pyramid of the generation being built."""
        return self.generation_dir / "supervoxels.zarr"


@runtime_checkable
class Stage(Protocol):
    """One step of the pipeline; `BaseStage` has defaults for most of it.

    Attributes
    ----------
    name : str
        Unique; also the ``stage`` tag of its settings.
    version : int
        Raised when the same settings give another result.
    settings_form : type
        Class of ``settings``.
    inputs : tuple of str
        Artifacts it reads and cannot do without.
    optional : tuple of str
        Artifacts it reads where they are there.
    outputs : mapping of str to tuple of str
        Artifacts it writes, each with its files relative to the generation folder.
    scope : {"project", "segmentation", "derived"}
        ``project``: independent of supervoxels, in the project folder itself. ``segmentation``: what edits build on;
        a change makes a new generation. ``derived``: computed from a generation and replaced within it.
    uses_device : bool
        True for networks: one worker per GPU where there is one.
    rounds : int
        How often all blocks are gone through; between two rounds `join` brings together what blocks found.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    settings_form: ClassVar[type[StageSettings]]
    inputs: ClassVar[tuple[str, ...]]
    optional: ClassVar[tuple[str, ...]]
    outputs: ClassVar[Mapping[str, tuple[str, ...]]]
    scope: ClassVar[Scope]
    uses_device: ClassVar[bool]
    rounds: ClassVar[int]

    def __init__(self, settings: Any) -> None: ...

    @property
    def settings(self) -> Any: ...  # noqa: D102

    def check(self, project: Project) -> None:
        """Refuse early, in the caller's process, what cannot work; raises `SegmendError`."""

    def identity(self, project: Project) -> str:
        """Return what decides the result besides settings and inputs, such as a hash of weights."""

    def blocks(self, project: Project) -> Sequence[Box]:
        """Cut the work; blocks run in any order and never write the same chunk."""

    def prepare(self, context: StageContext) -> None:
        """Make what blocks write into; runs in a worker, and again after an interruption."""

    def run_block(self, context: StageContext, box: Box) -> None:
        """Do one block in the round that the context names; running it again gives the same result."""

    def join(self, context: StageContext) -> None:
        """Bring the blocks of a round together for the next one; runs in a worker, again after an interruption."""

    def finish(self, context: StageContext) -> Summary:
        """Put the blocks together; runs in a worker when all blocks are done."""


@dataclass(frozen=True)
class BaseStage:
    """Defaults for stages: the whole volume as one block, nothing to prepare or to put together.

    Parameters
    ----------
    settings : StageSettings
        Of the class named by ``settings_form``.
    """

    settings: Any

    name: ClassVar[str] = ""
    version: ClassVar[int] = 1
    settings_form: ClassVar[type[StageSettings]] = StageSettings
    inputs: ClassVar[tuple[str, ...]] = ()
    optional: ClassVar[tuple[str, ...]] = ()
    outputs: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    scope: ClassVar[Scope] = "derived"
    uses_device: ClassVar[bool] = False
    rounds: ClassVar[int] = 1

    def check(self, project: Project) -> None:
        """Refuse volumes that are too large for one worker."""
        z, y, x = project.shape_zyx
        if z * y * x > WHOLE_VOLUME_LIMIT:
            raise StageError(
                f"stage {self.name} takes the whole volume in one worker and {z} x {y} x {x} voxels are "
                "more than 512 x 512 x 512; make the project on a part with --box"
            )

    def foreseen(self, project: Project) -> Project:
        """Return the project as this stage will leave it, as far as later stages' checks ask; nothing is saved."""
        return project

    def identity(self, project: Project) -> str:
        """Nothing but settings and inputs decides the result."""
        return ""

    def blocks(self, project: Project) -> Sequence[Box]:
        """Return the volume as one block."""
        return [Box.of_shape(project.shape_zyx)]

    def prepare(self, context: StageContext) -> None:
        """Nothing to make."""

    def join(self, context: StageContext) -> None:
        """Nothing to bring together."""

    def finish(self, context: StageContext) -> Summary:
        """Nothing to put together."""
        return {}
