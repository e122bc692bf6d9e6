"""Mean-affinity agglomeration: the merge tree is recorded, the segments are one cut of it.

Where the project was made from a segmentation its segments stay, and the tree is recorded inside each of them: the
weakest merge inside a segment is where it may have to be split.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from segmend.core.errors import StageError
from segmend.core.geometry import Box
from segmend.core.pipeline.settings import AgglomerationSettings, StageSettings
from segmend.core.pipeline.stage import BaseStage, Scope, StageContext, Summary

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ARRAYS = ("merge_edges", "merge_scores", "segment_of", "export_ids")


@dataclass(frozen=True)
class AgglomerationStage(BaseStage):
    """Writes the merge tree and the mapping into ``graph/``."""

    settings: AgglomerationSettings

    name: ClassVar[str] = "agglomeration"
    settings_form: ClassVar[type[StageSettings]] = AgglomerationSettings
    inputs: ClassVar[tuple[str, ...]] = ("graph",)
    outputs: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "segments": tuple(f"graph/{name}.npy" for name in _ARRAYS)
    }
    scope: ClassVar[Scope] = "segmentation"

    def run_block(self, context: StageContext, box: Box) -> None:
        """Merge along the graph; cut the tree at the threshold, or keep the segments that were imported."""
        import numpy as np

        from segmend.core.algorithms.agglomeration import agglomerate, cut_tree
        from segmend.core.segmentation.graph_files import load_array, save_array

        folder = context.graph_dir
        edges, affinity, area, size = (
            load_array(folder / f"{name}.npy") for name in ("edges", "affinity", "area", "size")
        )
        supervoxels = len(size) - 1
        kept = imported_segments(context)
        if kept is not None:
            segment_of, export_ids = kept
            inside = segment_of[edges[:, 0]] == segment_of[edges[:, 1]]
            tree = agglomerate(edges[inside], affinity[inside], area[inside], supervoxels)
        elif context.project.affinities is None:
            raise StageError(
                f"{context.project.path} has no affinities to agglomerate by; run the affinities stage "
                "first or make the project with --affinities"
            )
        else:
            tree = agglomerate(edges, affinity, area, supervoxels)
            segment_of = cut_tree(tree, supervoxels, self.settings.threshold)
            export_ids = np.arange(int(segment_of.max(initial=0)) + 1, dtype=np.uint64)
        made = dict(zip(_ARRAYS, (tree.edges, tree.scores, segment_of, export_ids), strict=True))
        for name, array in made.items():
            save_array(folder / f"{name}.npy", array)

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
