"""Supervoxels from affinities, the whole volume in one worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from segmend.core.errors import StageError
from segmend.core.geometry import Box, Grid, Zyx
from segmend.core.pipeline.artifacts import replace_folder
from segmend.core.pipeline.inputs import all_affinities, nearest_affinities
from segmend.core.pipeline.settings import StageSettings, WatershedSettings
from segmend.core.pipeline.stage import BaseStage, Scope, StageContext, Summary
from segmend.core.project import Project

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

        labels = self._labels(context.project)
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

    def identity(self, project: Project) -> str:
        """Return the offsets, which a network's card may decide."""
        return repr(self._offsets(project)) if self.settings.method == "mutex_watershed" else ""

    def check(self, project: Project) -> None:
        """Refuse a mutex watershed whose settings do not fit the channels."""
        if self.settings.method == "mutex_watershed" and project.affinities is not None:
            self._edges(project)

    def _labels(self, project: Project) -> NDArray[Any]:
        from segmend.core.algorithms.fragments import seeded_fragments
        from segmend.core.algorithms.mutex_watershed import mutex_watershed
        from segmend.core.algorithms.watershed import watershed, without_dust

        chosen = self.settings
        if chosen.method == "mutex_watershed":
            offsets, bias, strides = self._edges(project)
            values = all_affinities(project)
            return without_dust(
                mutex_watershed(values, offsets, bias=bias, strides=strides), chosen.dust
            )
        affinities = nearest_affinities(project)
        if chosen.method == "fragments":
            return seeded_fragments(
                affinities,
                boundary_threshold=chosen.boundary_threshold,
                filter_size=chosen.filter_size,
                per_section=self._per_section(project.grid),
            )
        return watershed(
            affinities,
            low=chosen.low,
            high=chosen.high,
            size_threshold=chosen.size,
            link_affinity=chosen.link_affinity,
            dust_threshold=chosen.dust,
        )

    def _offsets(self, project: Project) -> tuple[Zyx, ...]:
        """Return where each channel leads: as the settings say, else the network's card, else the nearest."""
        from segmend.core.algorithms.affinities import NEAREST_OFFSETS
        from segmend.core.networks.cards import find_card

        if self.settings.offsets:
            return self.settings.offsets
        return (
            find_card(project.config.model)[0].offsets_zyx
            if project.config.model
            else NEAREST_OFFSETS
        )

    def _edges(self, project: Project) -> tuple[tuple[Zyx, ...], list[float], list[Zyx]]:
        """Return offset, bias and stride of each channel."""
        offsets, bias, strides = self._offsets(project), self.settings.bias, self.settings.strides
        channels = project.affinities.channels or 1 if project.affinities is not None else 0
        reach = [max(map(abs, offset)) for offset in offsets]
        steps = strides or tuple(max(1, r // 2) for r in reach)
        if len(offsets) != channels or len(steps) != channels or len(bias) not in (1, channels):
            raise StageError(
                f"mutex watershed on {channels} channels: {len(offsets)} offsets, {len(steps)} strides and "
                f"{len(bias)} biases do not fit; expected one of each per channel, or one bias for all"
            )
        if not all(reach):
            raise StageError(
                "mutex watershed: an offset of 0 0 0 leads nowhere; correct the setting offsets"
            )
        per_channel = list(bias) * (channels if len(bias) == 1 else 1)
        return offsets, per_channel, [(s, s, s) for s in steps]

    def _per_section(self, grid: Grid) -> bool:
        if self.settings.per_section != "auto":
            return self.settings.per_section == "yes"
        z, y, x = grid.voxel_size_nm_zyx
        return z >= _ANISOTROPIC * min(y, x)
