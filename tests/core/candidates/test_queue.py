import time

import numpy as np
import pytest
from candidates_world import chain_graph, merge_candidate, split_candidate

from segmend.core.candidates.edge_model import AffinityModel
from segmend.core.candidates.queue import ORDERS, CandidateQueue
from segmend.core.candidates.rescoring import PairScorer
from segmend.core.errors import InputError
from segmend.core.geometry import Box
from segmend.core.segmentation.patches import Patch
from segmend.core.segmentation.segmentation import Birth, Change, NodeTable, Segmentation
from segmend.core.segmentation.supervoxel_graph import Edges
from segmend.core.segmentation.supervoxel_mapping import Move


def _queue(graph, candidates, **options):
    segmentation = Segmentation(graph)
    scorer = PairScorer(segmentation, 1000.0, AffinityModel())
    return segmentation, CandidateQueue(candidates, segmentation, scorer=scorer, **options)


def _move(segmentation, queue, supervoxels, target):
    source = int(segmentation.segment_of[supervoxels[0]])
    segmentation.mapping.apply(Move(np.array(supervoxels, np.uint32), source, target))
    queue.update((source, target))


@pytest.fixture
def apart():
    """Four segments in a row and the three merges between them."""
    graph = chain_graph([0.4, 0.3, 0.2], sizes=[1000, 2000, 3000, 4000])
    found = [
        merge_candidate(
            i, i + 1, probability=a, mean_affinity=a, size_a=1000 * i, size_b=1000 * i + 1000
        )
        for i, a in ((1, 0.4), (2, 0.3), (3, 0.2))
    ]
    return (*_queue(graph, found), found)


def test_each_order_puts_its_own_first():
    found = [
        merge_candidate(1, 2, probability=0.9, mean_affinity=0.1, size_a=1000, size_b=1000),
        merge_candidate(2, 3, probability=0.8, mean_affinity=0.2, size_a=1000, size_b=90000),
        merge_candidate(3, 4, probability=0.1, mean_affinity=0.4, size_a=90000, size_b=50000),
    ]
    graph = chain_graph([0.1, 0.2, 0.4], sizes=[1000, 1000, 90000, 50000])
    _, queue = _queue(graph, found)
    firsts = {}
    for order in ("gain", "probability", "affinity", "size"):
        queue.order = order
        firsts[order] = queue.next().id
    assert firsts["probability"] == found[0].id
    assert firsts["affinity"] == found[2].id
    assert firsts["size"] == found[2].id
    assert firsts["gain"] == max(queue.peek(3), key=lambda c: c.gain).id


def test_random_order_shows_everything_once(apart):
    _, queue, found = apart
    queue.order = "random"
    assert {c.id for c in queue.peek(10)} == {c.id for c in found}


def test_an_unknown_order_is_refused(apart):
    with pytest.raises(InputError, match="gain, probability"):
        apart[1].order = "luck"
    assert apart[1].order == "gain"


def test_split_suspicion_is_the_lack_of_affinity():
    graph = chain_graph([0.9, 0.55, 0.4])
    found = [
        split_candidate([2], [3], mean_affinity=0.55),
        merge_candidate(3, 4, mean_affinity=0.4),
    ]
    _, queue = _queue(graph, found, order="affinity")
    assert queue.next().kind == "split"


def test_a_skipped_candidate_comes_last_but_comes(apart):
    _, queue, _ = apart
    first = queue.next()
    queue.skip(first.id)
    shown = queue.peek(3)
    assert shown[-1].id == first.id
    assert len(queue) == 3
    for candidate in shown[:2]:
        queue.mark(candidate.id, "reject")
    assert queue.next().id == first.id


def test_a_decided_candidate_does_not_come_again_until_reopened(apart):
    _, queue, _ = apart
    first = queue.next()
    queue.mark(first.id, "reject")
    assert queue.next().id != first.id
    assert (queue.status(first.id), queue.verdict(first.id)) == ("decided", "reject")
    queue.reopen(first.id)
    assert queue.next().id == first.id
    assert queue.verdict(first.id) is None


