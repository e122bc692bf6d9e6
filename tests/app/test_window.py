"""The real window on a real project: a handful of tests that need a display."""

import shutil
from unittest.mock import MagicMock

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QImage
from qtpy.QtTest import QTest
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
from segmend.core.errors import EditRefused, ProjectError, ProjectLocked
from segmend.core.geometry import Box
from segmend.core.project import create_project
from segmend.core.session import Session
from segmend.core.volumes.memory import MemoryVolume

pytestmark = pytest.mark.viewer
SHOW_ERROR = Application.show_error
SHOW_SITUATION = Application.show_situation


@pytest.fixture
def application(qtbot, tmp_path, monkeypatch):
    errors = MagicMock()

    def show_error(self, error):
        errors(error)
        if isinstance(error, EditRefused):  # all others open a dialog
            SHOW_ERROR(self, error)

    monkeypatch.setattr(Application, "show_error", show_error)
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
    session, first = opened.now.session, opened.now.work.review.scene.candidate
    press(qtbot, opened, Qt.Key.Key_A)
    assert session.log()[-1].verdict == "accept"
    press(qtbot, opened, Qt.Key.Key_U)
    assert opened.now.work.review.scene.candidate == first
    press(qtbot, opened, Qt.Key.Key_R)
    press(qtbot, opened, Qt.Key.Key_S)
    assert [o.verdict for o in session.log() if o.verdict] == ["accept", "reject", "unsure"]
    press(qtbot, opened, Qt.Key.Key_2)
    assert opened.window.scene.layer(AFFINITIES).visible


def test_nothing_changes_while_a_filter_is_typed(opened, qtbot):
    opened.window.show_history()
    press(qtbot, opened, Qt.Key.Key_R)
    line = opened.window.history._text
    line.setFocus()
    qtbot.keyClicks(line, "a rx")
    assert line.text() == "a rx"
    assert len(opened.now.session.log()) == 1
    assert not opened.now.work.seeding.active


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


def over(opened, fraction_y, fraction_x):
    """A pixel of the sections with the pointer on it."""
    canvas = opened.window.sections.canvas.native
    pixel = QPoint(int(canvas.width() * fraction_x), int(canvas.height() * fraction_y))
    QTest.mouseMove(canvas, pixel)
    wait_until_drawn(opened)
    return canvas, pixel


def pixel_of(opened, place_nm):
    """Return (x, y) of a place of the section on show."""
    scene = opened.window.scene
    height, width = scene.sections.canvas.size
    camera = scene.sections.scene.camera
    middle_y, middle_x = camera.center[-2:]
    y = height / 2 + (place_nm[1] - middle_y) * camera.zoom
    x = width / 2 + (place_nm[2] - middle_x) * camera.zoom
    return round(x), round(y)


def click(opened, place_nm):
    """Click at a place of the section on show."""
    canvas = opened.window.sections.canvas.native
    pixel = QPoint(*pixel_of(opened, place_nm))
    QTest.mouseMove(canvas, pixel)
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, pixel)
    wait_until_drawn(opened)


