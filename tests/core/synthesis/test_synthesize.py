"""What a synthetic sample promises: exact, connected, repeatable truth and an image that shows it."""

from __future__ import annotations

import zlib
from dataclasses import replace

import cc3d
import numpy as np
import pytest

from segmend.core.errors import InputError
from segmend.core.synthesis import DEMO_SPEC, SERIAL_SECTION_SPEC, Sample, SampleSpec, synthesize

ISOTROPIC = SampleSpec(shape_zyx=(32, 64, 64), seed=3)
SECTIONS = replace(SERIAL_SECTION_SPEC, shape_zyx=(8, 64, 64), seed=3, missing_sections=(5,))


@pytest.fixture(scope="module")
def isotropic() -> Sample:
    return synthesize(ISOTROPIC)


@pytest.fixture(scope="module")
def sections() -> Sample:
    return synthesize(SECTIONS)


def inner_borders(labels: np.ndarray) -> np.ndarray:
    """Voxels that touch another label in their section."""
    border = np.zeros(labels.shape, bool)
    for axis in (1, 2):
        change = np.diff(labels, axis=axis) != 0
        low = [slice(None)] * 3
        high = [slice(None)] * 3
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        border[tuple(low)] |= change
        border[tuple(high)] |= change
    return border


@pytest.mark.parametrize("name", ["isotropic", "sections"])
def test_arrays_have_the_promised_form(name: str, request: pytest.FixtureRequest) -> None:
    sample = request.getfixturevalue(name)
    spec = ISOTROPIC if name == "isotropic" else SECTIONS
    assert sample.image.shape == sample.labels.shape == spec.shape_zyx
    assert sample.image.dtype == np.uint8
    assert sample.labels.dtype == np.uint32
    assert sample.grid.voxel_size_nm_zyx == spec.voxel_size_nm_zyx


@pytest.mark.parametrize("name", ["isotropic", "sections"])
def test_truth_is_dense_and_every_label_one_piece(
    name: str, request: pytest.FixtureRequest
) -> None:
    labels = request.getfixturevalue(name).labels
    present = np.unique(labels)
    np.testing.assert_array_equal(present, np.arange(1, len(present) + 1))
    assert len(present) >= 8
    pieces = cc3d.connected_components(labels, connectivity=6)
    assert pieces.max() == len(present)


def test_same_spec_same_sample_other_seed_other_sample(isotropic: Sample) -> None:
    again = synthesize(ISOTROPIC)
    np.testing.assert_array_equal(again.image, isotropic.image)
    np.testing.assert_array_equal(again.labels, isotropic.labels)
    other = synthesize(replace(ISOTROPIC, seed=4))
    assert (other.labels != isotropic.labels).mean() > 0.5


def test_truth_is_the_same_on_every_machine(isotropic: Sample, sections: Sample) -> None:
    found = [zlib.crc32(sample.labels.tobytes()) for sample in (isotropic, sections)]
    assert found == [1654040973, 2651973392], (
        "the truth of a given spec changed: published samples can no longer be made again"
    )


def test_membranes_are_dark_where_labels_meet(isotropic: Sample) -> None:
    border = inner_borders(isotropic.labels)
    assert isotropic.image[border].mean() < isotropic.image[~border].mean() - 20


def test_gaps_make_membranes_fainter(isotropic: Sample) -> None:
    faint = synthesize(replace(ISOTROPIC, membrane_gap=0.5))
    np.testing.assert_array_equal(faint.labels, isotropic.labels)
    border = inner_borders(faint.labels)
    assert faint.image[border].mean() > isotropic.image[border].mean() + 10


def test_internal_membranes_darken_the_inside(isotropic: Sample) -> None:
    dirty = synthesize(replace(ISOTROPIC, smudges=400.0))
    darker = dirty.image.astype(int) - isotropic.image
    assert (darker < -20).mean() > 0.01
    assert (
        darker.max() <= 10
    )  # a density takes the grey of a membrane, a little lighter than cristae


def test_noise_sets_the_difference_of_neighbours() -> None:
    quiet, loud = (
        synthesize(replace(ISOTROPIC, noise=noise)).image.astype(float) for noise in (0.0, 20.0)
    )
    assert np.diff(loud, axis=2).std() > np.diff(quiet, axis=2).std() + 10


def test_detector_noise_has_the_deviation_of_the_spec() -> None:
    quiet, loud = (
        synthesize(replace(ISOTROPIC, noise=noise, brightness_jitter=0.0)).image.astype(float)
        for noise in (0.0, 10.0)
    )
    assert (loud - quiet).std() == pytest.approx(10.0, rel=0.15)


def test_missing_section_is_blank_but_labelled(sections: Sample) -> None:
    assert sections.image[5].max() == 0
    assert sections.image[4].min() < sections.image[4].max()
    assert sections.labels[5].min() > 0


def test_truth_moves_with_shifted_sections() -> None:
    still, moved = (
        synthesize(replace(SECTIONS, missing_sections=(), jitter_nm=jitter))
        for jitter in (0.0, 30.0)
    )
    for sample in (still, moved):
        border = inner_borders(sample.labels)
        assert sample.image[border].mean() < sample.image[~border].mean() - 8

    def overlap(labels: np.ndarray) -> float:
        return float((labels[1:] == labels[:-1]).mean())

    assert overlap(moved.labels) < overlap(still.labels)


def test_extracellular_space_is_zero_at_the_membranes_only() -> None:
    labels = synthesize(replace(ISOTROPIC, extracellular_nm=12.0)).labels
    assert 0.05 < (labels == 0).mean() < 0.6
    kept = labels[labels > 0]
    assert cc3d.connected_components(labels, connectivity=6).max() == len(np.unique(kept))


def test_thicker_calibre_means_fewer_neurites(isotropic: Sample) -> None:
    assert synthesize(replace(ISOTROPIC, calibre=2.5)).labels.max() < 0.7 * isotropic.labels.max()


def test_volume_smaller_than_a_neurite_still_works() -> None:
    sample = synthesize(SampleSpec(shape_zyx=(1, 3, 5), seed=1))
    assert sample.labels.min() == 1


@pytest.mark.parametrize(
    "change",
    [
        {"shape_zyx": (0, 8, 8)},
        {"shape_zyx": (4096, 4096, 4096)},
        {"voxel_size_nm_zyx": (5.0, 10.0, 10.0)},
        {"voxel_size_nm_zyx": (30.0, 6.0, 8.0)},
        {"membrane_gap": 1.5},
        {"noise": float("nan")},
        {"missing_sections": (128,)},
        {"seed": -1},
    ],
)
def test_a_bad_spec_is_refused_by_name(change: dict[str, object]) -> None:
    with pytest.raises(InputError, match=next(iter(change))):
        SampleSpec(**change)


def test_the_shipped_specs_are_of_the_promised_size() -> None:
    z, y, x = DEMO_SPEC.shape_zyx
    assert 64 * 224 * 224 <= z * y * x <= 96 * 256 * 256
    assert DEMO_SPEC.voxel_size_nm_zyx == (10.0, 10.0, 10.0)
    assert not DEMO_SPEC.anisotropic
    assert SERIAL_SECTION_SPEC.anisotropic
