import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from segmend.core.errors import InputError
from segmend.core.networks.cards import read_card
from segmend.core.networks.inference import load_affinity_model
from segmend.core.training import learner
from segmend.core.training.config import TrainingConfig, read_training_config
from segmend.core.training.learner import draw_batch, learning_rate, train
from segmend.core.training.sources import load_sources

CONFIGS = sorted((Path(__file__).parents[3] / "core" / "training" / "configs").glob("*nm.toml"))
SOURCE = {"kind": "labelled", "file": "data.h5", "credit": "nobody", "licence": "CC0 1.0"}


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    labels = np.ones((16, 16, 16), np.uint32)
    labels[:, 8:] = 2
    image = np.full(labels.shape, 160, np.uint8)
    image[:, 7:9] = 40
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["raw"], file["labels"] = image, labels
        file["membranes"] = np.where(image > 100, 255, 0).astype(np.uint8)
    monkeypatch.setenv("SEGMEND_DATA", str(tmp_path))
    return tmp_path


def config(**changes: object) -> TrainingConfig:
    values: dict[str, object] = {
        "name": "tiny",
        "voxel_size_nm_zyx": (10, 10, 10),
        "offsets_zyx": ((-1, 0, 0), (0, -1, 0), (0, 0, -1)),
        "architecture": {
            "widths": (2,),
            "factors_zyx": (),
            "kernels_zyx": ((3, 3, 3),),
            "outputs": 3,
        },
        "sources": (SOURCE,),
        "patch_zyx": (16, 16, 16),
        "steps": 2,
        "warm_up": 1,
        "threads": 1,
    }
    return TrainingConfig.model_validate(values | changes)


def test_training_ends_with_a_model_that_loads(data: Path) -> None:
    seen: list[tuple[int, int]] = []
    weights = train(
        config(), progress=lambda step, steps, loss: seen.append((step, steps)), runs=data
    )
    model = load_affinity_model(weights, "cpu")
    assert seen == [(1, 2), (2, 2)]
    assert model.card.steps == 2
    assert model.card.data[0].credit == "nobody"
    assert model.predict(np.zeros((4, 4, 4), np.uint8)).shape == (3, 4, 4, 4)
    assert json.loads((data / "tiny" / "log.jsonl").read_text())["step"] == 2


def test_training_goes_on_from_its_checkpoint(data: Path) -> None:
    train(config(steps=1), runs=data)
    seen: list[int] = []
    train(config(steps=3), progress=lambda step, steps, loss: seen.append(step), runs=data)
    assert seen == [2, 3]


def test_a_finished_run_is_not_repeated(data: Path) -> None:
    first = train(config(), runs=data).read_bytes()
    assert (
        train(config(), progress=lambda *_: pytest.fail("trained"), runs=data).read_bytes() == first
    )


def test_a_checkpoint_of_another_network_is_refused(data: Path) -> None:
    train(config(steps=1), runs=data)
    wider = {"widths": (3,), "factors_zyx": (), "kernels_zyx": ((3, 3, 3),), "outputs": 3}
    with pytest.raises(InputError, match="no checkpoint of this configuration"):
        train(config(architecture=wider), runs=data)


def test_a_diverged_run_stops_and_keeps_its_checkpoint(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(config(steps=1), runs=data)
    before = (data / "tiny" / "checkpoint.pt").read_bytes()
    monkeypatch.setattr(
        learner, "balanced_affinity_loss", lambda logits, *_, **__: logits.sum() * float("nan")
    )
    with pytest.raises(InputError, match="loss is nan at step 1"):
        train(config(steps=2), runs=data)
    assert (data / "tiny" / "checkpoint.pt").read_bytes() == before


def test_the_loss_falls(data: Path) -> None:
    losses: list[float] = []
    train(
        config(steps=60, learning_rate=0.02),
        progress=lambda step, steps, loss: losses.append(loss),
        runs=data,
    )
    assert losses[-1] < 0.9 * losses[0]


def test_membranes_teach_nothing_across_sections(data: Path) -> None:
    planar = config(sources=({**SOURCE, "labels": "membranes", "membranes": True},))
    volumes = load_sources(planar)
    _, target, valid = draw_batch(volumes, planar, np.random.default_rng(0))
    assert volumes[0].labels.max() == 32
    assert not valid[:, 0].any()
    assert valid[:, 1:].any()
    assert set(torch.unique(target).tolist()) == {0.0, 1.0}


def test_a_volume_thinner_than_the_patch_is_mirrored(data: Path) -> None:
    thin = config(sources=({**SOURCE, "stop_zyx": (5, 16, 16)},))
    image, labels = load_sources(thin)[0].draw((16, 8, 8), np.random.default_rng(0))
    assert image.shape == labels.shape == (16, 8, 8)
    assert np.array_equal(image[:5], image[9:4:-1])


def test_the_rate_warms_up_and_falls() -> None:
    settings = config(steps=100, warm_up=10, learning_rate=1.0)
    rates = [learning_rate(step, settings) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[10] == pytest.approx(1.0)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[100] == pytest.approx(0.02)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configurations_are_valid_and_keep_the_rules(path: Path) -> None:
    settings = read_training_config(path)
    assert settings.name == path.stem
    files = {getattr(source, "file", "") for source in settings.sources}
    assert "vnc_train.h5" not in files
    for source in settings.sources:
        if getattr(source, "file", "") == "fib25_train.h5":
            assert source.stop_zyx is not None
            assert source.stop_zyx[0] <= 128
    if settings.validation is not None and settings.validation.file == "fib25_train.h5":
        assert settings.validation.start_zyx == (128, 0, 0)


@pytest.mark.parametrize(
    "text",
    ["name = ", "name = 'x'", "surprise = 1", "name = 'Not A Name'", "\x00"],
)
def test_bad_configurations_are_refused_in_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(InputError) as refused:
        read_training_config(path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"patch_zyx": (0, 16, 16)},
        {"patch_zyx": (8, 16, 16)},
        {"augmentation": {"isotropic": False}, "patch_zyx": (8, 16, 8)},
        {"steps": 0},
        {"offsets_zyx": ((-1, 0, 0),)},
        {"sources": ()},
    ],
)
def test_settings_that_cannot_work_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        config(**changes)


def test_missing_files_and_datasets_are_named(data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.h5 does not exist"):
        load_sources(config(sources=({**SOURCE, "file": "none.h5"},)))
    with pytest.raises(InputError, match="expected one of labels, membranes, raw"):
        load_sources(config(sources=({**SOURCE, "image": "none"},)))
    with pytest.raises(InputError, match="does not exist"):
        read_training_config(tmp_path / "none.toml")


def test_the_card_tells_the_validation(data: Path) -> None:
    card = read_card(train(config(validation=SOURCE), runs=data).with_suffix(".toml"))
    assert set(card.figures) == {
        "validation_boundary_f_nearest",
        "validation_cross_entropy_nearest",
    }
    assert 0 <= card.figures["validation_boundary_f_nearest"] <= 1


def test_models_carry_the_offsets_they_were_trained_for(data: Path) -> None:
    weights = train(config(steps=1), runs=data)
    assert read_card(weights.with_suffix(".toml")).offsets_zyx == config().offsets_zyx
