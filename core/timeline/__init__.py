"""The segmentation in time: which operations are on, what they left behind, and the way to any other state."""
