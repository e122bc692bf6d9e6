"""The edge model as a scorer gives what the model gives for the evidence of the same contacts."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from segmend.core.algorithms.edge_features import edge_features
from segmend.core.candidates import edge_scorers
from segmend.core.candidates.edge_model import AffinityModel, EdgeModel, shipped_model
from segmend.core.candidates.edge_scorers import EdgeModelScorer, edge_scorer
from segmend.core.candidates.evidence import Evidence


def contacts(rng, count):
    """Random contacts as a scorer sees them, and as evidence on touching sides of two segments."""
    found = Evidence.zeros(count)
    found.mean_affinity[:], found.max_affinity[:], found.strong_share[:] = rng.random((3, count))
    found.area[:], found.edges[:] = rng.integers(1, 5000, count), rng.integers(1, 40, count)
    found.size_a[:], found.size_b[:] = rng.integers(1, 10**7, (2, count))
    base = edge_features(
        found.mean_affinity, found.area, found.strong_share, found.size_a, found.size_b
    )
    more = np.stack([found.max_affinity, np.log1p(found.edges)], axis=1).astype(np.float32)
    return np.concatenate([base, more], axis=1), found


@pytest.mark.parametrize("voxel_nm3", [1000.0, 16 * 16 * 40.0])
def test_scores_are_those_of_the_model(voxel_nm3):
    rng = np.random.default_rng(3)
    widths = (12, 32, 32, 1)
    model = EdgeModel(
        rng.normal(0, 1, 12).astype(np.float32),
        rng.uniform(0.5, 2, 12).astype(np.float32),
        tuple(rng.normal(0, 0.4, s).astype(np.float32) for s in pairwise(widths)),
        tuple(rng.normal(0, 0.4, w).astype(np.float32) for w in widths[1:]),
    )  # fmt: skip
    for each in (model, shipped_model()):
        features, evidence = contacts(rng, 200)
        found = EdgeModelScorer(each, voxel_nm3, "x").score(features)
        assert found == pytest.approx(each.together(evidence, voxel_nm3), abs=2e-4)
        assert found.std() > 0.01


def test_extreme_contacts_have_probabilities_too():
    scorer = edge_scorer("edge_model", (10.0, 10.0, 10.0))
    features = np.zeros((2, 9), np.float32)
    features[1] = [1, 1, 30, 40, 40, 0, 1e6, 1, 20]
    found = scorer.score(features)
    assert ((found >= 0) & (found <= 1)).all()


def test_without_a_model_the_mean_affinity_is_the_score(monkeypatch):
    monkeypatch.setattr(edge_scorers, "shipped_model", AffinityModel)
    scorer = edge_scorer("edge_model", (10.0, 10.0, 10.0))
    features, evidence = contacts(np.random.default_rng(1), 9)
    assert scorer.score(features) == pytest.approx(evidence.mean_affinity)
    assert scorer.identity == "mean affinity"
