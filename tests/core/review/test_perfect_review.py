import shutil

import numpy as np
import pytest
from edits_world import voronoi

from segmend.core.algorithms.affinities import affinities_from_labels
from segmend.core.algorithms.agglomeration import agglomerate, cut_tree
from segmend.core.algorithms.region_graph import region_graph, supervoxel_table
from segmend.core.candidates.detection import DetectionSettings, detect_candidates
from segmend.core.candidates.edge_model import AffinityModel
from segmend.core.candidates.store import save_candidates
from segmend.core.edits.model import Split
from segmend.core.errors import InputError
from segmend.core.geometry import Box, Grid
from segmend.core.project import create_project
from segmend.core.review import PerfectReviewer, evaluate, review
from segmend.core.segmentation.graph_files import GraphArrays, save_graph
from segmend.core.session import Session
from segmend.core.volumes.memory import MemoryVolume

SHAPE = (16, 40, 44)
GRID = Grid((10.0, 10.0, 10.0), (0.0, 200.0, 0.0))
HALF = Box((0, 0, 0), (16, 40, 22))


def _truth(supervoxels):
    """Objects of some six supervoxels each: those nearest to one of a few places."""
    points = supervoxel_table(supervoxels).point
    places = np.random.default_rng(7).integers(0, SHAPE, (13, 3))
    nearest = np.linalg.norm(points[:, None] - places[None], axis=2).argmin(axis=1)
    return (nearest + 1).astype(np.uint32)[supervoxels]


