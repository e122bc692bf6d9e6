import numpy as np
from candidates_world import chain_graph

from segmend.core.candidates.detection import DetectionSettings, detect_candidates
from segmend.core.candidates.edge_model import AffinityModel
from segmend.core.candidates.evidence import segment_pairs
from segmend.core.candidates.skeleton_links import SkeletonLinks
from segmend.core.candidates.tree_cuts import tree_cuts
from segmend.core.edits.resolving import split_sides
from segmend.core.geometry import Grid
from segmend.core.segmentation.segmentation import Segmentation
from segmend.core.segmentation.supervoxel_graph import Edges

GRID = Grid((10.0, 10.0, 10.0), (0.0, 0.0, 500.0))


def _detect(graph, links=None, **settings):
    return detect_candidates(
        graph, GRID, links=links, model=AffinityModel(), settings=DetectionSettings(**settings)
    )


def _edges(graph):
    return Edges(graph.edges, graph.affinity, graph.area, graph.strong, graph.centroid)


def test_a_weak_contact_between_segments_is_a_merge_candidate():
    found = [c for c in _detect(chain_graph([0.9, 0.4, 0.9])) if c.kind == "merge"]
    assert len(found) == 1
    candidate = found[0]
    assert candidate.anchors == (2, 3)
    assert candidate.place_nm == (0.0, 0.0, 650.0)
    assert candidate.probability == np.float32(0.4)
    assert candidate.evidence["size_a"] == candidate.evidence["size_b"] == 2000
    assert candidate.gain == candidate.probability  # two equal halves of all there is: one bit


def test_the_weakest_accepted_edge_is_a_split_candidate_that_cuts_there():
    graph = chain_graph([0.9, 0.6, 0.9])
    found = [c for c in _detect(graph) if c.kind == "split"]
    best = found[0]
    assert set(best.anchors) == {2, 3}
    assert best.evidence["split"] == 1
    assert best.probability == 1 - np.float32(0.6)
    (side,) = split_sides(best.edit, Segmentation(graph))
    assert set(side) in ({1, 2}, {3, 4})


def test_every_split_candidate_cuts_where_its_evidence_says():
    rng = np.random.default_rng(3)
    pairs = np.array(
        [(i, j) for i in range(1, 30) for j in range(i + 1, 30) if rng.random() < 0.15]
    )
    graph = _random_graph(pairs, rng)
    segmentation = Segmentation(graph)
    found = [c for c in _detect(graph, min_side_voxels=1, distinct_cuts=0.0) if c.kind == "split"]
    assert found
    for candidate in found:
        (side,) = split_sides(candidate.edit, segmentation)
        sizes = candidate.evidence["size_a"], candidate.evidence["size_b"]
        assert int(graph.size[list(side)].sum()) in sizes


def _random_graph(pairs, rng):
    base = chain_graph([0.9] * 28, sizes=rng.integers(100, 1000, 29).tolist())
    edges = np.unique(np.concatenate([base.edges, pairs.astype(np.uint32)]), axis=0)
    affinity = rng.uniform(0.5, 1.0, len(edges)).astype(np.float32)
    fields = {name: getattr(base, name) for name in base.__dataclass_fields__}
    fields |= {
        "edges": edges,
        "affinity": affinity,
        "strong": affinity,
        "area": rng.integers(1, 50, len(edges)).astype(np.uint32),
        "centroid": np.zeros((len(edges), 3), np.float32),
    }
    return type(base)(**fields)


def test_tree_cuts_agree_with_a_cut_by_hand():
    rng = np.random.default_rng(5)
    pairs = np.array([(i, j) for i in range(1, 30) for j in range(i + 1, 30) if rng.random() < 0.2])
    graph = _random_graph(pairs, rng)
    cuts = tree_cuts(_edges(graph), graph.merge_edges, graph.segment_of, graph.size)
    assert len(cuts.node) == 28
    everyone = np.arange(1, 30)
    for cut in range(len(cuts.node)):
        side = np.zeros(30, bool)
        side[everyone] = cuts.on_side(cut, everyone)
        crossing = side[graph.edges[:, 0]] != side[graph.edges[:, 1]]
        area = graph.area[crossing].astype(float)
        row = cuts.evidence.row(cut)
        assert row["area"] == area.sum()
        assert row["edges"] == crossing.sum()
        assert np.isclose(
            row["mean_affinity"], (area * graph.affinity[crossing]).sum() / area.sum()
        )
        assert np.isclose(row["max_affinity"], graph.affinity[crossing].max())
        assert row["size_a"] == graph.size[side].sum()
        assert row["size_a"] + row["size_b"] == graph.size.sum()
        assert crossing[cuts.best_edge[cut]]


