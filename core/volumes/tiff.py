"""TIFF stacks: pages read one by one when they are asked for, or memory-mapped where they are stored plainly."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.errors import VolumeError
from segmend.core.geometry import ZyxNm
from segmend.core.volumes.base import dimensions
from segmend.core.volumes.lazy import READ_ERRORS, ArraySource, Spacing, damaged
from segmend.core.volumes.ome import nm_per

_SECTION_AXES = frozenset("ZTIQ")
"""Axes that stand for sections in a file that says nothing better; Q and I are pages of a plain stack."""


def open_tiff(path: Path) -> ArraySource:
    """Open a stack without reading its voxels.

    The voxel size comes from Segmend's own, OME or ImageJ metadata; resolution tags alone are not trusted, because
    most programs write 72 dpi into them.

    Raises
    ------
    VolumeError
        If the file is truncated or damaged, in colour, or not one stack.
    """
    import tifffile

    try:
        with _complaints() as complaints:
            file = tifffile.TiffFile(path)
            file.filehandle.set_lock(True)  # viewers read from several threads
            series = file.series[0]
        if complaints:
            raise damaged(str(path), ValueError(complaints[0]))
        shape = _stack(path, series)
        _check_complete(path, series)
        spacing = _spacing(file)
    except VolumeError:
        raise
    except READ_ERRORS as error:
        raise damaged(str(path), error) from error
    read = _reader(file, series, shape)
    chunk = None if isinstance(read, _Plain) else (1, shape[-2], shape[-1])
    return ArraySource(str(path), shape, np.dtype(series.dtype), read, spacing, chunk)


def _stack(path: Path, series: Any) -> tuple[int, ...]:
    """Return the shape without axes of length 1: sections, or channels of sections."""
    if "S" in series.axes and series.shape[series.axes.index("S")] > 1:
        raise VolumeError(
            f"{path} is a colour image ({dimensions(series.shape)}): expected grey values or labels; convert it to one "
            "channel"
        )
    kept = [(a, n) for a, n in zip(series.axes, series.shape, strict=True) if n != 1 or a in "YX"]
    axes = "".join(a for a, _ in kept)
    shape = tuple(n for _, n in kept)
    if axes == "YX" and any(a in _SECTION_AXES for a in series.axes):
        axes, shape = "ZYX", (1, *shape)
    if axes[-2:] != "YX" or len(axes) not in (3, 4) or (len(axes) == 4 and axes[-3] not in "Z"):
        raise VolumeError(
            f"{path} has the axes {series.axes} ({dimensions(series.shape)}): expected one stack of sections (z y x); "
            "export one"
        )
    return shape


def _check_complete(path: Path, series: Any) -> None:
    """Refuse a file that ends before its last page; others are found damaged when they are read."""
    size = path.stat().st_size
    if series.dataoffset is not None:
        needed = series.dataoffset + series.nbytes
    else:
        last = series.pages[len(series.pages) - 1]
        if last is None:
            raise damaged(str(path), ValueError("a page is missing"))
        needed = max(
            (a + b for a, b in zip(last.dataoffsets, last.databytecounts, strict=True)), default=0
        )
    if needed > size:
        raise damaged(str(path), ValueError(f"{size} bytes of at least {needed}"))


class _Plain:
    """Pages stored one after the other without compression, memory-mapped."""

    def __init__(self, file: Any, series: Any, shape: tuple[int, ...]) -> None:
        dtype = series.dtype.newbyteorder(file.byteorder)
        self._voxels = np.memmap(file.filehandle.path, dtype, "r", series.dataoffset, shape)

    def __call__(self, index: tuple[slice, ...]) -> NDArray[Any]:
        return np.array(self._voxels[index])


def _reader(
    file: Any, series: Any, shape: tuple[int, ...]
) -> Callable[[tuple[slice, ...]], NDArray[Any]]:
    if series.dataoffset is not None and series.keyframe.is_memmappable:
        return _Plain(file, series, shape)
    return lambda index: _read_pages(series, shape, index)


def _read_pages(series: Any, shape: tuple[int, ...], index: tuple[slice, ...]) -> NDArray[Any]:
    """Read the pages of a box, each decoded whole."""
    leading = np.arange(int(np.prod(shape[:-2]))).reshape(shape[:-2])[index[:-2]]
    planes = []
    for number in leading.ravel():
        page = series.pages[int(number)]
        if page is None:
            raise ValueError(f"page {int(number)} is missing")
        planes.append(page.asarray().reshape(shape[-2:])[index[-2:]])
    if not planes:
        return np.zeros(
            [len(range(*s.indices(n))) for s, n in zip(index, shape, strict=True)], series.dtype
        )
    return np.stack(planes).reshape(*leading.shape, *planes[0].shape)


@contextmanager
def _complaints() -> Iterator[list[str]]:
    """Collect what tifffile only logs: it drops pages that it cannot find and goes on."""
    found: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record.getMessage())

    logger = logging.getLogger("tifffile")
    collector = Collector(logging.ERROR)
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(collector)
    try:
        yield found
    finally:
        logger.removeHandler(collector)
        logger.propagate = propagate


def _spacing(file: Any) -> Spacing:
    if file.shaped_metadata:
        own = file.shaped_metadata[0]
        size = _triple(own.get("voxel_size_nm_zyx"))
        if size is not None:
            return Spacing(size, _triple(own.get("offset_nm_zyx")))
    if file.is_ome:
        return _ome_spacing(file.ome_metadata)
    if file.is_imagej:
        return Spacing(_imagej_size(file))
    return Spacing()


def _ome_spacing(xml: str) -> Spacing:
    import tifffile

    image = tifffile.xml2dict(xml)["OME"]["Image"]
    pixels = (image[0] if isinstance(image, list) else image)["Pixels"]
    size = _lengths(pixels, "PhysicalSize")
    plane = pixels.get("Plane") or {}
    offset = _lengths(plane[0] if isinstance(plane, list) else plane, "Position")
    return Spacing(size, offset if size is not None else None)


def _lengths(element: Mapping[str, Any], prefix: str) -> ZyxNm | None:
    """Return three lengths of an OME element in nm; without a unit they are micrometres, as OME has it."""
    values = []
    for axis in "ZYX":
        unit = nm_per(element.get(f"{prefix}{axis}Unit", "µm"))
        if f"{prefix}{axis}" not in element or unit is None:
            return None
        values.append(float(element[f"{prefix}{axis}"]) * unit)
    return values[0], values[1], values[2]


def _imagej_size(file: Any) -> ZyxNm | None:
    """Return spacing and resolution of an ImageJ stack, pixels per unit in the tags."""
    metadata = file.imagej_metadata or {}
    unit = nm_per(str(metadata.get("unit", "")).replace("\\u00B5", "µ"))
    tags = file.pages[0].tags
    if unit is None or "spacing" not in metadata or "XResolution" not in tags:
        return None
    per_unit = [tags[name].value for name in ("YResolution", "XResolution")]
    if any(not numerator for numerator, _ in per_unit):
        return None
    y, x = (unit * denominator / numerator for numerator, denominator in per_unit)
    return float(metadata["spacing"]) * unit, y, x


def _triple(values: Any) -> ZyxNm | None:
    if not isinstance(values, list | tuple) or len(values) != 3:
        return None
    z, y, x = (float(v) for v in values)
    return z, y, x
