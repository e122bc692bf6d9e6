"""A file may claim any shape: lists of blocks end before the memory does."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from segmend.core.errors import InputError
from segmend.core.geometry import Box
from segmend.core.pipeline.block_grid import chunk_blocks
from segmend.core.pipeline.settings import AffinitiesSettings
from segmend.core.pipeline.stages.affinities import AffinitiesStage
from segmend.core.projects.importing import blocks_of

HUGE = (10**6,) * 3


def test_blocks_come_as_a_list():
    box = Box((1, 2, 3), (6, 12, 9))
    assert box.block_list((2, 4, 8)) == list(box.blocks((2, 4, 8)))


@pytest.mark.parametrize(
    "blocks",
    [
        lambda volume: chunk_blocks(volume.shape_zyx, (192, 192, 192)),
        AffinitiesStage(AffinitiesSettings()).blocks,
        blocks_of,
    ],
)
def test_more_blocks_than_a_run_can_do_are_refused(blocks):
    with pytest.raises(InputError, match=r"1000000 x 1000000 x 1000000 .*--box"):
        blocks(SimpleNamespace(shape_zyx=HUGE))
