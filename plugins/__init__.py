"""What napari and third parties plug in; described to napari by ``napari.yaml`` beside this file."""
