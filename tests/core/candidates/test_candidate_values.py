import json
import math

import numpy as np
import pytest
from candidates_world import merge_candidate, split_candidate
from hypothesis import given
from hypothesis import strategies as st

from segmend.core.candidates.candidate import from_json, still_together, to_json
from segmend.core.candidates.gain import change_if_right
from segmend.core.candidates.store import load_candidates, save_candidates
from segmend.core.errors import InputError, ProjectError

supervoxels = st.integers(1, 1000)


@given(supervoxels, supervoxels, st.floats(0, 1), st.floats(0, 100))
def test_a_merge_survives_json(a, b, probability, gain):
    if a == b:
        return
    before = merge_candidate(a, b, probability=probability, gain=gain, mean_affinity=0.25)
    after = from_json(json.loads(json.dumps(to_json(before))), 1000)
    assert after == before
    assert (after.edit, after.probability, after.gain) == (before.edit, probability, gain)
    assert after.evidence == {"mean_affinity": 0.25}
    assert after.anchors == (a, b)


def test_a_split_survives_json():
    before = split_candidate([1, 2], [3], area=7)
    after = from_json(json.loads(json.dumps(to_json(before))), 3)
    assert after.edit == before.edit
    assert after.anchors == (1, 3)
    assert [spot.supervoxel for spot in after.spots] == [1, 2, 3]


def test_the_id_depends_on_the_supervoxels_alone():
    assert merge_candidate(1, 2, gain=0.1).id == merge_candidate(2, 1, gain=0.9).id
    assert split_candidate([1, 2], [3]).id == split_candidate([3], [2, 1]).id
    assert merge_candidate(1, 2).id != merge_candidate(1, 3).id
    assert merge_candidate(1, 2).id != split_candidate([1], [2]).id
    assert split_candidate([1, 2], [3]).id != split_candidate([1], [2, 3]).id


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "divide"}, "kind"),
        ({"kind": ["merge"]}, "kind"),
        ({"id": "0" * 16}, "does not fit"),
        ({"spots": [[1, 0, 0, 0]]}, "two different"),
        ({"spots": [[1, 0, 0, 0], [1, 0, 0, 0]]}, "two different"),
        ({"spots": [[1, 0, 0, 0], [11, 0, 0, 0]]}, "supervoxel 11"),
        ({"spots": [[0, 0, 0, 0], [2, 0, 0, 0]]}, "supervoxel 0"),
        ({"spots": [[True, 0, 0, 0], [2, 0, 0, 0]]}, "spot"),
        ({"spots": [[1, 0, 0], [2, 0, 0, 0]]}, "spot"),
        ({"spots": [[1, 0, 0, 0]] * 5000}, "list of 1 to"),
        ({"spots": "12"}, "list of 1 to"),
        ({"place_nm": [0, 0]}, "place"),
        ({"place_nm": [0, 0, math.inf]}, "place"),
        ({"probability": 1.5}, "probability"),
        ({"probability": None}, "probability"),
        ({"gain": math.nan}, "gain"),
        ({"gain": "0.5"}, "gain"),
        ({"evidence": {"a" * 100: 1}}, "longer"),
        ({"evidence": {str(i): 1 for i in range(100)}}, "at most"),
        ({"evidence": {"x": "y"}}, "evidence"),
    ],
)
def test_hostile_values_are_refused_in_one_line(change, words):
    values = to_json(merge_candidate(1, 2)) | change
    with pytest.raises(InputError, match=words) as caught:
        from_json(values, 10)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_split_with_one_supervoxel_on_both_sides_is_refused():
    values = to_json(split_candidate([1], [2])) | {"second": [[1, 0, 0, 0]]}
    with pytest.raises(InputError, match="both sides"):
        from_json(values, 10)


def test_what_is_not_an_object_is_refused():
    with pytest.raises(InputError, match="list"):
        from_json([], 10)


def test_seeds_that_went_elsewhere_are_left_out():
    edit = split_candidate([1, 2], [3, 4]).edit
    fitting = still_together(edit, np.array([0, 1, 2, 1, 1], np.uint32))
    assert [s.supervoxel for s in fitting.sides[0]] == [1]
    assert [s.supervoxel for s in fitting.sides[1]] == [3, 4]


def test_a_split_whose_sides_are_apart_stays_as_it_is():
    edit = split_candidate([1], [2]).edit
    assert still_together(edit, np.array([0, 1, 2], np.uint32)) is edit


def test_a_file_comes_back_in_order(tmp_path):
    path = tmp_path / "candidates.json"
    kept = [merge_candidate(1, 2), split_candidate([3], [4]), merge_candidate(2, 3)]
    save_candidates(path, kept)
    assert [c.id for c in load_candidates(path, 4)] == [c.id for c in kept]
    assert list(tmp_path.iterdir()) == [path]


def test_an_empty_file_of_candidates_is_fine(tmp_path):
    save_candidates(tmp_path / "c.json", [])
    assert load_candidates(tmp_path / "c.json", 4) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"format": 2, "candidates": []}',
        '{"format": 1, "candidates": {}}',
        '{"format": 1, "candidates": [1]}',
        "[" * 100_000,
        "\x00\xff",
    ],
)
def test_damaged_files_are_refused(tmp_path, text):
    path = tmp_path / "candidates.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ProjectError) as caught:
        load_candidates(path, 4)
    assert "candidates.json" in str(caught.value)


def test_a_missing_file_says_what_to_run(tmp_path):
    with pytest.raises(ProjectError, match="segmend run"):
        load_candidates(tmp_path / "none.json", 4)


def test_supervoxels_of_another_generation_are_refused(tmp_path):
    save_candidates(tmp_path / "c.json", [merge_candidate(1, 9)])
    with pytest.raises(ProjectError, match="supervoxel 9"):
        load_candidates(tmp_path / "c.json", 8)


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.integers(0, 10**6))
def test_the_gain_is_the_loss_of_split_error(a, b, rest):
    from segmend.core.algorithms.metrics import Contingency, vi_from_table

    truths = np.array([1, 1, 2])
    counts = np.array([a, b, rest])
    keep = counts > 0
    apart = vi_from_table(Contingency(np.array([1, 2, 3])[keep], truths[keep], counts[keep]))
    whole = np.array([a + b, rest])
    joined = vi_from_table(
        Contingency(np.array([1, 3])[whole > 0], np.array([1, 2])[whole > 0], whole[whole > 0])
    )
    expected = apart.sum - joined.sum
    assert float(change_if_right(a, b, a + b + rest)) == pytest.approx(expected, abs=1e-9)
