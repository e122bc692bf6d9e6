"""Neuroglancer precomputed volumes: read at their finest scale, written with all scales.

Source: the Neuroglancer project's description of the format, ``src/datasource/precomputed/volume.md``, section "Info
JSON file specification": sizes, resolutions (nm) and voxel offsets are in x, y, z order, voxels are stored as
x, y, z, channel.
"""

from __future__ import annotations

import uuid
from typing import Any

import numpy as np

from segmend.core.errors import VolumeError
from segmend.core.geometry import Grid, Zyx, ZyxNm
from segmend.core.volumes import zarr_store
from segmend.core.volumes.lazy import ArraySource, Spacing
from segmend.core.volumes.remote import (
    SECONDS,
    Address,
    check_chunks,
    explained,
    read_json,
    reading,
)
from segmend.core.volumes.zarr_source import chunk_of_store

INFO = "info"
DRIVER = "neuroglancer_precomputed"


def open_precomputed(address: Address) -> ArraySource:
    """Open the finest scale without reading its voxels, as z, y, x, or c, z, y, x where there are several channels.

    The format counts offsets from corner to corner. Where all voxels are of one size these are the differences of
    centres, too, so the place of the first voxel is its offset times the voxel size, as other programs have it; a
    coarser volume over finer ones is placed by `Spacing.grid_over`.

    Raises
    ------
    VolumeError
        If there is no usable ``info`` file or it names an encoding that is not known.
    """
    if address.folder is not None and not address.folder.is_dir():
        raise VolumeError(
            f"{address.folder} does not exist: expected the folder of a precomputed volume; look at the path"
        )
    index, scale = _finest(address)
    spec = {
        "driver": DRIVER,
        "kvstore": address.store,
        "scale_index": index,
        "recheck_cached_data": "open",
    }
    import tensorstore as ts

    with explained(address.text):
        opened = ts.open(spec, read=True, context=zarr_store.shared_context())
        store = opened.result(timeout=SECONDS)
    check_chunks(store, address.text)
    view = as_zyx(store)
    x, y, z = scale["resolution"]
    offset = tuple(
        float(size * voxels)
        for size, voxels in zip((z, y, x), reversed(scale["voxel_offset"]), strict=True)
    )
    return ArraySource(
        address.text,
        tuple(int(n) for n in view.shape),
        np.dtype(store.dtype.numpy_dtype),
        reading(view, address.text),
        Spacing((float(z), float(y), float(x)), offset, from_corner=True),  # type: ignore[arg-type]
        chunk_of_store(view),
    )


def as_zyx(store: Any) -> Any:
    """Turn x, y, z, channel to channel, z, y, x from index 0 on; a single channel is dropped."""
    import tensorstore as ts

    view = store[ts.d[:].translate_to[0]][ts.d[3, 2, 1, 0].transpose[:]]
    return view[0] if view.shape[0] == 1 else view


def _finest(address: Address) -> tuple[int, dict[str, Any]]:
    """Return number and description of the scale with the smallest voxels."""
    info = read_json(address, INFO)
    if info is None:
        raise VolumeError(
            f"{address.text} has no info file: expected a precomputed volume; look at the path"
        )
    try:
        scales = [_checked(scale) for scale in info["scales"]]
        return min(enumerate(scales), key=lambda pair: float(np.prod(pair[1]["resolution"])))
    except (KeyError, TypeError, ValueError) as error:
        raise VolumeError(
            f"{address.text}/{INFO} cannot be used ({error!r}): expected a volume with scales, each with key, size and "
            "resolution; give an image or a segmentation"
        ) from error


def _checked(scale: dict[str, Any]) -> dict[str, Any]:
    key, size, resolution = scale["key"], scale["size"], scale["resolution"]
    offset = scale.get("voxel_offset", [0, 0, 0])
    for values in (size, resolution, offset):
        if len(values) != 3 or not all(isinstance(v, int | float) for v in values):
            raise ValueError("three numbers are expected")
    if not all(v > 0 and np.isfinite(v) for v in (*size, *resolution)):
        raise ValueError("size and resolution must be positive")
    if not isinstance(key, str) or ".." in key.split("/") or key.startswith("/"):
        raise ValueError("a scale's key leads out of the volume")
    return {"resolution": resolution, "voxel_offset": offset}


class PrecomputedLevels:
    """Makes the scales of a new volume; its ``info`` file is kept in memory until all voxels are written.

    Parameters
    ----------
    address : Address
    dtype : dtype
    labels : bool
        Segmentation, compressed where the type allows it; else image.
    """

    chunk_zyx: Zyx = zarr_store.CHUNK_ZYX

    def __init__(self, address: Address, dtype: np.dtype[Any], labels: bool) -> None:
        name = uuid.uuid4().hex
        memory = {"driver": "memory", "path": f"{name}/{INFO}"}
        layers = [{"base": address.store}, {"base": memory, "exact": INFO}]
        self._store = {"driver": "kvstack", "layers": layers}
        self._memory = Address(name, True, {"driver": "memory", "path": f"{name}/"})
        self._address = address
        self._volume = {
            "type": "segmentation" if labels else "image",
            "data_type": dtype.name,
            "num_channels": 1,
        }
        self._compressed = labels and dtype.name in ("uint32", "uint64")

    def create(self, level: int, shape_zyx: Zyx, grid: Grid) -> Any:
        """Create one scale and return it as z, y, x."""
        import tensorstore as ts

        scale: dict[str, Any] = {
            "key": f"{level}",
            "size": shape_zyx[::-1],
            "resolution": grid.voxel_size_nm_zyx[::-1],
            "voxel_offset": _voxel_offset(grid)[::-1],
            "chunk_size": self.chunk_zyx[::-1],
            "encoding": "compressed_segmentation" if self._compressed else "raw",
        }
        if self._compressed:
            scale["compressed_segmentation_block_size"] = [8, 8, 8]
        spec = {
            "driver": DRIVER,
            "kvstore": self._store,
            "multiscale_metadata": self._volume,
            "scale_metadata": scale,
            "store_data_equal_to_fill_value": True,
        }
        opened = ts.open(
            spec, read=True, write=True, create=True, open=True, context=zarr_store.shared_context()
        )
        return as_zyx(opened.result(timeout=SECONDS))

    def finish(self) -> None:
        """Write ``info``: from now on the volume is there."""
        import tensorstore as ts

        context = zarr_store.shared_context()
        memory = ts.KvStore.open(self._memory.store, context=context).result()
        bucket = ts.KvStore.open(self._address.store, context=context).result()
        bucket.write(INFO, memory.read(INFO).result().value).result(timeout=SECONDS)


def _voxel_offset(grid: Grid) -> tuple[int, int, int]:
    """Return the whole number of voxels that lies before the first one; the format knows no fractions.

    The centre of a coarse voxel lies less than half its size behind that of the first fine voxel in it, so a grid that
    begins with a corner on a corner loses nothing.
    """
    z, y, x = (
        round(offset / size)
        for offset, size in zip(grid.offset_nm_zyx, grid.voxel_size_nm_zyx, strict=True)
    )
    return z, y, x


def coarser(grid: Grid, factor_zyx: Zyx) -> Grid:
    """Return the grid of the next scale, its corner on the corner of the finer one as far as whole voxels allow."""
    size: ZyxNm = tuple(s * f for s, f in zip(grid.voxel_size_nm_zyx, factor_zyx, strict=True))  # type: ignore[assignment]
    return Grid(size, grid.offset_nm_zyx)
