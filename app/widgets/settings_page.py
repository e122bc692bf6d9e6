"""The settings of one stage: a field each, with what is wrong below it; decides nothing."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QCheckBox, QComboBox, QGridLayout, QLineEdit, QPushButton, QWidget

from segmend.app.presenters.field_texts import NO, YES
from segmend.app.presenters.settings_form import FieldLine, StagePage
from segmend.app.widgets.parts import label, repolish

Typed = Callable[[str], None]


class FieldRow:
    """One setting: title, editor, a way back to the default, and what is wrong.

    Parameters
    ----------
    line : FieldLine
    typed : callable
        Gets what is typed.
    reset : callable
        Called to go back to the default.
    """

    def __init__(self, line: FieldLine, typed: Typed, reset: Callable[[], None]) -> None:
        self.title = label(line.title, "fieldTitle", wrap=True)
        self.editor = _EDITORS.get(line.kind, _text_editor)(line, typed)
        self.editor.setAccessibleName(line.title)
        self.hint = label(line.hint, "small")
        self.back = QPushButton("↺")
        self.back.setProperty("role", "quiet")
        self.back.setAutoDefault(False)
        self.back.setFixedWidth(26)
        self.back.setAccessibleName(f"Default of {line.title}")
        self.back.clicked.connect(lambda: reset())
        self.error = label(name="fieldError", wrap=True)
        for part in (self.title, self.editor, self.hint):
            part.setToolTip(line.explanation)
        self.title.setBuddy(self.editor)

    @property
    def parts(self) -> tuple[QWidget, ...]:
        """All widgets."""
        return (self.title, self.editor, self.hint, self.back, self.error)

    def show_line(self, line: FieldLine) -> None:
        """Show what is typed and what is wrong with it."""
        self.editor.blockSignals(True)
        if isinstance(self.editor, QComboBox):
            self.editor.setCurrentText(line.text)
        elif isinstance(self.editor, QCheckBox):
            self.editor.setChecked(line.text == YES)
        elif isinstance(self.editor, QLineEdit) and self.editor.text() != line.text:
            self.editor.setText(line.text)
        self.editor.blockSignals(False)
        size = self.back.sizePolicy()
        size.setRetainSizeWhenHidden(True)
        self.back.setSizePolicy(size)
        self.back.setVisible(line.changed)
        self.back.setToolTip(f"Back to the default: {line.default or 'empty'}")
        self.error.setText(line.error)
        self.error.setVisible(bool(line.error))
        for part, name, value in (
            (self.title, "changed", line.changed),
            (self.editor, "wrong", bool(line.error)),
        ):
            if part.property(name) != value:
                part.setProperty(name, value)
                repolish(part)


class SettingsPage(QWidget):
    """Shows a `StagePage` and says what is typed."""

    typed = Signal(str, str)
    """Name of the setting and what is in its field."""
    reset = Signal(str)
    """Name of the setting that goes back to its default."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("settingsPage")
        self.rows: dict[str, FieldRow] = {}
        self._stage = ""
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 4, 8, 4)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnMinimumWidth(0, 150)
        self._grid.setColumnStretch(1, 1)

    def show_page(self, page: StagePage) -> None:
        """Show the settings; fields stay where they are as long as they are the same ones."""
        names = [line.name for line in page.lines]
        if self._stage != page.stage or list(self.rows) != names:
            self._build(page)
        for line in page.lines:
            self.rows[line.name].show_line(line)

    def _build(self, page: StagePage) -> None:
        kept = self.rows if self._stage == page.stage else {}
        self._stage = page.stage
        old, self.rows = self.rows, {}
        for row in old.values():
            for part in row.parts:
                self._grid.removeWidget(part)
        for place, line in enumerate(page.lines):
            row = kept.pop(line.name, None) or self._make_row(line)
            self.rows[line.name] = row
            self._place(row, 2 * place)
        for row in old.values():
            if row not in self.rows.values():
                for part in row.parts:
                    part.hide()
                    part.deleteLater()
        for number in range(self._grid.rowCount()):
            self._grid.setRowStretch(number, 0)
        self._grid.setRowStretch(2 * len(page.lines), 1)

    def _make_row(self, line: FieldLine) -> FieldRow:
        name = line.name
        return FieldRow(
            line, lambda text: self.typed.emit(name, text), lambda: self.reset.emit(name)
        )

    def _place(self, row: FieldRow, number: int) -> None:
        middle = Qt.AlignmentFlag.AlignVCenter
        self._grid.addWidget(row.title, number, 0, middle)
        self._grid.addWidget(row.editor, number, 1, middle)
        self._grid.addWidget(row.hint, number, 2, middle)
        self._grid.addWidget(row.back, number, 3, middle)
        self._grid.addWidget(row.error, number + 1, 1, 1, 3)


def _text_editor(line: FieldLine, typed: Typed) -> QWidget:
    editor = QLineEdit(line.text)
    editor.setPlaceholderText(line.empty)
    editor.textChanged.connect(typed)
    return editor


def _choice_editor(line: FieldLine, typed: Typed) -> QWidget:
    editor = QComboBox()
    editor.addItems(line.choices)
    editor.currentTextChanged.connect(typed)
    return editor


def _switch_editor(line: FieldLine, typed: Typed) -> QWidget:
    editor = QCheckBox()
    editor.toggled.connect(lambda on: typed(YES if on else NO))
    return editor


_EDITORS = {"choice": _choice_editor, "switch": _switch_editor}
