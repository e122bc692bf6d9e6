"""The window and the command line."""

import os

os.environ["NAPARI_ASYNC"] = (
    "1"  # before napari is imported, and never toggled: late, it crashes drivers
)
