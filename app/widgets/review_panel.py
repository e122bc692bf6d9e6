"""The review panel: one question, what speaks for it, four keys."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QStackedWidget, QWidget

from segmend.app.presenters.ports import ReviewCard, ReviewProgress
from segmend.app.widgets.parts import KeyButton, Panel, QuietBar, column, label, repolish, rule
from segmend.app.widgets.theme import Look, palette

_LIKELY = {"merge": "likely one neuron", "split": "likely two neurons"}


class ReviewPanel(Panel):
    """Shows `ReviewCard` values and says which answer was clicked; decides nothing."""

    answered = Signal(str)
    """Id of the command: review.accept, review.reject, review.skip, edit.undo."""

    def __init__(self, look: Look) -> None:
        super().__init__("Review")
        self._look: Look = look
        self._card: ReviewCard | None = None
        self._waiting = False
        self._obstacles: Mapping[str, str] = {}
        self._pages = QStackedWidget()
        self._pages.addWidget(self._make_card_page())
        self._pages.addWidget(self._make_end_page())
        self._note = label(name="note", wrap=True)
        self._note.hide()
        self._done = label(name="bigNumber")
        self._rest = label(name="muted")
        self._bar = QuietBar()
        layout = column(self._counts(), self._bar, 4, rule(), 2, self._pages, self._note, margin=14)
        layout.setStretchFactor(self._pages, 1)
        self.setLayout(layout)
        self.show_progress(ReviewProgress())
        self.show_end("Nothing to review yet", "")

    # -- building -----------------------------------------------------------------------------------------------

    def _counts(self) -> QWidget:
        """Two lines: thousands of decisions must not push the panel wider."""
        box = QWidget()
        box.setLayout(column(self._done, self._rest, spacing=0, margin=0))
        return box

    def _make_card_page(self) -> QWidget:
        self._question = label(name="question", wrap=True)
        self._question.setTextFormat(Qt.TextFormat.RichText)
        self._chance_words = label(name="heading")
        self._chance = QuietBar("chance")
        self._evidence = QGridLayout()
        self._evidence.setHorizontalSpacing(12)
        self._evidence.setVerticalSpacing(6)
        self._evidence.setColumnStretch(1, 1)
        evidence = QWidget()
        evidence.setLayout(self._evidence)
        self._evidence.setContentsMargins(0, 0, 0, 0)
        self._place = label(name="small")
        self._place.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._place.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.accept = KeyButton("A", "answer", "primary")
        self.reject = KeyButton("R", "answer", "danger")
        self.skip = KeyButton("S", "lesser")
        self.undo = KeyButton("U", "lesser")
        self.skip.set_label("Skip, not sure")
        self.undo.set_label("Undo")
        self._commands = {
            self.accept: "review.accept",
            self.reject: "review.reject",
            self.skip: "review.skip",
            self.undo: "edit.undo",
        }
        for button, command in self._commands.items():
            button.clicked.connect(lambda _=False, command=command: self.answered.emit(command))
        page = QWidget()
        page.setLayout(
            column(
                self._question,
                2,
                self._chance_words,
                self._chance,
                4,
                evidence,
                self._place,
                10,
                self.accept,
                self.reject,
                self._lesser(),
                None,
                margin=0,
            )
        )
        return page

    def _lesser(self) -> QWidget:
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.skip, 3)
        layout.addWidget(self.undo, 2)
        return row

    def _make_end_page(self) -> QWidget:
        self._end_title = label(name="question", wrap=True)
        self._end_text = label(name="muted", wrap=True)
        self.undo_at_end = KeyButton("U", "lesser")
        self.undo_at_end.set_label("Undo the last decision")
        self.undo_at_end.clicked.connect(lambda: self.answered.emit("edit.undo"))
        page = QWidget()
        page.setLayout(column(self._end_title, self._end_text, 6, self.undo_at_end, None, margin=0))
        return page

    # -- ReviewView ---------------------------------------------------------------------------------------------

    def show_card(self, card: ReviewCard) -> None:
        """Show a candidate and allow the answers."""
        self._card = card
        self._question.setText(self._coloured(card.question))
        self._chance_words.setText(f"{card.percent} %  {_LIKELY[card.kind]}")
        self._chance.setValue(card.percent)
        self._show_evidence(card.evidence)
        self._place.setText(f"Voxel  {card.place}")
        self.accept.set_label(card.accept_text)
        self.reject.set_label(card.reject_text)
        self._pages.setCurrentIndex(0)

    def show_end(self, title: str, text: str) -> None:
        """Say that there is nothing to decide, and what to do next."""
        self._card = None
        self._end_title.setText(title)
        self._end_text.setText(text)
        self._pages.setCurrentIndex(1)

    def show_progress(self, progress: ReviewProgress) -> None:
        """Show the counts."""
        total = progress.decided + progress.remaining
        self._done.setText(f"{progress.decided:,} decided")
        self._rest.setText(f"{progress.accepted:,} accepted, {progress.remaining:,} to go")
        self._bar.setRange(0, max(1, total))
        self._bar.setValue(progress.decided)
        self.undo_at_end.setVisible(progress.can_undo)

    def show_note(self, text: str, *, warning: bool = False) -> None:
        """Show one line about what just happened; an empty text takes it away."""
        self._note.setText(text)
        self._note.setProperty("warning", warning)
        repolish(self._note)
        self._note.setVisible(bool(text))

    def set_waiting(self, waiting: bool) -> None:
        """Show that an answer is being worked on."""
        self._waiting = waiting
        self._enable()

    def allow(self, obstacles: Mapping[str, str]) -> None:
        """Say why commands cannot be done, by their id; an empty text where they can."""
        self._obstacles = obstacles
        self._enable()

    def _enable(self) -> None:
        for button, command in (*self._commands.items(), (self.undo_at_end, "edit.undo")):
            obstacle = self._obstacles.get(command, "")
            waits = self._waiting and command != "edit.undo"
            button.setEnabled(not obstacle and not waits)
            button.setToolTip(f"Not now: {obstacle}" if obstacle else "")

    # -- looks --------------------------------------------------------------------------------------------------

    def set_look(self, look: Look) -> None:
        """Use the text colours of another look."""
        self._look = look
        if self._card:
            self._question.setText(self._coloured(self._card.question))

    def _coloured(self, question: str) -> str:
        colours = palette(self._look)
        for word, name in (("blue", "first_text"), ("orange", "second_text")):
            question = question.replace(word, f'<span style="color:{colours[name]}">{word}</span>')
        return question

    def _show_evidence(self, evidence: tuple[tuple[str, str], ...]) -> None:
        while item := self._evidence.takeAt(0):
            if widget := item.widget():
                widget.hide()
                widget.deleteLater()
        for row, (name, sentence) in enumerate(evidence):
            heading: QLabel = label(name, "evidenceName")
            heading.setAlignment(Qt.AlignmentFlag.AlignTop)
            self._evidence.addWidget(heading, row, 0)
            self._evidence.addWidget(label(sentence, wrap=True), row, 1)
