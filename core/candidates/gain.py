"""What a right edit would change in the variation of information, from sizes alone.

With N voxels in all, joining two pure parts of one object, of a and b voxels, lowers the split error H(S|T) by
``[(a + b) log2(a + b) - a log2 a - b log2 b] / N`` bits; cutting two pure objects apart lowers the merge error
H(T|S) by the same amount.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def change_if_right(size_a: ArrayLike, size_b: ArrayLike, total: float) -> NDArray[np.float64]:
    """Return the loss of variation of information if an edit is right, in bits.

    Parameters
    ----------
    size_a, size_b : array_like
        Voxels on the two sides.
    total : float
        Voxels of all segments together, positive.
    """
    a = np.asarray(size_a, np.float64)
    b = np.asarray(size_b, np.float64)
    return (_xlogx(a + b) - _xlogx(a) - _xlogx(b)) / max(total, 1.0)


def _xlogx(values: NDArray[Any]) -> NDArray[np.float64]:
    return values * np.log2(np.maximum(values, 1.0))
