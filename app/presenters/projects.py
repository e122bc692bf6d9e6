"""Making and remembering projects: what the new-project form means, what was open last. No Qt, no napari."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from segmend.core.errors import InputError
from segmend.core.geometry import ZyxNm

_REMEMBERED = 8


@dataclass(frozen=True, slots=True)
class NewProjectForm:
    """What a person typed, as text.

    Parameters
    ----------
    folder, name : str
        The project becomes ``folder/name.segmend``.
    image, affinities, supervoxels, segmentation : str
        Paths, ``FILE`` or ``FILE:/dataset``; may be empty.
    voxel_size : str
        ``z y x`` in nm; empty where the file says it.
    """

    folder: str = ""
    name: str = ""
    image: str = ""
    affinities: str = ""
    supervoxels: str = ""
    segmentation: str = ""
    voxel_size: str = ""


@dataclass(frozen=True, slots=True)
class NewProject:
    """The form, understood."""

    path: Path
    image: str | None
    affinities: str | None
    supervoxels: str | None
    segmentation: str | None
    voxel_size_nm_zyx: ZyxNm | None


def understood(form: NewProjectForm) -> NewProject:
    """Check a form.

    Raises
    ------
    InputError
        With the one thing to correct first.
    """
    if not (form.image or form.supervoxels or form.segmentation):
        raise InputError("Choose an EM volume, supervoxels or a segmentation to start from.")
    if not form.name.strip():
        raise InputError("Give the project a name.")
    folder = Path(form.folder).expanduser()
    if not form.folder or not folder.is_dir():
        raise InputError(
            f"The folder {form.folder or '(none)'} does not exist: choose where the project goes."
        )
    path = folder / f"{form.name.strip().removesuffix('.segmend')}.segmend"
    if path.exists():
        raise InputError(
            f"{path.name} exists in this folder already: choose another name, or open it."
        )
    return NewProject(
        path,
        form.image or None,
        form.affinities or None,
        form.supervoxels or None,
        form.segmentation or None,
        _voxel_size(form.voxel_size),
    )


def _voxel_size(text: str) -> ZyxNm | None:
    words = text.replace(",", " ").replace("x", " ").split()
    if not words:
        return None
    try:
        sizes = tuple(float(word) for word in words)
    except ValueError:
        sizes = ()
    if len(sizes) != 3 or not all(0 < size < 1e6 for size in sizes):
        raise InputError(
            "The voxel size is three positive numbers in nm, z y x: for example 40 8 8."
        )
    z, y, x = sizes
    return z, y, x


class RecentProjects:
    """The projects of last time, in a small file of the user.

    Parameters
    ----------
    file : Path, optional
        Where they are kept.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file or settings_folder() / "recent.json"

    def paths(self) -> tuple[Path, ...]:
        """Return those that still exist, latest first."""
        try:
            names = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return ()
        known = (
            [Path(name) for name in names if isinstance(name, str)]
            if isinstance(names, list)
            else []
        )
        return tuple(path for path in known if path.is_dir())[:_REMEMBERED]

    def remember(self, path: Path) -> None:
        """Put a project first."""
        path = path.resolve()
        paths = [path, *(other for other in self.paths() if other != path)][:_REMEMBERED]
        self._file.parent.mkdir(parents=True, exist_ok=True)
        part = self._file.with_suffix(f".{os.getpid()}.part")
        part.write_text(json.dumps([str(p) for p in paths]), encoding="utf-8")
        part.replace(self._file)


def settings_folder() -> Path:
    """Return the folder for the user's settings: ``$SEGMEND_HOME``, else the usual place of the system."""
    if home := os.environ.get("SEGMEND_HOME"):
        return Path(home)
    base = os.environ.get("APPDATA") or os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(base).expanduser() / "segmend"
