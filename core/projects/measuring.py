"""The region graph and the table of imported supervoxels, read block by block."""

from __future__ import annotations

from segmend.core.algorithms.graph_parts import (
    contact_part,
    nearest_part,
    supervoxel_part,
    with_layer_before,
)
from segmend.core.algorithms.graph_totals import (
    ContactTotals,
    NearestPoints,
    SupervoxelTotals,
    distinct_pairs,
)
from segmend.core.algorithms.region_graph import RegionGraph, SupervoxelTable, graph_of_contacts
from segmend.core.projects.importing import blocks_of
from segmend.core.volumes.zarr import ZarrVolume


def measured(
    supervoxels: ZarrVolume, affinities: ZarrVolume | None, highest: int
) -> tuple[RegionGraph, SupervoxelTable]:
    """Measure supervoxels as `region_graph` and `supervoxel_table` measure a whole volume.

    Parameters
    ----------
    supervoxels : ZarrVolume
        Dense, uint32.
    affinities : ZarrVolume or None
        uint8; None: every contact has the affinity 0.5.
    highest : int
        The largest id.
    """
    blocks = blocks_of(supervoxels)
    table = SupervoxelTotals(highest)
    parts = []
    for box in blocks:
        grown, margin = with_layer_before(box)
        labels = supervoxels.read(grown)
        values = None if affinities is None else affinities.read(grown, channels=slice(0, 3))
        contacts, _ = contact_part(labels, values, margin_zyx=margin, start_zyx=grown.start_zyx)
        parts.append(contacts)
        own = labels[margin[0] :, margin[1] :, margin[2] :]
        table.add(supervoxel_part(own, start_zyx=box.start_zyx))
    totals = ContactTotals(distinct_pairs(parts))
    for part in parts:
        totals.add(part)
    nearest, centre = NearestPoints(highest), table.centre
    for box in blocks:
        nearest.add(nearest_part(supervoxels.read(box), centre, start_zyx=box.start_zyx))
    graph = graph_of_contacts(totals.contacts, 1.0 if affinities is None else 255.0)
    return graph, SupervoxelTable(table.size, nearest.point, table.box)