def two_places(session):
    """Places of one section in two supervoxels of one segment, away from the border."""
    plane = session.supervoxels[0].read(Box((6, 0, 0), (7, 40, 44)))[0]
    segment_of = session.segmentation.segment_of
    for segment in range(1, 21):
        inside = [s for s in np.unique(plane) if segment_of[s] == segment]
        places = [np.argwhere(plane == s) for s in inside]
        places = [p[len(p) // 2] for p in places if len(p) > 30]
        if len(places) > 1:
            return [session.project.grid.to_nm((6, *map(int, p))) for p in places[:2]]
    raise AssertionError("no segment has two large supervoxels in this section")


def test_split_with_two_clicks_and_enter(opened, qtbot):
    work, window = opened.now.work, opened.window
    first, second = two_places(work.session)
    work.go_to(first)
    wait_until_drawn(opened)
    height, width = window.scene.sections.canvas.size
    click(opened, first)
    press(qtbot, opened, Qt.Key.Key_X)
    assert work.seeding.active
    assert not window.actions_by_id["review.accept"].isEnabled()
    click(opened, first)
    click(opened, second)
    assert [stroke.side for stroke in work.seeding.strokes] == [1, 2]
    assert work.seeding.solved
    assert window.seeds.isVisible()
    pixels = picture(window.sections.canvas.native)
    assert share(pixels, 2, 0) > 0.005
    assert share(pixels, 0, 2) > 0.005
    x, y = pixel_of(opened, second)
    mark = pixels[y - 5 : y + 6, x - 5 : x + 6]
    assert (mark.min(axis=-1) > 230).mean() < 0.4  # a seed has its colour; white is only its border
    assert window.scene.sections.canvas.size == (height, width)
    press(qtbot, opened, Qt.Key.Key_Return)
    spots = [work.session.spot_at(place) for place in (first, second)]
    segments = {int(work.session.segmentation.segment_of[s.supervoxel]) for s in spots}
    assert len(segments) == 2
    assert not window.seeds.isVisible()
    assert window.actions_by_id["edit.undo"].text().startswith("Undo split into ")
    assert window.history.list.rows.rows[0].title == "Cut a segment"


def test_seeds_can_be_taken_back_and_cancelled_with_keys(opened, qtbot):
    work = opened.now.work
    first = two_places(work.session)[0]
    work.go_to(first)
    wait_until_drawn(opened)
    click(opened, first)
    press(qtbot, opened, Qt.Key.Key_V)
    press(qtbot, opened, Qt.Key.Key_3)
    press(qtbot, opened, Qt.Key.Key_S)
    assert [stroke.side for stroke in work.seeding.strokes] == [3]
    press(qtbot, opened, Qt.Key.Key_Backspace)
    assert work.seeding.strokes == []
    press(qtbot, opened, Qt.Key.Key_Escape)
    assert not work.seeding.active
    assert opened.window.scene.layer(CANDIDATE).visible
    assert work.session.log() == []


def test_picked_segments_are_merged(opened, qtbot):
    work = opened.now.work
    for supervoxel in (16, 25):
        point = work.session.segmentation.points(np.array([supervoxel]))[0]
        work.solids.pick(
            work.session.spot_at(work.session.project.grid.to_nm(tuple(map(int, point))))
        )
    opened.show_situation()
    press(qtbot, opened, Qt.Key.Key_M)
    segment_of = work.session.segmentation.segment_of
    assert segment_of[16] == segment_of[25]
    assert opened.window.notice.text == "Merged 106 and 109"
    assert len(work.solids.picks) == 1


def test_history_switches_an_operation_with_the_keyboard(opened, qtbot):
    session = opened.now.session
    start = session.state()
    press(qtbot, opened, Qt.Key.Key_A)
    press(qtbot, opened, Qt.Key.Key_H)
    assert QApplication.focusWidget() is opened.window.history.list
    qtbot.keyClick(opened.window.history.list, Qt.Key.Key_Space)
    wait_until_drawn(opened)
    assert session.state().same_as(start)
    assert opened.window.notice.text == "Operation 1 is off"
    assert opened.window.history.list.rows.rows[0].on is False


def test_the_history_may_be_switched_while_seeds_are_placed(opened, qtbot):
    work, session = opened.now.work, opened.now.session
    press(qtbot, opened, Qt.Key.Key_A)
    points = session.segmentation.points(np.array([1, 2]))
    places = [session.project.grid.to_nm(tuple(point)) for point in points.tolist()]
    work.seeding.begin("split", places[0])
    for place in places:
        work.seeding.place((place,))
    merged = work.seeding._pieces
    opened.window.history.switched.emit(1, False)
    wait_until_drawn(opened)
    assert opened.window.history.list.rows.rows[0].on is False
    assert work.seeding.solved
    members = np.sort(np.concatenate(list(work.seeding._pieces.supervoxels.values())))
    assert members.tolist() == [1, 2, 3]
    assert not work.seeding._pieces.same_as(merged)
    press(qtbot, opened, Qt.Key.Key_Return)
    assert not work.seeding.active
    assert opened.window.history.list.rows.rows[0].title == "Cut a segment"


def test_refusals_are_said_over_the_views(opened):
    work = opened.now.work
    place = two_places(work.session)[0]
    work.editing.toggle_lock(place)
    work.editing.detach(place)
    notice = opened.window.notice
    assert notice.text.endswith("is locked: point at it and press L to unlock it.")
    assert notice.property("kind") == "warning"


def test_looking_only_disturbs_nobody(application, project_path, qtbot):
    with Session.open(project_path) as writer:
        application.open(project_path, look_only=True)
        wait_until_drawn(application)
        actions = application.window.actions_by_id
        assert not actions["review.accept"].isEnabled()
        assert "look only" in actions["edit.undo"].toolTip()
        first = application.now.work.review.scene.candidate.id
        press(qtbot, application, Qt.Key.Key_S)
        assert application.now.work.review.scene.candidate.id != first
        assert writer.log() == []


def test_a_segment_under_the_pointer_can_be_locked(opened, qtbot):
    work = opened.now.work
    over(opened, 0.5, 0.5)
    assert opened.situation().target
    press(qtbot, opened, Qt.Key.Key_L)
    assert work.session.segmentation.locked == {work.target()}
    assert opened.window.actions_by_id["edit.lock"].text() == "Unlock segment"


def test_a_segment_is_in_reach_again_after_a_look_at_the_panels(opened, monkeypatch):
    sections = opened.window.scene.sections
    monkeypatch.setattr(opened.window.scene, "segment_under", lambda place: 1)
    shown = MagicMock()
    monkeypatch.setattr(opened, "show_situation", lambda: (shown(), SHOW_SITUATION(opened)))

    def point_at(*place):
        sections.mouse_over_canvas = True
        sections.cursor.position = place
        return shown.call_count

    first = point_at(0.0, 1.0, 1.0)
    assert point_at(0.0, 2.0, 2.0) == first  # nothing else is possible there
    sections.mouse_over_canvas = False  # as napari says when the pointer leaves
    opened.show_situation()
    assert point_at(0.0, 3.0, 3.0) == first + 2


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

    def edit(self, work, then, failed=None, topic=""):
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
