from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmend.core.candidates.edge_model import (
    FEATURES,
    AffinityModel,
    EdgeModel,
    feature_matrix,
    load_edge_model,
    save_edge_model,
    shipped_model,
)
from segmend.core.candidates.evidence import Evidence
from segmend.core.errors import InputError

WIDTHS = (len(FEATURES), 8, 4, 1)


def _model(seed=0, widths=WIDTHS):
    rng = np.random.default_rng(seed)
    steps = list(pairwise(widths))
    return EdgeModel(
        rng.normal(size=widths[0]).astype(np.float32),
        rng.uniform(0.5, 2, widths[0]).astype(np.float32),
        tuple(rng.normal(size=step).astype(np.float32) for step in steps),
        tuple(rng.normal(size=out).astype(np.float32) for _, out in steps),
    )


def _evidence(**values):
    evidence = Evidence.zeros(1)
    for name, value in values.items():
        getattr(evidence, name)[:] = value
    return evidence


def test_the_network_is_what_torch_computes():
    import torch

    model = _model()
    x = np.random.default_rng(1).normal(size=(50, len(FEATURES)))
    y = torch.from_numpy((x - model.mean) / model.scale).float()
    for i, (weight, bias) in enumerate(zip(model.weights, model.biases, strict=True)):
        y = torch.relu(y) if i else y
        y = y @ torch.from_numpy(weight) + torch.from_numpy(bias)
    assert np.allclose(model.logits(x), y[:, 0].numpy(), atol=1e-4)


def test_weights_survive_the_file(tmp_path):
    path = tmp_path / "m.safetensors"
    save_edge_model(path, _model())
    evidence = _evidence(mean_affinity=0.4, area=70, size_a=900, size_b=5000)
    again = load_edge_model(path).together(evidence, 1000.0)
    assert np.array_equal(again, _model().together(evidence, 1000.0))
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", [b"", b"\x00" * 100, b"\xff" * 8 + b"{}"])
def test_damaged_weights_are_refused(tmp_path, content):
    path = tmp_path / "m.safetensors"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"m\.safetensors"):
        load_edge_model(path)


def test_missing_and_foreign_weights_are_refused(tmp_path):
    from safetensors.numpy import save

    with pytest.raises(InputError, match="cannot be read"):
        load_edge_model(tmp_path / "none.safetensors")
    (tmp_path / "f.safetensors").write_bytes(save({"weight0": np.zeros((3, 1), np.float32)}))
    with pytest.raises(InputError, match="no tensor"):
        load_edge_model(tmp_path / "f.safetensors")


def test_weights_for_other_inputs_are_refused():
    with pytest.raises(InputError, match="train one"):
        _model(widths=(5, 8, 1))
    with pytest.raises(InputError, match="train one"):
        _model(widths=(len(FEATURES), 8, 2))


@given(st.floats(0, 1), st.floats(0, 1e6), st.floats(1, 1e9), st.floats(1, 1e9), st.floats(0, 1))
def test_the_two_sides_can_be_told_in_either_order(affinity, area, a, b, agreement):
    one = _evidence(mean_affinity=affinity, area=area, size_a=a, size_b=b, agreement=agreement)
    two = _evidence(mean_affinity=affinity, area=area, size_a=b, size_b=a, agreement=agreement)
    assert np.array_equal(feature_matrix(one, 1000.0), feature_matrix(two, 1000.0))
    probability = _model().together(one, 1000.0)
    assert 0 <= probability[0] <= 1


def test_the_same_object_looks_alike_at_twice_the_voxel_size():
    fine = feature_matrix(_evidence(area=4000, size_a=80000, size_b=160000), 1000.0)
    coarse = feature_matrix(_evidence(area=1000, size_a=10000, size_b=20000), 8000.0)
    assert np.allclose(fine, coarse)


def test_affinity_itself_is_a_model():
    rows = _evidence(mean_affinity=0.3, area=5).joined(_evidence(agreement=1.0))
    assert AffinityModel().together(rows, 1.0).tolist() == pytest.approx([0.3, 0.3])


def test_the_shipped_model_prefers_open_contacts():
    closed = _evidence(
        mean_affinity=0.05,
        max_affinity=0.1,
        strong_share=0.0,
        area=300,
        edges=2,
        size_a=5000,
        size_b=9000,
    )
    open_ = _evidence(
        mean_affinity=0.7,
        max_affinity=0.8,
        strong_share=0.8,
        area=300,
        edges=2,
        size_a=5000,
        size_b=9000,
    )
    model = shipped_model()
    assert float(model.together(open_, 1000.0)[0]) > float(model.together(closed, 1000.0)[0]) + 0.3
