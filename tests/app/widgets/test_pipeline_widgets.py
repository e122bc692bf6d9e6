"""The settings dialog, the threshold bar and the truth panel: they show what they are given and say what is done."""

from unittest.mock import MagicMock

import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QAction, QApplication, QComboBox, QDialog, QMainWindow, QWidget

from segmend.app.presenters.pipeline import STAGES, stage_lines
from segmend.app.presenters.settings_form import SettingsForm
from segmend.app.presenters.thresholds import ThresholdLine
from segmend.app.presenters.truth_scores import Errors
from segmend.app.presenters.truth_words import Figures, card_of
from segmend.app.widgets.beside_dialog import BesideDialog
from segmend.app.widgets.pipeline_panel import PipelinePanel
from segmend.app.widgets.settings_dialog import SettingsDialog
from segmend.app.widgets.threshold_bar import ThresholdBar
from segmend.app.widgets.truth_dialog import TruthDialog
from segmend.app.widgets.truth_panel import TruthPanel
from segmend.core.algorithms.metrics import VariationScores
from segmend.core.pipeline.progress import RunState


@pytest.fixture
def dialog(qtbot):
    dialog = SettingsDialog(None, SettingsForm())
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def test_choosing_a_method_changes_the_fields_and_keeps_the_choice(dialog):
    page = dialog.page
    method = page.rows["method"].editor
    assert isinstance(method, QComboBox)
    page.rows["context"].editor.setText("20")
    method.setCurrentText("mutex_watershed")
    assert "bias" in page.rows
    assert "filter_size" not in page.rows
    assert page.rows["method"].editor is method  # the keyboard stays where it is
    assert page.rows["context"].editor.text() == "20"
    assert dialog.presenter.form.values()["watershed"]["context"] == 20


def test_wrong_text_is_said_and_nothing_can_be_run(dialog, qtbot):
    row = dialog.page.rows["boundary_threshold"]
    row.editor.selectAll()
    qtbot.keyClicks(row.editor, "1.5")
    assert row.editor.text() == "1.5"
    assert "0 to 1" in row.error.text()
    assert row.error.isVisible()
    assert not dialog.run.isEnabled()
    qtbot.mouseClick(row.back, Qt.MouseButton.LeftButton)
    assert row.editor.text() == "0.6"
    assert not row.error.isVisible()
    assert not row.back.isVisible()
    assert dialog.run.isEnabled()


def test_stages_are_switched_and_chosen(dialog, qtbot):
    dialog._rows["skeletons"].on.click()
    assert "skeletons" not in dialog.presenter.form.stages
    qtbot.mouseClick(dialog._rows["skeletons"].title, Qt.MouseButton.LeftButton)
    assert "resolution_nm" in dialog.page.rows
    assert dialog.page.rows["resolution_nm"].editor.text() == "30"


def test_enter_runs_and_escape_forgets(dialog, qtbot):
    qtbot.keyClick(dialog, Qt.Key.Key_Return)
    assert dialog.outcome == "run"
    assert dialog.result() == QDialog.DialogCode.Accepted
    other = SettingsDialog(None, SettingsForm())
    qtbot.addWidget(other)
    qtbot.keyClick(other, Qt.Key.Key_Escape)
    assert other.outcome == ""


def test_defaults_of_a_stage(dialog, qtbot):
    assert not dialog.defaults.isEnabled()
    dialog.page.rows["filter_size"].editor.setText("x")
    qtbot.mouseClick(dialog.defaults, Qt.MouseButton.LeftButton)
    assert dialog.page.rows["filter_size"].editor.text() == "9"


@pytest.fixture
def bar(qtbot):
    host = QWidget()
    qtbot.addWidget(host)
    host.resize(640, 480)
    bar = ThresholdBar()
    bar.lie_over(host)
    host.show()
    return bar


LINE = ThresholdLine(0.4, "12 segments", "In use: 0.400.", True)


def test_bar_shows_without_asking_and_asks_when_it_is_moved(bar):
    moved = MagicMock()
    bar.moved.connect(moved)
    bar.show_threshold(LINE)
    assert bar.isVisible()
    assert bar.slider.value() == 400
    moved.assert_not_called()
    bar.slider.setValue(250)
    moved.assert_called_once_with(0.25)
    bar.hide_threshold()
    assert not bar.isVisible()


