"""An array that a project refers to and that cannot be opened now: work that does not need it goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.errors import EditRefused, SegmendError
from segmend.core.geometry import Box, Grid, Zyx
from segmend.core.volumes.base import Volume


class AbsentVolume:
    """Stands where an array should be; whoever reads it is told why it cannot be read.

    Parameters
    ----------
    why : SegmendError
        What opening it said.
    shape_zyx : tuple of 3 int
    grid : Grid
    """

    channels = None
    dtype = np.dtype(np.uint8)

    def __init__(self, why: SegmendError, shape_zyx: Zyx, grid: Grid) -> None:
        self._why = why
        self.shape_zyx = shape_zyx
        self.grid = grid
        self.source = "an array that is not there"

    def read(self, box: Box) -> NDArray[Any]:
        """Refuse.

        Raises
        ------
        EditRefused
            Always.
        """
        raise EditRefused(
            f"this edit needs an array that cannot be read: {self._why}", details=self._why.details
        )


def opened_or_absent(
    open_it: Callable[[], Volume | None], shape_zyx: Zyx, grid: Grid
) -> Volume | None:
    """Open an array; one that is there no more is replaced by its absence."""
    try:
        return open_it()
    except SegmendError as error:
        return AbsentVolume(error, shape_zyx, grid)
