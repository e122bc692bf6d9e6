from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from segmend.core.errors import InputError
from segmend.core.networks.cards import find_card
from segmend.core.networks.weights import load_network, save_weights


def test_weights_come_back_rounded_to_half_precision(tiny: Path) -> None:
    network = load_network(tiny, find_card(tiny)[0].architecture)
    stored = load_file(tiny)
    for name, value in network.state_dict().items():
        assert value.dtype == torch.float32
        assert torch.equal(value, stored[name].float())


def test_a_failed_save_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(AttributeError):
        save_weights(tmp_path / "w.safetensors", {"a": None})  # type: ignore[dict-item]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "kind", ["missing", "unexpected", "shape", "integers", "nan", "cut", "text"]
)
def test_wrong_files_are_refused_in_one_line(tiny: Path, kind: str) -> None:
    architecture = find_card(tiny)[0].architecture
    state = load_file(tiny)
    if kind == "missing":
        del state["head.bias"]
    elif kind == "unexpected":
        state["extra"] = torch.zeros(1)
    elif kind == "shape":
        state["head.bias"] = torch.zeros(4)
    elif kind == "integers":
        state["head.bias"] = torch.zeros(3, dtype=torch.int32)
    elif kind == "nan":
        state["head.bias"][0] = float("nan")
    save_file(state, tiny)
    if kind == "cut":
        tiny.write_bytes(tiny.read_bytes()[:-100])
    elif kind == "text":
        tiny.write_text("not weights")
    with pytest.raises(InputError) as refused:
        load_network(tiny, architecture)
    assert "\n" not in str(refused.value)
    assert str(tiny) in str(refused.value)
