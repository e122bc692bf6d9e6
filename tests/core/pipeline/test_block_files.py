"""What blocks hand on between the rounds of the watershed and the graph: damaged files are made again."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from segmend.core.errors import StageError
from segmend.core.geometry import Box
from segmend.core.pipeline.marks import StageMarks, write_mark
from segmend.core.pipeline.stages import graph
from segmend.core.pipeline.stages.watershed_files import WatershedFiles
from segmend.core.segmentation.graph_files import save_array

BOX, OTHER = Box((0, 0, 0), (4, 4, 4)), Box((4, 0, 0), (8, 4, 4))


@pytest.fixture
def marks(tmp_path):
    """A stage with two blocks that are marked as done, twice, with what lies between."""
    found = StageMarks(tmp_path / "stage")
    for number in range(2):
        for box in (BOX, OTHER):
            write_mark(found.block_path("key", box, number))
    write_mark(found.join_path("key", 0))
    found.scratch("key").mkdir()
    return found


@pytest.mark.parametrize("damage", [None, b"", b"PK\x03\x04" + bytes(30)])
@pytest.mark.parametrize(
    "read", ["rest", "regions_in", lambda f, b: f.side(b, 0), lambda f, b: f.overlap(b, 0)]
)
def test_a_block_without_a_whole_rest_is_not_done(marks, read, damage):
    files = WatershedFiles(marks.scratch("key"))
    if damage is not None:
        path = marks.scratch("key") / "rest" / "4-0-0.npz"
        path.parent.mkdir()
        path.write_bytes(damage)
    with pytest.raises(StageError, match="run again"):
        getattr(files, read)(OTHER) if isinstance(read, str) else read(files, OTHER)
    assert marks.finished_blocks("key", [BOX, OTHER]) == {BOX}
    assert marks.join_path("key", 0).is_file()


def test_a_damaged_table_voids_the_work_between_the_rounds(marks):
    files = WatershedFiles(marks.scratch("key"))
    files.save_table(BOX, np.arange(4))
    assert files.table(BOX).tolist() == [0, 1, 2, 3]
    files.save_count(3)
    assert files.count() == 3
    (marks.scratch("key") / "table" / "0-0-0.npy").write_bytes(b"")
    with pytest.raises(StageError, match="run again"):
        files.table(BOX)
    assert not marks.join_path("key", 0).exists()
    assert marks.finished_blocks("key", [BOX, OTHER]) == {BOX, OTHER}


@pytest.mark.parametrize(("name", "number"), [("contacts", 0), ("nearest", 1)])
def test_a_damaged_part_of_the_graph_voids_its_block(marks, name, number):
    scratch = marks.scratch("key")
    context = SimpleNamespace(scratch_dir=scratch)
    save_array(scratch / f"{name}-0-0-0.npy", np.arange(3))
    (scratch / f"{name}-4-0-0.npy").write_bytes(b"\x93NUMPY")
    parts = graph._parts(context, name, [BOX, OTHER])
    assert next(parts).tolist() == [0, 1, 2]
    with pytest.raises(StageError, match="run again"):
        next(parts)
    assert marks.finished_blocks("key", [BOX, OTHER], number) == {BOX}
    assert marks.finished_blocks("key", [BOX, OTHER], 1 - number) == {BOX, OTHER}
