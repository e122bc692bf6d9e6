"""What the sections are coloured by: the segments as they are, or a preview of others."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.segmentation.mapped_labels import Mapping


class ShownMapping:
    """A live segmentation, or a table laid over it; replaced as a whole, so a read never sees half of it.

    Parameters
    ----------
    mapping : Mapping
    """

    def __init__(self, mapping: Mapping) -> None:
        self._mapping = mapping
        self.preview: NDArray[Any] | None = None

    @property
    def segment_of(self) -> NDArray[np.uint32]:
        """(n + 1,) uint32, the colour of each supervoxel."""
        return self._mapping.segment_of if self.preview is None else self.preview
