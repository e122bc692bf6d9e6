"""Edits survive JSON; what comes from outside is checked."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmend.core.edits.codec import (
    edit_from_json,
    edit_to_json,
    resolved_from_json,
    resolved_to_json,
)
from segmend.core.edits.id_lists import pack_ids, unpack_ids
from segmend.core.edits.mask import VoxelMask
from segmend.core.edits.model import (
    Cleave,
    Detach,
    Erase,
    Lock,
    MarkFinished,
    Merge,
    Paint,
    Resolved,
    Split,
    SplitSupervoxel,
    Spot,
    Verdict,
)
from segmend.core.errors import InputError
from segmend.core.geometry import Box
from segmend.core.segmentation.patches import Patch

A = Spot(1, (1.0, 2.0, 3.0))
B = Spot(2, (4.0, 5.0, 6.5))
PLACE = (7.0, 8.0, 9.0)
BOX = Box((0, 1, 2), (2, 3, 5))
MASK = VoxelMask.of(BOX, np.ones(BOX.shape_zyx, bool))
PATCH = Patch.of(BOX, (1, 4), (7, 8, 9), (1, 4, 0), np.full(BOX.shape_zyx, 2))
EDITS = [
    Merge((A, B)),
    Split(((A,), (B,), (B, A))),
    Cleave(((A,), (B,))),
    Detach((A,)),
    Paint(MASK, None, PLACE),
    Paint(MASK, A, PLACE),
    Erase(MASK, A, PLACE),
    Erase(MASK, None, PLACE),
    SplitSupervoxel(((A,), (A,))),
    MarkFinished(A),
    MarkFinished(A, finished=False),
    Lock(B, locked=False),
    Verdict("merge-1-2", "reject", PLACE),
]


def through_text(value):
    return json.loads(json.dumps(value))


@pytest.mark.parametrize("edit", EDITS, ids=lambda e: type(e).__name__)
def test_an_edit_survives_json(edit):
    assert edit_from_json(through_text(edit_to_json(edit))) == edit


@pytest.mark.parametrize(
    "resolved",
    [
        Resolved(Split(((A,), (B,))), sides=((2, 5, 9),), new_segments=(4,)),
        Resolved(Cleave(((A,), (B,))), ((2,), (7, 2**32 - 1)), (4, 5), (PATCH,)),
        Resolved(Paint(MASK, None, PLACE), (), (4,), (PATCH,)),
    ],
    ids=["split", "cleave", "paint"],
)
def test_a_resolved_edit_survives_json(resolved):
    data = through_text(resolved_to_json(resolved))
    again = resolved_from_json(data, data["kind"], 4)
    assert again == resolved
    for one, other in zip(again.patches, resolved.patches, strict=True):
        assert np.array_equal(one.local, other.local)


def test_a_split_of_version_0_1_is_read():
    row = {
        "kind": "split",
        "first": [{"supervoxel": 1, "place_nm": [1, 2, 3]}],
        "second": [{"supervoxel": 2, "place_nm": [4, 5, 6.5]}],
        "sides": [pack_ids([2, 5, 9])],
        "new_segments": [4],
    }
    assert resolved_from_json(row, "split", 3) == Resolved(Split(((A,), (B,))), ((2, 5, 9),), (4,))


@given(st.sets(st.integers(1, 2**32 - 1), min_size=1, max_size=50))
def test_id_lists_survive_packing(ids):
    assert unpack_ids(pack_ids(sorted(ids)), 50) == tuple(sorted(ids))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "3",
        "0:",
        "2:eJxjYGBgAAAABAAB",
        "x:y",
        "9999999999:aa",
        "99999999999999999999:aa",
        "\u00b2:aa",
        7,
        pack_ids([3, 3]),
        pack_ids([2**32 - 1, 2**32]),
    ],
)
def test_damaged_id_lists_are_refused(text):
    with pytest.raises(InputError, match="id list is damaged"):
        unpack_ids(text, 10)


def test_lists_longer_than_there_are_supervoxels_are_refused():
    assert unpack_ids(pack_ids([1, 2, 3]), most=3) == (1, 2, 3)
    with pytest.raises(InputError, match="up to 2"):
        unpack_ids(pack_ids([1, 2, 3]), most=2)


def test_the_lists_of_an_edit_together_name_no_supervoxel_more_than_there_are():
    resolved = Resolved(Cleave(((A,), (B,))), ((1, 2), (3, 4)), (5, 6))
    data = resolved_to_json(resolved)
    assert resolved_from_json(data, "cleave", 4) == resolved
    with pytest.raises(InputError, match="up to 1"):
        resolved_from_json(data, "cleave", 3)


def test_an_edit_of_another_kind_than_its_row_says_is_refused():
    data = resolved_to_json(Resolved(Merge((A, B))))
    with pytest.raises(InputError, match="'verdict'"):
        resolved_from_json(data, "verdict", 9)


SPOT = {"supervoxel": 1, "place_nm": [0, 0, 0]}
BITS = {"box": [0, 0, 0, 2, 2, 2], "bits": "aa"}


def spot(**fields):
    return {**SPOT, **fields}


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"kind": "explode"},
        {"kind": ["merge"]},
        {"kind": "merge"},
        {"kind": "merge", "spots": [SPOT]},
        {"kind": "merge", "spots": {"0": SPOT}},
        {"kind": "merge", "spots": [SPOT, [1, 0, 0, 0]]},
        {"kind": "merge", "spots": [SPOT, spot(supervoxel=0)]},
        {"kind": "merge", "spots": [SPOT, spot(supervoxel=-1)]},
        {"kind": "merge", "spots": [SPOT, spot(supervoxel=2**40)]},
        {"kind": "merge", "spots": [SPOT, spot(supervoxel=10**5000)]},
        {"kind": "merge", "spots": [SPOT, spot(supervoxel=True)]},
        {"kind": "merge", "spots": [SPOT, spot(supervoxel=1.0)]},
        {"kind": "merge", "spots": [SPOT, spot(place_nm=[0, 0])]},
        {"kind": "merge", "spots": [SPOT, spot(place_nm=[0, 0, True])]},
        {"kind": "merge", "spots": [SPOT, spot(place_nm=[0, 0, float("nan")])]},
        {"kind": "merge", "spots": [SPOT, spot(place_nm=[0, 0, float("inf")])]},
        {"kind": "merge", "spots": [SPOT, spot(place_nm=[0, 0, 10**400])]},
        {"kind": "split", "first": [], "second": [SPOT]},
        {"kind": "split", "first": [SPOT]},
        {"kind": "split", "sides": [[SPOT]]},
        {"kind": "split", "sides": [SPOT, SPOT]},
        {"kind": "cleave", "groups": [[SPOT], []]},
        {"kind": "detach", "spots": []},
        {"kind": "divide", "sides": [[SPOT], [spot(supervoxel=2)]]},
        {"kind": "divide", "spot": SPOT, "normal_zyx": [0, 0, 1]},
        {"kind": "mark", "spot": SPOT, "finished": 1},
        {"kind": "lock", "spot": None, "locked": True},
        {"kind": "verdict", "candidate": "a", "verdict": "maybe", "place_nm": [0, 0, 0]},
        {"kind": "paint", "place_nm": [0, 0, 0]},
        {"kind": "paint", "mask": BITS},
        {"kind": "paint", "mask": {**BITS, "bits": 5}, "place_nm": [0, 0, 0]},
        {"kind": "paint", "mask": BITS, "target": 5, "place_nm": [0, 0, 0]},
        {"kind": "erase", "mask": BITS, "only": [1], "place_nm": [0, 0, 0]},
    ],
)
def test_wrong_edits_are_refused(data):
    with pytest.raises(InputError) as told:
        edit_from_json(data)
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < 250


@pytest.mark.parametrize(
    "box",
    [
        [0, 0, 0, 2, 2],
        [0, 0, 0, 2, 2, 0],
        [-1, 0, 0, 2, 2, 2],
        [0, 0, 0, 2, 2, 2**31],
        [0, 0, 0, 4096, 4096, 4096],
        [0, 0, 0, 2, 2, 2.0],
        [0, 0, 0, 2, 2, True],
        "all of it",
        None,
    ],
)
def test_boxes_out_of_range_are_refused_before_anything_is_unpacked(box):
    with pytest.raises(InputError):
        edit_from_json({"kind": "erase", "mask": {"box": box, "bits": "aa"}, "place_nm": [0, 0, 0]})


def patch(**fields):
    whole = {"box": [0, 0, 0, 2, 2, 2], "parents": [1], "ids": [7, 8], "origins": [1, 1]}
    row = {"kind": "divide", "sides": [[SPOT], [SPOT]]}
    return {**row, "patches": [{**whole, "voxels": "aa", **fields}]}


def test_the_voxels_of_a_patch_are_looked_at_only_when_they_are_needed():
    (found,) = resolved_from_json(patch(), "divide", 9).patches
    assert found.children == (7, 8)
    with pytest.raises(InputError, match="damaged"):
        _ = found.local


@pytest.mark.parametrize(
    "data",
    [
        patch(ids=[7]),
        patch(ids=[7, 7]),
        patch(ids=[], origins=[]),
        patch(ids=[1, 8]),
        patch(ids=[0, 8]),
        patch(ids=list(range(7, 300)), origins=[1] * 293),
        patch(origins=[1, 2]),
        patch(origins=[1, True]),
        patch(parents=[1, 1]),
        patch(parents=[0, 1]),
        patch(parents=None),
        patch(voxels=None),
        patch(box=[]),
        {**patch(), "patches": 5},
        {**patch(), "new_segments": "5"},
        {**patch(), "new_segments": [2**32]},
        {**patch(), "leaving": [5]},
    ],
)
def test_damaged_rows_are_refused(data):
    with pytest.raises(InputError):
        resolved_from_json(data, "divide", 9)
