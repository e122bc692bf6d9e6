"""What every test shares: a quiet environment that touches nothing of the user's, and the development data."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path

import pytest

# Before napari, Qt or numpy are imported: no settings of the user are read or written, no thread pools fight.
os.environ["NAPARI_CONFIG"] = str(Path(tempfile.mkdtemp(prefix="segmend-tests-")) / "settings.yaml")
os.environ.setdefault("NAPARI_ASYNC", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["SEGMEND_AUTHOR"] = "test"
# A shell that starts tests in the background lets them and their children ignore Ctrl+C, which some tests send.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of development data, or skip where there is none."""
    places = (
        os.environ.get("SEGMEND_DATA"),
        Path(__file__).resolve().parent.parent.parent / "shared" / "data",
    )
    for place in places:
        if place and Path(place).is_dir():
            return Path(place)
    pytest.skip("no development data: set $SEGMEND_DATA or put it in ../shared/data")
