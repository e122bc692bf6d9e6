"""The list inside the history panel: a model over the presenter's rows and how one row is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import QAbstractListModel, QEvent, QModelIndex, QRect, QSize, Qt, Signal
from qtpy.QtGui import QColor, QFont, QKeyEvent, QMouseEvent, QPainter
from qtpy.QtWidgets import (
    QApplication,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionButton,
    QStyleOptionViewItem,
    QWidget,
)

from segmend.app.presenters.history import HistoryRow
from segmend.app.widgets.theme import Look, palette

ROW = int(Qt.ItemDataRole.UserRole)
_HEIGHT, _MARGIN, _BOX, _GAP = 42, 10, 16, 8
_WARNING = "⚠"


class HistoryModel(QAbstractListModel):
    """Rows as the presenter made them; only those on the screen are ever asked for.

    Parameters
    ----------
    parent : QWidget, optional
    """

    switched = Signal(int, bool)
    """Number of an operation, and whether it is to be on."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: Sequence[HistoryRow] = ()

    def show(self, rows: Sequence[HistoryRow]) -> None:
        """Replace the rows; rows that only came on top keep the place in the list."""
        old, new = self.rows, rows
        added = len(new) - len(old)
        if added >= 0 and [r.number for r in new[added:]] == [r.number for r in old]:
            if added:
                self.beginInsertRows(QModelIndex(), 0, added - 1)
                self.rows = new
                self.endInsertRows()
            self.rows = new
            if new:
                self.dataChanged.emit(self.index(0), self.index(len(new) - 1))
            return
        self.beginResetModel()
        self.rows = new
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return how many there are."""
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        """Allow the switch where there is one."""
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        if index.isValid() and self.rows[index.row()].on is not None:
            flags |= Qt.ItemFlag.ItemIsUserCheckable
        return flags

    def data(self, index: QModelIndex, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        """Return what a row shows; the texts are for screen readers too."""
        if not index.isValid():
            return None
        row = self.rows[index.row()]
        if role == ROW:
            return row
        if role == int(Qt.ItemDataRole.CheckStateRole) and row.on is not None:
            return Qt.CheckState.Checked if row.on else Qt.CheckState.Unchecked
        if role in (int(Qt.ItemDataRole.DisplayRole), int(Qt.ItemDataRole.AccessibleTextRole)):
            return f"{row.number} {row.title}"
        if role == int(Qt.ItemDataRole.ToolTipRole):
            return tooltip(row)
        return None

    def setData(self, index: QModelIndex, value: Any, role: int = 0) -> bool:
        """Pass a click on the switch on; the row changes when the session has."""
        row = self.rows[index.row()] if index.isValid() else None
        if role != int(Qt.ItemDataRole.CheckStateRole) or row is None or row.on is None:
            return False
        self.switched.emit(row.number, not row.on)
        return True


def tooltip(row: HistoryRow) -> str:
    """Return everything that is known of a row."""
    state = {True: "in effect", False: "switched off", None: ""}[row.on]
    if row.problem:
        state = f"without effect: {row.problem}"
    return "\n".join(filter(None, (row.details, state)))


class HistoryDelegate(QStyledItemDelegate):
    """Draws a switch, what was done, and who, when and where below it."""

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.look: Look = look

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        """All rows are of one height, so that ten thousand cost nothing."""
        return QSize(120, _HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Draw one row."""
        row: HistoryRow = index.data(ROW)
        colours = palette(self.look)
        painter.save()
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(option.rect, QColor(colours["hover"]))
        if option.state & QStyle.StateFlag.State_HasFocus:
            painter.fillRect(
                QRect(option.rect.topLeft(), QSize(3, _HEIGHT)), QColor(colours["accent"])
            )
        if row.on is not None:
            self._draw_box(painter, option, row.on)
        left = option.rect.left() + _MARGIN + _BOX + _GAP
        area = QRect(left, option.rect.top() + 4, option.rect.right() - left - 8, _HEIGHT - 8)
        self._draw_title(painter, area, option.font, row)
        self._draw_byline(painter, area, option.font, row)
        painter.restore()

    def _draw_box(self, painter: QPainter, option: QStyleOptionViewItem, on: bool) -> None:
        button = QStyleOptionButton()
        button.rect = box_of(option.rect)
        button.state = QStyle.StateFlag.State_Enabled
        button.state |= QStyle.StateFlag.State_On if on else QStyle.StateFlag.State_Off
        view = option.widget
        style = view.style() if view is not None else QApplication.style()
        style.drawPrimitive(
            QStyle.PrimitiveElement.PE_IndicatorItemViewItemCheck, button, painter, view
        )

    def _draw_title(self, painter: QPainter, area: QRect, font: QFont, row: HistoryRow) -> None:
        colours = palette(self.look)
        font = QFont(font)
        font.setStrikeOut(row.on is False)
        painter.setFont(font)
        wrong = bool(row.problem)
        painter.setPen(QColor(colours["warning" if wrong else "muted" if not row.on else "text"]))
        text = f"{_WARNING} {row.number}  {row.title}" if wrong else f"{row.number}  {row.title}"
        _draw_text(painter, area, Qt.AlignmentFlag.AlignTop, text)

    def _draw_byline(self, painter: QPainter, area: QRect, font: QFont, row: HistoryRow) -> None:
        small = QFont(font)
        small.setPointSizeF(max(7.0, font.pointSizeF() - 1.5))
        painter.setFont(small)
        painter.setPen(QColor(palette(self.look)["muted"]))
        text = row.problem or "  ".join(filter(None, (row.by, row.when, row.where)))
        _draw_text(painter, area, Qt.AlignmentFlag.AlignBottom, text)

    def editorEvent(
        self, event: QEvent, model: Any, option: QStyleOptionViewItem, index: QModelIndex
    ) -> bool:
        """Switch on a click on the box and on Space."""
        role = int(Qt.ItemDataRole.CheckStateRole)
        if isinstance(event, QMouseEvent) and event.type() == QEvent.Type.MouseButtonRelease:
            inside = box_of(option.rect).adjusted(-_MARGIN, -8, 4, 8).contains(event.pos())
            return bool(inside and model.setData(index, None, role))
        if isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Space:
            return bool(model.setData(index, None, role))
        return False


