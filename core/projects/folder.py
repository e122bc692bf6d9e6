"""A project that is open: paths, configuration, lazily opened volumes."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from segmend.core.errors import InputError, ProjectError, VolumeError
from segmend.core.geometry import Grid, Zyx
from segmend.core.projects.config import ProjectConfig, load_config, save_config
from segmend.core.projects.tissue_mask import check_extent, open_mask
from segmend.core.volumes.base import Volume, dimensions
from segmend.core.volumes.lazy import FileVolume
from segmend.core.volumes.memory import CroppedVolume
from segmend.core.volumes.opening import find_array
from segmend.core.volumes.zarr import open_pyramid

IMAGE = "image.zarr"
AFFINITIES = "affinities.zarr"
SUPERVOXELS = "supervoxels.zarr"
MASK = "mask.zarr"


class Project:
    """The folder of a project as it was when it was opened; travels to other processes as path and configuration.

    Parameters
    ----------
    path : Path
    config : ProjectConfig
    """

    def __init__(self, path: Path, config: ProjectConfig) -> None:
        self.path = path
        self.config = config

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave opened volumes behind; each process opens its own."""
        return Project, (self.path, self.config)

    @property
    def name(self) -> str:
        """What people call it."""
        return self.config.name

    @property
    def shape_zyx(self) -> Zyx:
        """Extent of every array of the project, voxels."""
        return self.config.shape_zyx

    @property
    def grid(self) -> Grid:
        """Where the voxels lie."""
        return self.config.grid

    @property
    def generation(self) -> int:
        """Number of the supervoxels in use; 0 where there are none yet."""
        return self.config.generation

    @property
    def generation_dir(self) -> Path:
        """Folder of everything that depends on the supervoxels in use."""
        return self.generation_path(self.generation)

    def generation_path(self, generation: int) -> Path:
        """Return the folder of one generation."""
        return self.path / f"generation-{generation}"

    @property
    def graph_dir(self) -> Path:
        """Flat arrays of the region graph and the mapping."""
        return self.generation_dir / "graph"

    @property
    def overlay_dir(self) -> Path:
        """Chunk files written by voxel edits."""
        return self.generation_dir / "overlay"

    @property
    def candidates_path(self) -> Path:
        """Detected candidates."""
        return self.generation_dir / "candidates.json"

    @property
    def shared(self) -> bool:
        """Whether several people work on this project through one journal in a database."""
        return self.config.journal is not None

    @property
    def journal_location(self) -> Path | str:
        """What `Journal` opens: the file, or the address of the project's schema in a database.

        Raises
        ------
        ProjectError
            If there was a file and it is gone, or the project has no id to find its schema by.
        """
        if self.config.journal is None:
            return self.journal_path
        if not self.config.id:
            raise ProjectError(
                f"{self.path / 'project.toml'} names a journal in a database but no id: put the id back from a copy"
            )
        return located(self.config.journal, self.config.id)

    @property
    def journal_path(self) -> Path:
        """The journal of all generations, where it is a file.

        Raises
        ------
        ProjectError
            If there was one and it is gone: without it every edit would seem never made.
        """
        path = self.path / "journal.sqlite"
        parts = (path, path.with_name("journal.sqlite-wal"))
        lost = not any(part.is_file() and part.stat().st_size for part in parts)
        if self.config.journal_begun and lost:
            raise ProjectError(
                f"{path} is gone or empty, and with it every edit: put it back from a copy; to go on without the "
                "edits, set journal_begun = false in project.toml"
            )
        return path

    @cached_property
    def image_pyramid(self) -> tuple[Volume, ...] | None:
        """All levels of the image, finest first; one level for an image that stays outside; None without image."""
        return self._pyramid(self.config.image, "image")

    @property
    def image(self) -> Volume | None:
        """The image at full resolution."""
        return None if self.image_pyramid is None else self.image_pyramid[0]

    @cached_property
    def affinity_pyramid(self) -> tuple[Volume, ...] | None:
        """All levels of the affinities, finest first; one level where they stay outside; None without affinities."""
        return self._pyramid(self.config.affinities, "affinities")

    @property
    def affinities(self) -> Volume | None:
        """Affinities at full resolution, (c, z, y, x), uint8 0..255 where they are the project's own."""
        return None if self.affinity_pyramid is None else self.affinity_pyramid[0]

    @cached_property
    def mask(self) -> Volume | None:
        """Where there is tissue (non-zero), placed by its own grid, which may be coarser; None: everywhere.

        Raises
        ------
        ProjectError
            If it cannot be opened or covers another part of space.
        """
        where = self.config.mask
        if where is None:
            return None
        try:
            if Path(where).is_absolute():
                mask = open_mask(where, self._outside_grid)
            else:
                mask = open_pyramid(self.path / where)[0]
            check_extent(mask, self.grid, self.shape_zyx, may_be_larger=True)
        except InputError as error:
            raise ProjectError(f"the mask of {self.path.name} cannot be used: {error}") from error
        return mask

    @cached_property
    def supervoxel_pyramid(self) -> tuple[Volume, ...] | None:
        """All levels of the supervoxels in use, without voxel edits, finest first; None where there are none yet."""
        if self.generation == 0:
            return None
        return self._checked(open_pyramid(self.generation_dir / SUPERVOXELS), "supervoxels")

    def with_config(self, **values: Any) -> Project:
        """Save other values and return the project with them.

        Starts from what is on disk now, so that what other processes saved since then stays.

        Raises
        ------
        ProjectError
            If a name is unknown or a value not allowed.
        """
        config = load_config(self.path).changed(**values)
        save_config(self.path, config)
        return Project(self.path, config)

    def commit_generation(self, generation: int, **values: Any) -> Project:
        """Make a finished generation the one in use, together with other values, in one replacement.

        Raises
        ------
        ProjectError
            If its supervoxels or its graph are not there.
        """
        folder = self.generation_path(generation)
        for part in (SUPERVOXELS, "graph"):
            if not (folder / part).is_dir():
                raise ProjectError(
                    f"{folder / part} is missing: the generation is not finished; run the stages again"
                )
        return self.with_config(generation=generation, **values)

    def _pyramid(self, where: str | None, role: str) -> tuple[Volume, ...] | None:
        if where is None:
            return None
        own = self.path / where
        if not Path(where).is_absolute():
            return self._checked(open_pyramid(own), role)
        try:
            outside: Volume = FileVolume(find_array(where), self.grid)
        except VolumeError as error:
            raise ProjectError(
                f"the {role} of {self.path.name} stays outside the project and cannot be opened: {error}"
            ) from error
        box = self.config.outside_box
        levels: tuple[Volume, ...] = (outside,)
        if box is not None:
            levels = (CroppedVolume(outside, box, self.grid),)
        return self._checked(levels, role)

    @property
    def _outside_grid(self) -> Grid:
        """Where the voxels of outside arrays lie, of which the project covers a part."""
        box = self.config.outside_box
        z, y, x = (0, 0, 0) if box is None else box.start_zyx
        return Grid(self.grid.voxel_size_nm_zyx, self.grid.to_nm((-z, -y, -x)))

    def _checked(self, levels: tuple[Volume, ...], role: str) -> tuple[Volume, ...]:
        if levels[0].shape_zyx != self.shape_zyx:
            raise ProjectError(
                f"the {role} {levels[0].source} has {dimensions(levels[0].shape_zyx)} voxels, the project "
                f"{dimensions(self.shape_zyx)}; restore the array that belongs to it"
            )
        return levels


def located(journal: str, project_id: str) -> str:
    """Return the address of a project's schema in a database."""
    return f"{journal}{'&' if '?' in journal else '?'}schema=segmend_{project_id}"


def open_project(path: str | Path) -> Project:
    """Open a project folder; its volumes are opened when they are asked for.

    Raises
    ------
    ProjectError
        If it is not a project, damaged, or of a newer format.
    """
    folder = Path(path).expanduser().resolve()
    return Project(folder, load_config(folder))
