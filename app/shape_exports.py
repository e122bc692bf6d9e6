"""Meshes and skeletons of segments as files that other programs open. Knows no toolkit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from segmend.core.errors import InputError
from segmend.core.geometry import Box

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from segmend.core.algorithms.skeletons import Skeleton
    from segmend.core.session import Session

Progress = Callable[[str, float], None]
MOST_FACES = 200_000
MOST_VOXELS_AT_ONCE = 512**3


def named_segments(session: Session, ids: Sequence[int]) -> list[int]:
    """Return the dense segments that people know under some ids.

    Raises
    ------
    InputError
        If no segment has one of the ids.
    """
    every = np.unique(session.segmentation.segment_of)
    every = every[every > 0]
    named = dict(zip(session.segmentation.export_ids(every).tolist(), every.tolist(), strict=True))
    unknown = [str(name) for name in ids if name not in named]
    if unknown:
        raise InputError(
            f"there is no segment {', '.join(unknown)}: expected ids as the window and exports show them"
        )
    return [named[name] for name in dict.fromkeys(ids)]


def write_meshes(
    session: Session, folder: Path, box: Box | None, segments: list[int] | None, progress: Progress
) -> int:
    """Write a ``.ply`` file per segment, x, y, z in nm; return their number.

    Parameters
    ----------
    session : Session
    folder : Path
        Exists and is empty.
    box : Box, optional
        Only what lies inside.
    segments : list of int, optional
        Dense ids; by default all that reach into the box.
    progress : callable
    """
    import trimesh

    from segmend.core.algorithms.meshes import mesh_within

    part = _inside(session, box)
    chosen = _segments_in(session, part) if segments is None else segments
    for done, segment in enumerate(chosen):
        held, mask = _mask(session, segment, part)
        grid = session.project.grid.cropped(held)
        mesh = mesh_within(mask, grid.voxel_size_nm_zyx, grid.offset_nm_zyx, max_faces=MOST_FACES)
        # x, y, z is what mesh programs expect; turning the axes round turns the faces inside out.
        surface = trimesh.Trimesh(mesh.vertices_nm[:, ::-1], mesh.faces[:, ::-1], process=False)
        surface.export(folder / f"{_name(session, segment)}.ply")
        progress("meshes", (done + 1) / len(chosen))
    return len(chosen)


def write_skeletons(
    session: Session, folder: Path, box: Box | None, segments: list[int] | None, progress: Progress
) -> int:
    """Write a ``.swc`` file per segment, traced on a copy of about 30 nm; return their number.

    Parameters
    ----------
    session : Session
    folder : Path
        Exists and is empty.
    box : Box, optional
        Trace what lies inside only.
    segments : list of int, optional
        Dense ids, traced whole one by one and kept with the project where possible; by default all of the box at once.
    progress : callable

    Raises
    ------
    InputError
        If all of too large a box is asked for, or a segment's extent is too large to trace.
    """
    progress("skeletons", 0.0)
    if segments is None:
        traced = _trace_box(session, _inside(session, box))
    elif box is not None:
        raise InputError("--segments traces whole segments: leave --box away")
    else:
        traced = {segment: _trace_one(session, segment) for segment in segments}
    for segment, skeleton in traced.items():
        (folder / f"{_name(session, segment)}.swc").write_text(_swc(skeleton), encoding="ascii")
    progress("skeletons", 1.0)
    return len(traced)


def _trace_box(session: Session, box: Box) -> dict[int, Skeleton]:
    from segmend.core.algorithms.coarse_skeletons import trace_coarse

    if box.size > MOST_VOXELS_AT_ONCE:
        raise InputError(
            f"skeletons of a whole box are traced in memory, up to {MOST_VOXELS_AT_ONCE} voxels: give a smaller "
            "--box, or name --segments"
        )
    labels = session.segmentation.segment_of[session.supervoxels[0].read(box)]
    grid = session.project.grid.cropped(box)
    return trace_coarse(labels, grid.voxel_size_nm_zyx, offset_nm_zyx=grid.offset_nm_zyx)


def _trace_one(session: Session, segment: int) -> Skeleton:
    from segmend.core.candidates.segment_skeletons import segment_skeleton

    return segment_skeleton(
        session.project.generation_dir / "traced",
        session.segmentation.members(segment),
        session.segmentation.segment_box(segment),
        session.supervoxels[0],
    )


def _inside(session: Session, box: Box | None) -> Box:
    whole = Box.of_shape(session.project.shape_zyx)
    return whole if box is None else box.intersect(whole)


def _swc(skeleton: Skeleton) -> str:
    """Return SWC text: index, type, x, y, z, radius (nm), parent; one root per connected component."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import breadth_first_order

    count = len(skeleton.vertices_nm)
    a, b = skeleton.edges[:, 0].astype(np.int64), skeleton.edges[:, 1].astype(np.int64)
    graph = coo_array((np.ones(len(a)), (a, b)), shape=(count, count)).tocsr()
    lines, seen = ["# x y z radius in nm"], np.zeros(count, bool)
    number = np.zeros(count, np.int64)
    for root in range(count):
        if seen[root]:
            continue
        order, parents = breadth_first_order(graph, root, directed=False)
        for node in order:
            seen[node] = True
            number[node] = len(lines)
            z, y, x = skeleton.vertices_nm[node]
            parent = number[parents[node]] if parents[node] >= 0 else -1
            lines.append(
                f"{len(lines)} 0 {x:.1f} {y:.1f} {z:.1f} {skeleton.radius_nm[node]:.1f} {parent}"
            )
    return "\n".join(lines) + "\n"


def _segments_in(session: Session, box: Box) -> list[int]:
    segments = np.unique(session.segmentation.segment_of)
    return [
        int(segment)
        for segment in segments[segments > 0]
        if session.segmentation.segment_box(int(segment)).intersect(box).size
    ]


def _mask(session: Session, segment: int, box: Box) -> tuple[Box, NDArray[np.bool_]]:
    part = session.segmentation.segment_box(segment).intersect(box)
    return part, session.segmentation.segment_of[session.supervoxels[0].read(part)] == segment


def _name(session: Session, segment: int) -> str:
    return str(int(session.segmentation.export_ids(np.array([segment]))[0]))
