import h5py
import numpy as np
import pytest

from segmend.core.errors import InputError
from segmend.core.geometry import Grid
from segmend.core.review.truth import check_voxel_size, open_truth

GRID = Grid((40.0, 4.0, 4.0))


def written(path, shape, size=None):
    with h5py.File(path, "w") as file:
        file["labels"] = np.ones(shape, np.uint8)
        if size is not None:
            file["labels"].attrs["resolution"] = size
    return f"{path}:/labels"


@pytest.mark.parametrize("size", [None, (40.0, 4.0, 4.0), (40.0, 4.0, 4.05)])
def test_labels_of_the_same_voxels_are_a_truth(tmp_path, size):
    truth = open_truth(written(tmp_path / "t.h5", (2, 3, 4), size), (2, 3, 4), GRID)
    assert truth.shape_zyx == (2, 3, 4)


@pytest.mark.parametrize(
    ("shape", "size", "said"),
    [
        ((2, 3, 5), None, "2 x 3 x 5 voxels .* the project 2 x 3 x 4"),
        ((2, 3, 4), (40.0, 8.0, 8.0), "40 x 8 x 8 nm .* the project of 40 x 4 x 4 nm"),
    ],
)
def test_other_voxels_are_refused(tmp_path, shape, size, said):
    with pytest.raises(InputError, match=said):
        open_truth(written(tmp_path / "t.h5", shape, size), (2, 3, 4), GRID)


def test_what_is_not_known_fits():
    check_voxel_size("a", None, "b", (1.0, 1.0, 1.0))
    check_voxel_size("a", (1.0, 1.0, 1.0), "b", None)
    with pytest.raises(InputError, match=r"a has voxels of 2 x 1 x 1 nm .* b of 1 x 1 x 1 nm"):
        check_voxel_size("a", (2.0, 1.0, 1.0), "b", (1.0, 1.0, 1.0))
