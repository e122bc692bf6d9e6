"""The region adjacency graph of the supervoxels and the table of their places, block by block.

Blocks count contacts and voxels; added up they give the centres of the supervoxels, and a second round finds the voxel
nearest to each. The result is that of the whole volume, whatever the grid of blocks (see
`segmend.core.algorithms.graph_parts`). A block needs about 25 bytes per voxel with float affinities and 10 with uint8;
putting the blocks together needs about 100 bytes per contact and per supervoxel.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from segmend.core.errors import StageError
from segmend.core.geometry import Box
from segmend.core.pipeline.block_grid import chunk_blocks
from segmend.core.pipeline.inputs import nearest_affinities, supervoxels
from segmend.core.pipeline.marks import block_mark, redone_where_damaged
from segmend.core.pipeline.settings import GraphSettings, StageSettings
from segmend.core.pipeline.stage import BaseStage, Scope, StageContext, Summary
from segmend.core.project import Project

if TYPE_CHECKING:
    from numpy.typing import NDArray

_EDGE_ARRAYS = ("edges", "affinity", "area", "strong", "centroid")
_NODE_ARRAYS = ("size", "point", "box")


@dataclass(frozen=True)
class GraphStage(BaseStage):
    """Writes the edge and node arrays of ``graph/``, and ``graph/histogram.npy``.

    ``histogram.npy`` is (E, bins) uint32, the affinities of each contact in equal bins of 0..1; it has no columns
    unless the settings ask for bins.
    """

    settings: GraphSettings

    name: ClassVar[str] = "graph"
    version: ClassVar[int] = 2
    settings_form: ClassVar[type[StageSettings]] = GraphSettings
    inputs: ClassVar[tuple[str, ...]] = ("supervoxels",)
    optional: ClassVar[tuple[str, ...]] = ("affinities",)
    outputs: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "graph": tuple(f"graph/{name}.npy" for name in (*_EDGE_ARRAYS, *_NODE_ARRAYS)),
        "histogram": ("graph/histogram.npy",),
    }
    scope: ClassVar[Scope] = "segmentation"
    rounds: ClassVar[int] = 2

    def check(self, project: Project) -> None:
        """Any volume size is fine."""

    def blocks(self, project: Project) -> Sequence[Box]:
        """Cut the volume evenly into whole chunks."""
        return chunk_blocks(project.shape_zyx, self.settings.block_zyx)

    def run_block(self, context: StageContext, box: Box) -> None:
        """Count the contacts and voxels of a block, then find the voxels nearest to the centres."""
        if context.round == 0:
            self._measure(context, box)
        else:
            _find_points(context, box)

    def _measure(self, context: StageContext, box: Box) -> None:
        from segmend.core.algorithms.graph_parts import (
            contact_part,
            supervoxel_part,
            with_layer_before,
        )

        with_faces, margin = with_layer_before(box)
        labels = supervoxels(context, with_faces)
        known = context.project.affinities is not None
        affinities = nearest_affinities(context.project, with_faces) if known else None
        contacts, histogram = contact_part(
            labels,
            affinities,
            margin_zyx=margin,
            start_zyx=with_faces.start_zyx,
            bins=self.settings.histogram_bins,
        )
        own = labels[margin[0] :, margin[1] :, margin[2] :]
        _save(context, "contacts", box, contacts)
        _save(context, "histogram", box, histogram)
        _save(context, "supervoxels", box, supervoxel_part(own, start_zyx=box.start_zyx))

    def join(self, context: StageContext) -> None:
        """Add up the supervoxels of all blocks: their centres are what the second round looks for."""
        from segmend.core.algorithms.graph_totals import SupervoxelTotals
        from segmend.core.segmentation.graph_files import save_array

        totals = SupervoxelTotals(_highest_id(context, self.blocks(context.project)))
        for part in _parts(context, "supervoxels", self.blocks(context.project)):
            totals.add(part)
        for name, array in (("size", totals.size), ("box", totals.box), ("centre", totals.centre)):
            save_array(context.scratch_dir / f"{name}.npy", array)

    def finish(self, context: StageContext) -> Summary:
        """Add up contacts and nearest voxels, and write the graph."""
        from segmend.core.segmentation.graph_files import save_array

        context.graph_dir.mkdir(parents=True, exist_ok=True)
        arrays = {**self._edges(context), **self._nodes(context)}
        for name, array in arrays.items():
            save_array(context.graph_dir / f"{name}.npy", array)
        return {"edges": len(arrays["edges"]), "supervoxels": len(arrays["size"]) - 1}

    def _edges(self, context: StageContext) -> dict[str, NDArray[Any]]:
        from segmend.core.algorithms.graph_totals import ContactTotals, distinct_pairs
        from segmend.core.algorithms.region_graph import graph_of_contacts

        blocks = self.blocks(context.project)
        pairs = distinct_pairs(_parts(context, "contacts", blocks))
        totals = ContactTotals(pairs, self.settings.histogram_bins)
        parts = (_parts(context, name, blocks) for name in ("contacts", "histogram"))
        for contacts, histogram in zip(*parts, strict=True):
            totals.add(contacts, histogram)
        stored = context.project.affinities
        scale = 255.0 if stored is not None and stored.dtype == "uint8" else 1.0
        graph = graph_of_contacts(totals.contacts, scale)
        return {**graph._asdict(), "histogram": totals.histogram}

    def _nodes(self, context: StageContext) -> dict[str, NDArray[Any]]:
        from segmend.core.algorithms.graph_totals import NearestPoints
        from segmend.core.segmentation.graph_files import load_array

        size, box = (load_array(context.scratch_dir / f"{name}.npy") for name in ("size", "box"))
        nearest = NearestPoints(len(size) - 1)
        for part in _parts(context, "nearest", self.blocks(context.project)):
            nearest.add(part)
        return {"size": size, "box": box, "point": nearest.point}


def _find_points(context: StageContext, box: Box) -> None:
    from segmend.core.algorithms.graph_parts import nearest_part
    from segmend.core.segmentation.graph_files import load_array

    centre = load_array(context.scratch_dir / "centre.npy", mapped=True)
    found = nearest_part(supervoxels(context, box), centre, start_zyx=box.start_zyx)
    _save(context, "nearest", box, found)


def _highest_id(context: StageContext, blocks: Sequence[Box]) -> int:
    """Return the largest id, from which arrays get their length, once it is known that they are dense."""
    highest = voxels = 0
    for part in _parts(context, "supervoxels", blocks):
        highest = max(highest, int(part["id"].max(initial=0)))
        voxels += int(part["size"].sum())
    if highest > voxels:
        raise StageError(
            f"{context.supervoxels_path} names supervoxel {highest} but has {voxels} labelled voxels: expected ids "
            "from 1 without gaps; make the supervoxels again"
        )
    return highest


def _part_path(context: StageContext, name: str, box: Box) -> Path:
    place = "-".join(map(str, box.start_zyx))
    return context.scratch_dir / f"{name}-{place}.npy"


def _save(context: StageContext, name: str, box: Box, array: NDArray[Any]) -> None:
    from segmend.core.segmentation.graph_files import save_array

    save_array(_part_path(context, name, box), array)


def _parts(context: StageContext, name: str, blocks: Sequence[Box]) -> Iterator[NDArray[Any]]:
    """Read what the blocks saved, one at a time; the block of a damaged file is done again by the next run."""
    from segmend.core.segmentation.graph_files import load_array

    number = 1 if name == "nearest" else 0
    for box in blocks:
        path = _part_path(context, name, box)
        with redone_where_damaged(path, block_mark(context.scratch_dir, box, number)):
            part = load_array(path)
        yield part
