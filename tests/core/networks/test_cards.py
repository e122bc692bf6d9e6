import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from segmend.core.errors import InputError
from segmend.core.networks.cards import choose_model, find_card, list_models, read_card


def test_nearest_voxel_size_is_chosen_by_ratio(
    tmp_path: Path, make_model: Callable[[Path, str, float], Path]
) -> None:
    for name, size in (("fine", 5.0), ("coarse", 40.0)):
        make_model(tmp_path, name, size)
    assert choose_model((13.0, 13.0, 13.0), tmp_path).name == "fine"
    assert choose_model((16.0, 16.0, 16.0), tmp_path).name == "coarse"


def test_no_model_at_all_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no affinity model"):
        choose_model((1.0, 1.0, 1.0), tmp_path)


def test_a_card_without_weights_is_not_listed(tiny: Path) -> None:
    assert [model.name for model in list_models(tiny.parent)] == ["tiny"]
    tiny.unlink()
    assert list_models(tiny.parent) == ()


def test_a_model_is_found_by_either_of_its_files(tiny: Path) -> None:
    assert find_card(tiny) == find_card(tiny.with_suffix(".toml"))


@pytest.mark.parametrize("name", ["nothing", "../nothing", "no/where.safetensors"])
def test_unknown_models_are_refused_in_one_line(name: str) -> None:
    with pytest.raises(InputError) as refused:
        find_card(name)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('name = "tiny"', 'name = "../tiny"'),
        ("outputs = 3", "outputs = 4"),
        ("steps = 0", "steps = 0\nsurprise = 1"),
        ("steps = 0", "steps = "),
        ("    8,\n", "    -8,\n"),
        ("    10.0,\n", "    0.0,\n"),
    ],
)
def test_unusable_cards_are_refused(tiny: Path, old: str, new: str) -> None:
    path = tiny.with_suffix(".toml")
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(InputError, match="model card"):
        read_card(path)


def test_missing_and_oversized_cards_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_card(tmp_path / "none.toml")
    (tmp_path / "big.toml").write_bytes(b"#" * (1 << 20) + b"#")
    with pytest.raises(InputError, match="larger"):
        read_card(tmp_path / "big.toml")


def test_listing_models_does_not_load_torch() -> None:
    code = (
        "import sys; from segmend.core.networks.cards import list_models; list_models();"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
