"""Small widgets that several panels are made of."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)


def label(text: str = "", name: str = "", *, wrap: bool = False) -> QLabel:
    """Make a label with a name that the style sheet knows."""
    made = QLabel(text)
    made.setObjectName(name)
    made.setWordWrap(wrap)
    return made


def rule() -> QFrame:
    """Make a thin line across."""
    line = QFrame()
    line.setObjectName("rule")
    return line


def column(*items: QWidget | int | None, spacing: int = 8, margin: int = 12) -> QVBoxLayout:
    """Stack widgets; a number is a gap in pixels, None takes what is left."""
    layout = QVBoxLayout()
    layout.setSpacing(spacing)
    layout.setContentsMargins(margin, margin, margin, margin)
    for item in items:
        if item is None:
            layout.addStretch(1)
        elif isinstance(item, int):
            layout.addSpacing(item)
        else:
            layout.addWidget(item)
    return layout


class KeyButton(QPushButton):
    """A button with its key on it; it never takes the focus, so keys keep their meaning.

    Parameters
    ----------
    key : str
        As it stands on the keyboard.
    name : str
        "answer" (large) or "lesser".
    role : str
        For the style sheet.
    """

    def __init__(self, key: str, name: str, role: str = "") -> None:
        super().__init__()
        self.setObjectName(name)
        self.setProperty("role", role)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._text = label(name="answerText" if name == "answer" else "", wrap=True)
        self._key = label(key, "keycap")
        for part in (self._text, self._key):
            part.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 4, 10, 4)
        layout.addWidget(self._text, 1)
        layout.addWidget(self._key, 0, Qt.AlignmentFlag.AlignVCenter)

    def set_label(self, text: str) -> None:
        """Set what the button says."""
        self._text.setText(text)
        self.setAccessibleName(text)


class QuietBar(QProgressBar):
    """A progress bar that waits for the next drawing; Qt's own redraws the window at every value."""

    def __init__(self, name: str = "") -> None:
        super().__init__()
        self.setObjectName(name)
        self.setTextVisible(False)

    def setValue(self, value: int) -> None:
        """Show a value soon."""
        self.setUpdatesEnabled(False)
        super().setValue(value)
        self.setUpdatesEnabled(True)


class Panel(QWidget):
    """A titled area for a dock."""

    closed = Signal()

    def __init__(self, title: str) -> None:
        super().__init__()
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setWindowTitle(title)


def repolish(widget: QWidget) -> None:
    """Let the style sheet see a changed property."""
    widget.style().unpolish(widget)
    widget.style().polish(widget)


def scrolled(panel: Panel) -> QScrollArea:
    """Put a panel into an area that scrolls up and down."""
    scroll = QScrollArea()
    scroll.setWidget(panel)
    scroll.setWidgetResizable(True)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return scroll


def titled(title: str, hint: str, widget: QWidget) -> QWidget:
    """Put a title and a hint above a widget."""
    box = QWidget()
    layout = QVBoxLayout(box)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(0)
    bar = Panel(title)
    row = QHBoxLayout(bar)
    row.setContentsMargins(12, 5, 12, 5)
    row.addWidget(label(title, "viewTitle"))
    words = label(hint, "small")
    words.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    words.setMinimumWidth(1)
    row.addWidget(words, 1)
    layout.addWidget(bar)
    layout.addWidget(widget, 1)
    return box
