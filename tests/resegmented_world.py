"""A small volume segmented anew, on which decisions about another segmentation are made good."""

import numpy as np
from edits_world import GRID, graph_arrays

from segmend.core.edits.voxels import SupervoxelVoxels
from segmend.core.geometry import Box
from segmend.core.journal.journal import Journal
from segmend.core.reapplying.constraints import decisions_of
from segmend.core.reapplying.meaning import still_meant
from segmend.core.reapplying.reapplying import reapply
from segmend.core.reapplying.tissue import Tissue
from segmend.core.segmentation.patches import PatchStack
from segmend.core.timeline.timeline import Timeline
from segmend.core.volumes.memory import MemoryVolume


def tissue(world):
    return Tissue(world.segmentation, world.voxels)


def decided(world, candidates=None):
    found = decisions_of(world.timeline.done, tissue(world), candidates or {})
    return still_meant(found, tissue(world))


class Again:
    """The same volume, segmented anew: other supervoxels, or the same ones joined otherwise."""

    def __init__(self, world, folder, labels=None, segment_of=None):
        labels = world.labels if labels is None else labels
        if segment_of is None:
            segment_of = np.arange(labels.max() + 1)
        box = Box.of_shape(labels.shape)
        base = graph_arrays(labels, world.affinities.read(box), np.asarray(segment_of, np.uint32))
        self.journal = Journal(folder / "again.sqlite")
        volumes = (MemoryVolume(labels, GRID),)
        voxels = SupervoxelVoxels.of(volumes, PatchStack(), affinities=world.affinities)
        self.timeline = Timeline(base, self.journal, voxels, 2, "bob")
        self.tissue = Tissue(self.timeline.segmentation, self.timeline.voxels)

    def reapply(self, world, candidates=None, waiting=()):
        decisions, superseded = decided(world, candidates)
        return reapply(decisions, tissue(world), self.timeline, waiting, superseded)

    def keeps(self, found):
        at = self.tissue.segment_at
        return [(at(c.first) == at(c.second)) == c.together for c in found]
