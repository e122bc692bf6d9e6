"""The generation that a run builds, beside the one that is current.

A run never changes what edits stand on. Its results go to a new generation folder, which holds links to the files of
those stages that stay valid; only at the end ``project.toml`` names the new folder. An interrupted run leaves the
folder behind and the next run goes on in it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from segmend.core.pipeline import artifacts
from segmend.core.pipeline.marks import StageMarks
from segmend.core.pipeline.stage import Stage
from segmend.core.project import Project

NEEDED = ("supervoxels.zarr", "graph/edges.npy", "graph/segment_of.npy")
"""Without these files a generation cannot be opened and does not become current."""


@dataclass(frozen=True)
class Home:
    """A folder that holds artifacts and the marks of the stages that made them."""

    folder: Path

    def marks(self, stage_name: str) -> StageMarks:
        """Return the marks of a stage in this folder."""
        return StageMarks(self.folder / "marks" / stage_name)

    def maker(self, artifact: str) -> str | None:
        """Return the key of the stage that made an artifact here, if one did."""
        for folder in sorted(self.folder.glob("marks/*")):
            done = StageMarks(folder).done()
            if done is not None and artifact in done.outputs:
                return done.key
        return None

    def is_done(self, stage: Stage, key: str) -> bool:
        """Whether a stage finished here with this key and its files are still there."""
        names = (name for files in stage.outputs.values() for name in files)
        return self.marks(stage.name).is_done(key) and artifacts.exist(self.folder, names)

    def is_begun(self, stage: Stage, key: str) -> bool:
        """Whether a stage finished or began here with this key."""
        marks = self.marks(stage.name)
        return marks.is_done(key) or (marks.folder / key).is_dir()


def generation_home(project: Project, number: int) -> Home:
    """Return the home of a generation, whether or not it exists."""
    return Home(project.generation_path(number))


def begin(current: Home | None, pending: Home, keep: Mapping[str, Sequence[str]]) -> None:
    """Make the folder of a new generation with links to what stays valid of the current one.

    Parameters
    ----------
    current : Home, optional
        None where no generation exists.
    pending : Home
        To be made; a folder left by an older run is replaced.
    keep : mapping of str to sequence of str
        Artifacts that stay valid, each with its files.
    """
    making = pending.folder.with_name(pending.folder.name + ".partial")
    for old in (making, pending.folder):
        if old.exists():
            shutil.rmtree(old)
    making.mkdir(parents=True)
    if current is not None:
        for names in keep.values():
            artifacts.link(current.folder, making, names)
        _link_marks(current, making, set(keep))
    making.rename(pending.folder)


def _link_marks(current: Home, making: Path, kept: set[str]) -> None:
    for folder in current.folder.glob("marks/*"):
        done = StageMarks(folder).done()
        if done is not None and set(done.outputs) <= kept:
            artifacts.link(current.folder, making, [f"marks/{folder.name}/done.json"])


def downstream(outputs: Iterable[str], stages: Iterable[type[Stage]]) -> set[str]:
    """Return the artifacts that depend on any of `outputs`, these included."""
    found = set(outputs)
    stages = list(stages)
    while True:
        more = {
            output
            for stage in stages
            if not found.isdisjoint({*stage.inputs, *stage.optional})
            for output in stage.outputs
        }
        if more <= found:
            return found
        found |= more


def is_complete(home: Home) -> bool:
    """Whether a generation can be opened."""
    return artifacts.exist(home.folder, NEEDED)
