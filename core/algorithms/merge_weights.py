"""Weights of edges from the probability that two nodes are one object: what a multicut adds up."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.errors import InputError

Array = NDArray[Any]


def log_odds(probability: Array, *, bias: float = 0.5) -> NDArray[np.float64]:
    """Return edge weights from the probability that two nodes are one object.

    log(p / (1 - p)) + log((1 - bias) / bias), the cost of Keuper et al. 2015 with the prior of Andres et al. 2011;
    positive where p is above `bias`. A larger bias cuts more.

    Parameters
    ----------
    probability : array of float
        0..1; taken as within 1e-6 of neither end, so that no weight is infinite.
    bias : float
        Above 0 and below 1.

    Raises
    ------
    InputError
        If a probability or the bias is out of range.
    """
    p = np.asarray(probability, np.float64)
    if p.size and not (p.min() >= 0 and p.max() <= 1):
        raise InputError(
            "probabilities of merging must lie in 0..1 and be numbers; look at the scorer"
        )
    if not 0 < bias < 1:
        raise InputError(f"bias {bias} is not usable: expected more than 0 and less than 1")
    p = np.clip(p, 1e-6, 1 - 1e-6)
    weights: NDArray[np.float64] = np.log(p / (1 - p)) + np.log((1 - bias) / bias)
    return weights


def contact_weights(probability: Array, area: Array, *, bias: float = 0.5) -> NDArray[np.float64]:
    """Return log-odds that count by the size of the contact, 1 on average.

    With the square root of the area: the mean affinity over many faces is surer than over few, but neighbouring
    faces say much the same.

    Parameters
    ----------
    probability, bias
        As in `log_odds`.
    area : array of float
        Contact faces, positive.

    Raises
    ------
    InputError
        As `log_odds`, or if an area is not positive or missing.
    """
    faces = np.asarray(area, np.float64)
    if faces.shape != np.shape(probability) or not (np.isfinite(faces) & (faces > 0)).all():
        raise InputError(
            f"contacts have areas of shape {faces.shape}: expected one positive number per probability"
        )
    roots = np.sqrt(faces)
    return log_odds(probability, bias=bias) * (
        roots / max(roots.mean(), 1e-12) if roots.size else roots
    )
