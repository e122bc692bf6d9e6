"""Decisions as constraints between places, made good on another segmentation of the same tissue."""
