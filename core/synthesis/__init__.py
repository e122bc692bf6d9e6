"""Synthetic electron microscopy volumes with exact truth.

Skeletons of neurites grow through space and avoid each other (`skeletons`, `tissue`), every voxel goes to the
nearest neurite (`packing`), organelles are placed along the skeletons (`organelles`), and stain, point spread,
sections and detector make the image (`imaging`).
"""

from segmend.core.synthesis.sample import Sample, save_sample, synthesize
from segmend.core.synthesis.specs import DEMO_SPEC, SERIAL_SECTION_SPEC, SampleSpec

__all__ = ["DEMO_SPEC", "SERIAL_SECTION_SPEC", "Sample", "SampleSpec", "save_sample", "synthesize"]
