"""The list of operations: ten thousand rows, keys, switches, filters."""

from unittest.mock import MagicMock

import pytest
from qtpy.QtCore import QPoint, Qt

from segmend.app.presenters.history import HistoryFilter, HistoryRow
from segmend.app.widgets.history_list import HistoryModel, box_of, tooltip
from segmend.app.widgets.history_panel import HistoryPanel

ROWS = [
    HistoryRow(3, "Cut a segment", "bob", kind="Split", on=False),
    HistoryRow(2, "Joined two segments", "ada", kind="Merge", place_nm=(1.0, 2.0, 3.0)),
    HistoryRow(1, "Cannot be used", kind="Damaged", on=None, problem="its voxels are damaged"),
]


@pytest.fixture
def panel(qtbot):
    panel = HistoryPanel()
    qtbot.addWidget(panel)
    panel.resize(240, 300)
    panel.show_rows(ROWS, total=3)
    panel.offer(["ada", "bob"], ["Merge", "Split"])
    panel.show()
    return panel


@pytest.fixture
def switched(panel):
    got = []
    panel.switched.connect(lambda number, on: got.append((number, on)))
    return got


def data(panel, row, role):
    return panel.list.rows.index(row).data(int(role))


def test_states_are_told_to_screen_readers_too(panel):
    role = Qt.ItemDataRole
    states = [data(panel, row, role.CheckStateRole) for row in range(3)]
    assert states == [Qt.CheckState.Unchecked, Qt.CheckState.Checked, None]
    assert data(panel, 1, role.AccessibleTextRole) == "2 Joined two segments"
    assert "its voxels are damaged" in data(panel, 2, role.ToolTipRole)


def test_tooltip_says_whether_it_is_in_effect():
    assert tooltip(HistoryRow(1, "x", details="Operation 1")) == "Operation 1\nin effect"
    assert tooltip(HistoryRow(1, "x", on=False)) == "switched off"


def test_keys_move_switch_and_go(panel, switched, qtbot):
    gone = []
    panel.chosen.connect(gone.append)
    panel.focus_list()
    qtbot.keyClick(panel.list, Qt.Key.Key_Space)
    qtbot.keyClick(panel.list, Qt.Key.Key_Down)
    qtbot.keyClick(panel.list, Qt.Key.Key_Space)
    qtbot.keyClick(panel.list, Qt.Key.Key_Return)
    assert switched == [(3, True), (2, False)]
    assert gone == [(1.0, 2.0, 3.0)]


def test_what_cannot_be_switched_is_not(panel, switched, qtbot):
    panel.list.setCurrentIndex(panel.list.rows.index(2))
    qtbot.keyClick(panel.list, Qt.Key.Key_Space)
    assert switched == []


def test_a_click_on_the_box_switches_and_one_on_the_words_does_not(panel, switched, qtbot):
    rect = panel.list.visualRect(panel.list.rows.index(1))
    left = Qt.MouseButton.LeftButton
    qtbot.mouseClick(panel.list.viewport(), left, pos=rect.center() + QPoint(20, 0))
    assert switched == []
    qtbot.mouseClick(panel.list.viewport(), left, pos=box_of(rect).center())
    assert switched == [(2, False)]


def test_the_row_changes_only_when_the_session_has(panel, switched):
    panel.list.rows.setData(panel.list.rows.index(1), None, int(Qt.ItemDataRole.CheckStateRole))
    assert switched == [(2, False)]
    assert data(panel, 1, Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Checked


def test_only_rows_on_the_screen_are_looked_at(panel, monkeypatch):
    asked = MagicMock(side_effect=HistoryModel.data)
    monkeypatch.setattr(HistoryModel, "data", lambda *arguments: asked(*arguments))
    panel.show_rows([HistoryRow(n, "x") for n in range(10_000, 0, -1)], total=10_000)
    panel.grab()
    assert 0 < len({call.args[1].row() for call in asked.call_args_list}) < 50


def test_new_rows_on_top_keep_the_place_in_the_list(panel):
    panel.list.setCurrentIndex(panel.list.rows.index(1))
    panel.show_rows([HistoryRow(4, "Locked"), *ROWS], total=4)
    assert panel.list.currentIndex().row() == 2
    assert panel.list.rows.rowCount() == 4


def test_filters_are_told(panel, qtbot):
    got = []
    panel.narrowed.connect(got.append)
    qtbot.keyClicks(panel._text, "cut")
    panel._author.setCurrentText("bob")
    panel._kind.setCurrentText("Split")
    assert got[-1] == HistoryFilter("cut", "bob", "Split")
    qtbot.keyClick(panel._text, Qt.Key.Key_Escape)
    assert got[-1] == HistoryFilter("", "bob", "Split")


def test_what_is_chosen_stays_chosen_when_more_is_offered(panel):
    panel._author.setCurrentText("bob")
    got = []
    panel.narrowed.connect(got.append)
    panel.offer(["ada", "bob", "cleo"], ["Merge", "Split"])
    assert panel._author.currentText() == "bob"
    assert got == []


def test_an_empty_list_says_why(panel):
    panel.show_rows((), total=3)
    assert panel._empty.text() == "Nothing matches the filter."
    panel.show_rows((), total=0)
    assert "appear here" in panel._empty.text()
    assert panel._filters.isHidden()


@pytest.mark.parametrize("look", ["dark", "light"])
def test_conflicts_are_marked_by_a_sign_and_not_by_colour_alone(panel, look, monkeypatch):
    from segmend.app.widgets import history_list

    drawn = []
    draw = history_list._draw_text
    monkeypatch.setattr(
        history_list, "_draw_text", lambda p, a, w, text: (drawn.append(text), draw(p, a, w, text))
    )
    panel.set_look(look)
    panel.grab()
    assert "⚠ 1  Cannot be used" in drawn
    assert "its voxels are damaged" in drawn
