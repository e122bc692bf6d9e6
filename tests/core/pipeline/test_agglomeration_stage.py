"""Every method of agglomeration behind one specification: known graphs, one rule for trees, and the stage around it."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import EntryPoint
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmend.core.algorithms.agglomeration import MergeTree, agglomerate, cut_tree
from segmend.core.algorithms.components import components
from segmend.core.algorithms.lifted_edges import most_probable_paths
from segmend.core.candidates import edge_scorers
from segmend.core.candidates.edge_scorers import edge_scorer
from segmend.core.errors import InputError, StageError
from segmend.core.geometry import Box
from segmend.core.pipeline.runner import run_pipeline
from segmend.core.pipeline.settings import (
    NEED_HISTOGRAMS,
    AgglomerationSettings,
    PipelineSettings,
)
from segmend.core.pipeline.stage import StageContext
from segmend.core.pipeline.stages.agglomeration import AgglomerationStage
from segmend.core.pipeline.stages.agglomeration_methods import (
    Contacts,
    agglomerated,
    lifted_pairs,
    merge_tree,
)
from segmend.core.project import open_project
from segmend.core.segmentation.graph_files import load_array, load_graph, save_array

METHODS = get_args(AgglomerationSettings.model_fields["method"].annotation)
VOXEL = (10.0, 10.0, 10.0)


class HalfScorer:
    """As an installed package might bring it."""

    identity = "half"

    def __init__(self, voxel_size_nm_zyx):
        self.voxel_size = voxel_size_nm_zyx

    def score(self, features):
        return features[:, 0] / 2


class Anonymous:
    identity = ""

    def __init__(self, voxel_size_nm_zyx):
        self.score = len


def offer(monkeypatch, value: str, name: str = "half") -> None:
    point = EntryPoint(name, value, edge_scorers.ENTRY_POINT_GROUP)
    monkeypatch.setattr(edge_scorers, "entry_points", lambda group: [point])


def random_graph(seed: int, n: int, count: int) -> Contacts:
    rng = np.random.default_rng(seed)
    pairs = np.unique(np.sort(rng.integers(1, n + 1, (count, 2)), axis=1), axis=0)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]].astype(np.uint32)
    histogram = rng.integers(0, 20, (len(pairs), 16)) ** 2
    histogram[:, 0] += 1
    area = histogram.sum(axis=1)
    middle = (np.arange(16) + 0.5) / 16
    return Contacts(
        pairs,
        ((histogram @ middle) / area).astype(np.float32),
        area.astype(np.uint32),
        (histogram[:, 8:].sum(axis=1) / area).astype(np.float32),
        np.r_[0, rng.integers(1, 5000, n)].astype(np.uint32),
        histogram.astype(np.uint32),
    )


def run(graph: Contacts, **chosen) -> tuple[MergeTree, np.ndarray]:
    return agglomerated(graph, AgglomerationSettings(**chosen), edge_scorer("edge_model", VOXEL))


@pytest.mark.parametrize("method", METHODS)
@settings(deadline=None, max_examples=8)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_the_segments_are_the_cut_at_the_threshold_and_scores_never_rise(method, seed, threshold):
    graph = random_graph(seed, 20, 45)
    tree, segment_of = run(graph, method=method, threshold=threshold)
    assert np.array_equal(cut_tree(tree, graph.n, threshold), segment_of)
    assert (np.diff(tree.scores) <= 0).all()
    labels = components(graph.edges, graph.n)
    assert all(len(set(labels[segment_of == s])) == 1 for s in np.unique(segment_of[1:]))
    known = {tuple(pair) for pair in graph.edges.tolist()}
    assert all(tuple(pair) in known for pair in tree.edges.tolist())


@pytest.mark.parametrize("method", METHODS)
def test_a_tree_inside_kept_segments_joins_each_of_them_and_nothing_else(method):
    graph = random_graph(3, 40, 120)
    kept = np.r_[0, np.arange(40) % 3 + 1].astype(np.uint32)
    inside = graph.inside(kept)
    chosen = AgglomerationSettings(method=method)
    tree = merge_tree(inside, chosen, edge_scorer("edge_model", VOXEL))
    assert np.array_equal(components(tree.edges, 40), components(inside.edges, 40))
    assert len(inside.histogram) == len(inside.edges)


def test_each_method_decides_a_contact_by_what_it_reads():
    # Contact 1-2: low on average, one face very high. 3-4: high on average. 5-6: half very high, half zero.
    histogram = np.zeros((3, 10), np.uint32)
    histogram[0, [2, 9]] = 9, 1
    histogram[1, 6] = 10
    histogram[2, [0, 9]] = 4, 6
    mean = np.array([0.32, 0.65, 0.59], np.float32)
    ten = np.full(3, 10, np.uint32)
    graph = Contacts(
        np.array([[1, 2], [3, 4], [5, 6]], np.uint32), mean, ten, mean, np.full(7, 99, np.uint32), histogram
    )  # fmt: skip

    def joined(**chosen):
        segment_of = run(graph, **chosen)[1]
        return [bool(segment_of[a] == segment_of[a + 1]) for a in (1, 3, 5)]

    assert joined(method="mean", threshold=0.5) == [False, True, True]
    assert joined(method="maximum", threshold=0.9) == [True, False, True]
    assert joined(method="quantile", threshold=0.6) == [False, True, True]
    assert joined(method="quantile", quantile=0.25, threshold=0.6) == [False, True, False]
    assert joined(method="multicut", threshold=0.6) == [False, True, False]


def test_a_multicut_weighs_contacts_by_their_area():
    # A triangle: the large contact attracts, two small ones repel as strongly per face.
    edges = np.array([[1, 2], [1, 3], [2, 3]], np.uint32)
    mean, area = np.array([0.7, 0.2, 0.7], np.float32), np.array([10, 1, 10], np.uint32)
    graph = Contacts(edges, mean, area, mean, np.full(4, 9, np.uint32))
    even = run(graph, method="multicut", threshold=0.5, area_power=0.0)[1]
    weighed = run(graph, method="multicut", threshold=0.5, area_power=1.0)[1]
    assert len(np.unique(even[1:])) == 2
    assert len(np.unique(weighed[1:])) == 1


@pytest.mark.parametrize(("apart", "pieces"), [(0.0, 1), (2000.0, 2)])
def test_a_multicut_without_rings_tells_a_corner_from_a_ring(apart, pieces):
    edges = np.array([[1, 2], [1, 3], [2, 3]], np.uint32)
    mean, area = np.full(3, 0.9, np.float32), np.full(3, 10, np.uint32)
    places = np.array([[0, 0, 0], [0, 0, apart], [0, apart, 0]])
    graph = Contacts(edges, mean, area, mean, np.full(4, 9, np.uint32), None, places)
    for method in ("multicut", "lifted_multicut"):
        open_to_rings, without = (
            run(graph, method=method, acyclic=acyclic)[1] for acyclic in (False, True)
        )
        assert len(np.unique(open_to_rings[1:])) == 1
        assert len(np.unique(without[1:])) == pieces


def test_the_tree_of_a_multicut_is_whole_at_its_threshold_and_comes_apart_above():
    graph = random_graph(8, 30, 90)
    tree, segment_of = run(graph, method="lifted_multicut", threshold=0.45)
    assert len(tree.edges)
    assert np.array_equal(cut_tree(tree, 30, 0.0), segment_of)
    assert cut_tree(tree, 30, 1.0).max() == 30
    assert tree.scores.min() >= np.float32(0.45)


@pytest.mark.parametrize(("steps", "least"), [(2, 0.0), (2, 0.2), (3, 0.3), (3, 1.0)])
def test_unlikely_contacts_carry_no_lifted_edge_and_are_none(steps, least):
    graph = random_graph(8, 60, 200)
    likely = np.random.default_rng(2).random(len(graph.edges)).astype(np.float32)
    graph = replace(graph, affinity=likely)
    wanted = most_probable_paths(graph.edges, graph.affinity, 60, hops=steps, least=least)
    found = lifted_pairs(graph, steps, least)
    assert np.array_equal(found.edges, wanted.edges)
    assert np.array_equal(found.probability, wanted.probability)


def test_a_graph_without_histograms_is_refused_by_those_who_read_them():
    graph = random_graph(1, 5, 9)
    bare = Contacts(graph.edges, graph.affinity, graph.area, graph.strong, graph.size)
    with pytest.raises(InputError, match="histogram_bins"):
        run(bare, method="quantile")
    with pytest.raises(InputError, match="needs an edge scorer"):
        agglomerated(bare, AgglomerationSettings(method="learned"))


# --- the stage ---------------------------------------------------------------------------------------------------


def context_of(project, tmp_path, graph: Contacts) -> StageContext:
    context = StageContext(project, tmp_path / "generation", tmp_path / "scratch")
    context.graph_dir.mkdir(parents=True)
    for name in ("edges", "affinity", "area", "strong", "size", "histogram"):
        save_array(context.graph_dir / f"{name}.npy", getattr(graph, name))
    save_array(context.graph_dir / "centroid.npy", np.zeros((len(graph.edges), 3), np.float32))
    return context


@pytest.mark.parametrize("method", METHODS)
def test_the_stage_writes_what_the_method_returns(make_project, tmp_path, method):
    graph = random_graph(5, 30, 90)
    context = context_of(make_project(), tmp_path, graph)
    stage = AgglomerationStage(AgglomerationSettings(method=method))
    stage.run_block(context, Box.of_shape((1, 1, 1)))
    tree, segment_of = run(graph, method=method)
    written = {
        name: load_array(context.graph_dir / f"{name}.npy")
        for name in ("merge_edges", "merge_scores", "segment_of", "export_ids")
    }
    assert np.array_equal(written["merge_edges"], tree.edges)
    assert np.array_equal(written["merge_scores"], tree.scores)
    assert np.array_equal(written["segment_of"], segment_of)
    assert written["export_ids"].tolist() == list(range(int(segment_of.max()) + 1))


def test_the_stage_knows_where_contacts_are(make_project, tmp_path):
    context = context_of(make_project(), tmp_path, random_graph(5, 30, 90))
    chosen = AgglomerationSettings(method="multicut", acyclic=True, one_contact_nm=99.0)
    segments = []
    for places in (np.zeros((90, 3), np.float32), np.arange(270.0).reshape(90, 3) * 10):
        rows = len(load_array(context.graph_dir / "edges.npy"))
        save_array(context.graph_dir / "centroid.npy", places[:rows].astype(np.float32))
        AgglomerationStage(chosen).run_block(context, Box.of_shape((1, 1, 1)))
        segments.append(int(load_array(context.graph_dir / "segment_of.npy").max()))
    assert segments[0] < segments[1]  # contacts of one place close no ring, contacts apart do


@pytest.mark.parametrize("columns", [None, 0])
def test_the_stage_says_when_the_graph_stage_has_to_run_too(make_project, tmp_path, columns):
    context = context_of(make_project(), tmp_path, random_graph(5, 30, 90))
    path = context.graph_dir / "histogram.npy"
    path.unlink()
    if columns is not None:
        save_array(path, np.empty((3, 0), np.uint32))
    stage = AgglomerationStage(AgglomerationSettings(method="quantile"))
    with pytest.raises(StageError, match="run the graph stage too"):
        stage.run_block(context, Box.of_shape((1, 1, 1)))


def test_the_scorer_is_part_of_the_key_and_a_missing_one_is_told_early(make_project, monkeypatch):
    project = make_project()
    offer(monkeypatch, f"{__name__}:HalfScorer")
    own, other = (
        AgglomerationStage(AgglomerationSettings(method="learned", scorer=name))
        for name in ("edge_model", "half")
    )
    assert own.identity(project) != other.identity(project) != ""
    assert AgglomerationStage(AgglomerationSettings(scorer="half")).identity(project) == ""
    missing = AgglomerationStage(AgglomerationSettings(method="learned", scorer="none"))
    with pytest.raises(InputError, match="no edge scorer 'none': expected one of half, edge_model"):
        missing.check(project)


def test_a_third_party_scorer_is_used_and_knows_the_voxel_size(monkeypatch):
    offer(monkeypatch, f"{__name__}:HalfScorer")
    graph = random_graph(5, 30, 90)
    scorer = edge_scorer("half", VOXEL)
    assert scorer.voxel_size == VOXEL
    tree = merge_tree(graph, AgglomerationSettings(method="learned"), scorer)
    mean = agglomerate(graph.edges, graph.affinity, graph.area, graph.n)
    assert tree.scores == pytest.approx(mean.scores / 2, abs=1e-6)


@pytest.mark.parametrize(
    ("value", "said"),
    [("no_such:thing", "cannot be made"), (f"{__name__}:Anonymous", "no identity or no score")],
)
def test_an_unusable_third_party_scorer_is_named_with_its_fault(monkeypatch, value, said):
    offer(monkeypatch, value)
    with pytest.raises(InputError, match=f"edge scorer 'half' .*{said}"):
        edge_scorer("half", VOXEL)
    assert edge_scorer("edge_model", VOXEL).identity.startswith("edge_model ")


def test_the_edge_model_gives_strong_broad_contacts_a_higher_probability():
    graph = Contacts(
        np.array([[1, 2], [3, 4]], np.uint32), np.array([0.95, 0.05], np.float32),
        np.array([400, 400], np.uint32), np.array([1, 0], np.float32), np.full(5, 20_000, np.uint32),
    )  # fmt: skip
    tree, _ = run(graph, method="learned")
    assert tree.edges.tolist() == [[1, 2], [3, 4]]
    assert tree.scores[0] > 0.5 > tree.scores[1]


@pytest.mark.parametrize("method", ["quantile", "maximum", "learned", "multicut"])
def test_a_run_has_the_graph_stage_make_what_the_method_reads(make_project, method):
    project = make_project()
    chosen = PipelineSettings.from_values({"agglomeration": {"method": method}})
    run_pipeline(project, ("watershed", "graph", "agglomeration"), chosen, scheduler="synchronous")
    folder = open_project(project.path).graph_dir
    graph = load_graph(folder)
    bins = load_array(folder / "histogram.npy").shape[1]
    assert bins == (64 if method in NEED_HISTOGRAMS else 0)
    tree = MergeTree(graph.merge_edges, graph.merge_scores)
    assert np.array_equal(cut_tree(tree, graph.supervoxel_count, 0.4), graph.segment_of)


def test_only_agglomeration_with_a_method_that_needs_more_of_the_graph_is_refused(make_project):
    project = make_project()
    chain = ("watershed", "graph", "agglomeration")
    run_pipeline(project, chain, PipelineSettings(), scheduler="synchronous")
    chosen = PipelineSettings.from_values({"agglomeration": {"method": "quantile"}})
    with pytest.raises(StageError, match="run the graph stage too"):
        run_pipeline(open_project(project.path), chain[2:], chosen, scheduler="synchronous")
    assert run_pipeline(
        open_project(project.path), chain[1:], chosen, scheduler="synchronous"
    ).segments
