"""Mean-affinity agglomeration: the merge tree is recorded, the segments are one cut of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from segmend.core.geometry import Box
from segmend.core.pipeline.settings import AgglomerationSettings, StageSettings
from segmend.core.pipeline.stage import BaseStage, Scope, StageContext, Summary

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
        """Merge along the graph and cut the tree at the threshold."""
        import numpy as np

        from segmend.core.algorithms.agglomeration import agglomerate, cut_tree
        from segmend.core.segmentation.graph_files import load_array, save_array

        folder = context.graph_dir
        edges, affinity, area, size = (
            load_array(folder / f"{name}.npy") for name in ("edges", "affinity", "area", "size")
        )
        supervoxels = len(size) - 1
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
