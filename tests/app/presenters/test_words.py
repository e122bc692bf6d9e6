"""Words for candidates."""

import pytest

from segmend.app.presenters.candidate_scene import field_of_view_nm
from segmend.app.presenters.wording import evidence_in_words, review_card
from segmend.core.geometry import Grid

GRID = Grid((10.0, 10.0, 10.0))


def test_question_names_the_colours(session):
    questions = {c.kind: review_card(c, GRID).question for c in session.queue}
    assert questions == {
        "merge": "Are blue and orange the same neuron?",
        "split": "Should this be cut into blue and orange?",
    }


def test_card_says_percent_and_voxel(session):
    candidate = session.queue.next()
    card = review_card(candidate, session.project.grid)
    assert card.percent == 90
    z, y, x = session.project.grid.to_index(candidate.place_nm)
    assert card.place.split() == ["z", str(z), "y", str(y), "x", str(x)]


@pytest.mark.parametrize(
    ("affinity", "words"),
    [
        (0.95, "no membrane"),
        (0.6, "weak membrane"),
        (0.3, "some membrane"),
        (0.1, "clear membrane"),
    ],
)
def test_boundary_in_words(affinity, words):
    lines = dict(evidence_in_words({"area": 10.0, "mean_affinity": affinity}, GRID))
    assert words in lines["Boundary"]
    assert f"{affinity:.2f}" in lines["Boundary"]


def test_contact_is_in_square_micrometres():
    lines = dict(evidence_in_words({"area": 5000.0, "strong_share": 0.5}, GRID))
    assert lines["Contact"] == "0.50 µm², 50 % of it open"


def test_skeletons_only_where_there_are_any():
    assert "Skeletons" not in dict(evidence_in_words({"area": 5.0, "gap_nm": 0.0}, GRID))
    lines = dict(evidence_in_words({"gap_nm": 120.0, "agreement": 0.9}, GRID))
    assert lines["Skeletons"] == "ends facing, 120 nm apart"


def test_sizes_smaller_first():
    lines = dict(evidence_in_words({"size_a": 2e6, "size_b": 1e5}, GRID))
    assert lines["Sizes"] == "0.10 and 2.0 µm³"


def test_nothing_known_says_nothing():
    assert evidence_in_words({}, GRID) == ()


def test_field_of_view_stays_within_volume_and_reason():
    assert field_of_view_nm(0.0, GRID, (10, 500, 500)) == 800
    assert field_of_view_nm(1e9, GRID, (10, 5000, 5000)) == 3000
    assert field_of_view_nm(1e9, GRID, (10, 60, 60)) == 600
    assert 800 < field_of_view_nm(600.0, GRID, (10, 5000, 5000)) < 3000
