"""HDF5 datasets, read by boxes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from segmend.core.errors import VolumeError
from segmend.core.geometry import ZyxNm
from segmend.core.volumes.base import dimensions
from segmend.core.volumes.lazy import READ_ERRORS, ArraySource, Spacing, damaged

_VOXEL_SIZE = {  # attribute: nm per unit
    "resolution_nm_zyx": 1.0,
    "voxel_size_nm_zyx": 1.0,
    "resolution": 1.0,
    "voxel_size": 1.0,
    "element_size_um": 1000.0,
}
_OFFSET = {"offset_nm_zyx": 1.0, "offset": 1.0}
_LISTED = 12


def open_hdf5(path: Path, dataset: str | None) -> ArraySource:
    """Open a dataset without reading its voxels; without a name, the only one with three dimensions.

    The voxel size is looked for on the dataset, then on the groups around it, under ``resolution_nm_zyx``,
    ``voxel_size_nm_zyx``, ``resolution`` or ``voxel_size`` (nm) or ``element_size_um`` (micrometre); the offset
    under ``offset_nm_zyx`` or ``offset`` (nm).

    Raises
    ------
    VolumeError
        If the file is truncated or damaged, the dataset is missing, or the choice is not clear.
    """
    import h5py

    try:
        file = h5py.File(path, "r", locking="best-effort")
        found = _choose(path, file, dataset)
        spacing = Spacing(_nearest(found, _VOXEL_SIZE), _nearest(found, _OFFSET))
    except VolumeError:
        raise
    except READ_ERRORS as error:
        raise damaged(str(path), error) from error
    source = f"{path}:{found.name}"
    chunk = found.chunks[-3:] if found.chunks and len(found.chunks) >= 3 else None
    return ArraySource(source, tuple(found.shape), found.dtype, found.__getitem__, spacing, chunk)


def _choose(path: Path, file: Any, dataset: str | None) -> Any:
    import h5py

    if dataset is not None:
        found = file.get(dataset)
        if isinstance(found, h5py.Dataset):
            return found
        raise VolumeError(
            f"{path} has no dataset {dataset}: it has {_listed(_datasets(file))}; name one that is there"
        )
    everything = _datasets(file)
    volumes = [d for d in everything if len(d.shape) == 3]
    if len(volumes) == 1:
        return volumes[0]
    if len(everything) == 1:
        return everything[0]
    reason = "several arrays" if volumes else "no array with three dimensions"
    raise VolumeError(
        f"{path} has {reason}: {_listed(everything)}; name one, for example {path}:"
        f"{(volumes or everything)[0].name if everything else '/dataset'}"
    )


def _datasets(file: Any) -> list[Any]:
    import h5py

    found: list[Any] = []

    def visit(_name: str, node: Any) -> None:
        if isinstance(node, h5py.Dataset) and node.shape is not None:
            found.append(node)

    file.visititems(visit)
    return found


def _listed(datasets: list[Any]) -> str:
    if not datasets:
        return "no arrays at all"
    names = [f"{d.name} ({dimensions(d.shape)} {d.dtype})" for d in datasets[:_LISTED]]
    more = len(datasets) - _LISTED
    return ", ".join(names) + (f" and {more} more" if more > 0 else "")


def _nearest(dataset: Any, factors: Mapping[str, float]) -> ZyxNm | None:
    """Return the first attribute of three numbers in nm, on the dataset or the innermost group that has one."""
    node = dataset
    while True:
        for name, factor in factors.items():
            if name in node.attrs:
                values = np.asarray(node.attrs[name]).ravel()
                if values.size == 3 and values.dtype.kind in "iuf":
                    z, y, x = (factor * float(v) for v in values)
                    return z, y, x
        if node.name == "/":
            return None
        node = node.parent
