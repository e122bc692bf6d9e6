"""``project.toml``: what a project is and where its arrays are."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from segmend.core.errors import ProjectError
from segmend.core.geometry import Box, Grid

FORMAT = 1
FILE_NAME = "project.toml"

Extent = Annotated[int, Field(gt=0)]
Index = Annotated[int, Field(ge=0)]
Nm = Annotated[float, Field(gt=0)]
Offset = tuple[int, int, int]


class ProjectConfig(BaseModel):
    """The values of ``project.toml``, format 1; frozen, nothing unknown allowed.

    ``journal`` is the database of a project for several people, without the password; ``id``, which copies of a
    project share, names its schema there. Without it the journal is a file in the folder.

    ``image``, ``affinities`` and ``mask`` say where the array is: a name inside the project folder, or the absolute
    ``FILE`` or ``FILE:/dataset`` of an array that stays outside; ``outside_box_zyx`` is then the part of it (start
    and stop, voxels) that the project covers. A mask may have another voxel size; non-zero is tissue.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)

    format: int = FORMAT
    name: str
    segmend: str = Field(description="version of the program that made the project")
    created: str = Field(description="ISO 8601, UTC")
    generation: Annotated[int, Field(ge=0, le=10**6)] = Field(
        0, description="0: no supervoxels yet"
    )
    shape_zyx: tuple[Extent, Extent, Extent]
    voxel_size_nm_zyx: tuple[Nm, Nm, Nm]
    offset_nm_zyx: tuple[float, float, float]
    journal_begun: bool = Field(False, description="a journal was made: one that is gone was lost")
    id: Annotated[str, Field(pattern=r"^([0-9a-f]{32})?$")] = Field(
        "", description="which project this is a copy of; empty in projects of 0.1"
    )
    journal: Annotated[str, Field(pattern=r"^postgresql://[^\s]+$", max_length=2000)] | None = None
    image: str | None = None
    affinities: str | None = None
    mask: str | None = None
    outside_box_zyx: tuple[Index, Index, Index, Index, Index, Index] | None = None
    model: str | None = Field(None, description="network that made the affinities")
    affinity_offsets_zyx: tuple[Offset, ...] | None = Field(
        None, description="where each of its channels leads, voxels"
    )
    sources: dict[str, str] = Field(default_factory=dict, description="what was imported")
    stages: dict[str, Any] = Field(default_factory=dict, description="settings each stage ran with")

    @property
    def grid(self) -> Grid:
        """Where the voxels lie."""
        return Grid(self.voxel_size_nm_zyx, self.offset_nm_zyx)

    @property
    def outside_box(self) -> Box | None:
        """The part of outside arrays that the project covers."""
        if self.outside_box_zyx is None:
            return None
        return Box(self.outside_box_zyx[:3], self.outside_box_zyx[3:])

    def changed(self, **values: Any) -> ProjectConfig:
        """Return a checked copy with other values.

        Raises
        ------
        ProjectError
            If a name is unknown or a value not allowed.
        """
        return _validated({**self.model_dump(), **values}, FILE_NAME)


def load_config(path: Path) -> ProjectConfig:
    """Read a project's configuration.

    Raises
    ------
    ProjectError
        If the folder is missing or not a project, the file damaged, or the format newer than this program.
    """
    file = path / FILE_NAME
    try:
        text = file.read_text(encoding="utf-8")
        values = tomllib.loads(text)
    except (FileNotFoundError, NotADirectoryError):
        raise ProjectError(_not_a_project(path)) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ProjectError(
            f"{file} is damaged ({error}); restore it from a copy of the project",
            details=str(error),
        ) from error
    written = values.get("format")
    if isinstance(written, int) and written > FORMAT:
        raise ProjectError(
            f"{path} is a project of format {written}, this program reads up to {FORMAT}: install a newer Segmend"
        )
    if written != FORMAT:
        raise ProjectError(
            f"{file} is damaged (format = {written!r}, expected {FORMAT}); restore it from a copy"
        )
    return _validated(values, str(file))


def save_config(path: Path, config: ProjectConfig) -> None:
    """Replace a project's configuration durably: temporary name, flush, rename."""
    import tomli_w

    temporary = path / f"{FILE_NAME}.partial"
    with temporary.open("wb") as file:
        tomli_w.dump(config.model_dump(mode="json", exclude_none=True), file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path / FILE_NAME)
    flush_folder(path)


def flush_folder(path: Path) -> None:
    """Make renames inside a folder durable, where the system has a way to."""
    if os.name != "posix":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _validated(values: dict[str, Any], source: str) -> ProjectConfig:
    """Check plain values; through JSON, because a list is what TOML has for a triple."""
    try:
        return ProjectConfig.model_validate_json(json.dumps(values))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ProjectError(
            f"{source} is damaged ({place}: {first['msg']}); restore it from a copy of the project",
            details=str(error),
        ) from None
    except (TypeError, ValueError, RecursionError) as error:
        raise ProjectError(
            f"{source} cannot hold these values ({error}); give plain numbers and text"
        ) from None


def _not_a_project(path: Path) -> str:
    if not path.exists():
        return (
            f"{path} does not exist: expected a project folder; make one with `segmend new {path}`"
        )
    what = "a folder without project.toml" if path.is_dir() else "a file"
    return f"{path} is not a project but {what}: expected a NAME.segmend folder; make one with `segmend new`"
