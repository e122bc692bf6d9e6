"""Sample data for napari's File > Open Sample menu."""

from __future__ import annotations

from typing import Any

from segmend.core.synthesis import DEMO_SPEC, SERIAL_SECTION_SPEC, SampleSpec, synthesize

LayerData = tuple[Any, dict[str, Any], str]


def synthetic_sample() -> list[LayerData]:
    """Return the isotropic sample of the demo: image and true labels."""
    return _layers(DEMO_SPEC)


def serial_section_sample() -> list[LayerData]:
    """Return serial sections of 30 nm: image and true labels."""
    return _layers(SERIAL_SECTION_SPEC)


def _layers(spec: SampleSpec) -> list[LayerData]:
    sample = synthesize(spec)
    place = {
        "scale": sample.grid.voxel_size_nm_zyx,
        "translate": sample.grid.offset_nm_zyx,
        "axis_labels": ("z", "y", "x"),
        "units": ("nm", "nm", "nm"),
    }
    return [
        (sample.image, {"name": "Synthetic EM", "contrast_limits": (0, 255), **place}, "image"),
        (sample.labels, {"name": "True neurites", "opacity": 0.3, **place}, "labels"),
    ]
