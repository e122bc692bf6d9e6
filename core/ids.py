"""The three kinds of number that name things, kept apart by type.

Ids are *dense*: 0 is background, 1..n are used without gaps, so flat arrays can be indexed by them.
What the source file called a segment is kept in a table beside them (``Segmentation.export_ids``).
"""

from __future__ import annotations

from typing import NewType

SupervoxelId = NewType("SupervoxelId", int)
SegmentId = NewType("SegmentId", int)
OperationId = NewType("OperationId", int)

BACKGROUND = 0
"""No node, no edge, never merged."""
