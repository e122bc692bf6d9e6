"""Edits survive JSON; what comes from outside is checked."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmend.core.edits.codec import (
    edit_from_json,
    edit_to_json,
    pack_ids,
    resolved_from_json,
    resolved_to_json,
    unpack_ids,
)
from segmend.core.edits.model import DivideSupervoxel, Merge, Resolved, Split, Spot, Verdict
from segmend.core.errors import InputError

A = Spot(1, (1.0, 2.0, 3.0))
B = Spot(2, (4.0, 5.0, 6.5))
EDITS = [
    Merge((A, B)),
    Split((A,), (B,)),
    DivideSupervoxel(A, (0.0, 1.0, 0.0)),
    Verdict("merge-1-2", "reject", (1.0, 2.0, 3.0)),
]


@pytest.mark.parametrize("edit", EDITS, ids=lambda e: type(e).__name__)
def test_an_edit_survives_json(edit):
    assert edit_from_json(json.loads(json.dumps(edit_to_json(edit)))) == edit


def test_a_resolved_edit_survives_json():
    split = Resolved(Split((A,), (B,)), sides=((2, 5, 9),), new_segments=(4,))
    divide = Resolved(
        DivideSupervoxel(A, (1.0, 0.0, 0.0)),
        children=(7, 8),
        chunks=((0, 1, 2, 3, "ab.npz"),),
        tables="cd.npz",
    )
    for resolved in (split, divide):
        assert resolved_from_json(json.loads(json.dumps(resolved_to_json(resolved)))) == resolved


@given(st.sets(st.integers(1, 2**32 - 1), min_size=1, max_size=50))
def test_id_lists_survive_packing(ids):
    assert unpack_ids(pack_ids(sorted(ids))) == tuple(sorted(ids))


@pytest.mark.parametrize("text", ["", "3", "0:", "2:eJxjYGBgAAAABAAB", "x:y", "9999999999:aa", 7])
def test_damaged_id_lists_are_refused(text):
    with pytest.raises(InputError, match="id list is damaged"):
        unpack_ids(text)


SPOT = {"supervoxel": 1, "place_nm": [0, 0, 0]}


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"kind": "explode"},
        {"kind": "merge"},
        {"kind": "merge", "spots": [SPOT]},
        {"kind": "merge", "spots": [SPOT, {"supervoxel": -1, "place_nm": [0, 0, 0]}]},
        {"kind": "merge", "spots": [SPOT, {"supervoxel": 2**40, "place_nm": [0, 0, 0]}]},
        {"kind": "merge", "spots": [SPOT, {"supervoxel": True, "place_nm": [0, 0, 0]}]},
        {"kind": "merge", "spots": [SPOT, {"supervoxel": 2, "place_nm": [0, 0]}]},
        {"kind": "merge", "spots": [SPOT, {"supervoxel": 2, "place_nm": [0, 0, float("nan")]}]},
        {"kind": "merge", "spots": [SPOT, {"supervoxel": 2, "place_nm": [0, 0, 10**400]}]},
        {"kind": "split", "first": [], "second": [SPOT]},
        {"kind": "divide", "spot": SPOT, "normal_zyx": [0, 0, 0]},
        {"kind": "verdict", "candidate": "a", "verdict": "maybe", "place_nm": [0, 0, 0]},
    ],
)
def test_wrong_edits_are_refused(data):
    with pytest.raises(InputError):
        edit_from_json(data)
