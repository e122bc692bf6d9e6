"""Patches and their stack; what comes from outside is checked."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmend.core.errors import InputError
from segmend.core.geometry import Box
from segmend.core.segmentation.packing import MOST_VOXELS, pack, unpack
from segmend.core.segmentation.patches import Patch, PatchStack

UNIT = Box((0, 0, 0), (1, 1, 1))


def patch_at(start, side=2, ids=(9,)):
    box = Box(start, tuple(a + side for a in start))
    return Patch.of(box, (1,), ids, tuple(1 for _ in ids), np.ones(box.shape_zyx))


def test_a_patch_gives_its_local_labels_back():
    local = np.arange(8).reshape(2, 2, 2) % 3
    patch = Patch.of(Box((0, 0, 0), (2, 2, 2)), (5, 4), (8, 9), (4, 5), local)
    np.testing.assert_array_equal(patch.local, local)
    assert patch.parents == (4, 5)
    assert patch.children == (8, 9)


def test_damaged_patches_are_refused_before_anything_is_allocated():
    patch = patch_at((0, 0, 0))
    with pytest.raises(InputError, match="no id"):
        _ = replace(patch, packed=pack(np.full(8, 2, np.uint8))).local
    with pytest.raises(InputError, match="expected 8"):
        _ = replace(patch, packed=pack(np.ones(9, np.uint8))).local
    with pytest.raises(InputError, match="damaged"):
        _ = replace(patch, box=Box((0, 0, 0), (2**20, 2**20, 2**20))).local
    with pytest.raises(InputError, match="255"):
        patch_at((0, 0, 0), ids=tuple(range(1, 300)))


@pytest.mark.parametrize("text", [None, 7, "", "%%%", "AAAA", "ü"])
def test_text_that_is_no_array_is_refused(text):
    with pytest.raises(InputError, match="damaged"):
        unpack(text, 4)


def test_a_bomb_is_not_unpacked():
    with pytest.raises(InputError, match="found 5"):
        unpack(pack(np.zeros(10_000_000, np.uint8)), 4)
    with pytest.raises(InputError, match="expected text"):
        unpack(pack(np.zeros(8, np.uint8)), MOST_VOXELS + 1)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 6)), max_size=30), st.integers(0, 6))
def test_the_stack_yields_what_meets_a_box_in_the_order_of_operations(steps, place):
    stack, plain = PatchStack(), {}
    for operation, where in steps:
        if operation in plain:
            stack.remove(operation)
            del plain[operation]
        else:
            plain[operation] = tuple(patch_at((where, 0, k)) for k in range(2))
            stack.add(operation, plain[operation])
    box = Box((place, 0, 0), (place + 1, 1, 1))
    expected = [
        (operation, patch)
        for operation in sorted(plain)
        for patch in plain[operation]
        if patch.box.intersect(box).size
    ]
    assert list(stack.touching(box)) == expected
    assert stack.operations == tuple(sorted(plain))
    assert bool(stack) == bool(plain)


def test_an_operation_without_patches_and_an_empty_box():
    stack = PatchStack()
    stack.add(3, ())
    stack.add(1, (patch_at((0, 0, 0)),))
    assert list(stack.touching(Box((0, 0, 0), (0, 4, 4)))) == []
    assert stack.of(3) == stack.of(2) == ()
    stack.remove(3)
    assert stack.operations == (1,)
    with pytest.raises(ValueError, match="in effect already"):
        stack.add(1, ())


def test_changes_are_told_by_revision():
    stack = PatchStack()
    patch = patch_at((1, 1, 1))
    before = stack.revision
    stack.add(1, (patch,))
    between = stack.revision
    stack.remove(1)
    assert stack.changed_since(before) == [patch.box, patch.box]
    assert stack.changed_since(between) == [patch.box]
    assert stack.changed_since(stack.revision) == []


def test_a_reader_keeps_what_it_began_with():
    stack = PatchStack()
    stack.add(1, (patch_at((0, 0, 0)),))
    stack.add(2, (patch_at((0, 0, 0)),))
    reader = stack.touching(UNIT)
    first = next(reader)
    stack.remove(2)
    assert [first[0], *[operation for operation, _ in reader]] == [1, 2]


def stroke(parents, ids, origins=None):
    local = np.arange(8).reshape(2, 2, 2) % len(ids) + 1
    return Patch.of(Box((0, 0, 0), (2, 2, 2)), parents, ids, origins or (0,) * len(ids), local)


def seen(stack):
    return [operation for operation, _ in stack.touching(UNIT)]


def test_a_patch_is_left_out_once_all_of_its_supervoxels_have_ended():
    stack = PatchStack()
    stack.add(1, (stroke((1,), (2, 3)),))
    stack.add(2, (stroke((2,), (4,)),))
    assert seen(stack) == [1, 2]
    stack.add(3, (stroke((3, 4), (5,)),))
    assert seen(stack) == [3]
    stack.remove(3)
    assert seen(stack) == [1, 2]


def test_a_patch_that_made_background_stays():
    stack = PatchStack()
    stack.add(1, (stroke((1,), (2, 0)),))
    stack.add(2, (stroke((2,), (3,)),))
    assert seen(stack) == [1, 2]


def test_a_reader_does_not_see_what_is_covered_later():
    stack = PatchStack()
    stack.add(1, (stroke((1,), (2,)),))
    before = stack._placed
    stack.add(2, (stroke((2,), (3,)),))
    stack.remove(2)
    stack.add(3, (stroke((2,), (4,)),))
    assert [operation for operation, _ in before.touching(UNIT)] == [1]


def test_many_patches_are_added_without_copying_those_before():
    stack, rooms = PatchStack(), []
    patch = stroke((1,), (2, 0))
    for operation in range(1, 2001):
        stack.add(operation, (patch,))
        if not rooms or stack._placed._boxes is not rooms[-1]:
            rooms.append(stack._placed._boxes)
    assert len(rooms) < 10
    assert seen(stack) == list(range(1, 2001))


def test_changes_long_ago_are_forgotten():
    stack = PatchStack()
    for operation in range(1, 200):
        stack.add(operation, (patch_at((operation, 0, 0)),))
    assert stack.changed_since(0) is None
    assert [box.start_zyx[0] for box in stack.changed_since(stack.revision - 3)] == [197, 198, 199]
    assert len(stack._log[1]) < 100
