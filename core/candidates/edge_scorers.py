"""Edge scorers by name, for learned agglomeration: the edge model that ranks candidates, and third parties'.

A third party declares, in the entry point group ``segmend.edge_scorers``, ``name = "package.module:make"``, where
``make(voxel_size_nm_zyx)`` returns a `segmend.core.algorithms.scored_agglomeration.EdgeScorer`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.algorithms.scored_agglomeration import EdgeScorer
from segmend.core.candidates.edge_model import TogetherModel, shipped_identity, shipped_model
from segmend.core.candidates.evidence import Evidence
from segmend.core.errors import InputError

Array = NDArray[Any]
Nm = tuple[float, float, float]

ENTRY_POINT_GROUP = "segmend.edge_scorers"


@dataclass(frozen=True)
class EdgeModelScorer:
    """A model of candidates as a scorer: the probability that two touching regions belong together.

    The model was trained on pairs of segments, at many thresholds and in the middle of reviews, and says whether one
    segment of both would be nearer the truth: 1 is "merge". Regions that agglomeration compares touch, are not in one
    segment, and no skeleton has been traced in them yet.

    Parameters
    ----------
    model : TogetherModel
    voxel_nm3 : float
        Volume of a voxel.
    identity : str
        Hash of the model's weights.
    """

    model: TogetherModel
    voxel_nm3: float
    identity: str

    def score(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the probability that the two sides belong together, (K,)."""
        columns = features.astype(np.float64).T
        mean, strong, log_area, log_small, log_large, _, _, highest, log_contacts = columns
        nothing = np.zeros(len(features))
        evidence = Evidence(
            mean_affinity=mean, max_affinity=highest, strong_share=strong, area=np.expm1(log_area),
            edges=np.expm1(log_contacts), size_a=np.expm1(log_small), size_b=np.expm1(log_large),
            agreement=nothing, gap_nm=nothing, split=nothing,
        )  # fmt: skip
        return np.asarray(self.model.together(evidence, self.voxel_nm3), np.float64)


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
    return EdgeModelScorer(
        shipped_model(), float(np.prod(voxel_size_nm_zyx)), f"edge_model {shipped_identity()}"
    )


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
