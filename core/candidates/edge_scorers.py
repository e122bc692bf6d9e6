"""Edge scorers by name, for learned agglomeration: the edge model that ranks candidates, and third parties'.

A third party declares, in the entry point group ``segmend.edge_scorers``, ``name = "package.module:make"``, where
``make(voxel_size_nm_zyx)`` returns a `segmend.core.algorithms.scored_agglomeration.EdgeScorer`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.algorithms.scored_agglomeration import EdgeScorer
from segmend.core.candidates.edge_model import (
    FEATURES,
    EdgeModel,
    shipped_identity,
    shipped_model,
)
from segmend.core.errors import InputError

Array = NDArray[Any]
Nm = tuple[float, float, float]

_INPUTS = (
    "mean_affinity", "max_affinity", "strong_share", "log_area", "log_edges", "log_small", "log_large",
)  # fmt: skip
ENTRY_POINT_GROUP = "segmend.edge_scorers"


@dataclass(frozen=True)
class EdgeModelScorer:
    """A model of candidates as a scorer: the probability that two touching regions belong together.

    Such a call is made after every merge, for a dozen contacts, so what is the same for all calls is worked out once:
    standardised inputs, inputs that never change here and inputs that are sums of others go into the first layer.

    The model was trained on pairs of segments, at many thresholds and in the middle of reviews, and says whether one
    segment of both would be nearer the truth: 1 is "merge". Regions that agglomeration compares touch, are not in one
    segment, and no skeleton has been traced in them yet.

    Parameters
    ----------
    model : EdgeModel
    voxel_nm3 : float
        Volume of a voxel.
    identity : str
        Hash of the model's weights.
    """

    model: EdgeModel
    voxel_nm3: float
    identity: str

    def score(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probability that the two sides belong together, (K,)."""
        x = self._inputs(features)
        first, *others = self._layers
        x = x @ first[0] + first[1]
        for weight, bias in others:
            x = np.maximum(x, 0) @ weight + bias
        # As a hyperbolic tangent, which does not overflow.
        return 0.5 + 0.5 * np.tanh(0.5 * x[:, 0])

    def _inputs(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the columns of `_INPUTS`, in the model's units."""
        x = features[:, [0, 7, 1, 2, 8, 3, 4]]
        voxels = self.voxel_nm3 / 1000.0
        if voxels != 1.0:
            x[:, 3] = np.log1p(np.expm1(x[:, 3]) * voxels ** (2 / 3))
            x[:, 5:] = np.log1p(np.expm1(x[:, 5:]) * voxels)
        return x

    @cached_property
    def _layers(self) -> list[tuple[Array, Array]]:
        """Return weights and biases; the first layer takes what `_inputs` gives, in float32."""
        mean, scale = (np.asarray(a, np.float64) for a in (self.model.mean, self.model.scale))
        fixed, used = np.zeros(len(FEATURES)), np.zeros((len(_INPUTS), len(FEATURES)))
        fixed[FEATURES.index("touching")] = 1.0
        for row, name in enumerate(_INPUTS):
            used[row, FEATURES.index(name)] = 1.0
        used[[3, 5], FEATURES.index("log_compactness")] = 1.0, -2 / 3
        weight, bias = self.model.weights[0] / scale[:, None], self.model.biases[0]
        first = used @ weight, (fixed - mean) @ weight + bias
        layers = [first, *zip(self.model.weights[1:], self.model.biases[1:], strict=True)]
        return [(np.asarray(w, np.float32), np.asarray(b, np.float32)) for w, b in layers]


@dataclass(frozen=True)
class MeanAffinityScorer:
    """The mean affinity itself: what there is where no model was installed."""

    identity: str = "mean affinity"

    def score(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the mean affinity, (K,)."""
        return features[:, 0]


def edge_scorer(name: str, voxel_size_nm_zyx: Nm) -> EdgeScorer:
    """Return a scorer for volumes of a voxel size.

    Parameters
    ----------
    name : str
        One of `known_scorers`.
    voxel_size_nm_zyx : tuple of float

    Raises
    ------
    InputError
        If no scorer has this name, or a third party's cannot be used.
    """
    known = known_scorers()
    if name not in known:
        raise InputError(f"there is no edge scorer {name!r}: expected one of {', '.join(known)}")
    maker = known[name]
    make = _foreign(maker) if isinstance(maker, EntryPoint) else maker
    return make(voxel_size_nm_zyx)


def known_scorers() -> Mapping[str, Callable[[Nm], EdgeScorer] | EntryPoint]:
    """Return what makes each scorer, by name; third parties' are not imported yet."""
    foreign = {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}
    return {**foreign, "edge_model": _edge_model}


def _edge_model(voxel_size_nm_zyx: Nm) -> EdgeScorer:
    model = shipped_model()
    if not isinstance(model, EdgeModel):
        return MeanAffinityScorer()
    volume = float(np.prod(voxel_size_nm_zyx))
    return EdgeModelScorer(model, volume, f"edge_model {shipped_identity()}")


def _foreign(point: EntryPoint) -> Callable[[Nm], EdgeScorer]:
    where = f"edge scorer {point.name!r} of {point.dist.name if point.dist else point.value}"

    def make(voxel_size_nm_zyx: Nm) -> EdgeScorer:
        try:
            scorer: Any = point.load()(voxel_size_nm_zyx)
        except Exception as error:
            raise InputError(
                f"{where} cannot be made ({type(error).__name__}: {error}); update or remove that package"
            ) from error
        identity = getattr(scorer, "identity", None)
        if not (identity and isinstance(identity, str) and callable(getattr(scorer, "score", 0))):
            raise InputError(
                f"{where} is not usable: it has no identity or no score; update or remove that package"
            )
        made: EdgeScorer = scorer
        return made

    return make