def test_enter_in_the_number_ends_the_typing_only(qtbot):
    window = QMainWindow()
    qtbot.addWidget(window)
    bar = ThresholdBar()
    window.setCentralWidget(bar)
    window.show()
    used = MagicMock()
    action = QAction("use", window)
    action.setShortcut("Return")
    window.addAction(action)
    action.triggered.connect(used)
    QApplication.setActiveWindow(window)
    moved = MagicMock()
    bar.moved.connect(moved)
    bar.show_threshold(LINE)
    bar.number.setFocus()
    bar.number.selectAll()
    QTest.keyClicks(bar.number, "0.72")
    QTest.keyClick(bar.number, Qt.Key.Key_Return)
    moved.assert_called_once_with(0.72)
    used.assert_not_called()
    assert not bar.number.hasFocus()
    bar.number.setFocus()
    bar.number.selectAll()
    QTest.keyClicks(bar.number, "0.1")
    QTest.keyClick(bar.number, Qt.Key.Key_Escape)
    moved.assert_called_once()
    assert bar.number.value() == 0.72
    assert bar.number.text() == "0.720"


def errors(split, merge, rand):
    return Errors(VariationScores(split, merge), rand)


def test_figures_are_right_aligned_and_say_which_way_they_went(qtbot):
    panel = TruthPanel()
    qtbot.addWidget(panel)
    shown = MagicMock()
    panel.shown.connect(shown)
    best = VariationScores(0.1, 0.1)
    first, now = errors(0.5, 0.2, 0.3), errors(0.25, 0.3, 0.3)
    panel.show_truth(card_of("/a/truth.h5:/labels", None, updating=True))
    panel.show_truth(card_of("/a/truth.h5:/labels", Figures(now, first, first, best, best)))
    split, merge, _, rand, _ = panel._rows
    assert [part.text() for part in split] == ["VI split", "0.250", "0.500", "−0.250"]
    assert split[3].property("kind") == "better"
    assert (merge[3].text(), merge[3].property("kind")) == ("+0.100", "worse")
    assert rand[3].text() == ""
    assert all(part.alignment() & Qt.AlignmentFlag.AlignRight for part in split[1:])
    assert "bits" in split[0].toolTip()
    panel.show()
    assert split[1].isVisible()
    panel.hide_truth()
    assert shown.call_args_list[-1].args == (False,)
    assert not split[1].isVisible()  # the figures of the next truth take its place


def test_figures_stay_on_show_while_they_are_counted_again(qtbot):
    panel = TruthPanel()
    qtbot.addWidget(panel)
    one = errors(0.5, 0.2, 0.3)
    best = VariationScores(0.1, 0.1)
    panel.show_truth(card_of("t.npy", Figures(one, one, one, best, best)))
    panel.show_truth(card_of("t.npy", None, updating=True))
    assert panel._rows[0][1].text() == "0.500"
    assert not panel._rows[0][1].isEnabled()
    assert "Counting" in panel._note.text()


def test_truth_dialog_comes_back_with_what_was_typed(qtbot):
    dialog = TruthDialog(None, "/a/b.h5", "It has another shape.")
    qtbot.addWidget(dialog)
    assert dialog.path == "/a/b.h5"


def test_edits_are_brought_over_unless_the_person_says_otherwise(qtbot):
    dialog = BesideDialog(None, 1)
    qtbot.addWidget(dialog)
    assert dialog.keep.isChecked()


def test_pipeline_panel_says_how_the_next_run_differs(qtbot):
    panel = PipelinePanel()
    qtbot.addWidget(panel)
    panel.show_settings("2 settings changed")
    assert "2 settings changed" in panel._changed.text()
    panel.show_settings("")
    assert panel._changed.isHidden()
    said = []
    panel.asked.connect(said.append)
    panel.allow({"pipeline.threshold": "there is no merge tree"})
    qtbot.mouseClick(panel.settings, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(panel.threshold, Qt.MouseButton.LeftButton)
    assert said == ["pipeline.settings"]
    assert "no merge tree" in panel.threshold.toolTip()


def test_what_a_run_came_to_stands_beside_its_button_above_the_stages(qtbot):
    panel = PipelinePanel()
    qtbot.addWidget(panel)
    panel.resize(220, 360)
    panel.show_stages(stage_lines(RunState.waiting(STAGES)))
    panel.show_note("Done in 3 s. Report: generation-1/report.html, F6 opens it.")
    panel.show()
    note, first = panel._note, panel._rows[0].widget
    assert panel.run.geometry().bottom() < note.geometry().top()
    assert note.geometry().bottom() < first.mapTo(panel, QPoint()).y()
