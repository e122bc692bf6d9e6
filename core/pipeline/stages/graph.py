"""The region adjacency graph of the supervoxels and the table of their places."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from segmend.core.geometry import Box
from segmend.core.pipeline.inputs import nearest_affinities, supervoxels
from segmend.core.pipeline.settings import GraphSettings, StageSettings
from segmend.core.pipeline.stage import BaseStage, Scope, StageContext, Summary

_EDGE_ARRAYS = ("edges", "affinity", "area", "strong", "centroid")
_NODE_ARRAYS = ("size", "point", "box")


@dataclass(frozen=True)
class GraphStage(BaseStage):
    """Writes the edge and node arrays of ``graph/``."""

    settings: GraphSettings

    name: ClassVar[str] = "graph"
    settings_form: ClassVar[type[StageSettings]] = GraphSettings
    inputs: ClassVar[tuple[str, ...]] = ("supervoxels",)
    optional: ClassVar[tuple[str, ...]] = ("affinities",)
    outputs: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "graph": tuple(f"graph/{name}.npy" for name in (*_EDGE_ARRAYS, *_NODE_ARRAYS))
    }
    scope: ClassVar[Scope] = "segmentation"

    def run_block(self, context: StageContext, box: Box) -> None:
        """Measure all contacts and all supervoxels."""
        from segmend.core.algorithms.region_graph import region_graph, supervoxel_table
        from segmend.core.segmentation.graph_files import save_array

        labels = supervoxels(context)
        known = context.project.affinities is not None
        graph = region_graph(labels, nearest_affinities(context.project) if known else None)
        table = supervoxel_table(labels)
        folder = context.graph_dir
        folder.mkdir(parents=True, exist_ok=True)
        for name in _EDGE_ARRAYS:
            save_array(folder / f"{name}.npy", getattr(graph, name))
        for name in _NODE_ARRAYS:
            save_array(folder / f"{name}.npy", getattr(table, name))

    def finish(self, context: StageContext) -> Summary:
        """Count edges and supervoxels."""
        from segmend.core.segmentation.graph_files import load_array

        edges = load_array(context.graph_dir / "edges.npy")
        nodes = load_array(context.graph_dir / "size.npy")
        return {"edges": len(edges), "supervoxels": len(nodes) - 1}
