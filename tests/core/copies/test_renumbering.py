"""Ids of another copy become ids of this one, everywhere an edit names them."""

from dataclasses import replace

import numpy as np
import pytest

from segmend.core.copies.renumbering import Renumbering
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

PLACE = (1.0, 2.0, 3.0)
BOX = Box((0, 0, 0), (1, 1, 2))
MASK = VoxelMask.of(BOX, np.ones((1, 1, 2), bool))


def spot(supervoxel):
    return Spot(supervoxel, PLACE)


def every_kind(a, b):
    """An edit of each kind that names supervoxels a and b."""
    return [
        Merge((spot(a), spot(b))),
        Split(((spot(a),), (spot(b),))),
        Cleave(((spot(a),), (spot(b),))),
        Detach((spot(a), spot(b))),
        Paint(MASK, spot(b), PLACE),
        Paint(MASK, None, PLACE),
        Erase(MASK, spot(b), PLACE),
        Erase(MASK, None, PLACE),
        SplitSupervoxel(((spot(b),), (spot(b),))),
        MarkFinished(spot(b)),
        Lock(spot(b)),
        Verdict("c", "reject", PLACE),
    ]


def division(parent, *children):
    patch = Patch.of(BOX, (parent,), children, (parent,) * len(children), np.array([[[1, 2]]]))
    return Resolved(SplitSupervoxel(((spot(parent),), (spot(parent),))), patches=(patch,))


@pytest.fixture
def renumbering():
    """Ten common supervoxels; here 5 segments and 3 supervoxels are taken after them."""
    return Renumbering(10, next_segment=6, next_supervoxel=14)


@pytest.mark.parametrize("kind", range(12))
def test_every_spot_of_every_kind(renumbering, kind):
    renumbering.supervoxels[11] = 20
    theirs, ours = every_kind(3, 11)[kind], every_kind(3, 20)[kind]
    assert renumbering.resolved(Resolved(theirs)) == Resolved(ours)


def test_what_is_made_gets_fresh_ids_in_order(renumbering):
    theirs = division(4, 12, 11)
    renumbering.make_room(theirs)
    ours = renumbering.resolved(theirs)
    assert ours.children == (15, 14)
    assert ours.patches[0].parents == ours.patches[0].origins[:1] == (4,)
    later = Resolved(Split(((spot(11),), (spot(12),))), ((2, 11),), (9,))
    renumbering.make_room(later)
    assert renumbering.resolved(later).sides == ((2, 14),)
    assert renumbering.resolved(later).new_segments == (6,)
    assert (renumbering.next_segment, renumbering.next_supervoxel) == (7, 16)


def test_twins_share_their_children(renumbering):
    theirs = division(4, 11, 12)
    renumbering.make_room(theirs)
    renumbering.forget(renumbering.resolved(theirs))
    renumbering.identify(theirs, division(4, 12, 13))
    assert renumbering.supervoxel(11) == 12
    assert renumbering.next_supervoxel == 14


@pytest.mark.parametrize(
    "theirs",
    [
        Resolved(Merge((spot(1), spot(99)))),
        Resolved(Detach((spot(1),)), ((1, 99),), (8,)),
        division(99, 11, 12),
    ],
)
def test_supervoxels_that_nobody_made_are_refused(renumbering, theirs):
    renumbering.make_room(theirs)
    with pytest.raises(InputError, match="names supervoxel 99"):
        renumbering.resolved(theirs)


def test_ids_that_were_made_before_are_refused(renumbering):
    renumbering.make_room(division(4, 11, 12))
    for again in (division(5, 12, 13), division(5, 9, 13)):
        with pytest.raises(InputError, match="there already"):
            renumbering.make_room(again)


def test_more_ids_than_there_are_or_sides_to_name_are_refused(renumbering):
    with pytest.raises(InputError, match="more segments than"):
        renumbering.make_room(Resolved(Detach((spot(1),)), ((1,),), (7, 8, 9)))
    full = replace(renumbering, next_supervoxel=2**32 - 2)
    with pytest.raises(InputError, match="no ids left"):
        full.make_room(division(4, 11, 12))
