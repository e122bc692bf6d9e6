"""OME-Zarr arrays of our own: create, write, build the pyramid, open. The door of the Zarr files beside this one."""

from segmend.core.volumes.pyramid import downsample_labels, write_pyramid
from segmend.core.volumes.zarr_store import CHUNK_ZYX
from segmend.core.volumes.zarr_volume import ZarrVolume, create_zarr, open_pyramid, open_zarr

__all__ = [
    "CHUNK_ZYX",
    "ZarrVolume",
    "create_zarr",
    "downsample_labels",
    "open_pyramid",
    "open_zarr",
    "write_pyramid",
]
