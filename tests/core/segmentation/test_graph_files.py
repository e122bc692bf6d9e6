"""Damaged array files are named, and never make the program allocate what they claim."""

import numpy as np
import pytest

from segmend.core.errors import ProjectError
from segmend.core.segmentation.graph_files import load_array, save_array


@pytest.mark.parametrize("shape", [(0,), (3,), (2, 3)])
def test_arrays_come_back(tmp_path, shape):
    array = np.arange(np.prod(shape), dtype=np.uint32).reshape(shape)
    save_array(tmp_path / "a.npy", array)
    np.testing.assert_array_equal(load_array(tmp_path / "a.npy"), array)


@pytest.mark.parametrize(
    "shape", ["(9999999999999,)", "(4,)", "(-1,)", "(" * 2000, "[" * 5000, "(1, 'a')", "(3"]
)
def test_a_header_that_claims_what_is_not_there_is_named(tmp_path, shape):
    header = f"{{'descr': '<u4', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    magic = np.lib.format.magic(2, 0)
    path = tmp_path / "size.npy"
    path.write_bytes(magic + len(header).to_bytes(4, "little") + header + bytes(12))
    with pytest.raises(ProjectError, match=r"size\.npy is damaged"):
        load_array(path)


def test_memory_that_is_not_there_is_a_clear_error(tmp_path, monkeypatch):
    save_array(tmp_path / "a.npy", np.zeros(3, np.uint32))

    def no_memory(*_args, **_kwargs):
        raise MemoryError

    monkeypatch.setattr(np, "load", no_memory)
    with pytest.raises(ProjectError, match=r"a\.npy"):
        load_array(tmp_path / "a.npy")


def test_a_second_writer_of_an_array_does_not_disturb_the_first(tmp_path, monkeypatch):
    """What is left of a run may still write a block when the next run does the same block."""
    path, save, others = tmp_path / "a.npy", np.save, [np.zeros(3, np.uint32)]

    def interrupted(file, array, **options):
        save(file, array, **options)
        if others:
            save_array(path, others.pop())

    monkeypatch.setattr(np, "save", interrupted)
    save_array(path, np.arange(5, dtype=np.uint32))
    assert load_array(path).tolist() == [0, 1, 2, 3, 4]
    assert [file.name for file in tmp_path.iterdir()] == ["a.npy"]
