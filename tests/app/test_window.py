"""The real window on a real project: a handful of tests that need a display."""

import shutil
from unittest.mock import MagicMock

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtGui import QImage
from qtpy.QtWidgets import QApplication

from segmend.app.application import (
    Application,
    Choices,
    Options,
    take_picture,
    wait_until_drawn,
)
from segmend.app.jobs import SynchronousJobs
from segmend.app.layers.scene import AFFINITIES, CANDIDATE, SEGMENTS
from segmend.app.presenters.projects import RecentProjects
from segmend.core.errors import ProjectError, ProjectLocked
from segmend.core.project import create_project
from segmend.core.session import Session
from segmend.core.volumes.memory import MemoryVolume

pytestmark = pytest.mark.viewer


@pytest.fixture
def application(qtbot, tmp_path, monkeypatch):
    errors = MagicMock()
    monkeypatch.setattr(Application, "show_error", lambda self, error: errors(error))
    options = Options(recent=RecentProjects(tmp_path / "recent.json"))
    application = Application(options, synchronous=True)
    application.errors = errors
    application.window.resize(1280, 800)
    application.window.show()
    qtbot.waitExposed(application.window)
    QApplication.setActiveWindow(application.window)  # keys go to the active window
    yield application
    wait_until_drawn(application)
    application.window.close()
    application.window.deleteLater()


@pytest.fixture
def opened(application, project_path):
    application.open(project_path)
    wait_until_drawn(application)
    return application


def press(qtbot, application, key):
    qtbot.keyClick(application.window, key)
    wait_until_drawn(application)


def picture(widget):
    return pixels_of(widget.grab().toImage())


def pixels_of(image):
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    bits = image.constBits()
    bits.setsize(image.sizeInBytes())
    rows = np.frombuffer(bits, np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : image.width() * 3].reshape(image.height(), image.width(), 3).astype(int)


def share(pixels, more, less):
    """Share of pixels where one colour channel is clearly above another."""
    return float((pixels[..., more] - pixels[..., less] > 60).mean())


def test_candidate_is_on_the_screen_in_its_two_colours(opened):
    for view in (opened.window.sections, opened.window.solids):
        pixels = picture(view.canvas.native)
        assert share(pixels, 2, 0) > 0.01
        assert share(pixels, 0, 2) > 0.01


def test_keys_decide_undo_and_hide(opened, qtbot):
    session, first = opened.now.session, opened.now.review.scene.candidate
    press(qtbot, opened, Qt.Key.Key_A)
    assert session.log()[-1].verdict == "accept"
    press(qtbot, opened, Qt.Key.Key_U)
    assert opened.now.review.scene.candidate == first
    press(qtbot, opened, Qt.Key.Key_R)
    press(qtbot, opened, Qt.Key.Key_S)
    assert [o.verdict for o in session.log() if o.verdict] == ["accept", "reject", "unsure"]
    press(qtbot, opened, Qt.Key.Key_2)
    assert opened.window.scene.layer(AFFINITIES).visible


def test_space_shows_the_bare_image_while_it_is_down(opened, qtbot):
    scene = opened.window.scene
    qtbot.keyPress(opened.window, Qt.Key.Key_Space)
    assert not scene.layer(SEGMENTS).visible
    assert not scene.layer(CANDIDATE).visible
    qtbot.keyRelease(opened.window, Qt.Key.Key_Space)
    assert scene.layer(SEGMENTS).visible
    assert not scene.layer(AFFINITIES).visible


def test_closing_gives_the_project_back(opened, project_path):
    opened.close_project()
    with Session.open(project_path) as session:
        assert session.can_undo is False
    assert opened.window.start.isVisible()
    assert opened._options.recent.paths() == (project_path,)


def test_what_cannot_be_opened_is_said(application, tmp_path):
    application.open(tmp_path / "nothing.segmend")
    (error,) = application.errors.call_args.args
    assert isinstance(error, ProjectError)
    assert application.window.start.isVisible()