def test_a_merge_between_what_is_one_already_is_withdrawn_and_undo_brings_it_back(apart):
    segmentation, queue, found = apart
    _move(segmentation, queue, [1], 2)
    assert queue.status(found[0].id) == "withdrawn"
    assert "one segment" in queue.reason(found[0].id)
    assert len(queue) == 2
    _move(segmentation, queue, [1], 1)
    assert queue.status(found[0].id) == "open"
    assert len(queue) == 3


def test_a_split_of_what_is_apart_already_is_withdrawn():
    segmentation, queue = _queue(chain_graph([0.9]), [split_candidate([1], [2], mean_affinity=0.9)])
    assert len(queue) == 1
    _move(segmentation, queue, [2], 9)
    assert len(queue) == 0
    assert queue.next() is None
    assert "different segments" in queue.reason(queue.get(next(iter(queue)).id).id)


def test_a_dead_supervoxel_withdraws_its_candidates(apart):
    segmentation, queue, _ = apart
    _move(segmentation, queue, [4], 0)
    assert len(queue) == 2


def test_sizes_and_gains_follow_an_edit(apart):
    segmentation, queue, found = apart
    before = queue.get(found[1].id).gain
    _move(segmentation, queue, [1], 2)
    after = queue.get(found[1].id)
    assert after.gain > before
    expected = 0.3 * (6 * np.log2(6) - 3 * np.log2(3) - 3 * np.log2(3)) / 10
    assert after.gain == pytest.approx(expected, rel=1e-6)


def test_contacts_are_measured_again_after_an_edit():
    graph = chain_graph([0.4, 0.1], sizes=[1000, 1000, 1000], areas=[100, 300])
    fields = {name: getattr(graph, name) for name in graph.__dataclass_fields__}
    fields["edges"] = np.array([[1, 2], [1, 3], [2, 3]], np.uint32)
    for name, values in (("affinity", [0.1, 0.4, 0.2]), ("strong", [0, 0, 0])):
        fields[name] = np.array(values, np.float32)
    fields["area"] = np.array([100, 100, 300], np.uint32)
    fields["centroid"] = np.zeros((3, 3), np.float32)
    found = [
        merge_candidate(1, 2, probability=0.1, mean_affinity=0.1),
        merge_candidate(1, 3, probability=0.4, mean_affinity=0.4),
        merge_candidate(2, 3, probability=0.2, mean_affinity=0.2),
    ]
    segmentation, queue = _queue(type(graph)(**fields), found)
    _move(segmentation, queue, [2], 1)  # 1 and 2 are one now: two questions have become the same
    assert len(queue) == 1
    shown = queue.next()
    assert shown.probability == pytest.approx((100 * 0.4 + 300 * 0.2) / 400)
    other = next(c for c in found[1:] if c.id != shown.id)
    assert "same question" in queue.reason(other.id)


def test_a_rejection_answers_the_same_question_asked_elsewhere():
    graph = chain_graph([0.9, 0.4], sizes=[500, 500, 1000])
    found = [merge_candidate(2, 3, probability=0.4), merge_candidate(1, 3, probability=0.3)]
    _, queue = _queue(graph, found)
    assert len(queue) == 1
    queue.mark(queue.next().id, "reject")
    assert len(queue) == 0
    assert "was rejected" in queue.reason(found[1].id)
    queue.reopen(found[0].id)
    assert len(queue) == 1


def test_a_rejected_crumb_does_not_answer_for_what_it_becomes_part_of():
    graph = chain_graph([0.4, 0.4], sizes=[10, 1000, 5000])
    found = [merge_candidate(1, 3, probability=0.3), merge_candidate(2, 3, probability=0.2)]
    segmentation, queue = _queue(graph, found)
    queue.mark(found[0].id, "reject")
    _move(segmentation, queue, [1], 2)
    assert queue.next().id == found[1].id


def test_a_rejected_merge_is_asked_again_when_a_side_was_cut():
    graph = chain_graph([0.9, 0.4], sizes=[1000, 1000, 1000])
    candidate = merge_candidate(2, 3, probability=0.4)
    segmentation, queue = _queue(graph, [candidate])
    queue.mark(candidate.id, "reject")
    _move(segmentation, queue, [1], 9)
    assert queue.next().id == candidate.id
    _move(segmentation, queue, [1], 1)
    assert queue.next() is None
    assert queue.status(candidate.id) == "decided"


