"""Figures of a trained model on a volume that training never saw."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from segmend.core.networks.inference import AffinityModel
from segmend.core.training.targets import affinity_targets

SMALLEST_PROBABILITY = 1e-3


def affinity_figures(
    model: AffinityModel, image: NDArray, labels: NDArray, *, erode_axes: tuple[int, ...]
) -> dict[str, float]:
    """Compare predicted affinities with those of labels.

    Parameters
    ----------
    model : AffinityModel
    image, labels : (z, y, x) arrays
    erode_axes : tuple of int
        As in training.

    Returns
    -------
    dict
        ``boundary_f`` is the F-score of pairs predicted below 0.5 as pairs across a boundary; ``cross_entropy`` is in
        nats per pair. Each for the nearest three channels and for the long-range rest.
    """
    predicted = model.predict(image)
    target, valid = affinity_targets(labels, model.offsets, erode_axes=erode_axes)
    figures: dict[str, float] = {}
    for name, channels in (("nearest", slice(0, 3)), ("long_range", slice(3, None))):
        counted = valid[channels] > 0
        if counted.any():
            truth, guess = target[channels][counted] > 0.5, predicted[channels][counted]
            figures[f"boundary_f_{name}"] = boundary_f(guess, truth)
            figures[f"cross_entropy_{name}"] = cross_entropy(guess, truth)
    return figures


def boundary_f(affinity: NDArray, joined: NDArray[np.bool_]) -> float:
    """Return the F-score of affinities below 0.5 as boundaries; 1 where there is none and none is seen."""
    cut, split = affinity < 0.5, ~joined
    total = int(np.count_nonzero(cut)) + int(np.count_nonzero(split))
    return 2.0 * int(np.count_nonzero(cut & split)) / total if total else 1.0


def cross_entropy(affinity: NDArray, joined: NDArray[np.bool_]) -> float:
    """Return the mean binary cross-entropy in nats, probabilities kept away from 0 and 1."""
    right = np.where(joined, affinity, 1.0 - affinity)
    return float(-np.log(np.maximum(right, SMALLEST_PROBABILITY)).mean())