class LateJobs(SynchronousJobs):
    """Does edits when told to, and delivers their answers after that, as the threads may."""

    def __init__(self):
        super().__init__()
        self.waiting, self.answers = [], []

    def edit(self, work, then, failed=None):
        self.waiting.append((work, then, failed))

    def work(self):
        waiting, self.waiting = self.waiting, []
        for work, then, failed in waiting:
            self._do(work, lambda answer, then=then: self.answers.append((then, answer)), failed)

    def deliver(self):
        answers, self.answers = self.answers, []
        for then, answer in answers:
            then(answer)

    def finish(self):
        while self.waiting or self.answers:
            self.work()
            self.deliver()


@pytest.fixture
def late(application, monkeypatch):
    jobs = LateJobs()
    monkeypatch.setattr(application, "jobs", jobs)
    yield jobs
    application.close_project()
    jobs.finish()


@pytest.mark.parametrize("loaded", [False, True])
def test_of_two_projects_opened_at_once_only_the_second_is_held(
    application, late, project_path, tmp_path, loaded
):
    second = shutil.copytree(project_path, tmp_path / "second.segmend")
    application.open(project_path)
    if loaded:
        late.work()
    application.open(second)
    late.finish()
    assert application.now.project.path == second
    Session.open(project_path).close()
    with pytest.raises(ProjectLocked):
        Session.open(second)


def test_a_project_opened_twice_at_once_is_not_in_its_own_way(application, late, project_path):
    application.open(project_path)
    late.work()
    application.open(project_path)
    late.finish()
    assert not application.errors.called
    assert application.now.session.segmentation.supervoxel_count == 60


def test_closing_before_the_answer_gives_the_project_back(application, late, project_path):
    application.open(project_path)
    late.work()
    application.close_project()
    late.finish()
    assert application.now is None
    Session.open(project_path).close()


def test_export_writes_the_edits(opened, tmp_path, qtbot):
    import h5py

    out = tmp_path / "out.h5"
    opened._options.choices = Choices(export=lambda parent, suggested: out)
    press(qtbot, opened, Qt.Key.Key_A)
    before = opened.now.session.segmentation.segment_of
    opened.export()
    with h5py.File(out) as file:
        assert len(np.unique(file["segmentation"])) == len(np.unique(before[1:]))


def test_nothing_in_the_review_panel_is_cut_off(opened):
    window = opened.window
    for look in ("dark", "light"):
        for size in ((1280, 800), (1900, 1150)):
            window.set_look(look)
            window.resize(*size)
            wait_until_drawn(opened)
            skip = window.review.skip
            corner = skip.mapTo(window.review, skip.rect().bottomRight())
            assert corner.y() < window.review.rect().bottom()
            area = window.review.parent().parent()
            assert area.verticalScrollBar().maximum() == 0


def test_picture_of_the_queue(project_path, tmp_path, qapp):
    take_picture(project_path, tmp_path / "window.png", (1300, 820))
    pixels = pixels_of(QImage(str(tmp_path / "window.png")))
    assert pixels.shape == (820, 1300, 3)
    assert share(pixels, 2, 0) > 0.01
    assert share(pixels, 0, 2) > 0.01
    with Session.open(project_path) as session:
        assert session.log() == []


def test_project_without_segmentation_asks_for_the_pipeline(application, tmp_path):
    image = np.random.default_rng(0).integers(0, 255, (8, 64, 64)).astype(np.uint8)
    project = create_project(tmp_path / "raw.segmend", image=MemoryVolume(image))
    application.open(project.path)
    wait_until_drawn(application)
    assert application.window.review._end_title.text() == "Not segmented yet"
    situation = application.situation()
    assert situation.project
    assert not situation.segmented
    assert application.window.actions_by_id["pipeline.run"].isEnabled()
    assert not application.window.actions_by_id["review.accept"].isEnabled()
