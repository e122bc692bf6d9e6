"""OME-Zarr multiscales metadata, as plain values: read versions 0.1 to 0.5, write 0.4.

Source: the OME-NGFF specification, versions 0.4 and 0.5, section "multiscales".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from segmend.core.errors import VolumeError
from segmend.core.geometry import Grid, ZyxNm
from segmend.core.volumes.lazy import Spacing

_NM_PER = {
    "angstrom": 0.1,
    "å": 0.1,
    "nanometer": 1.0,
    "nanometre": 1.0,
    "nm": 1.0,
    "micrometer": 1e3,
    "micrometre": 1e3,
    "micron": 1e3,
    "um": 1e3,
    "µm": 1e3,
    "μm": 1e3,
    "millimeter": 1e6,
    "millimetre": 1e6,
    "mm": 1e6,
    "centimeter": 1e7,
    "cm": 1e7,
    "meter": 1e9,
    "metre": 1e9,
    "m": 1e9,
    "picometer": 1e-3,
    "pm": 1e-3,
    "inch": 25.4e6,
}


def nm_per(unit: str | None) -> float | None:
    """Return how many nm one unit of length has, or None where the unit is missing or unknown."""
    return None if unit is None else _NM_PER.get(unit.strip().lower())


@dataclass(frozen=True, slots=True)
class Level:
    """One array of a multiscales group: its path inside the group, axis names and place."""

    path: str
    axes: tuple[str, ...]
    spacing: Spacing


def read_multiscales(attributes: Mapping[str, Any], source: str) -> tuple[Level, ...]:
    """Return the levels of the first multiscale image, finest first; empty if the group is not one.

    Raises
    ------
    VolumeError
        If the metadata is there but not usable.
    """
    images = attributes.get("ome", attributes).get("multiscales")
    if not images:
        return ()
    try:
        image = images[0]
        axes = _axes(image)
        outer = image.get("coordinateTransformations", ())
        return tuple(
            Level(str(d["path"]), tuple(n for n, _ in axes), _spacing(axes, d, outer))
            for d in image["datasets"]
        )
    except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
        raise VolumeError(
            f"{source} has OME-Zarr metadata that cannot be used ({error!r}): expected multiscales with axes and "
            f"datasets; name one array directly, for example {source}:/0"
        ) from error


def _axes(image: Mapping[str, Any]) -> list[tuple[str, str | None]]:
    """Return name and unit of each axis; versions before 0.3 have always t, c, z, y, x."""
    entries = image.get("axes") or ["t", "c", "z", "y", "x"]
    return [
        (entry, None) if isinstance(entry, str) else (str(entry["name"]), entry.get("unit"))
        for entry in entries
    ]


def _spacing(
    axes: Sequence[tuple[str, str | None]], dataset: Mapping[str, Any], outer: Sequence[Any]
) -> Spacing:
    scale = [1.0] * len(axes)
    translation = [0.0] * len(axes)
    told = False
    for transform in (*dataset.get("coordinateTransformations", ()), *outer):
        if "scale" in transform:
            scale = [a * float(b) for a, b in zip(scale, transform["scale"], strict=True)]
            translation = [
                a * float(b) for a, b in zip(translation, transform["scale"], strict=True)
            ]
            told = True
        if "translation" in transform:
            translation = [
                a + float(b) for a, b in zip(translation, transform["translation"], strict=True)
            ]
    units = {name: nm_per(unit) for name, unit in axes}
    if not told or any(units.get(name) is None for name in "zyx"):
        return Spacing()
    place = {
        name: (scale[i] * (units[name] or 1.0), translation[i] * (units[name] or 1.0))
        for i, (name, _) in enumerate(axes)
        if name in "zyx"
    }
    return Spacing(
        (place["z"][0], place["y"][0], place["x"][0]), (place["z"][1], place["y"][1], place["x"][1])
    )


def multiscales(
    name: str, grids: Sequence[Grid], *, channels: bool, labels: bool
) -> dict[str, Any]:
    """Return the attributes of a version 0.4 group with levels ``0``, ``1``, ... in nm."""
    axes: list[dict[str, str]] = [{"name": "c", "type": "channel"}] if channels else []
    axes += [{"name": a, "type": "space", "unit": "nanometer"} for a in "zyx"]
    datasets = [
        {
            "path": str(level),
            "coordinateTransformations": [
                {"type": "scale", "scale": _with_channel(grid.voxel_size_nm_zyx, 1.0, channels)},
                {
                    "type": "translation",
                    "translation": _with_channel(grid.offset_nm_zyx, 0.0, channels),
                },
            ],
        }
        for level, grid in enumerate(grids)
    ]
    attributes: dict[str, Any] = {
        "multiscales": [{"version": "0.4", "name": name, "axes": axes, "datasets": datasets}]
    }
    if labels:
        attributes["image-label"] = {"version": "0.4"}
    return attributes


def _with_channel(triple: ZyxNm, value: float, channels: bool) -> list[float]:
    return [value, *triple] if channels else list(triple)
