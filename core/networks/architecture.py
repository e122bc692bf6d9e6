"""Shape of an affinity network, without torch, so that model cards can be read quickly."""

from __future__ import annotations

import math

from pydantic import BaseModel, ConfigDict, Field, model_validator

from segmend.core.geometry import Zyx


class Architecture(BaseModel):
    """Shape of a `ResidualUNet`; enough to rebuild it before its weights are read.

    Parameters
    ----------
    widths : tuple of int
        Feature maps per level, finest first. Multiples of 16 are fast in bfloat16.
    factors_zyx : tuple of 3 int each
        Down-sampling from each level to the next; one fewer than `widths`.
    kernels_zyx : tuple of 3 int each
        Kernel of the residual modules per level, odd; (1, 3, 3) where sections are far apart.
    outputs : int
        Affinity channels.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    widths: tuple[int, ...] = Field(min_length=1, max_length=6)
    factors_zyx: tuple[Zyx, ...]
    kernels_zyx: tuple[Zyx, ...]
    outputs: int = Field(ge=1, le=64)

    @model_validator(mode="after")
    def _levels_agree(self) -> Architecture:
        if len(self.factors_zyx) != len(self.widths) - 1 or len(self.kernels_zyx) != len(
            self.widths
        ):
            raise ValueError("expected one kernel per width and one factor between two widths")
        if not all(1 <= width <= 512 for width in self.widths):
            raise ValueError("expected widths from 1 to 512")
        if not all(k in (1, 3, 5) for kernel in self.kernels_zyx for k in kernel):
            raise ValueError("expected kernel sizes 1, 3 or 5")
        if not all(f in (1, 2, 3, 4) for factor in self.factors_zyx for f in factor):
            raise ValueError("expected down-sampling factors from 1 to 4")
        return self

    @property
    def multiple_zyx(self) -> Zyx:
        """Tile shapes must be multiples of this."""
        z, y, x = (math.prod(f[axis] for f in self.factors_zyx) for axis in range(3))
        return z, y, x

    @property
    def reach_zyx(self) -> Zyx:
        """Largest distance in voxels at which an input voxel can change an output voxel."""
        z, y, x = (self._reach(axis) for axis in range(3))
        return z, y, x

    def _reach(self, axis: int) -> int:
        reach, scale, last = 0, 1, len(self.widths) - 1
        for level, kernel in enumerate(self.kernels_zyx):
            modules = 1 if level == last else 2
            reach += 3 * modules * (kernel[axis] // 2) * scale
            if level < last:
                scale *= self.factors_zyx[level][axis]
                reach += scale
        return reach
