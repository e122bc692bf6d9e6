"""Agglomeration by the method that the settings name: the merge tree is recorded, the segments are one cut of it.

Where the project was made from a segmentation its segments stay, and the tree is recorded inside each of them: the
weakest merge inside a segment is where it may have to be split.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from segmend.core.errors import StageError
from segmend.core.geometry import Box
from segmend.core.pipeline.settings import NEED_HISTOGRAMS, AgglomerationSettings, StageSettings
from segmend.core.pipeline.stage import BaseStage, Scope, StageContext, Summary
from segmend.core.project import Project

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from segmend.core.algorithms.agglomeration import MergeTree
    from segmend.core.algorithms.scored_agglomeration import EdgeScorer
    from segmend.core.pipeline.stages.agglomeration_methods import Contacts

_ARRAYS = ("merge_edges", "merge_scores", "segment_of", "export_ids")


@dataclass(frozen=True)
class AgglomerationStage(BaseStage):
    """Writes the merge tree and the mapping into ``graph/``."""

    settings: AgglomerationSettings

    name: ClassVar[str] = "agglomeration"
    settings_form: ClassVar[type[StageSettings]] = AgglomerationSettings
    inputs: ClassVar[tuple[str, ...]] = ("graph",)
    optional: ClassVar[tuple[str, ...]] = ("histogram",)
    outputs: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "segments": tuple(f"graph/{name}.npy" for name in _ARRAYS)
    }
    scope: ClassVar[Scope] = "segmentation"

    def check(self, project: Project) -> None:
        """Refuse a scorer that is not there; a volume of any size has a graph that one worker holds."""
        self._scorer(project)

    def identity(self, project: Project) -> str:
        """Return what tells the scorer of learned agglomeration apart."""
        scorer = self._scorer(project)
        return "" if scorer is None else f"{scorer.identity} {project.grid.voxel_size_nm_zyx}"

    def run_block(self, context: StageContext, box: Box) -> None:
        """Merge along the graph; cut the tree at the threshold, or keep the segments that were imported."""
        from segmend.core.segmentation.graph_files import save_array

        tree, segment_of, export_ids = self._merged(context, imported_segments(context))
        made = (tree.edges, tree.scores, segment_of, export_ids)
        for name, array in zip(_ARRAYS, made, strict=True):
            save_array(context.graph_dir / f"{name}.npy", array)

    def _merged(
        self, context: StageContext, kept: tuple[NDArray[Any], NDArray[Any]] | None
    ) -> tuple[MergeTree, NDArray[Any], NDArray[Any]]:
        """Return the tree, the mapping and its ids; with segments to keep the tree is inside each of them."""
        import numpy as np

        from segmend.core.pipeline.stages.agglomeration_methods import agglomerated, merge_tree

        graph, scorer = self._contacts(context), self._scorer(context.project)
        if kept is not None:
            return merge_tree(graph.inside(kept[0]), self.settings, scorer), *kept
        if context.project.affinities is None:
            raise StageError(
                f"{context.project.path} has no affinities to agglomerate by; run the affinities stage "
                "first or make the project with --affinities"
            )
        tree, segment_of = agglomerated(graph, self.settings, scorer)
        return tree, segment_of, np.arange(int(segment_of.max(initial=0)) + 1, dtype=np.uint64)

    def _contacts(self, context: StageContext) -> Contacts:
        """Read what the method needs of the graph."""
        import numpy as np

        from segmend.core.pipeline.stages.agglomeration_methods import Contacts
        from segmend.core.segmentation.graph_files import load_array

        folder = context.graph_dir
        arrays = {
            name: load_array(folder / f"{name}.npy", mapped=True)
            for name in ("edges", "affinity", "area", "strong", "size")
        }
        if self.settings.acyclic:
            voxel = context.project.grid.voxel_size_nm_zyx
            arrays["place_nm"] = load_array(folder / "centroid.npy") * np.asarray(voxel)
        if self.settings.method not in NEED_HISTOGRAMS:
            return Contacts(**arrays)
        path = folder / "histogram.npy"
        histogram = load_array(path, mapped=True) if path.is_file() else None
        if histogram is None or histogram.ndim != 2 or not histogram.shape[1]:
            raise StageError(
                f"agglomeration by {self.settings.method} reads histograms of affinities, which {folder} has not; run "
                "the graph stage too, with histogram_bins above 0"
            )
        return Contacts(**arrays, histogram=histogram)

    def _scorer(self, project: Project) -> EdgeScorer | None:
        from segmend.core.candidates.edge_scorers import edge_scorer

        if self.settings.method != "learned":
            return None
        return edge_scorer(self.settings.scorer, project.grid.voxel_size_nm_zyx)

    def finish(self, context: StageContext) -> Summary:
        """Check that the graph folder is whole now, and count the segments."""
        from segmend.core.segmentation.graph_files import load_graph

        graph = load_graph(context.graph_dir)
        return {"segments": graph.segment_count, "supervoxels": graph.supervoxel_count}


def imported_segments(context: StageContext) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """Return the mapping of a segmentation that the project was made from, while its supervoxels are in use.

    Returns
    -------
    segment_of, export_ids : (n + 1,) uint32, (m + 1,) uint64
        None where the project has no imported segmentation.
    """
    from segmend.core.pipeline.generations import Home
    from segmend.core.segmentation.graph_files import load_array

    if "segmentation" not in context.project.config.sources:
        return None
    if Home(context.generation_dir).maker("supervoxels") is not None:
        return None
    current = context.project.graph_dir
    return load_array(current / "segment_of.npy"), load_array(current / "export_ids.npy")
