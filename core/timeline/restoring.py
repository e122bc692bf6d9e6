"""From the present to a snapshot and back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.geometry import Box
from segmend.core.journal.operation import Operation, Problem
from segmend.core.segmentation.graph_files import GraphArrays
from segmend.core.segmentation.partition import Partition
from segmend.core.segmentation.patches import Patch
from segmend.core.segmentation.segmentation import Birth, Change, NodeTable, Segmentation
from segmend.core.segmentation.supervoxel_graph import Edges
from segmend.core.segmentation.supervoxel_mapping import SupervoxelMapping
from segmend.core.timeline.present import Present, Trace
from segmend.core.timeline.replay import Conflict, decoded
from segmend.core.timeline.snapshot_checks import check_births, check_edges, check_ranges
from segmend.core.timeline.snapshots import FORMAT, Snapshot, digest

Array = NDArray[Any]


def snapshot_of(present: Present, operations: Sequence[Operation]) -> Snapshot:
    """Describe what the operations that are on have left behind."""
    s, traces = present.segmentation, present.traces
    born = np.sort([c for t in traces.values() for c in t.children]).astype(np.uint32)
    first = s.base.supervoxel_count + 1
    changed = np.flatnonzero(s.segment_of[:first] != s.base.segment_of).astype(np.uint32)
    order = sorted(traces)
    named = [traces[n].segments for n in order]
    left_out = [(p.number, isinstance(p, Conflict), p.reason) for p in present.problems.values()]
    text = json.dumps(left_out).encode()
    return Snapshot(
        about=np.array([FORMAT, s.base.supervoxel_count, s.base.segment_count], np.int64),
        digest=np.frombuffer(digest(operations), np.uint8),
        numbers=np.array([o.number for o in operations], np.int64),
        left_out=np.frombuffer(text, np.uint8),
        changed=changed,
        changed_to=s.segment_of[changed],
        born=born,
        born_to=s.segment_of[born],
        size=s.mapping.size[born],
        point=s.points(born),
        box=s.boxes(born),
        trace_numbers=np.array(order, np.int64),
        trace_starts=np.cumsum([0, *map(len, named)], dtype=np.int64),
        trace_segments=np.array([x for segments in named for x in segments], np.uint32),
        finished=np.array(sorted(s.finished), np.uint32),
        locked=np.array(sorted(s.locked), np.uint32),
        **_edge_arrays([(n, traces[n].edges) for n in order if len(traces[n].edges)]),
    )


def restored(
    snapshot: Snapshot,
    fresh: Segmentation,
    operations: Mapping[int, Operation],
    volume: Box | None = None,
) -> dict[int, Trace]:
    """Bring a segmentation without any change into the state of a snapshot.

    Parameters
    ----------
    snapshot : Snapshot, fits the operations
    fresh : Segmentation, of no use any more where this fails
    operations : mapping from number to Operation
        Voxels are taken from their rows.
    volume : Box, optional
        Where voxels may change, if that is known.

    Returns
    -------
    dict
        Trace of each operation in effect.

    Raises
    ------
    ValueError
        If the snapshot is damaged.
    """
    check_ranges(snapshot, fresh.base)
    check_edges(snapshot, fresh.base)
    numbers = snapshot.trace_numbers.tolist()
    patches = {n: found for n in numbers if (found := _patches(operations[n], fresh.base))}
    check_births(snapshot, patches, fresh.base, volume)
    traces = _traces(snapshot, patches)
    for number, trace in traces.items():
        birth = _birth(snapshot, patches[number], trace) if number in patches else None
        fresh.apply(number, Change(birth=birth, bridges=Edges.none() if birth else trace.edges))
    _fill(snapshot, fresh, [operations[number] for number in traces])
    return traces


def problems_in(snapshot: Snapshot) -> list[Problem]:
    """Return what was left out."""
    return [
        (Conflict if conflict else Problem)(number, reason)
        for number, conflict, reason in snapshot.problems()
    ]


def _fill(snapshot: Snapshot, fresh: Segmentation, in_effect: Sequence[Operation]) -> None:
    segment_of = fresh.segment_of.copy()
    segment_of[snapshot.changed] = snapshot.changed_to
    segment_of[snapshot.born] = snapshot.born_to
    fresh.mapping = SupervoxelMapping(Partition(segment_of, fresh.mapping.size))
    fresh.finished.update(snapshot.finished.tolist())
    fresh.locked.update(snapshot.locked.tolist())
    fresh.accepted.update(o.candidate for o in in_effect if o.candidate and o.verdict == "accept")


def _patches(operation: Operation, base: GraphArrays) -> tuple[Patch, ...]:
    if "patches" not in operation.payload:
        return ()
    resolved = decoded(operation, base)
    if isinstance(resolved, Problem):
        raise ValueError(resolved.reason)
    return resolved.patches


def _traces(snapshot: Snapshot, patches: Mapping[int, tuple[Patch, ...]]) -> dict[int, Trace]:
    edges, named = _edges_of(snapshot), snapshot.trace_segments.tolist()
    bounds = pairwise(snapshot.trace_starts.tolist())
    traces = {}
    for number, (start, stop) in zip(snapshot.trace_numbers.tolist(), bounds, strict=True):
        children = tuple(sorted(c for patch in patches.get(number, ()) for c in patch.children))
        added = edges.get(number, Edges.none())
        traces[number] = Trace(tuple(named[start:stop]), children, added)
    return traces


def _birth(snapshot: Snapshot, patches: tuple[Patch, ...], trace: Trace) -> Birth:
    rows = np.searchsorted(snapshot.born, np.array(trace.children, np.int64))
    nodes = NodeTable(snapshot.size[rows], snapshot.point[rows], snapshot.box[rows])
    return Birth(patches, trace.children, nodes, trace.edges)


def _edges_of(snapshot: Snapshot) -> dict[int, Edges]:
    every = Edges(
        snapshot.pairs, snapshot.affinity, snapshot.area, snapshot.strong, snapshot.centroid
    )
    numbers, starts = np.unique(snapshot.edge_numbers, return_index=True)
    bounds = [*starts.tolist(), len(every)]
    return {
        number: every.take(slice(bounds[i], bounds[i + 1]))
        for i, number in enumerate(numbers.tolist())
    }


def _edge_arrays(edges: list[tuple[int, Edges]]) -> dict[str, Array]:
    every = [Edges.none(), *(e for _, e in edges)]
    numbers = np.repeat(
        np.array([n for n, _ in edges], np.int64), [len(e) for _, e in edges]
    ).astype(np.int64)
    names = ("pairs", "affinity", "area", "strong", "centroid")
    arrays = {name: np.concatenate([getattr(e, name) for e in every]) for name in names}
    return {"edge_numbers": numbers, **arrays}
