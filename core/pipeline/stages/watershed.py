"""Supervoxels from affinities, the whole volume in one worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from segmend.core.geometry import Box, Grid
from segmend.core.pipeline.artifacts import replace_folder
from segmend.core.pipeline.inputs import nearest_affinities
from segmend.core.pipeline.settings import StageSettings, WatershedSettings
from segmend.core.pipeline.stage import BaseStage, Scope, StageContext, Summary

if TYPE_CHECKING:
    from numpy.typing import NDArray


_ANISOTROPIC = 2.0
"""Sections this many times thicker than a pixel is wide are cut one by one."""

SUPERVOXEL_FILES = {"supervoxels": ("supervoxels.zarr", "graph/source_ids.npy")}
"""Labels and what their source called them: both stay when the graph is measured again."""


@dataclass(frozen=True)
class WatershedStage(BaseStage):
    """Writes ``supervoxels.zarr``, dense uint32 labels with their pyramid."""

    settings: WatershedSettings

    name: ClassVar[str] = "watershed"
    settings_form: ClassVar[type[StageSettings]] = WatershedSettings
    inputs: ClassVar[tuple[str, ...]] = ("affinities",)
    outputs: ClassVar[Mapping[str, tuple[str, ...]]] = SUPERVOXEL_FILES
    scope: ClassVar[Scope] = "segmentation"

    def run_block(self, context: StageContext, box: Box) -> None:
        """Compute and write the labels under a temporary name, pyramid included."""
        import shutil

        import numpy as np

        from segmend.core.segmentation.graph_files import save_array
        from segmend.core.volumes.pyramid import write_pyramid
        from segmend.core.volumes.zarr import create_zarr

        labels = self._labels(nearest_affinities(context.project), context.project.grid)
        path = context.scratch_dir / "supervoxels.zarr"
        shutil.rmtree(path, ignore_errors=True)
        volume = create_zarr(path, box.shape_zyx, "uint32", context.project.grid)
        volume.write(box, labels)
        write_pyramid(path, labels=True)
        replace_folder(path, context.supervoxels_path)
        context.graph_dir.mkdir(exist_ok=True)
        source_ids = np.arange(int(labels.max(initial=0)) + 1, dtype=np.uint64)
        save_array(context.graph_dir / "source_ids.npy", source_ids)

    def finish(self, context: StageContext) -> Summary:
        """Count the supervoxels."""
        from segmend.core.segmentation.graph_files import load_array

        return {"supervoxels": len(load_array(context.graph_dir / "source_ids.npy")) - 1}

    def _labels(self, affinities: NDArray[Any], grid: Grid) -> NDArray[Any]:
        from segmend.core.algorithms.fragments import seeded_fragments
        from segmend.core.algorithms.watershed import watershed

        chosen = self.settings
        if chosen.method == "fragments":
            return seeded_fragments(
                affinities,
                boundary_threshold=chosen.boundary_threshold,
                filter_size=chosen.filter_size,
                per_section=self._per_section(grid),
            )
        return watershed(
            affinities,
            low=chosen.low,
            high=chosen.high,
            size_threshold=chosen.size,
            link_affinity=chosen.link_affinity,
            dust_threshold=chosen.dust,
        )

    def _per_section(self, grid: Grid) -> bool:
        if self.settings.per_section != "auto":
            return self.settings.per_section == "yes"
        z, y, x = grid.voxel_size_nm_zyx
        return z >= _ANISOTROPIC * min(y, x)
