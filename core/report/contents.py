"""What there is to tell of a project: stages and their settings, arrays of the graph, versions, how it was made."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from segmend.core.algorithms.agglomeration import MergeTree
from segmend.core.errors import SegmendError
from segmend.core.pipeline.generations import Home, generation_home
from segmend.core.pipeline.marks import DoneMark
from segmend.core.pipeline.progress import RunReport
from segmend.core.pipeline.registry import STAGE_NAMES, known_forms
from segmend.core.pipeline.specification import FILE_NAME as SPECIFICATION
from segmend.core.project import Project
from segmend.core.segmentation.graph_files import load_array

Array = NDArray[Any]
Found = TypeVar("Found")

_MOST_TEXT = 1 << 20
_PACKAGES = ("segmend", "numpy", "numba", "scipy", "torch", "dask", "tensorstore")


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a stage; `default` is None where the program does not know the name any more."""

    name: str
    value: Any
    default: Any
    meaning: str


@dataclass(frozen=True, slots=True)
class StageFacts:
    """What a finished stage left behind.

    Parameters
    ----------
    name : str
    mark : DoneMark
        Its key, seconds and summary.
    settings : tuple of Setting
        All of them.
    ran : bool or None
        Whether the run worked on it; False where its result was still valid, None where it was not asked for it.
    """

    name: str
    mark: DoneMark
    settings: tuple[Setting, ...]
    ran: bool | None


def stages_of(project: Project, report: RunReport | None) -> list[StageFacts]:
    """Return the finished stages of a project and its generation in use, in the order in which they run."""
    ran = {} if report is None else {stage.name: not stage.skipped for stage in report.stages}
    homes = [Home(project.path)]
    if project.generation:
        homes.append(generation_home(project, project.generation))
    names = {folder.name for home in homes for folder in home.folder.glob("marks/*")}
    rank = {name: number for number, name in enumerate(STAGE_NAMES)}
    forms = known_forms()
    found = []
    for name in sorted(names, key=lambda name: (rank.get(name, len(rank)), name)):
        for home in homes:
            mark = home.marks(name).done()
            if mark is not None:
                form = forms[name].settings_form if name in forms else None
                settings = _settings(mark.settings, form.model_fields if form else {})
                found.append(StageFacts(name, mark, settings, ran.get(name)))
    return found


def _settings(values: Mapping[str, Any], fields: Mapping[str, Any]) -> tuple[Setting, ...]:
    told = []
    for name, value in values.items():
        if name == "stage":
            continue
        field = fields.get(name)
        default = None if field is None else field.get_default(call_default_factory=True)
        told.append(
            Setting(name, _plain(value), _plain(default), (field and field.description) or "")
        )
    return tuple(told)


def _plain(value: Any) -> Any:
    """Tuples become lists, as in a mark, so that a value can be compared with its default."""
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


@dataclass(frozen=True, slots=True, eq=False)
class GraphFacts:
    """Arrays of ``graph/`` that are there, left on disk where they are large; None for those that are not."""

    size: Array | None = None
    affinity: Array | None = None
    segment_of: Array | None = None
    export_ids: Array | None = None
    merge_edges: Array | None = None
    merge_scores: Array | None = None

    @property
    def segment_sizes(self) -> Array | None:
        """Voxels of each segment, (m + 1,) int64 with 0 for background."""
        if self.size is None or self.segment_of is None or len(self.size) != len(self.segment_of):
            return None
        sums = np.bincount(self.segment_of, self.size).astype(np.int64)
        sums[0] = 0
        return sums

    @property
    def tree(self) -> MergeTree | None:
        """The recorded merges, where every threshold is a prefix of them."""
        edges, scores = self.merge_edges, self.merge_scores
        if self.size is None or edges is None or scores is None or len(edges) != len(scores):
            return None
        if not len(scores) or (np.diff(scores) > 0).any() or int(edges.max()) >= len(self.size):
            return None
        return MergeTree(edges, scores)


def graph_of(project: Project) -> GraphFacts:
    """Return the arrays that a project has so far."""
    folder = project.graph_dir
    return GraphFacts(
        **{
            name: load_array(folder / f"{name}.npy", mapped=True)
            for name in GraphFacts.__dataclass_fields__
            if (folder / f"{name}.npy").is_file()
        }
    )


def specification_of(project: Project) -> str | None:
    """Return the text of the specification beside the result, where there is one."""
    path = project.generation_dir / SPECIFICATION
    try:
        if path.stat().st_size > _MOST_TEXT:
            return None
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def versions() -> dict[str, str]:
    """Return the versions of what computes."""
    found = {"Python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    found["system"] = f"{platform.system()} {platform.machine()}"
    return found


def tried(read: Callable[[], Found | None], notes: list[str]) -> Found | None:
    """Return what can be read; what cannot becomes a note, as a page with a gap is better than none."""
    try:
        return read()
    except SegmendError as error:
        notes.append(str(error))
        return None


def folder_of(project: Project) -> Path:
    """Return where the page goes: beside the result, or into the project while there is none."""
    return project.generation_dir if project.generation else project.path
