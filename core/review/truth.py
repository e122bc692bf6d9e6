"""Whether labels can be the truth of a volume: same voxels, of the same size."""

from __future__ import annotations

from pathlib import Path

from segmend.core.errors import InputError
from segmend.core.geometry import Grid, Zyx, ZyxNm
from segmend.core.volumes.labels import LabelVolume
from segmend.core.volumes.lazy import spacing_of
from segmend.core.volumes.opening import open_labels

_SAME_SIZE = 0.02  # share; files round voxel sizes


def open_truth(path: str | Path, shape_zyx: Zyx, grid: Grid) -> LabelVolume:
    """Open labels that are to be the truth of a project.

    Parameters
    ----------
    path : path-like
        ``FILE``, ``FILE:/dataset``, or an address.
    shape_zyx : tuple of 3 int
    grid : Grid
        Of the project; a file that says nothing of its voxel size is taken to have the project's.

    Raises
    ------
    InputError
        If they are not of the project's shape or voxel size, besides what `open_labels` raises.
    """
    truth = open_labels(path)
    if truth.shape_zyx != shape_zyx:
        raise InputError(
            f"{truth.source} has {_by(truth.shape_zyx)} voxels (z y x), the project {_by(shape_zyx)}: expected labels "
            "of the same volume; crop them, or choose another file"
        )
    check_voxel_size(
        truth.source, spacing_of(truth).voxel_size_nm_zyx, "the project", grid.voxel_size_nm_zyx
    )
    return truth


def check_voxel_size(source: str, theirs: ZyxNm | None, what: str, ours: ZyxNm | None) -> None:
    """Refuse a truth of another voxel size than what it is compared with.

    Parameters
    ----------
    source, what : str
        What messages call the truth and the other.
    theirs, ours : tuple of 3 float, optional
        nm; None where a file does not say, and then anything fits.

    Raises
    ------
    InputError
        If they differ by more than 2 %.
    """
    if theirs is None or ours is None:
        return
    if any(abs(a - b) > _SAME_SIZE * b for a, b in zip(theirs, ours, strict=True)):
        raise InputError(
            f"{source} has voxels of {_by(theirs)} nm (z y x), {what} of {_by(ours)} nm: expected labels of the same "
            "volume; choose another file"
        )


def _by(values: tuple[float, ...]) -> str:
    return " x ".join(f"{value:g}" for value in values)