def test_a_rejected_merge_is_asked_again_at_the_end_when_a_side_has_grown():
    graph = chain_graph([0.1, 0.4, 0.1], sizes=[500, 1000, 1000, 1000])
    found = [merge_candidate(2, 3, probability=0.9), merge_candidate(3, 4, probability=0.1)]
    segmentation, queue = _queue(graph, found)
    queue.mark(found[0].id, "reject")
    _move(segmentation, queue, [1], 2)
    assert [c.id for c in queue.peek(5)] == [found[1].id, found[0].id]
    queue.mark(found[0].id, "reject")
    assert [c.id for c in queue.peek(5)] == [found[1].id]


def test_a_split_is_shown_without_seeds_that_are_elsewhere():
    graph = chain_graph([0.9, 0.6, 0.9])
    segmentation, queue = _queue(
        graph, [split_candidate([2, 1], [3, 4], mean_affinity=0.6, size_a=2000, size_b=2000)]
    )
    _move(segmentation, queue, [4], 9)
    shown = queue.next()
    assert [s.supervoxel for s in shown.edit.sides[1]] == [3]
    assert shown.id == next(iter(queue)).id


def test_verdicts_given_before_are_kept(apart):
    segmentation, _, found = apart
    queue = CandidateQueue(found, segmentation, verdicts={found[0].id: "accept", "gone": "reject"})
    assert len(queue) == 2
    assert queue.verdict(found[0].id) == "accept"
    assert "gone" not in queue


def test_a_rejection_of_an_earlier_session_still_answers_the_same_question():
    graph = chain_graph([0.9, 0.4], sizes=[500, 500, 1000])
    found = [merge_candidate(2, 3, probability=0.4), merge_candidate(1, 3, probability=0.3)]
    _, queue = _queue(graph, found, verdicts={found[0].id: "reject"})
    assert len(queue) == 0
    queue.reopen(found[0].id)
    assert len(queue) == 1


def test_progress_counts(apart):
    segmentation, queue, found = apart
    queue.mark(found[2].id, "unsure")
    _move(segmentation, queue, [1], 2)
    progress = queue.progress()
    assert (progress.open, progress.decided, progress.withdrawn) == (1, 1, 1)
    assert progress.expected_gain == pytest.approx(queue.get(found[1].id).gain)


def test_a_stranger_is_refused_and_doubles_are_dropped(apart):
    segmentation, queue, found = apart
    with pytest.raises(InputError, match="no candidate"):
        queue.mark("nobody", "reject")
    assert len(CandidateQueue([found[0], found[0]], segmentation)) == 1


def test_a_mask_restricts_what_is_shown(apart):
    _, queue, found = apart
    assert [c.id for c in queue.peek(5, within=np.array([False, False, True]))] == [found[2].id]


def test_a_mask_that_hides_a_candidate_does_not_hide_those_folded_into_it():
    graph = chain_graph([0.9, 0.4], sizes=[500, 500, 1000])
    found = [merge_candidate(2, 3, probability=0.4), merge_candidate(1, 3, probability=0.3)]
    _, queue = _queue(graph, found)
    only_second = np.array([False, True])
    assert [c.id for c in queue.peek(5, within=only_second)] == [found[1].id]
    queue.mark(found[1].id, "reject")
    assert queue.peek(5, within=only_second) == []


def test_an_empty_queue_is_quiet():
    _, queue = _queue(chain_graph([0.9]), [])
    assert queue.next() is None
    assert queue.progress().open == 0
    queue.update((1,))


