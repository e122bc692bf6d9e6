import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmend.core.training.augmentation import (
    AugmentationConfig,
    augment,
    change_intensity,
    damage_sections,
    shift_sections,
    turn,
)

NOTHING = AugmentationConfig(contrast=0, brightness=0, gamma=0, noise=0, blur=0)


def numbered(shape: tuple[int, int, int] = (3, 4, 5)) -> np.ndarray:
    return np.arange(np.prod(shape)).reshape(shape)


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_image_and_labels_turn_together(seed: int, isotropic: bool) -> None:
    voxels = numbered()
    image, labels = turn(
        voxels.astype(np.float32), voxels, np.random.default_rng(seed), isotropic=isotropic
    )
    assert np.array_equal(image, labels)
    assert np.array_equal(np.sort(labels, axis=None), voxels.ravel())


@given(st.integers(0, 2**32 - 1))
def test_sections_stay_sections_where_voxels_are_not_cubes(seed: int) -> None:
    sections = np.broadcast_to(np.arange(3)[:, None, None], (3, 4, 4))
    image, _ = turn(sections, sections, np.random.default_rng(seed), isotropic=False)
    assert all(np.unique(section).size == 1 for section in image)


def test_all_48_symmetries_are_reached() -> None:
    cube = numbered((3, 3, 3))
    rng = np.random.default_rng(0)
    seen = {turn(cube, cube, rng, isotropic=True)[1].tobytes() for _ in range(2000)}
    assert len(seen) == 48


def test_a_shift_moves_image_and_labels_alike_and_nothing_before_it() -> None:
    voxels = numbered((6, 5, 5))
    config = AugmentationConfig(shifted_section=0.3, largest_shift=2)
    moved = 0
    for seed in range(20):
        image, labels = shift_sections(
            voxels.astype(np.float32), voxels, config, np.random.default_rng(seed)
        )
        assert np.array_equal(image, labels)
        assert np.array_equal(np.unique(labels // 25, axis=None), np.arange(6))
        moved += not np.array_equal(labels, voxels)
    assert moved > 10


def test_lost_sections_are_blank_and_keep_their_labels() -> None:
    config = AugmentationConfig(missing_section=1.0)
    image = np.random.default_rng(1).normal(size=(4, 5, 5)).astype(np.float32)
    damaged = damage_sections(image.copy(), config, np.random.default_rng(0))
    assert all(section.std() == 0 for section in damaged)


def test_blurred_sections_lose_contrast() -> None:
    config = AugmentationConfig(blurred_section=1.0)
    image = np.random.default_rng(1).normal(size=(4, 9, 9)).astype(np.float32)
    damaged = damage_sections(image.copy(), config, np.random.default_rng(0))
    assert all(a.std() < b.std() for a, b in zip(damaged, image, strict=True))


def test_without_strength_the_intensity_stays() -> None:
    image = np.random.default_rng(1).normal(size=(4, 5, 6)).astype(np.float32)
    assert np.array_equal(change_intensity(image, NOTHING, np.random.default_rng(0)), image)


@pytest.mark.parametrize("seed", range(20))
def test_full_strength_stays_finite_and_leaves_its_input_alone(seed: int) -> None:
    config = AugmentationConfig(
        missing_section=0.1, blurred_section=0.1, shifted_section=0.1, largest_shift=3
    )
    rng = np.random.default_rng(seed)
    image = rng.normal(size=(6, 6, 6)).astype(np.float32)
    labels = rng.integers(0, 4, image.shape)
    before, names = image.copy(), labels.copy()
    changed, kept = augment(image, labels, config, rng)
    assert np.isfinite(changed).all()
    assert changed.dtype == np.float32
    assert set(np.unique(kept)) <= set(np.unique(labels))
    assert np.array_equal(image, before)
    assert np.array_equal(labels, names)
