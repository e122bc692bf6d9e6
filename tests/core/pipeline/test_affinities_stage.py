"""Block-wise inference: aligned blocks, the same affinities as without blocks, resume, another network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tomli_w
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from segmend.core.errors import InputError, StageError
from segmend.core.geometry import Box, Grid
from segmend.core.networks.architecture import Architecture
from segmend.core.networks.cards import ModelCard
from segmend.core.pipeline.runner import default_stages, run_pipeline
from segmend.core.pipeline.settings import AffinitiesSettings, PipelineSettings, WatershedSettings
from segmend.core.pipeline.stage import StageContext
from segmend.core.pipeline.stages import affinities as affinities_module
from segmend.core.pipeline.stages.affinities import AffinitiesStage
from segmend.core.pipeline.stages.watershed import WatershedStage
from segmend.core.project import Project, create_project, open_project
from segmend.core.volumes.memory import MemoryVolume
from segmend.core.volumes.zarr import CHUNK_ZYX

SHAPE = (20, 132, 24)  # two blocks of whole chunks in z and two in y
CARD = ModelCard(
    name="tiny",
    description="For tests.",
    licence="CC0 1.0",
    voxel_size_nm_zyx=(10.0, 10.0, 10.0),
    offsets_zyx=((-1, 0, 0), (0, -1, 0), (0, 0, -1)),
    margin_zyx=(4, 4, 4),
    architecture=Architecture(widths=(2,), factors_zyx=(), kernels_zyx=((3, 3, 3),), outputs=3),
    data=(),
    steps=0,
    reproduce="segmend train tiny.toml",
)


def write_model(folder: Path, seed: int, card: ModelCard = CARD) -> Path:
    import torch

    from segmend.core.networks.unet import ResidualUNet, folded_state
    from segmend.core.networks.weights import save_weights

    torch.manual_seed(seed)
    network = ResidualUNet(card.architecture, standardised=True)
    torch.nn.init.normal_(network.head.weight)
    weights = folder / "tiny.safetensors"
    save_weights(weights, folded_state(network))
    weights.with_suffix(".toml").write_text(tomli_w.dumps(card.model_dump(mode="json")))
    return weights


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path, 0)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    image = np.random.default_rng(0).integers(1, 255, SHAPE, dtype=np.uint8)
    return create_project(
        tmp_path / "p.segmend", image=MemoryVolume(image, Grid((10.0, 10.0, 10.0)))
    )


def run(project: Project, model: Path, *, block_zyx=(16, 128, 128), **options):
    chosen = AffinitiesSettings(model=str(model), block_zyx=block_zyx)
    return run_pipeline(
        open_project(project.path),
        ["affinities"],
        PipelineSettings(affinities=chosen),
        scheduler="synchronous",
        device="cpu",
        **options,
    )


def affinities(project: Project) -> np.ndarray:
    return open_project(project.path).affinities.read(Box.of_shape(SHAPE))


@examples(max_examples=50, deadline=None)
@given(
    st.tuples(*[st.integers(1, 700)] * 3),
    st.tuples(*[st.integers(1, 300)] * 3),
)
def test_blocks_cover_the_volume_once_and_share_no_chunk(shape, block):
    class Anything:
        shape_zyx = shape

    stage = AffinitiesStage(AffinitiesSettings(block_zyx=block))
    blocks = stage.blocks(Anything())
    assert sum(box.size for box in blocks) == Box.of_shape(shape).size
    assert len({box.start_zyx for box in blocks}) == len(blocks)
    for box in blocks:
        assert all(a % chunk == 0 for a, chunk in zip(box.start_zyx, CHUNK_ZYX, strict=True))
        limits = (max(b, chunk) for b, chunk in zip(block, CHUNK_ZYX, strict=True))
        assert all(n <= limit for n, limit in zip(box.shape_zyx, limits, strict=True))


def test_every_block_is_what_the_network_says(project, model):
    from segmend.core.networks.inference import load_affinity_model, predict_block, volume_intensity

    run(project, model)
    network = load_affinity_model(model, "cpu")
    image = open_project(project.path).image
    whole = predict_block(network, image, Box.of_shape(SHAPE), intensity=volume_intensity(image))
    found = affinities(project)
    assert found.dtype == np.uint8
    assert found.shape == (3, *SHAPE)
    assert np.abs(found.astype(int) - whole.astype(int)).max() <= 2  # tiles meet elsewhere
    assert found.std() > 1


def test_the_network_is_recorded_and_a_second_run_skips(project, model):
    run(project, model)
    assert open_project(project.path).config.model == "tiny"
    assert run(project, model).stages[0].skipped


def long_range_model(folder: Path) -> Path:
    """Write a network with a fourth channel, of long range."""
    folder.mkdir()
    card = CARD.model_copy(
        update={
            "offsets_zyx": (*CARD.offsets_zyx, (0, -4, 0)),
            "architecture": CARD.architecture.model_copy(update={"outputs": 4}),
        }
    )
    return write_model(folder, 0, card)


def mutex(model: Path, **settings) -> PipelineSettings:
    chosen = AffinitiesSettings(model=str(model), block_zyx=(16, 128, 128))
    watershed = WatershedSettings(method="mutex_watershed", **settings)
    return PipelineSettings(affinities=chosen, watershed=watershed)


def test_mutex_watershed_knows_the_offsets_of_a_network_given_as_a_file(project, tmp_path):
    model = long_range_model(tmp_path / "nets")
    stages, options = ["affinities", "watershed"], {"scheduler": "synchronous", "device": "cpu"}
    run_pipeline(project, stages, mutex(model), **options)
    after = open_project(project.path)
    assert after.config.affinity_offsets_zyx == (*CARD.offsets_zyx, (0, -4, 0))
    model.unlink()  # gone: what the affinities are is said beside them
    stage = WatershedStage(mutex(model, bias=(0.4,)).watershed)
    stage.check(after)
    assert "(0, -4, 0)" in stage.identity(after)


@pytest.mark.parametrize("wrong", [{"bias": (0.5, 0.6, 0.7)}, {"strides": (1, 1, 1)}])
def test_channels_are_counted_before_they_are_made(project, tmp_path, wrong):
    model = long_range_model(tmp_path / "nets")
    with pytest.raises(StageError, match="mutex watershed on 4 channels"):
        run_pipeline(
            project, ["affinities", "watershed"], mutex(model, **wrong), scheduler="synchronous"
        )
    assert not (project.path / "marks").exists()
    assert open_project(project.path).config.affinity_offsets_zyx is None


def test_affinities_of_an_unknown_network_need_offsets(project, model):
    run(project, model)
    old = open_project(project.path).with_config(affinity_offsets_zyx=None)
    with pytest.raises(StageError, match=r"network 'tiny'.*watershed\.offsets"):
        run_pipeline(old, ["watershed"], mutex(model), scheduler="synchronous")
    run_pipeline(
        old, ["watershed"], mutex(model, offsets=CARD.offsets_zyx), scheduler="synchronous"
    )


def test_other_weights_under_the_same_name_run_again(project, model):
    run(project, model)
    before = affinities(project)
    write_model(model.parent, 1)
    assert not run(project, model).stages[0].skipped
    assert not np.array_equal(affinities(project), before)


def test_an_interrupted_run_goes_on_and_shows_nothing_before_the_end(project, model, monkeypatch):
    done: list[Box] = []
    original = AffinitiesStage.run_block

    def stumbling(self, context, box):
        if len(done) == 2:
            raise ValueError("stumbled")
        original(self, context, box)
        done.append(box)

    with monkeypatch.context() as patch:
        patch.setattr(AffinitiesStage, "run_block", stumbling)
        with pytest.raises(StageError, match="stumbled"):
            run(project, model)
    assert open_project(project.path).affinities is None
    finished: list[Box] = []

    def counting(self, context, box):
        original(self, context, box)
        finished.append(box)

    monkeypatch.setattr(AffinitiesStage, "run_block", counting)
    run(project, model)
    assert len(finished) == 2
    assert not set(finished) & set(done)
    assert affinities(project).any(axis=(0, 2, 3)).all()


def test_a_model_that_does_not_exist_is_refused_before_anything_runs(project, tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        run(project, tmp_path / "missing.safetensors")
    assert not (project.path / "marks").exists()


def test_a_project_with_an_image_alone_runs_every_stage(project):
    assert default_stages(project)[:3] == ("affinities", "watershed", "graph")


# -- blocks and tiles ------------------------------------------------------------------------------------------------


@pytest.fixture
def small_tiles(monkeypatch):
    """Tiles of two by one by one chunks, so that a small volume has several."""
    monkeypatch.setattr("segmend.core.volumes.zarr.CHUNK_ZYX", (5, 11, 7))
    monkeypatch.setattr("segmend.core.networks.tiles.TILE_ZYX", (10, 22, 14))


def test_grids_of_whole_tiles_give_the_same_affinities_to_the_bit(project, model, small_tiles):
    found = []
    for block in [(10, 22, 14), (20, 44, 14), (10, 132, 30), (80, 132, 128)]:
        run(project, model, block_zyx=block)
        found.append(affinities(project))
    assert found[0].std() > 1
    assert all(np.array_equal(one, found[0]) for one in found)


def test_smaller_blocks_differ_a_little(project, model, small_tiles):
    run(project, model, block_zyx=(10, 22, 14))
    one = affinities(project).astype(int)
    run(project, model, block_zyx=(5, 22, 14))
    other = affinities(project).astype(int)
    assert np.abs(one - other).max() <= 2


@pytest.mark.parametrize("block", [(10, 22, 14), (20, 132, 30)])
def test_outside_the_mask_nothing_is_predicted(tmp_path, model, small_tiles, monkeypatch, block):
    from segmend.core.networks import inference

    image = np.random.default_rng(0).integers(1, 255, SHAPE, dtype=np.uint8)
    mask = np.zeros(SHAPE, np.uint8)
    mask[3:9, 30:40, 2:16] = 1  # tiles 0; 1; 0 and 1
    grid = Grid((10.0, 10.0, 10.0))
    volumes = {"image": MemoryVolume(image, grid)}
    bare = create_project(tmp_path / "bare.segmend", **volumes)
    masked = create_project(tmp_path / "m.segmend", **volumes, mask=MemoryVolume(mask, grid))
    run(bare, model, block_zyx=block)
    passes: list[tuple[int, ...]] = []
    original = inference._forward
    monkeypatch.setattr(
        inference, "_forward", lambda net, part: passes.append(part.shape) or original(net, part)
    )
    run(masked, model, block_zyx=block)
    assert len(passes) == 2
    assert np.array_equal(affinities(masked), affinities(bare) * (mask != 0))
    assert (affinities(masked)[:, mask != 0] > 0).any()
    assert run(masked, model, block_zyx=block).stages[0].skipped


def test_blocks_without_tissue_are_on_disk_as_zeros(tmp_path, model):
    image = np.full((20, 24, 24), 99, np.uint8)
    mask = np.zeros_like(image)
    mask[:2] = 1
    grid = Grid((10.0, 10.0, 10.0))
    project = create_project(
        tmp_path / "p.segmend", image=MemoryVolume(image, grid), mask=MemoryVolume(mask, grid)
    )
    run(project, model)
    chunk = project.path / "affinities.zarr" / "0" / "2" / "1" / "0" / "0"
    assert chunk.is_file()


@pytest.mark.parametrize("bfloat16", [True, False])
def test_all_workers_compute_in_what_was_chosen_first(
    project, model, tmp_path, monkeypatch, bfloat16
):
    """A worker of another kind would choose otherwise; an interrupted run goes on as it began."""
    from segmend.core.networks import inference

    used = []
    original = inference._forward
    monkeypatch.setattr(
        inference, "_forward", lambda net, part: used.append(net.bfloat16) or original(net, part)
    )
    monkeypatch.setattr(inference, "bfloat16_is_fast", lambda _: bfloat16)
    stage = AffinitiesStage(AffinitiesSettings(model=str(model), block_zyx=(16, 128, 128)))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    context = StageContext(project, project.path, scratch, "cpu")
    stage.prepare(context)
    monkeypatch.setattr(inference, "bfloat16_is_fast", lambda _: not bfloat16)
    stage.prepare(context)
    affinities_module._loaded.cache_clear()
    stage.run_block(context, stage.blocks(project)[0])
    assert set(used) == {bfloat16}
