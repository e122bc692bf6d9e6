"""Supervoxels from affinities, block by block.

The first round cuts every block and joins what is certain inside it; then the rests of all blocks are joined; the
second round writes the supervoxels. Fragments and watershed do not depend on the blocks, as long as no plateau of equal
values is farther from its way out than ``context``; a mutex watershed does, a little. A block of 256^3 voxels needs
about 0.7 GB (fragments), 0.4 GB (watershed) or, half as deep, 1.4 GB (mutex watershed on nine channels) with uint8
affinities; joining the blocks needs at most 0.9 bytes per voxel of the volume.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from segmend.core.errors import InputError, StageError
from segmend.core.geometry import Box, Grid, Zyx
from segmend.core.pipeline.artifacts import replace_folder
from segmend.core.pipeline.block_grid import chunk_blocks
from segmend.core.pipeline.settings import StageSettings, WatershedSettings
from segmend.core.pipeline.stage import BaseStage, Scope, StageContext, Summary
from segmend.core.project import Project

if TYPE_CHECKING:
    from segmend.core.pipeline.stages.watershed_blocks import MutexEdges


_ANISOTROPIC = 2.0
"""Sections this many times thicker than a pixel is wide are cut one by one."""

SUPERVOXEL_FILES = {"supervoxels": ("supervoxels.zarr", "graph/source_ids.npy")}
"""Labels and what their source called them: both stay when the graph is measured again."""


@dataclass(frozen=True)
class WatershedStage(BaseStage):
    """Writes ``supervoxels.zarr``, dense uint32 labels with their pyramid."""

    settings: WatershedSettings

    name: ClassVar[str] = "watershed"
    version: ClassVar[int] = 2
    settings_form: ClassVar[type[StageSettings]] = WatershedSettings
    inputs: ClassVar[tuple[str, ...]] = ("affinities",)
    optional: ClassVar[tuple[str, ...]] = ("mask",)
    outputs: ClassVar[Mapping[str, tuple[str, ...]]] = SUPERVOXEL_FILES
    scope: ClassVar[Scope] = "segmentation"
    rounds: ClassVar[int] = 2

    def identity(self, project: Project) -> str:
        """Return the offsets, which a network's card may decide."""
        return repr(self._offsets(project)) if self.settings.method == "mutex_watershed" else ""

    def check(self, project: Project) -> None:
        """Refuse settings that do not fit; any volume size is fine."""
        known = project.config.affinity_offsets_zyx or project.affinities is not None
        if self.settings.method == "mutex_watershed" and known:
            self._edges(project)

    def blocks(self, project: Project) -> Sequence[Box]:
        """Cut the volume evenly into blocks of whole chunks, half as deep for the mutex watershed with its channels."""
        z, y, x = self.settings.block_zyx
        if self.settings.method == "mutex_watershed":
            z = max(1, z // 2)
        return chunk_blocks(project.shape_zyx, (z, y, x))

    def prepare(self, context: StageContext) -> None:
        """Make the arrays that both rounds write into."""
        from segmend.core.pipeline.stages.watershed_files import WatershedFiles

        project = context.project
        WatershedFiles(context.scratch_dir).make_arrays(project.shape_zyx, project.grid)

    def run_block(self, context: StageContext, box: Box) -> None:
        """Cut a block into regions, or write the supervoxels that these have become."""
        from segmend.core.pipeline.stages.watershed_blocks import cut_block
        from segmend.core.pipeline.stages.watershed_files import WatershedFiles
        from segmend.core.volumes.zarr import open_zarr

        files = WatershedFiles(context.scratch_dir)
        if context.round > 0:
            regions = open_zarr(files.regions).read(box)
            open_zarr(files.supervoxels, writable=True).write(box, files.table(box)[regions])
            return
        mutex = self.settings.method == "mutex_watershed"
        rest, overlaps = cut_block(
            context.project,
            box,
            self.settings,
            per_section=self._per_section(context.project.grid),
            edges=self._edges(context.project) if mutex else None,
        )
        open_zarr(files.regions, writable=True).write(box, rest.labels)
        files.save_rest(box, rest, overlaps)

    def join(self, context: StageContext) -> None:
        """Decide which regions of the blocks are one supervoxel."""
        from segmend.core.pipeline.stages.watershed_blocks import join_blocks
        from segmend.core.pipeline.stages.watershed_files import WatershedFiles

        project, files = context.project, WatershedFiles(context.scratch_dir)
        is_byte = project.affinities is not None and project.affinities.dtype == "uint8"
        scale = 255.0 if is_byte else 1.0
        join_blocks(files, self.blocks(project), project.shape_zyx, self.settings, scale)

    def finish(self, context: StageContext) -> Summary:
        """Add the pyramid and put the labels in their place."""
        import numpy as np

        from segmend.core.pipeline.stages.watershed_files import WatershedFiles
        from segmend.core.segmentation.graph_files import save_array
        from segmend.core.volumes.pyramid import write_pyramid

        files = WatershedFiles(context.scratch_dir)
        if files.supervoxels.exists():
            write_pyramid(files.supervoxels, labels=True)
            replace_folder(files.supervoxels, context.supervoxels_path)
        context.graph_dir.mkdir(exist_ok=True)
        source_ids = np.arange(files.count() + 1, dtype=np.uint64)
        save_array(context.graph_dir / "source_ids.npy", source_ids)
        return {"supervoxels": files.count()}

    def _offsets(self, project: Project) -> tuple[Zyx, ...]:
        """Return where each channel leads: as the settings say, else the network that was used, else the nearest."""
        from segmend.core.algorithms.affinities import NEAREST_OFFSETS
        from segmend.core.networks.cards import find_card

        told, model = project.config.affinity_offsets_zyx, project.config.model
        if self.settings.offsets or told:
            return self.settings.offsets or told or ()
        if not model:
            return NEAREST_OFFSETS
        try:  # projects of 0.3 and before know their network by name alone
            return find_card(model)[0].offsets_zyx
        except InputError:
            raise StageError(
                f"mutex watershed: {project.path.name} has affinities of a network {model!r} that is not installed, "
                "and does not say where its channels lead; give the setting watershed.offsets"
            ) from None

    def _edges(self, project: Project) -> MutexEdges:
        """Return offset, bias and stride of each channel."""
        from segmend.core.pipeline.stages.watershed_blocks import MutexEdges

        offsets, bias, strides = self._offsets(project), self.settings.bias, self.settings.strides
        channels = _channels(project)
        reach = [max(map(abs, offset)) for offset in offsets]
        steps = strides or tuple(max(1, r // 2) for r in reach)
        if len(offsets) != channels or len(steps) != channels or len(bias) not in (1, channels):
            raise StageError(
                f"mutex watershed on {channels} channels: {len(offsets)} offsets, {len(steps)} strides and "
                f"{len(bias)} biases do not fit; expected one of each per channel, or one bias for all"
            )
        per_channel = list(bias) * (channels if len(bias) == 1 else 1)
        return MutexEdges(offsets, per_channel, [(s, s, s) for s in steps])

    def _per_section(self, grid: Grid) -> bool:
        if self.settings.per_section != "auto":
            return self.settings.per_section == "yes"
        z, y, x = grid.voxel_size_nm_zyx
        return z >= _ANISOTROPIC * min(y, x)


def _channels(project: Project) -> int:
    """Return the channels of the affinities, also of those that this run has still to make."""
    if project.config.affinity_offsets_zyx:
        return len(project.config.affinity_offsets_zyx)
    return project.affinities.channels or 1 if project.affinities is not None else 0
