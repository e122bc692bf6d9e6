"""The main window: start page, sections beside solids, panels, menus. Builds and arranges; decides nothing."""

from __future__ import annotations

from collections.abc import Callable

from napari.components import ViewerModel
from qtpy.QtCore import QEvent, QObject, Qt, Signal
from qtpy.QtGui import QCloseEvent, QIcon, QKeyEvent, QKeySequence
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QAction,
    QApplication,
    QComboBox,
    QDockWidget,
    QLabel,
    QLineEdit,
    QMainWindow,
    QPlainTextEdit,
    QSplitter,
    QStackedWidget,
    QTabWidget,
    QWidget,
)

from segmend.app.commands.table import COMMANDS, Command, Situation
from segmend.app.layers.scene import Scene
from segmend.app.widgets.dialogs import MessageDialog
from segmend.app.widgets.history_list import HistoryList
from segmend.app.widgets.history_panel import HistoryPanel
from segmend.app.widgets.layers_panel import LayersPanel
from segmend.app.widgets.notice import Notice
from segmend.app.widgets.parts import column, label, scrolled, titled
from segmend.app.widgets.pipeline_panel import PipelinePanel
from segmend.app.widgets.review_panel import ReviewPanel
from segmend.app.widgets.section_slider import SectionSlider
from segmend.app.widgets.seeds_bar import SeedsBar
from segmend.app.widgets.start_page import StartPage
from segmend.app.widgets.team_panel import TeamPanel
from segmend.app.widgets.theme import Look, icon_folder, style_sheet
from segmend.app.widgets.threshold_bar import ThresholdBar
from segmend.app.widgets.truth_panel import TruthPanel
from segmend.app.widgets.viewers import EmbeddedViewer
from segmend.core.geometry import ZyxNm

_LEFT_WIDTH, _RIGHT_WIDTH = 232, 344
_LAYERS_HEIGHT, _LAYER_ROW = 325, 48
_HINT = "Hold Space: bare EM image     C: back to the candidate     D: 3D view     F1: all keys"
_ANSWERS = ("Review", "Edit")
_OWN_SPACE = (QLineEdit, QAbstractSpinBox, QPlainTextEdit, QComboBox, HistoryList)


