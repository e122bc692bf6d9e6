"""The only place that talks to tensorstore: open and create single Zarr arrays, through one bounded cache."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from segmend.core.errors import VolumeError
from segmend.core.whole_files import written_whole

CACHE_BYTES = 256 * 2**20
CACHE_VARIABLE = "SEGMEND_CACHE_MB"
"""Environment variable that sets another size: workers that go from block to block come back to few chunks."""
CHUNK_ZYX = (16, 128, 128)
"""Chunks of our own arrays: a plane of 2,048^2 takes 19 ms cold and 9 ms cached (64^3: 79 and 35)."""
_GREY = {"id": "blosc", "cname": "zstd", "clevel": 1, "shuffle": 1}
_LABELS = {"id": "zstd", "level": 3}
"""Labels repeat whole ids, which shuffled bytes hide: 1.6 to 2.8 times smaller than blosc, read twice as fast."""
RETRIES = ("gcs_request_retries", "s3_request_retries", "http_request_retries")
COMPLETE = "segmend-complete"
"""Attribute of our groups whose levels have every chunk on disk; a missing chunk is then damage, not emptiness."""


@cache
def shared_context() -> Any:
    """Return the context that every array of this process shares, so that the cache is bounded once."""
    import tensorstore as ts

    told = os.environ.get(CACHE_VARIABLE, "")
    size = int(told) * 2**20 if told.isdecimal() else CACHE_BYTES
    patience = {"max_retries": 8, "initial_delay": "500ms", "max_delay": "8s"}
    return ts.Context(
        {"cache_pool": {"total_bytes_limit": size}, **dict.fromkeys(RETRIES, patience)}
    )


def is_array(folder: Path) -> bool:
    """Say whether a folder is one Zarr array, version 2 or 3."""
    return (folder / ".zarray").is_file() or _v3(folder).get("node_type") == "array"


def is_group(folder: Path) -> bool:
    """Say whether a folder is a Zarr group, version 2 or 3."""
    if (folder / ".zgroup").is_file() or (folder / ".zattrs").is_file():
        return not (folder / ".zarray").is_file()
    return _v3(folder).get("node_type") == "group"


def read_attributes(folder: Path) -> dict[str, Any]:
    """Return the attributes of an array or group; empty where there are none."""
    if (folder / "zarr.json").is_file():
        return dict(_v3(folder).get("attributes", {}))
    return _json(folder / ".zattrs")


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write a metadata file durably: temporary name, flush, rename."""
    with written_whole(path) as file:
        file.write(json.dumps(values, indent=2).encode())


def open_array(folder: Path, *, write: bool = False, every_chunk: bool = False) -> Any:
    """Open one array.

    Parameters
    ----------
    folder : Path
    write : bool
    every_chunk : bool
        Refuse to read where a chunk file is missing; otherwise it reads as the fill value, as Zarr has it.

    Raises
    ------
    VolumeError
        If the metadata is missing, damaged or names a codec that is not available.
    """
    import tensorstore as ts

    spec: dict[str, Any] = {
        "driver": "zarr3" if (folder / "zarr.json").is_file() else "zarr",
        "kvstore": {"driver": "file", "path": str(folder)},
        "recheck_cached_data": True if write else "open",
        "store_data_equal_to_fill_value": True,
        "fill_missing_data_reads": not every_chunk,
    }
    try:
        return ts.open(spec, read=True, write=write, context=shared_context()).result()
    except (ValueError, OSError) as error:
        raise VolumeError(
            f"{folder} cannot be opened as a Zarr array: its metadata is missing, damaged or of an unknown kind; "
            "copy it again from its source",
            details=str(error),
        ) from error


def create_array(folder: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    """Create one version 2 array with ``/`` between chunk indices and zstd, inside blosc for grey values."""
    try:
        return create_in({"driver": "file", "path": str(folder)}, shape, dtype)
    except (ValueError, OSError) as error:
        raise VolumeError(
            f"{folder} cannot be created as a Zarr array; look whether the disk is full or may be written",
            details=str(error),
        ) from error


def create_in(store: dict[str, Any], shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    """Create such an array in any key-value store; raises what tensorstore raises.

    Outside of files, metadata that an interrupted attempt left is written over.
    """
    import tensorstore as ts

    chunks = [min(c, n) for c, n in zip(CHUNK_ZYX, shape[-3:], strict=True)]
    metadata = {
        "zarr_format": 2,
        "shape": list(shape),
        "chunks": [1] * (len(shape) - 3) + chunks,
        "dtype": np.dtype(dtype).newbyteorder("<").str,
        "compressor": _LABELS if np.dtype(dtype).itemsize >= 4 else _GREY,
        "dimension_separator": "/",
        "fill_value": 0,
        "filters": None,
        "order": "C",
    }
    spec = {"driver": "zarr", "kvstore": store, "store_data_equal_to_fill_value": True}
    context = shared_context()
    if store["driver"] == "file":
        spec |= {"metadata": metadata, "create": True}
    else:
        folder = ts.KvStore.open(store, context=context).result()
        folder.write(".zarray", json.dumps(metadata).encode()).result()
    return ts.open(spec, read=True, write=True, context=context).result()


def _v3(folder: Path) -> dict[str, Any]:
    return _json(folder / "zarr.json")


def _json(path: Path) -> dict[str, Any]:
    """Read a JSON object; missing counts as empty, damaged does not."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise VolumeError(
            f"{path} is damaged ({error}): expected JSON metadata; copy the array again from its source"
        ) from error
    if not isinstance(values, dict):
        raise VolumeError(
            f"{path} is damaged: expected a JSON object; copy the array again from its source"
        )
    return values