def _noisy_affinities(truth):
    """High inside objects and low between them, with enough noise for both kinds of errors."""
    rng = np.random.default_rng(2)
    exact = affinities_from_labels(truth).astype(float)
    rough = np.kron(rng.normal(0, 0.35, (3, 4, 10, 11)), np.ones((1, 4, 4, 4)))
    return (np.clip(0.2 + 0.6 * exact + rough, 0, 1) * 255).astype(np.uint8)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A project with both kinds of errors, its candidates, and the truth."""
    path = tmp_path_factory.mktemp("review") / "p.segmend"
    supervoxels = voronoi(SHAPE, 80).astype(np.uint32)
    truth = _truth(supervoxels)
    affinities = MemoryVolume(_noisy_affinities(truth), GRID)
    create_project(path, supervoxels=MemoryVolume(supervoxels, GRID), affinities=affinities)
    with Session.open(path, author="test", read_only=True) as session:
        stored = session.supervoxels[0].read(Box.of_shape(SHAPE))
        project = session.project
    arrays = _graph(stored, affinities.read(Box.of_shape(SHAPE)))
    save_graph(project.graph_dir, arrays)
    chosen = DetectionSettings(min_side_voxels=1, min_area=1)
    found = detect_candidates(arrays, GRID, model=AffinityModel(), settings=chosen)
    save_candidates(project.candidates_path, found)
    return path, truth


def _graph(supervoxels, affinities):
    graph, table = region_graph(supervoxels, affinities), supervoxel_table(supervoxels)
    n = len(table.size) - 1
    tree = agglomerate(graph.edges, graph.affinity, graph.area, n)
    segment_of = cut_tree(tree, n, 0.55)
    names = np.arange(int(segment_of.max()) + 1, dtype=np.uint64)
    sources = np.arange(n + 1, dtype=np.uint64)
    return GraphArrays(*graph, *table, *tree, segment_of, names, sources)


@pytest.fixture
def session(world, tmp_path):
    path = shutil.copytree(world[0], tmp_path / "p.segmend")
    with Session.open(path, author="test") as session:
        yield session


@pytest.fixture
def labels(world):
    return MemoryVolume(world[1], GRID, "the truth")


def _segments(session):
    supervoxels = session.supervoxels[0].read(Box.of_shape(SHAPE))
    return MemoryVolume(session.segmentation.segment_of[supervoxels], GRID)


def test_a_review_corrects_and_its_figures_are_those_of_evaluate(session, labels):
    before = evaluate(_segments(session), labels)
    report = review(session, PerfectReviewer(labels))
    after = evaluate(_segments(session), labels)
    assert report.vi_before["split"] == pytest.approx(before.vi_split, abs=1e-9)
    assert report.vi_before["merge"] == pytest.approx(before.vi_merge, abs=1e-9)
    assert report.vi_after["sum"] == pytest.approx(after.vi_sum, abs=1e-9)
    assert before.vi_split > 0.05
    assert before.vi_merge > 0.05
    reachable = report.vi_before["sum"] - report.vi_reachable
    assert reachable > 0.1
    assert report.vi_before["sum"] - report.vi_after["sum"] > 0.8 * reachable
    assert report.accepted > 5


def test_the_curve_starts_before_never_rises_and_has_one_entry_per_decision(session, labels):
    report = review(session, PerfectReviewer(labels), 20)
    assert report.decisions == 20
    assert [point[0] for point in report.curve] == list(range(21))
    assert report.curve[0] == [0, report.vi_before["sum"]]
    assert report.curve[-1] == [20, report.vi_after["sum"]]
    sums = [point[1] for point in report.curve]
    assert sums == sorted(sums, reverse=True)


def test_bounds_are_in_order(session, labels):
    report = review(session, PerfectReviewer(labels))
    assert report.vi_best <= report.vi_reachable + 1e-9
    assert report.vi_reachable <= report.vi_before["sum"]
    assert report.vi_best == pytest.approx(0, abs=1e-9)  # supervoxels do not cross objects here


def test_every_shown_candidate_is_in_the_journal_with_its_verdict(session, labels):
    report = review(session, PerfectReviewer(labels), 30)
    rows = [row for row in session.log() if row.verdict]
    assert len(rows) == report.decisions == 30
    assert sum(row.verdict == "accept" for row in rows) == report.accepted
    assert {row.verdict for row in rows} == {"accept", "reject"}


def test_looking_at_what_is_reachable_changes_nothing(session, labels):
    start = session.state()
    reviewer = PerfectReviewer(labels)
    first = reviewer.reachable(list(session.queue), session)
    assert session.state().same_as(start)
    assert first == reviewer.reachable(list(session.queue), session)


def test_undoing_a_review_brings_back_segmentation_and_queue(session, labels):
    start, shown = session.state(), [c.id for c in session.queue.peek(1000)]
    review(session, PerfectReviewer(labels), 25)
    for _ in range(25):
        session.undo()
    assert session.state().same_as(start)
    assert sorted(c.id for c in session.queue.peek(1000)) == sorted(shown)


def test_inside_a_box_only_its_candidates_are_shown_and_its_voxels_counted(session, labels):
    report = review(session, PerfectReviewer(labels, HALF))
    after = evaluate(_segments(session), labels, HALF)
    assert report.vi_after["sum"] == pytest.approx(after.vi_sum, abs=1e-9)
    shown = {row.candidate for row in session.log() if row.verdict}
    places = {c.id: session.project.grid.to_index(c.place_nm) for c in session.queue}
    assert shown
    assert all(HALF.contains(places[candidate]) for candidate in shown)


def test_an_edit_that_would_not_help_is_rejected(session, labels):
    reviewer = PerfectReviewer(labels)
    reviewer.begin(session)
    for candidate in session.queue.peek(40):
        before = evaluate(_segments(session), labels).vi_sum
        verdict = reviewer.decide(candidate, session)
        session.apply(candidate.edit)
        change = evaluate(_segments(session), labels).vi_sum - before
        session.undo()
        assert (verdict == "accept") == (change < -1e-9)


def test_the_order_is_used_and_put_back(session, labels):
    review(session, PerfectReviewer(labels), 3, order="affinity")
    assert session.queue.order == "gain"
    with pytest.raises(InputError, match="order"):
        review(session, PerfectReviewer(labels), 3, order="alphabet")


def test_no_budget_no_decisions(session, labels):
    report = review(session, PerfectReviewer(labels), 0)
    assert (report.decisions, report.vi_after) == (0, report.vi_before)
    with pytest.raises(InputError, match="budget"):
        review(session, PerfectReviewer(labels), -1)


def test_labels_of_another_shape_are_refused(session):
    other = MemoryVolume(np.ones((3, 3, 3), np.uint32), GRID, "the wrong truth")
    with pytest.raises(InputError, match="the wrong truth"):
        review(session, PerfectReviewer(other))


def test_progress_is_told(session, labels):
    told = []
    review(session, PerfectReviewer(labels), 4, progress=lambda name, share: told.append(share))
    assert told == [0.25, 0.5, 0.75, 1.0]


def test_a_split_that_divides_a_supervoxel_is_judged_by_its_voxels(world, tmp_path):
    path, _ = world
    shutil.copytree(path, tmp_path / "p.segmend")
    with Session.open(tmp_path / "p.segmend", author="test") as session:
        labels = session.supervoxels[0].read(Box.of_shape(SHAPE))
        largest = int(np.bincount(labels.ravel())[1:].argmax()) + 1
        voxels = np.argwhere(labels == largest)
        ends = [tuple(voxels[voxels[:, 2].argmin()]), tuple(voxels[voxels[:, 2].argmax()])]
        sides = tuple((session.spot_at(GRID.to_nm(end)),) for end in ends)
        truth = labels.copy()
        for patch in session.preview(Split(sides)).patches:
            truth[patch.box.slices][patch.local == 1] = labels.max() + 1
        for labelled, wanted in ((truth, "accept"), (labels, "reject")):
            reviewer = PerfectReviewer(MemoryVolume(labelled, GRID))
            assert reviewer.judge(Split(sides), session) == wanted
        before = reviewer.vi(session).sum
        changes = session.apply(Split(sides))
        reviewer.follow(changes.old_ids, changes.new_ids, session)
        assert reviewer.vi(session).sum > before
        fresh = PerfectReviewer(MemoryVolume(labels, GRID))
        assert reviewer.vi(session) == fresh.vi(session)


def test_taking_the_best_edit_first_never_rises_and_ends_no_higher_than_a_review(session, labels):
    reviewer = PerfectReviewer(labels)
    candidates = session.queue.peek(len(session.queue))
    before = reviewer.vi(session).sum
    curve = reviewer.trial(session).best_first(candidates)
    assert curve[0] == pytest.approx(before)
    assert (np.diff(curve) < 0).all()
    alone = [reviewer.trial(session).best_first([candidate])[-1] for candidate in candidates]
    assert curve[1] == pytest.approx(min(alone))
    assert curve[-1] <= reviewer.reachable(candidates, session).sum + 1e-9
    assert reviewer.vi(session).sum == before
