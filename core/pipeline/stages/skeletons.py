"""Skeletons of the larger segments, and the pairs of supervoxels that their ends suggest to join.

Only the coarser copy is held in memory; it is read block by block.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from segmend.core.errors import StageError
from segmend.core.geometry import Box
from segmend.core.pipeline.artifacts import replace_folder
from segmend.core.pipeline.settings import SkeletonsSettings, StageSettings
from segmend.core.pipeline.stage import BaseStage, Scope, StageContext, Summary
from segmend.core.project import Project

LARGEST_COPY = 512**3
"""Voxels of the coarser copy; tracing takes about 45 bytes for each, 6 GB for these."""


@dataclass(frozen=True)
class SkeletonsStage(BaseStage):
    """Writes ``skeletons/``."""

    settings: SkeletonsSettings

    name: ClassVar[str] = "skeletons"
    settings_form: ClassVar[type[StageSettings]] = SkeletonsSettings
    inputs: ClassVar[tuple[str, ...]] = ("supervoxels", "graph", "segments")
    outputs: ClassVar[Mapping[str, tuple[str, ...]]] = {"skeletons": ("skeletons",)}
    scope: ClassVar[Scope] = "derived"

    def check(self, project: Project) -> None:
        """Refuse volumes whose coarser copy is too large for one worker."""
        from segmend.core.algorithms.skeletons import coarse_factor
        from segmend.core.candidates.skeleton_links import coarse_shape

        factor = coarse_factor(project.grid.voxel_size_nm_zyx, self.settings.resolution_nm)
        z, y, x = coarse_shape(project.shape_zyx, factor)
        if z * y * x > LARGEST_COPY:
            raise StageError(
                f"stage skeletons traces a copy at about {self.settings.resolution_nm:g} nm in one worker, and its "
                f"{z} x {y} x {x} voxels are more than {LARGEST_COPY:,}; raise skeletons.resolution_nm, leave the "
                "stage out with --stages, or make the project on a part with --box"
            )

    def run_block(self, context: StageContext, box: Box) -> None:
        """Trace on a coarser copy and pair the ends."""
        import numpy as np

        from segmend.core.candidates.skeleton_links import (
            coarse_supervoxels,
            find_links,
            save_links,
            trace_segments,
        )
        from segmend.core.pipeline.skeleton_files import save_skeletons
        from segmend.core.segmentation.graph_files import load_graph
        from segmend.core.volumes.zarr import open_pyramid

        graph = load_graph(context.graph_dir)
        sizes = np.bincount(graph.segment_of, weights=graph.size, minlength=len(graph.export_ids))
        volume = open_pyramid(context.supervoxels_path)[0]
        coarse = coarse_supervoxels(volume, graph.segment_of, sizes, self.settings.resolution_nm)
        skeletons = trace_segments(coarse, graph, self.settings.minimum_voxels)
        folder = context.scratch_dir / "skeletons"
        shutil.rmtree(folder, ignore_errors=True)
        save_skeletons(folder, skeletons)
        save_links(folder, find_links(skeletons, coarse, graph))
        replace_folder(folder, context.generation_dir / "skeletons")

    def finish(self, context: StageContext) -> Summary:
        """Count skeletons and links."""
        from segmend.core.candidates.skeleton_links import load_links
        from segmend.core.pipeline.skeleton_files import load_skeletons

        folder = context.generation_dir / "skeletons"
        return {"skeletons": len(load_skeletons(folder)), "links": len(load_links(folder))}
