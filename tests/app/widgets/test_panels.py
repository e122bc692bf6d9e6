"""A few real widgets: they show what they are given and say what was clicked."""

from pathlib import Path

import pytest
from qtpy.QtCore import Qt

from segmend.app.presenters.pipeline import StageLine
from segmend.app.presenters.ports import ReviewCard, ReviewProgress
from segmend.app.presenters.projects import NewProjectForm
from segmend.app.widgets.dialogs import KeysDialog, MessageDialog, NewProjectDialog
from segmend.app.widgets.pipeline_panel import PipelinePanel
from segmend.app.widgets.review_panel import ReviewPanel
from segmend.app.widgets.start_page import StartPage
from segmend.app.widgets.theme import palette, style_sheet

CARD = ReviewCard(
    "merge",
    "Are blue and orange the same neuron?",
    "Yes, join them",
    "No, keep apart",
    83,
    (("Boundary", "weak membrane"),),
    "z 1   y 2   x 3",
)


@pytest.fixture
def review(qtbot):
    panel = ReviewPanel("dark")
    qtbot.addWidget(panel)
    panel.show_card(CARD)
    return panel


def test_question_colours_its_words(review):
    text = review._question.text()
    assert palette("dark")["first_text"] in text
    assert palette("dark")["second_text"] in text
    review.set_look("light")
    assert palette("light")["first_text"] in review._question.text()


def test_buttons_say_which_command(review, qtbot):
    said = []
    review.answered.connect(said.append)
    for button in (review.accept, review.reject, review.skip):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert said == ["review.accept", "review.reject", "review.skip"]


def test_buttons_never_take_the_focus(review):
    buttons = (review.accept, review.reject, review.skip, review.undo)
    assert {button.focusPolicy() for button in buttons} == {Qt.FocusPolicy.NoFocus}


def test_waiting_takes_no_answers(review, qtbot):
    said = []
    review.answered.connect(said.append)
    review.set_waiting(True)
    qtbot.mouseClick(review.accept, Qt.MouseButton.LeftButton)
    assert said == []


def test_progress_in_words(review):
    review.show_progress(ReviewProgress(12, 8, 1074, True, False))
    assert review._done.text() == "12 decided"
    assert review._rest.text() == "8 accepted, 1,074 to go"
    assert review.undo.isEnabled()


def test_end_takes_the_question_away(review):
    review.show_end("All candidates are decided", "12 decided.")
    assert review._pages.currentIndex() == 1
    assert review._end_title.text() == "All candidates are decided"


def test_pipeline_offers_run_or_cancel(qtbot):
    panel = PipelinePanel()
    qtbot.addWidget(panel)
    said = []
    panel.asked.connect(said.append)
    panel.show_stages((StageLine("Region graph", "running", "block 1 of 4", 25),))
    assert panel._rows[0].bar.value() == 25
    qtbot.mouseClick(panel.run, Qt.MouseButton.LeftButton)
    panel.show_running(True)
    qtbot.mouseClick(panel.cancel, Qt.MouseButton.LeftButton)
    assert said == ["pipeline.run", "pipeline.cancel"]
    assert panel.run.isHidden()


def test_obstacles_disable_answers_and_say_why(review, qtbot):
    said = []
    review.answered.connect(said.append)
    review.allow({"review.accept": "you are a viewer"})
    qtbot.mouseClick(review.accept, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(review.skip, Qt.MouseButton.LeftButton)
    assert said == ["review.skip"]
    assert "you are a viewer" in review.accept.toolTip()
    review.allow({"edit.undo": "apply or cancel the seeds first"})
    assert review.accept.isEnabled()
    assert not review.undo_at_end.isEnabled()
    review.allow({})
    assert review.undo_at_end.isEnabled()


def test_start_page_opens_recent_projects(qtbot):
    page = StartPage()
    qtbot.addWidget(page)
    chosen = []
    page.chosen.connect(chosen.append)
    page.show_recent((Path("/a/cortex.segmend"),))
    qtbot.mouseClick(page._recent.itemAt(0).widget(), Qt.MouseButton.LeftButton)
    assert chosen == [Path("/a/cortex.segmend")]


def test_new_project_form_comes_back_as_typed(qtbot):
    form = NewProjectForm("/tmp", "a", "i.h5:/raw", "", "", "s.h5", "40 8 8")
    dialog = NewProjectDialog(None, form, "The voxel size is missing.")
    qtbot.addWidget(dialog)
    assert dialog.form == form


def test_new_project_name_follows_the_image(qtbot):
    dialog = NewProjectDialog(None, NewProjectForm())
    qtbot.addWidget(dialog)
    dialog._image.line.setText("/data/fib25.h5:/raw")
    assert dialog.form.name == "fib25"


def test_error_shows_details_only_on_request(qtbot):
    dialog = MessageDialog(None, "This did not work", "one line", "Traceback")
    qtbot.addWidget(dialog)
    assert dialog._details.isHidden()
    dialog._toggle()
    assert not dialog._details.isHidden()


def test_key_sheet_can_be_shown(qtbot):
    dialog = KeysDialog(None)
    qtbot.addWidget(dialog)
    assert dialog.layout().count() > 2


@pytest.mark.parametrize("look", ["dark", "light"])
def test_style_names_are_all_filled_in(look):
    assert "@" not in style_sheet(look)


@pytest.mark.parametrize("look", ["dark", "light"])
@pytest.mark.parametrize(
    ("text", "ground"),
    [
        ("text", "panel"), ("text", "window"), ("muted", "panel"), ("text", "raised"),
        ("first_text", "panel"), ("second_text", "panel"), ("on_accent", "accent"),
        ("warning", "panel"), ("good", "panel"), ("accent", "panel"),
        ("warning", "window"), ("accent", "window"), ("muted", "window"), ("warning", "raised"),
    ],
)  # fmt: skip
def test_contrast_is_enough_to_read(look, text, ground):
    """At least 4.5 to 1, as WCAG 2 asks of text."""
    colours = palette(look)
    lighter, darker = sorted((_luminance(colours[text]), _luminance(colours[ground])), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5


def _luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