@pytest.mark.parametrize("order", ORDERS)
def test_live_state_equals_a_queue_made_afresh(order):
    rng = np.random.default_rng(1)
    n = 40
    graph = chain_graph(rng.uniform(0, 1, n - 1).tolist(), sizes=rng.integers(100, 999, n).tolist())
    found = [
        merge_candidate(
            i, i + 1, probability=float(rng.random()), mean_affinity=0.3, size_a=500, size_b=500
        )
        if graph.segment_of[i] != graph.segment_of[i + 1]
        else split_candidate(
            [i], [i + 1], probability=0.2, mean_affinity=0.7, size_a=500, size_b=500
        )
        for i in range(1, n)
    ]
    segmentation = Segmentation(graph)
    live = CandidateQueue(found, segmentation, order=order)
    for _ in range(60):
        supervoxel = int(rng.integers(1, n + 1))
        _move(segmentation, live, [supervoxel], int(rng.integers(1, 30)))
        fresh = CandidateQueue(found, segmentation, order=order)
        assert [c.id for c in live.peek(n)] == [c.id for c in fresh.peek(n)]
        assert [c.gain for c in live.peek(n)] == [c.gain for c in fresh.peek(n)]


def test_100_000_candidates_stay_quick():
    n = 100_001
    graph = chain_graph([0.4] * (n - 1))
    template = merge_candidate(1, 2)
    from dataclasses import replace

    from segmend.core.edits.model import Merge, Spot

    spots = [Spot(i, (0.0, 0.0, 0.0)) for i in range(1, n + 1)]
    found = [
        replace(template, id=str(i), edit=Merge((spots[i], spots[i + 1])), probability=i / n)
        for i in range(n - 1)
    ]
    segmentation, queue = _queue(graph, found)
    start = time.perf_counter()
    for _ in range(20):
        candidate = queue.next()
        _move(segmentation, queue, [candidate.anchors[0]], candidate.anchors[1])
        queue.mark(candidate.id, "accept")
    assert (time.perf_counter() - start) / 20 < 0.25  # some 15 ms on an idle machine


def _divided(segmentation, queue, parent, *homes):
    """Let two parts of ten voxels stand in place of a supervoxel, each in a segment; 0 for an erased one."""
    first = segmentation.supervoxel_count + 1
    children = tuple(range(first, first + len(homes)))
    box, segment = Box((0, 0, 0), (1, 1, len(homes))), int(segmentation.segment_of[parent])
    local = np.arange(1, len(homes) + 1).reshape(box.shape_zyx)
    patch = Patch.of(box, (parent,), children, (parent,) * len(homes), local)
    ones = np.full(len(homes), 10)
    nodes = NodeTable(ones, np.zeros((len(homes), 3)), np.zeros((len(homes), 6)))
    moves = [Move(np.array([parent], np.uint32), segment, 0)]
    moves += [
        Move(np.array([child], np.uint32), 0, home)
        for child, home in zip(children, homes, strict=True)
        if home
    ]
    change = Change(tuple(moves), birth=Birth((patch,), children, nodes, Edges.none()))
    segmentation.apply(1, change)
    queue.update((segment, *homes))
    return change, children


def test_a_candidate_follows_the_parts_of_a_divided_supervoxel(apart):
    segmentation, queue, found = apart
    _, children = _divided(segmentation, queue, 2, 2, 2)
    shown = queue.get(found[0].id)
    assert queue.status(found[0].id) == "open"
    assert shown.anchors == (1, children[0])
    assert shown.edit.spots[1].place_nm == found[0].edit.spots[1].place_nm


@pytest.mark.parametrize("homes", [(2, 4), (0, 0)], ids=["in two segments", "erased"])
def test_a_candidate_whose_supervoxel_has_no_one_place_is_withdrawn_until_undo(apart, homes):
    segmentation, queue, found = apart
    change, _ = _divided(segmentation, queue, 2, *homes)
    assert [queue.status(c.id) for c in found] == ["withdrawn", "withdrawn", "open"]
    assert "erased or divided between segments" in queue.reason(found[0].id)
    segmentation.revert(1, change)
    queue.update((2, *homes))
    assert [queue.status(c.id) for c in found] == ["open"] * 3
    assert queue.get(found[0].id).anchors == (1, 2)


def test_the_seeds_of_a_split_follow_their_parts():
    graph = chain_graph([0.9] * 4)
    segmentation, queue = _queue(graph, [split_candidate([1, 2], [3, 4])])
    home = int(segmentation.segment_of[2])
    _, children = _divided(segmentation, queue, 2, home, home)
    (candidate,) = queue
    first, second = queue.get(candidate.id).edit.sides
    assert [s.supervoxel for s in first] == [1, children[0]]
    assert [s.supervoxel for s in second] == [3, 4]
