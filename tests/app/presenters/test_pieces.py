"""The pieces of a preview: every supervoxel of the segment is in one of them, also those that would be made."""

import numpy as np
import pytest

from segmend.app.presenters.pieces import REST, REST_NUMBER, pieces_of
from segmend.app.presenters.seed_words import preview_words, volume_words
from segmend.core.edits.model import Cleave, Split
from segmend.core.geometry import Grid

GRID = Grid((10.0, 10.0, 10.0))


def spots_in(session, supervoxel, count=1):
    """Spots as far apart as possible in one supervoxel."""
    box = session.segmentation.box_of(np.array([supervoxel]))
    voxels = np.argwhere(session.supervoxels[0].read(box) == supervoxel) + np.array(box.start_zyx)
    chosen = voxels[np.linspace(0, len(voxels) - 1, count).astype(int)]
    return [session.spot_at(session.project.grid.to_nm(tuple(v.tolist()))) for v in chosen]


def previewed(session, edit, seeds):
    segment = int(session.segmentation.segment_of[seeds[1][0].supervoxel])
    resolved = session.preview(edit)
    return pieces_of(resolved, seeds, segment, session.segmentation, session.project.grid), segment


@pytest.fixture
def divided(session):
    """A split with both seeds in one supervoxel."""
    one, other = spots_in(session, 16, 2)
    return previewed(session, Split(((one,), (other,))), {1: (one,), 2: (other,)})


def test_whole_supervoxels_keep_their_sizes(session):
    (one,), (other,) = spots_in(session, 16), spots_in(session, 17)
    pieces, segment = previewed(session, Split(((one,), (other,))), {1: (one,), 2: (other,)})
    assert sum(pieces.voxels.values()) == session.segmentation.voxels(segment)
    assert pieces.table[16] == 1
    assert pieces.table[17] == 2
    assert pieces.table[1] == 0


def test_divided_supervoxels_are_replaced_by_their_parts(session, divided):
    pieces, segment = divided
    ids = np.concatenate(list(pieces.supervoxels.values()))
    assert pieces.divided >= 1
    assert 16 not in ids
    assert len(set(ids.tolist())) == len(ids)
    assert sum(pieces.voxels.values()) == session.segmentation.voxels(segment)


def test_seeds_have_the_colour_of_their_side(session, divided):
    pieces, _ = divided
    grid = session.project.grid
    for side, spot in zip((1, 2), spots_in(session, 16, 2), strict=True):
        at = grid.to_index(spot.place_nm)
        overlay = next(o for o in pieces.overlays if o.box.contains(at))
        assert overlay.sides[tuple(np.array(at) - overlay.box.start_zyx)] == side


def test_what_no_seed_reaches_is_the_rest(session):
    (one,), (other,) = spots_in(session, 16), spots_in(session, 17)
    pieces, segment = previewed(session, Cleave(((one,), (other,))), {1: (one,), 5: (other,)})
    assert {1, 5} <= set(pieces.supervoxels)
    rest = pieces.supervoxels.get(REST, np.empty(0, int))
    assert all(pieces.table[s] == REST_NUMBER for s in rest)
    assert sum(pieces.voxels.values()) == session.segmentation.voxels(segment)


def test_preview_says_what_is_missing_and_what_would_be(divided):
    pieces, _ = divided
    assert "side 1" in preview_words((), 1, None, GRID)
    assert preview_words((1,), 2, None, GRID) == "Click on the part that belongs to side 2."
    assert preview_words((1,), 1, None, GRID).startswith("Press 2, then click")
    assert "Working" in preview_words((1, 2), 1, None, GRID)
    words = preview_words((1, 2), 1, pieces, GRID)
    assert "1 supervoxel divided" in words


@pytest.mark.parametrize(
    ("voxels", "words"),
    [(12, "12 voxels"), (9_999, "9,999 voxels"), (140_000, "0.14 µm³"), (25_000_000, "25 µm³")],
)
def test_volumes_are_said_in_what_people_can_compare(voxels, words):
    assert volume_words(voxels, GRID) == words
