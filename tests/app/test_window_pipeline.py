"""The real window: settings reach the run, the slider recolours the sections, figures follow a merge."""

import shutil
from unittest.mock import MagicMock

import numpy as np
import pytest
from edits_world import voronoi
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from segmend.app.application import Application, Choices, Options, wait_until_drawn
from segmend.app.layers.scene import CANDIDATE, SEGMENTS
from segmend.app.layers.truth import TRUTH
from segmend.core.geometry import Box, Grid
from segmend.core.pipeline.progress import RunReport
from segmend.core.pipeline.runner import run_pipeline
from segmend.core.project import create_project
from segmend.core.volumes.memory import MemoryVolume

pytestmark = pytest.mark.viewer
SHAPE = (12, 40, 44)
GRID = Grid((10.0, 10.0, 10.0))


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """60 supervoxels with a merge tree, and their truth: blocks of six."""
    folder = tmp_path_factory.mktemp("tree")
    labels = voronoi(SHAPE, 60)
    rng = np.random.default_rng(3)
    project = create_project(
        folder / "t.segmend",
        image=MemoryVolume(rng.integers(60, 200, SHAPE).astype(np.uint8), GRID),
        supervoxels=MemoryVolume(labels, GRID),
        affinities=MemoryVolume(_affinities(labels), GRID),
    )
    run_pipeline(project, ("graph", "agglomeration"), scheduler="synchronous")
    np.save(folder / "truth.npy", (labels + 5) // 6)
    return folder


def _affinities(labels):
    """Strong inside groups of four supervoxels, to different degrees, and weak between them."""
    group = (labels.astype(int) + 3) // 4
    inside = 110 + labels.astype(int) * 37 % 80
    found = [np.where(group == np.roll(group, 1, axis), inside, 40) for axis in range(3)]
    return np.array(found).astype(np.uint8)


@pytest.fixture
def choices(template):
    return Choices(
        truth=lambda parent, typed, error: None if error else str(template / "truth.npy"),
        settings=MagicMock(return_value=""),
        beside=MagicMock(return_value=None),
        browse=MagicMock(return_value=True),
    )


@pytest.fixture
def opened(qtbot, template, tmp_path, monkeypatch, choices):
    monkeypatch.setattr(Application, "show_error", MagicMock())
    application = Application(Options(recent=None, choices=choices), synchronous=True)
    monkeypatch.setattr(application.jobs, "pipeline", MagicMock())
    application.window.resize(1280, 800)
    application.window.show()
    qtbot.waitExposed(application.window)
    QApplication.setActiveWindow(application.window)
    application.open(shutil.copytree(template / "t.segmend", tmp_path / "p.segmend"))
    wait_until_drawn(application)
    yield application
    wait_until_drawn(application)
    application.window.close()
    application.window.deleteLater()


def press(application, key, modifier=Qt.KeyboardModifier.NoModifier):
    QTest.keyClick(application.window, key, modifier)
    wait_until_drawn(application)


def request(application):
    return application.jobs.pipeline.call_args.args[0]


def raw(application, name):
    return application.window.scene.layer(name)._slice.image.raw


def test_settings_of_the_form_reach_the_run(opened, choices):
    def change(parent, form):
        form.type("agglomeration", "threshold", "0.35")
        form.switch("skeletons", False)
        return "keep"

    choices.settings.side_effect = change
    press(opened, Qt.Key.Key_Comma, Qt.KeyboardModifier.ControlModifier)
    opened.jobs.pipeline.assert_not_called()
    assert "1 setting changed" in opened.window.pipeline._changed.text()
    press(opened, Qt.Key.Key_F5)
    assert request(opened).settings["agglomeration"]["threshold"] == 0.35
    assert request(opened).stages == ("graph", "agglomeration", "candidates")


def test_a_form_that_is_cancelled_changes_nothing(opened, choices):
    def change(parent, form):
        form.type("agglomeration", "threshold", "0.35")
        return ""

    choices.settings.side_effect = change
    opened.pipeline_settings()
    press(opened, Qt.Key.Key_F5)
    assert request(opened).settings["agglomeration"]["threshold"] == 0.4
    assert request(opened).stages is None


def test_the_slider_recolours_the_sections_and_escape_returns(opened):
    before = raw(opened, SEGMENTS).copy()
    opacity = opened.window.scene.layer(SEGMENTS).opacity
    press(opened, Qt.Key.Key_T, Qt.KeyboardModifier.ControlModifier)
    bar = opened.window.threshold
    assert bar.isVisible()
    np.testing.assert_array_equal(raw(opened, SEGMENTS), before)
    bar.slider.setValue(600)
    wait_until_drawn(opened)
    finer = raw(opened, SEGMENTS).copy()
    assert len(np.unique(finer)) > len(np.unique(before))
    press(opened, Qt.Key.Key_PageDown)
    assert bar.slider.value() == 500
    assert not opened.window.actions_by_id["edit.merge"].isEnabled()
    assert not opened.window.scene.layer(CANDIDATE).visible
    press(opened, Qt.Key.Key_Escape)
    assert not bar.isVisible()
    np.testing.assert_array_equal(raw(opened, SEGMENTS), before)
    assert opened.window.scene.layer(SEGMENTS).opacity == opacity
    opened.jobs.pipeline.assert_not_called()


def test_a_threshold_is_used_for_the_stages_that_hang_on_it(opened):
    press(opened, Qt.Key.Key_T, Qt.KeyboardModifier.ControlModifier)
    press(opened, Qt.Key.Key_Up)
    press(opened, Qt.Key.Key_Return)
    assert request(opened).settings["agglomeration"]["threshold"] == 0.41
    assert request(opened).stages == ("agglomeration", "skeletons", "candidates")
    assert not request(opened).new_generation


def merge_two(opened):
    session, work = opened.now.session, opened.now.work
    segment_of = session.segmentation.segment_of
    first = 1
    other = int(np.flatnonzero(segment_of[1:] != segment_of[first])[0]) + 1
    for supervoxel in (first, other):
        point = session.segmentation.points(np.array([supervoxel]))[0]
        work.solids.pick(session.spot_at(GRID.to_nm(tuple(map(int, point)))))
    opened.show_situation()
    press(opened, Qt.Key.Key_M)


def test_a_run_beside_edits_is_asked_for(opened, choices):
    merge_two(opened)
    press(opened, Qt.Key.Key_F5)
    choices.beside.assert_called_once_with(opened.window, 1)
    opened.jobs.pipeline.assert_not_called()
    choices.beside.return_value = True
    press(opened, Qt.Key.Key_F5)
    assert request(opened).new_generation
    assert request(opened).keep_edits


def test_figures_against_the_truth_appear_and_follow_a_merge(opened):
    panel = opened.window.truth
    assert not panel.isVisible()
    press(opened, Qt.Key.Key_G, Qt.KeyboardModifier.ControlModifier)
    assert panel.isVisible()
    assert opened.window.scene.layer(TRUTH).visible
    assert raw(opened, TRUTH).any()
    title, value, _, change = panel._rows[2]
    assert title.text() == "VI sum"
    assert change.text() == ""
    before = value.text()
    merge_two(opened)
    assert value.text() != before
    assert change.text()
    press(opened, Qt.Key.Key_5)
    assert not opened.window.scene.layer(TRUTH).visible
    press(opened, Qt.Key.Key_T, Qt.KeyboardModifier.ControlModifier)
    assert "VI " in opened.window.threshold._words.text()
    press(opened, Qt.Key.Key_Escape)
    modifiers = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    press(opened, Qt.Key.Key_G, modifiers)
    assert not panel.isVisible()
    assert opened.window.scene.layer(TRUTH) is None


def test_the_truth_is_there_again_after_a_run_but_not_in_another_project(opened):
    opened.compare_with_truth()
    opened.run_pipeline()
    watch = opened.jobs.pipeline.call_args.args[1]
    assert not opened.window.truth.isVisible()
    watch.finished(RunReport(()))
    wait_until_drawn(opened)
    assert opened.window.truth.isVisible()
    assert opened.window.scene.layer(TRUTH) is not None
    opened.open(opened.now.project.path)
    wait_until_drawn(opened)
    assert opened.now.work is not None
    assert not opened.window.truth.isVisible()


def test_the_report_of_a_run_is_opened_in_the_browser(opened, choices):
    action = opened.window.actions_by_id["pipeline.report"]
    assert not action.isEnabled()
    opened.compare_with_truth()
    opened.run_pipeline()
    assert request(opened).truth == choices.truth(None, "", "")
    page = opened.now.project.generation_dir / "report.html"
    page.write_text("<!DOCTYPE html>", encoding="utf-8")
    opened.jobs.pipeline.call_args.args[1].finished(RunReport(()))
    wait_until_drawn(opened)
    assert action.isEnabled()
    press(opened, Qt.Key.Key_F6)
    choices.browse.assert_called_once_with(page)
    choices.browse.return_value = False
    press(opened, Qt.Key.Key_F6)
    assert str(page) in opened.window.notice.text


def test_a_truth_that_does_not_fit_is_asked_for_again_with_the_reason(opened, tmp_path, choices):
    np.save(tmp_path / "t.npy", np.ones((3, 3, 3), np.uint8))
    asked = []

    def answer(parent, typed, error):
        asked.append(error)
        return None if error else str(tmp_path / "t.npy")

    choices.truth = answer
    opened.compare_with_truth()
    assert asked[0] == ""
    assert "3 x 3 x 3 voxels" in asked[1]
    assert not opened.window.truth.isVisible()


def test_closing_the_project_puts_everything_away(opened):
    opened.compare_with_truth()
    opened.try_threshold()
    opened.close_project()
    assert not opened.window.truth.isVisible()
    assert not opened.window.threshold.isVisible()


def test_supervoxels_of_the_truth_are_counted_over_all_voxels(opened):
    opened.compare_with_truth()
    counts = opened.now.work.truth.table.counts
    assert int(counts.sum()) == Box.of_shape(SHAPE).size