class MainWindow(QMainWindow):
    """Everything on the screen.

    Parameters
    ----------
    run : callable
        Carries out a `Command`.
    look : {"dark", "light"}
    """

    held = Signal(bool)
    """Space was pressed (True) or let go (False)."""
    closing = Signal()

    def __init__(self, run: Callable[[Command], None], look: Look = "dark") -> None:
        super().__init__()
        self._run = run
        self.look: Look = look
        self._situation: Situation | None = None
        self.setWindowTitle("Segmend")
        self.setWindowIcon(QIcon(str(icon_folder() / "segmend.svg")))
        self.scene = Scene(ViewerModel(), ViewerModel(ndisplay=3))
        self.sections = EmbeddedViewer(self.scene.sections)
        self.solids = EmbeddedViewer(self.scene.solids)
        self.review = ReviewPanel(look)
        self.pipeline = PipelinePanel()
        self.layers = LayersPanel(self.scene)
        self.history = HistoryPanel(look)
        self.team = TeamPanel()
        self.seeds = SeedsBar()
        self.threshold = ThresholdBar()
        self.truth = TruthPanel()
        self.truth.shown.connect(self._show_truth)
        self.notice = Notice(self._show_details)
        self.start = StartPage()
        self._tabs = QTabWidget()
        self._tabs.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._tabs.addTab(scrolled(self.pipeline), "Pipeline")
        self._tabs.addTab(self.history, "History")
        self._tabs.addTab(scrolled(self.team), "Team")
        self.show_team(False)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.start)
        self._pages.addWidget(self._workspace())
        self.setCentralWidget(self._pages)
        self._docks = self._make_docks()
        self._where = QLabel()
        self.statusBar().addWidget(self._where, 1)
        self._mode = label(name="mode")
        self.statusBar().addPermanentWidget(self._mode)
        self.statusBar().addPermanentWidget(QLabel(_HINT))
        self.statusBar().setSizeGripEnabled(False)
        self.actions_by_id = self._make_menus()
        self.set_look(look)
        self.show_start()
        if app := QApplication.instance():
            app.installEventFilter(self)

    # -- building -----------------------------------------------------------------------------------------------

    def _workspace(self) -> QWidget:
        self._views = QSplitter(Qt.Orientation.Horizontal)
        self._views.setObjectName("workspace")
        self._views.setHandleWidth(5)
        sections = titled("Sections", "Ctrl + wheel: section", self.sections)
        sections.layout().addWidget(SectionSlider(self.scene.sections.dims))
        self._views.addWidget(sections)
        self._solids_box = titled("3D", "drag: turn", self.solids)
        self._views.addWidget(self._solids_box)
        self._views.setChildrenCollapsible(False)
        box = QWidget()
        box.setLayout(column(self._views, margin=0, spacing=0))
        self.seeds.lie_over(box)
        self.threshold.lie_over(box)
        self.notice.lie_over(box)
        return box

    def _make_docks(self) -> tuple[QDockWidget, ...]:
        left, right = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea
        self.setCorner(Qt.Corner.BottomRightCorner, right)
        docks = (
            self._dock("Layers", scrolled(self.layers), left, _LEFT_WIDTH),
            self._dock("Work", self._tabs, left, _LEFT_WIDTH),
            self._dock("Review", scrolled(self.review), right, _RIGHT_WIDTH),
        )
        self._truth_dock = self._dock("Truth", self.truth, right, _RIGHT_WIDTH)
        self._truth_dock.hide()
        self.resizeDocks(
            [docks[0], docks[2]], [_LEFT_WIDTH, _RIGHT_WIDTH], Qt.Orientation.Horizontal
        )
        return docks

    def _dock(
        self, title: str, widget: QWidget, area: Qt.DockWidgetArea, width: int
    ) -> QDockWidget:
        dock = QDockWidget(title, self)
        dock.setObjectName(title)
        dock.setFeatures(QDockWidget.DockWidgetFeature.NoDockWidgetFeatures)
        tabbed = isinstance(widget, QTabWidget)
        dock.setTitleBarWidget(QWidget() if tabbed else label(title, "dockTitle"))
        widget.setMinimumWidth(width)
        dock.setWidget(widget)
        self.addDockWidget(area, dock)
        return dock

    def _make_menus(self) -> dict[str, QAction]:
        menus = {command.menu: None for command in COMMANDS}
        bars = {name: self.menuBar().addMenu(name) for name in menus}
        for bar in bars.values():
            bar.setToolTipsVisible(True)
        actions = {}
        for command in COMMANDS:
            if command.rule_before:
                bars[command.menu].addSeparator()
            action = QAction(command.title, self)
            action.setShortcuts([QKeySequence(key) for key in command.keys])
            action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
            action.triggered.connect(lambda _=False, command=command: self._run(command))
            (self if command.hidden else bars[command.menu]).addAction(action)
            actions[command.id] = action
        return actions

    # -- what the application tells it --------------------------------------------------------------------------

    def show_start(self) -> None:
        """Show the start page and hide the panels."""
        self._pages.setCurrentIndex(0)
        for dock in (*self._docks, self._truth_dock):
            dock.hide()
        self.statusBar().hide()
        self.setWindowTitle("Segmend")

    def show_workspace(self, name: str, *, segmented: bool) -> None:
        """Show the views and the panels of a project."""
        self._tabs.setCurrentIndex(1 if segmented else 0)
        self._pages.setCurrentIndex(1)
        for dock in self._docks:
            dock.show()
        self.statusBar().show()
        self._share_left(_LAYERS_HEIGHT)
        width = self._views.width()
        self._views.setSizes([round(0.62 * width), round(0.38 * width)])
        self.setWindowTitle(f"{name}  ·  Segmend")
        self.sections.setFocus()

    def show_situation(self, situation: Situation) -> None:
        """Enable what can be done."""
        if situation == self._situation:
            return
        self._situation = situation
        for command in COMMANDS:
            action = self.actions_by_id[command.id]
            action.setEnabled(command.enabled(situation))
            action.setText(command.title_in(situation))
            tooltip = command.tooltip_in(situation)
            action.setToolTip(tooltip)
            action.setStatusTip(tooltip)
        self.review.allow({c.id: c.obstacle(situation) for c in COMMANDS if c.menu in _ANSWERS})
        self.pipeline.allow({c.id: c.obstacle(situation) for c in COMMANDS})

    def _share_left(self, height: int) -> None:
        """Give the layers their height and the tabs below them what is left."""
        heights = [height, self.height() - height]
        self.resizeDocks(list(self._docks[:2]), heights, Qt.Orientation.Vertical)

    def _show_truth(self, shown: bool) -> None:
        if shown == self._truth_dock.isHidden():
            self._truth_dock.setVisible(shown)
            self.layers.bind()
            self._share_left(_LAYERS_HEIGHT + shown * _LAYER_ROW)
            # The figures take the height of their rows; the rest belongs to the review and its buttons.
            right = [self._docks[2], self._truth_dock]
            self.resizeDocks(right, [self.height(), 1], Qt.Orientation.Vertical)

    def show_team(self, shared: bool) -> None:
        """Offer the team panel where several people work."""
        self._tabs.setTabVisible(2, shared)

    def show_mode(self, no_edit: str) -> None:
        """Say all the time that nothing can be changed; an empty reason where it can."""
        self._mode.setText("Looking only" if no_edit else "")
        self._mode.setToolTip(f"Nothing can be changed: {no_edit}" if no_edit else "")
        self._mode.setVisible(bool(no_edit))
        self.review.skip.set_label("Next candidate" if no_edit else "Skip, not sure")

    def show_history(self) -> None:
        """Go to the list of operations."""
        self._tabs.setCurrentIndex(1)
        self.history.focus_list()

    def _show_details(self, text: str, details: str) -> None:
        MessageDialog(self, "This did not work", text, details).open()

    def place_under_pointer(self) -> ZyxNm | None:
        """Return the place of the sections that the pointer is over now; None elsewhere."""
        pixel = self.sections.pointer()
        return None if pixel is None else self.scene.place_at(*pixel)

    def show_place(self, text: str) -> None:
        """Say what is under the pointer."""
        self._where.setText(text)

    def toggle_solids(self) -> None:
        """Show or hide the 3D view."""
        self._solids_box.setVisible(not self._solids_box.isVisible())

    def set_look(self, look: Look) -> None:
        """Dress the whole window."""
        self.look = look
        self.setStyleSheet(style_sheet(look))
        self.sections.set_look(look)
        self.solids.set_look(look)
        self.review.set_look(look)
        self.history.set_look(look)

    # -- what Qt tells it ---------------------------------------------------------------------------------------

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Catch Space wherever the focus is, except where text is typed."""
        kinds = (QEvent.Type.KeyPress, QEvent.Type.KeyRelease)
        if isinstance(event, QKeyEvent) and event.type() in kinds and self._is_hold(event):
            if not event.isAutoRepeat():
                self.held.emit(event.type() == QEvent.Type.KeyPress)
            return True
        return bool(super().eventFilter(watched, event))

    def _is_hold(self, event: QKeyEvent) -> bool:
        focus = QApplication.focusWidget()
        typing = isinstance(focus, _OWN_SPACE)
        return bool(
            event.key() == Qt.Key.Key_Space
            and self.isActiveWindow()
            and self._pages.currentIndex() == 1
            and not typing
        )

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Let the application give the project back."""
        self.closing.emit()
        if app := QApplication.instance():
            app.removeEventFilter(self)
        super().closeEvent(event)
