import numpy as np
import pytest
from edits_world import voronoi

from segmend.core.algorithms.affinities import affinities_from_labels
from segmend.core.algorithms.region_graph import supervoxel_table
from segmend.core.candidates.edge_model import FEATURES
from segmend.core.errors import InputError
from segmend.core.geometry import Grid
from segmend.core.training.config import LabelledSource
from segmend.core.training.edge_examples import Examples, LabelledGraph, gather_examples
from segmend.core.training.edge_model import EdgeModelConfig, fit, read_edge_model_config


def _config(**values):
    source = LabelledSource(file="x.h5", credit="nobody", licence="none")
    return EdgeModelConfig(
        kind="edge-model", voxel_size_nm_zyx=(10, 10, 10), sources=(source,), **values
    )


def _examples(count=400):
    rng = np.random.default_rng(0)
    features = rng.uniform(-1, 1, (count, len(FEATURES)))
    together = features[:, 0] * features[:, 3] > 0  # nothing that a linear model could tell
    return Examples(features, together, np.ones(count))


def test_the_network_learns_what_no_linear_model_can_and_does_so_again():
    examples = _examples()
    config = _config(steps=300, noise=0.0)
    model = fit(examples, config)
    right = (model.logits(examples.features) > 0) == examples.together
    assert right.mean() > 0.95
    again = fit(examples, config)
    assert all(np.array_equal(a, b) for a, b in zip(model.weights, again.weights, strict=True))


def test_examples_know_what_belongs_together():
    supervoxels = voronoi((12, 40, 44), 40).astype(np.uint32)
    points = supervoxel_table(supervoxels).point
    truth = (1 + points[:, 2] // 15 + 3 * (points[:, 1] // 20)).astype(np.uint32)[supervoxels]
    affinities = (affinities_from_labels(truth) * 200 + 20).astype(np.uint8)
    graph = LabelledGraph.of(supervoxels, affinities, truth, Grid((10.0, 10.0, 10.0)))
    examples = gather_examples(graph, 0.9, np.random.default_rng(0))
    assert len(examples.together) > 50
    affinity = examples.features[:, FEATURES.index("mean_affinity")]
    assert affinity[examples.together].min() > affinity[~examples.together].max()
    assert (examples.stake > 0).all()


@pytest.mark.parametrize(
    ("text", "words"),
    [("kind = 'edge-model'", "voxel_size"), ("kind = ", "TOML"), ("kind = 'other'", "kind")],
)
def test_a_wrong_configuration_is_refused(tmp_path, text, words):
    path = tmp_path / "c.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=words):
        read_edge_model_config(path)
