"""What every array of a project looks like to the rest of Segmend: lazy, z, y, x, with a place in space."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from segmend.core.errors import VolumeError
from segmend.core.geometry import Box, Grid, Zyx


@runtime_checkable
class Volume(Protocol):
    """An array that is read by boxes; opening one reads no voxels.

    ``channels`` is None for images and labels and the length of the leading axis otherwise. ``source`` is the
    ``FILE`` or ``FILE:/dataset`` it was opened from, for messages and provenance.
    """

    @property
    def shape_zyx(self) -> Zyx: ...  # noqa: D102

    @property
    def channels(self) -> int | None: ...  # noqa: D102

    @property
    def dtype(self) -> np.dtype[Any]: ...  # noqa: D102

    @property
    def grid(self) -> Grid: ...  # noqa: D102

    @property
    def source(self) -> str: ...  # noqa: D102

    def read(self, box: Box) -> NDArray[Any]:
        """Return the voxels of a box: (z, y, x), or (c, z, y, x) where ``channels`` is not None."""


def check_inside(box: Box, shape_zyx: Zyx, source: str) -> None:
    """Refuse a box that leaves the volume; no reader clips silently.

    Raises
    ------
    VolumeError
        If a part of the box lies outside.
    """
    inside = all(
        0 <= a <= b <= n for a, b, n in zip(box.start_zyx, box.stop_zyx, shape_zyx, strict=True)
    )
    if not inside:
        raise VolumeError(
            f"the box {describe(box)} leaves {source}, which has {dimensions(shape_zyx)} voxels (z y x); "
            "choose a box inside it"
        )


def describe(box: Box) -> str:
    """Return ``Z0:Z1,Y0:Y1,X0:X1``, the form that `parse_box` reads."""
    return ",".join(f"{a}:{b}" for a, b in zip(box.start_zyx, box.stop_zyx, strict=True))


def dimensions(shape: tuple[int, ...]) -> str:
    """Return a shape for people, ``160 x 250 x 250``."""
    return " x ".join(map(str, shape))
