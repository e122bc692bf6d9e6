"""Folders of sections: one PNG or TIFF file per section, in natural order, read when they are asked for."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.errors import VolumeError
from segmend.core.volumes.base import dimensions
from segmend.core.volumes.lazy import READ_ERRORS, ArraySource, damaged

_PNG, _TIFF = (".png",), (".tif", ".tiff")
_MODES = {
    "L": "uint8",
    "I;16": "uint16",
    "I;16B": "uint16",
    "I;16L": "uint16",
    "I": "int32",
    "F": "float32",
}


def open_sections(folder: Path) -> ArraySource:
    """Open a folder of sections; of each file only the header is read.

    Raises
    ------
    VolumeError
        If there are no sections, both kinds, a colour image, or sections of different shape or type.
    """
    files = _sections(folder)
    shape, dtype = _header(files[0])
    for file in files[1:]:
        other = _header(file)
        if other != (shape, dtype):
            raise VolumeError(
                f"{file} has {dimensions(other[0])} {other[1]}, {files[0].name} {dimensions(shape)} {dtype}: expected "
                "sections of one shape and type; correct or remove it"
            )

    @lru_cache(maxsize=8)
    def section(number: int) -> NDArray[Any]:
        return _read(files[number])

    def read(index: tuple[slice, ...]) -> NDArray[Any]:
        numbers = range(len(files))[index[0]]
        out = np.zeros((len(numbers), *np.empty(shape, bool)[index[1:]].shape), dtype)
        for place, number in enumerate(numbers):
            out[place] = section(number)[index[1:]]
        return out

    return ArraySource(
        str(folder), (len(files), *shape), np.dtype(dtype), read, chunk_zyx=(1, *shape)
    )


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Return a sort key under which section_2 comes before section_10."""
    parts = re.split(r"(\d+)", name.casefold())
    return [(0, int(p), "") if p.isdigit() else (1, 0, p) for p in parts if p]


def _sections(folder: Path) -> list[Path]:
    files = [f for f in folder.iterdir() if f.is_file() and not f.name.startswith(".")]
    pngs = [f for f in files if f.suffix.lower() in _PNG]
    tiffs = [f for f in files if f.suffix.lower() in _TIFF]
    if pngs and tiffs:
        raise VolumeError(
            f"{folder} holds PNG and TIFF files: expected sections of one kind; move the others away"
        )
    if not pngs and not tiffs:
        raise VolumeError(
            f"{folder} holds no sections: expected PNG or TIFF files, one per section; look at the path"
        )
    return sorted(pngs or tiffs, key=lambda f: (natural_key(f.name), f.name))


def _header(file: Path) -> tuple[tuple[int, int], str]:
    try:
        shape, dtype = _png_header(file) if file.suffix.lower() in _PNG else _tiff_header(file)
    except VolumeError:
        raise
    except READ_ERRORS as error:
        raise damaged(str(file), error) from error
    if len(shape) != 2:
        raise VolumeError(
            f"{file} has {len(shape)} dimensions ({dimensions(shape)}): expected one section per file (y x); give the "
            "stack itself, or split it"
        )
    return (shape[0], shape[1]), dtype


def _png_header(file: Path) -> tuple[tuple[int, ...], str]:
    with _open_png(file) as image:
        if image.mode not in _MODES:
            raise VolumeError(
                f"{file} is a colour image (mode {image.mode}): expected grey values or labels; convert it"
            )
        return (image.height, image.width), _MODES[image.mode]


def _tiff_header(file: Path) -> tuple[tuple[int, ...], str]:
    import tifffile

    with tifffile.TiffFile(file, is_ome=False) as tiff:
        page, pages = tiff.pages.first, len(tiff.pages)
        if page.samplesperpixel > 1:
            raise VolumeError(
                f"{file} is a colour image: expected grey values or labels; convert it"
            )
        shape = page.shape if pages == 1 else (pages, *page.shape)
        return shape, str(page.dtype)


def _read(file: Path) -> NDArray[Any]:
    try:
        return _read_png(file) if file.suffix.lower() in _PNG else _read_tiff(file)
    except READ_ERRORS as error:
        raise damaged(str(file), error) from error


def _read_png(file: Path) -> NDArray[Any]:
    with _open_png(file) as image:
        return np.array(image)


def _open_png(file: Path) -> Any:
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = (
        2**30
    )  # sections of 32,768^2 are usual; the default takes them for an attack
    return Image.open(file)


def _read_tiff(file: Path) -> NDArray[Any]:
    import tifffile

    with tifffile.TiffFile(file, is_ome=False) as tiff:
        voxels: NDArray[Any] = tiff.pages.first.asarray()
    return voxels