def test_dust_is_left_alone():
    graph = chain_graph([0.4, 0.6], sizes=[1000, 1000, 10])
    assert {c.kind for c in _detect(graph)} == {"merge"}
    assert not _detect(chain_graph([0.4], sizes=[1000, 10]))


def test_small_contacts_and_unlikely_merges_are_left_out():
    assert not _detect(chain_graph([0.4], areas=[2]))
    assert not _detect(chain_graph([0.0005]))
    assert _detect(chain_graph([0.4], areas=[3]))


def test_nearly_equal_cuts_are_told_once():
    graph = chain_graph([0.8, 0.6, 0.8], sizes=[5000, 100, 100, 5000])
    one = [c for c in _detect(graph, distinct_cuts=0.3) if c.kind == "split"]
    every = [c for c in _detect(graph, distinct_cuts=0.0) if c.kind == "split"]
    assert (len(one), len(every)) == (1, 3)


def test_contacts_of_many_supervoxels_are_put_together():
    edges = Edges(
        np.array([[1, 3], [1, 4], [2, 3], [2, 5]], np.uint32),
        np.array([0.2, 0.4, 0.6, 0.9], np.float32),
        np.array([10, 30, 10, 5], np.uint32),
        np.array([0.0, 0.5, 1.0, 1.0], np.float32),
        np.zeros((4, 3), np.float32),
    )
    pairs = segment_pairs(edges, np.array([0, 1, 1, 2, 2, 0]), np.array([0, 70, 30]))
    assert pairs.pairs.tolist() == [[1, 2]]
    row = pairs.evidence.row(0)
    assert np.isclose(row["mean_affinity"], (2 + 12 + 6) / 50)
    assert row["strong_share"] == 0.5
    assert (row["area"], row["edges"], row["size_a"], row["size_b"]) == (50, 3, 70, 30)
    assert np.isclose(row["max_affinity"], 0.6)
    assert pairs.best_edge.tolist() == [1]


def _links(a, b):
    return SkeletonLinks(
        np.array([[a, b]], np.uint32),
        np.array([[[0, 0, 510], [0, 0, 590]]], np.float32),
        np.array([80.0], np.float32),
        np.array([0.9], np.float32),
    )


def test_skeletons_that_do_not_touch_make_a_candidate_of_their_own():
    graph = chain_graph([0.0, 0.0], threshold=0.5)
    (candidate,) = _detect(graph, links=_links(3, 1))
    assert candidate.kind == "merge"
    assert candidate.anchors == (3, 1)
    assert candidate.evidence["area"] == 0
    assert candidate.evidence["gap_nm"] == 80
    assert candidate.place_nm == (0.0, 0.0, 550.0)


def test_skeletons_of_touching_segments_add_to_their_evidence():
    (candidate,) = _detect(chain_graph([0.3]), links=_links(2, 1))
    assert candidate.evidence["agreement"] == np.float64(f"{np.float32(0.9):.6g}")
    assert candidate.evidence["area"] == 100


def test_links_inside_one_segment_are_no_candidates():
    assert not [c for c in _detect(chain_graph([0.9]), links=_links(1, 2)) if c.kind == "merge"]


def test_the_list_is_sorted_and_bounded():
    graph = chain_graph([0.1, 0.2, 0.3, 0.4, 0.45])
    found = _detect(graph)
    assert len(found) == 5
    assert [c.gain for c in found] == sorted((c.gain for c in found), reverse=True)
    assert _detect(graph, max_candidates=2) == found[:2]


def test_a_graph_without_edges_has_no_candidates():
    assert _detect(chain_graph([])) == []
