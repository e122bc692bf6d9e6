"""Make a project from volumes: everything in a folder beside the final one, which gets its name at the end."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.errors import ProjectError, ProjectLocked
from segmend.core.geometry import Box, ZyxNm
from segmend.core.processes import left_behind
from segmend.core.project_lock import ProjectLock
from segmend.core.projects import importing, mapping
from segmend.core.projects.config import ProjectConfig, flush_folder, save_config
from segmend.core.projects.folder import AFFINITIES, IMAGE, MASK, SUPERVOXELS, Project, open_project
from segmend.core.projects.shared_journal import SharedJournal
from segmend.core.projects.sources import Source, Sources, open_sources
from segmend.core.segmentation.graph_files import save_graph
from segmend.core.volumes.base import Volume
from segmend.core.volumes.opening import split_path
from segmend.core.volumes.zarr import open_zarr

Progress = Callable[[str, int, int], None]
"""Called with what is being done, and blocks done of blocks in all."""


def create_project(
    path: str | Path,
    *,
    image: Source | None = None,
    supervoxels: Source | None = None,
    segmentation: Source | None = None,
    affinities: Source | None = None,
    mask: Source | None = None,
    voxel_size_nm_zyx: ZyxNm | None = None,
    offset_nm_zyx: ZyxNm | None = None,
    box: Box | None = None,
    link_image: bool = False,
    journal: str | None = None,
    owner: str | None = None,
    progress: Progress | None = None,
) -> Project:
    """Make a project folder; at least one of image, supervoxels and segmentation is needed.

    Supervoxels alone: each is a segment. A segmentation alone: one supervoxel per connected piece (6 neighbours),
    mapped back to its segment. Both: each supervoxel belongs to the segment that has most of its voxels. What the
    sources call segments and supervoxels is kept, 64 bits wide. Sources are only read.

    Parameters
    ----------
    path : path-like
        Must not exist.
    image, supervoxels, segmentation, affinities : path-like or Volume, optional
        ``FILE`` or ``FILE:/dataset``. Affinities are (c, z, y, x), uint8 0..255 or float 0..1, the first three
        channels toward the voxels before in z, y and x.
    mask : path-like or Volume, optional
        Where there is tissue to work on (non-zero), integers or booleans, also at a coarser voxel size. What lies
        outside is never segmented; imported labels become background there.
    voxel_size_nm_zyx, offset_nm_zyx : tuple of 3 float, optional
        Taken instead of what the files say; ``offset`` is the centre of the first voxel of the whole arrays.
    box : Box, optional
        Use this part only.
    link_image : bool
        Leave the image where it is and refer to it; it must then be a file.
    journal : str, optional
        ``postgresql://USER@HOST/DATABASE``: keep the journal there, for several people. A password in it is used now
        and not stored; later it comes from ``PGPASSWORD`` or ``~/.pgpass``.
    owner : str, optional
        Who may give roles to others; needed with `journal`.
    progress : callable, optional

    Raises
    ------
    InputError
        If an array cannot be used or they do not fit each other.
    ProjectError
        If `path` exists or cannot be written.
    JournalError
        If no journal can be made in the database.
    """
    folder = Path(path).expanduser().resolve()
    _check_free(folder)
    shared = SharedJournal(journal, owner)
    sources = open_sources(
        image,
        supervoxels,
        segmentation,
        affinities,
        mask=mask,
        voxel_size_nm_zyx=voxel_size_nm_zyx,
        offset_nm_zyx=offset_nm_zyx,
        box=box,
    )
    if sources.supervoxels is None and sources.segmentation is not None:
        importing.check_whole_volume(sources.segmentation)
    with shared, _under_construction(folder) as partial:
        values = _write_arrays(partial, sources, link_image, progress or _silent)
        values |= {"id": shared.project_id, "journal": shared.stored}
        save_config(partial, _config(folder, sources, values))
        shared.make()
    return open_project(folder)


def _write_arrays(
    folder: Path, sources: Sources, link_image: bool, progress: Progress
) -> dict[str, Any]:
    """Write every array and return the configuration values that depend on them."""
    values: dict[str, Any] = {}
    if sources.image is not None:
        if link_image:
            values |= _linked(sources)
        else:
            report = _step(progress, "image")
            importing.import_image(sources.image, folder / IMAGE, sources.grid, report)
            values["image"] = IMAGE
    if sources.affinities is not None:
        report = _step(progress, "affinities")
        importing.import_affinities(sources.affinities, folder / AFFINITIES, sources.grid, report)
        values["affinities"] = AFFINITIES
    if sources.mask is not None:
        importing.import_mask(sources.mask, folder / MASK, _step(progress, "mask"))
        values["mask"] = MASK
    if sources.supervoxels is not None or sources.segmentation is not None:
        _write_generation(folder, sources, progress)
        values["generation"] = 1
    return values


def _write_generation(folder: Path, sources: Sources, progress: Progress) -> None:
    generation = folder / "generation-1"
    generation.mkdir()
    path = generation / SUPERVOXELS
    if sources.supervoxels is not None:
        highest, mapping_of = _imported(path, sources.supervoxels, sources, progress)
    else:
        assert sources.segmentation is not None
        progress("components", 0, 1)
        highest, labels = importing.import_components(sources.segmentation, path, sources.grid)

        def mapping_of(point: NDArray[np.int32]) -> mapping.Mapping:
            return mapping.of_components(labels[tuple(point.T)])

    progress("graph", 0, 1)
    affinities = None if sources.affinities is None else open_zarr(folder / AFFINITIES)
    arrays = mapping.graph_arrays(open_zarr(path), affinities, highest, mapping_of)
    save_graph(generation / "graph", arrays)


def _imported(
    path: Path, supervoxels: Volume, sources: Sources, progress: Progress
) -> tuple[int, Callable[[NDArray[np.int32]], mapping.Mapping]]:
    report = _step(progress, "supervoxels")
    source_ids = importing.import_labels(supervoxels, path, sources.grid, report)

    def mapping_of(_point: NDArray[np.int32]) -> mapping.Mapping:
        if sources.segmentation is None:
            return mapping.each_its_own(source_ids)
        return mapping.of_majority(open_zarr(path), sources.segmentation, source_ids)

    return len(source_ids) - 1, mapping_of


def _linked(sources: Sources) -> dict[str, Any]:
    assert sources.image is not None
    source = sources.image.source
    file, dataset = split_path(source)
    if not file.exists():
        raise ProjectError(
            f"{source} is not a file: only an image in a file can stay outside; leave the link away to copy it"
        )
    place = str(file.resolve()) if dataset is None else f"{file.resolve()}:{dataset}"
    box = sources.box
    outside = None if sources.whole else (*box.start_zyx, *box.stop_zyx)
    return {"image": place, "outside_box_zyx": outside}


def _config(folder: Path, sources: Sources, values: dict[str, Any]) -> ProjectConfig:
    return ProjectConfig(
        name=folder.name.removesuffix(".segmend"),
        segmend=_version(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        shape_zyx=sources.shape_zyx,
        voxel_size_nm_zyx=sources.grid.voxel_size_nm_zyx,
        offset_nm_zyx=sources.grid.offset_nm_zyx,
        sources=sources.names(),
        **values,
    )


def _check_free(folder: Path) -> None:
    if folder.exists() or folder.is_symlink():
        what = "a project" if (folder / "project.toml").exists() else "something"
        raise ProjectError(
            f"{folder} exists already and is {what}: choose another name, or remove it"
        )


@contextmanager
def _under_construction(folder: Path) -> Iterator[Path]:
    """Give a folder to build in; it becomes `folder` if all goes well and disappears otherwise."""
    partial = folder.parent / f"{_prefix(folder)}{os.getpid()}"
    lock = ProjectLock(partial)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        lock.acquire()
        yield partial
        _check_free(folder)
        partial.rename(folder)
        flush_folder(folder.parent)
    except OSError as error:
        raise ProjectError(
            f"{folder} cannot be made ({error}): look whether the disk is full or may be written"
        ) from error
    finally:
        lock.release()
        shutil.rmtree(partial, ignore_errors=True)


def _sweep(folder: Path) -> None:
    """Remove what interrupted attempts left: their process is dead and their lock free."""
    for partial in left_behind(folder.parent, _prefix(folder)):
        lock = ProjectLock(partial)
        try:
            lock.acquire()
        except (ProjectLocked, ProjectError):
            continue
        lock.release()
        shutil.rmtree(partial, ignore_errors=True)


def _prefix(folder: Path) -> str:
    return f".{folder.name}.partial-"


def _step(progress: Progress, name: str) -> importing.Report:
    return lambda done, total: progress(name, done, total)


def _silent(_name: str, _done: int, _total: int) -> None:
    return None


def _version() -> str:
    try:
        return version("segmend")
    except PackageNotFoundError:
        return "0"
