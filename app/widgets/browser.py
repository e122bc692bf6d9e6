"""Pages that are shown outside the window."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices


def browse(page: Path) -> bool:
    """Show a page in the person's browser; say whether one could be started."""
    return page.is_file() and bool(QDesktopServices.openUrl(QUrl.fromLocalFile(str(page))))
