"""Zarr arrays and OME-Zarr groups in buckets and on web servers."""

from __future__ import annotations

from typing import Any

from segmend.core.errors import VolumeError
from segmend.core.volumes import zarr_store
from segmend.core.volumes.lazy import ArraySource
from segmend.core.volumes.ome import Level, read_multiscales
from segmend.core.volumes.remote import (
    SECONDS,
    Address,
    check_chunks,
    explained,
    read_json,
    reading,
)
from segmend.core.volumes.zarr_source import array_source


def open_remote_zarr(address: Address) -> ArraySource:
    """Open an array, or the finest level of an OME-Zarr group, without reading its voxels.

    A missing chunk reads as the fill value, unless the group says that all of them were written.

    Raises
    ------
    VolumeError
        If neither is there, or it cannot be used.
    """
    node = _Node(address)
    if node.driver is not None:
        return _array(node, _level_of(address))
    levels = read_multiscales(node.attributes, address.text)
    if not levels:
        raise VolumeError(
            f"{address.text} holds neither a Zarr array nor an OME-Zarr image: look at the path, or name the array "
            "inside it"
        )
    inside = _Node(address.below(levels[0].path))
    if inside.driver is None:
        raise VolumeError(
            f"{inside.address.text} is missing, although {address.text} names it: copy the image again"
        )
    return _array(inside, levels[0], source=address.text, group=node)


class _Node:
    """What lies at an address: the metadata of an array or a group, version 2 or 3."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.driver: str | None = None
        newer = read_json(address, "zarr.json")
        if newer is not None:
            self.driver = "zarr3" if newer.get("node_type") == "array" else None
            attributes = newer.get("attributes", {})
        else:
            attributes = read_json(address, ".zattrs") or {}
            self.driver = "zarr" if read_json(address, ".zarray") is not None else None
        self.attributes: dict[str, Any] = attributes if isinstance(attributes, dict) else {}


def _level_of(address: Address) -> Level | None:
    """Return what the group around an array says about it."""
    above = address.above()
    if above is None:
        return None
    group, name = above
    for level in read_multiscales(_Node(group).attributes, group.text):
        if level.path.strip("/") == name:
            return level
    return None


def _array(
    node: _Node, level: Level | None, *, source: str | None = None, group: _Node | None = None
) -> ArraySource:
    import tensorstore as ts

    source = source or node.address.text
    complete = group is not None and bool(group.attributes.get(zarr_store.COMPLETE))
    spec = {
        "driver": node.driver,
        "kvstore": node.address.store,
        "recheck_cached_data": "open",
        "fill_missing_data_reads": not complete,
    }
    with explained(source):
        store = ts.open(spec, read=True, context=zarr_store.shared_context()).result(
            timeout=SECONDS
        )
    check_chunks(store, source)
    return array_source(store, source, level, node.attributes, lambda view: reading(view, source))
