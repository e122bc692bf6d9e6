"""The manifest is valid, found by its entry point, and everything it names exists."""

from __future__ import annotations

import npe2
import numpy as np
import pytest

from segmend.core.synthesis import SampleSpec
from segmend.plugins import samples


@pytest.fixture(scope="module")
def manifest() -> npe2.PluginManifest:
    return npe2.PluginManifest.from_distribution("segmend")


def test_manifest_is_found_and_its_commands_can_be_imported(manifest: npe2.PluginManifest) -> None:
    manifest.validate_imports()
    assert manifest.name == "segmend"
    assert {sample.key for sample in manifest.contributions.sample_data} == {
        "synthetic",
        "serial_sections",
    }


def test_readers_and_samples_name_declared_commands(manifest: npe2.PluginManifest) -> None:
    declared = {command.id for command in manifest.contributions.commands}
    used = {
        item.command
        for item in (*manifest.contributions.readers, *manifest.contributions.sample_data)
    }
    assert used == declared


def test_project_folders_are_offered_to_the_reader(manifest: npe2.PluginManifest) -> None:
    (reader,) = manifest.contributions.readers
    assert reader.accepts_directories
    assert "*.segmend" in reader.filename_patterns


def test_sample_is_an_image_and_its_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "DEMO_SPEC", SampleSpec(shape_zyx=(6, 12, 14), seed=1))
    (image, about_image, image_kind), (labels, about_labels, labels_kind) = (
        samples.synthetic_sample()
    )
    assert (image_kind, labels_kind) == ("image", "labels")
    assert image.shape == labels.shape == (6, 12, 14)
    assert (image.dtype, labels.dtype) == (np.uint8, np.uint32)
    assert about_image["scale"] == about_labels["scale"] == (10.0, 10.0, 10.0)


def test_serial_sections_keep_their_voxel_size(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = SampleSpec(shape_zyx=(3, 12, 14), voxel_size_nm_zyx=(30.0, 6.0, 6.0), seed=1)
    monkeypatch.setattr(samples, "SERIAL_SECTION_SPEC", spec)
    layers = samples.serial_section_sample()
    assert [about["scale"] for _, about, _ in layers] == [(30.0, 6.0, 6.0)] * 2