class HistoryList(QListView):
    """The list; keys that mean something here are not taken for commands of the window."""

    gone_to = Signal(object)
    """The row that was double-clicked or entered."""

    _KEYS = (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Up, Qt.Key.Key_Down)

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.setObjectName("history")
        self.setAccessibleName("History")
        self.rows = HistoryModel(self)
        self.drawing = HistoryDelegate(look, self)
        self.setModel(self.rows)
        self.setItemDelegate(self.drawing)
        self.setUniformItemSizes(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.doubleClicked.connect(self._go)

    def event(self, event: QEvent | None) -> bool:
        """Keep the list's own keys."""
        if (
            isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.ShortcutOverride
            and event.key() in self._KEYS
        ):
            event.accept()
            return True
        return bool(super().event(event))

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Switch on Space, go to the place on Enter."""
        index = self.currentIndex()
        if event is not None and index.isValid():
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._go(index)
                return
            if event.key() == Qt.Key.Key_Space:
                self.rows.setData(index, None, int(Qt.ItemDataRole.CheckStateRole))
                return
        super().keyPressEvent(event)

    def _go(self, index: QModelIndex) -> None:
        self.gone_to.emit(index.data(ROW))


def box_of(rect: QRect) -> QRect:
    """Return where the switch of a row is."""
    return QRect(rect.left() + _MARGIN, rect.top() + (_HEIGHT - _BOX) // 2, _BOX, _BOX)


def _draw_text(painter: QPainter, area: QRect, where: Qt.AlignmentFlag, text: str) -> None:
    elided = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, area.width())
    painter.drawText(area, int(where | Qt.AlignmentFlag.AlignLeft), elided)
