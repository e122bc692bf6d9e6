"""Meshes of supervoxels: right place, kept in the folder, coarse voxels for large boxes."""

import numpy as np

from segmend.app.meshing import MeshShelf
from segmend.core.geometry import Box, Grid
from segmend.core.volumes.memory import MemoryVolume

GRID = Grid((10.0, 10.0, 10.0), (0.0, 200.0, 0.0))


class Counting(MemoryVolume):
    reads = 0

    def read(self, box):
        self.reads += 1
        return super().read(box)


def volume(array):
    return Counting(array.astype(np.uint32), GRID)


def test_mesh_is_where_the_supervoxels_are(tmp_path):
    labels = np.zeros((8, 20, 20))
    labels[2:6, 5:15, 5:9] = 3
    labels[2:6, 5:15, 9:15] = 4
    mesh = MeshShelf(tmp_path).mesh(
        np.array([3, 4]), Box((2, 5, 5), (6, 15, 15)), [volume(labels)], 10_000
    )
    low, high = mesh.vertices_nm.min(axis=0), mesh.vertices_nm.max(axis=0)
    np.testing.assert_allclose((low + high) / 2, [35, 200 + 95, 95], atol=1)
    np.testing.assert_allclose(high - low, [40, 100, 100], atol=8)


def test_second_time_is_from_the_shelf(tmp_path):
    labels = volume(np.ones((4, 6, 6)))
    arguments = (np.array([1]), Box.of_shape((4, 6, 6)), [labels], 1000)
    first = MeshShelf(tmp_path / "meshes").mesh(*arguments)
    second = MeshShelf(tmp_path / "meshes").mesh(*arguments)
    assert labels.reads == 1
    np.testing.assert_array_equal(first.faces, second.faces)


def test_damaged_file_on_the_shelf_is_made_again(tmp_path):
    labels = volume(np.ones((4, 6, 6)))
    arguments = (np.array([1]), Box.of_shape((4, 6, 6)), [labels], 1000)
    shelf = MeshShelf(tmp_path)
    mesh = shelf.mesh(*arguments)
    (file,) = tmp_path.iterdir()
    file.write_bytes(b"not a mesh")
    np.testing.assert_array_equal(shelf.mesh(*arguments).faces, mesh.faces)


def test_a_large_box_is_read_coarsely(tmp_path, monkeypatch):
    monkeypatch.setattr("segmend.app.meshing._READ_VOXELS", 500)
    fine = volume(np.ones((8, 16, 16)))
    coarse = Counting(np.ones((4, 8, 8), np.uint32), Grid((20.0, 20.0, 20.0), (5.0, 205.0, 5.0)))
    mesh = MeshShelf(tmp_path).mesh(np.array([1]), Box.of_shape((8, 16, 16)), [fine, coarse], 5000)
    assert (fine.reads, coarse.reads) == (0, 1)
    np.testing.assert_allclose(np.ptp(mesh.vertices_nm, axis=0), [80, 160, 160], atol=16)


def test_nothing_gives_an_empty_mesh(tmp_path):
    shelf = MeshShelf(tmp_path)
    assert not len(shelf.mesh(np.array([], int), Box((0, 0, 0), (1, 1, 1)), [], 100).faces)
