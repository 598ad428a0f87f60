"""A model folder comes back as it was saved; anything else is refused in one sentence, and no pickle is ever opened."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from posable.errors import CheckpointError, InputError
from posable.models.nted import NtedConfig, NtedGenerator
from posable.models.weave import WeaveConfig, WeaveGenerator
from posable.zoo.checkpoint import load_checkpoint, model_folder, read_card, save_checkpoint, shipped_models

TINY = WeaveConfig(height=64, width=48, channels=8, fine_channels=8, match_channels=8, num_heads=2)


@pytest.fixture
def generator() -> WeaveGenerator:
    torch.manual_seed(0)
    return WeaveGenerator(TINY).eval()


@pytest.fixture
def folder(generator: WeaveGenerator, tmp_path: Path) -> Path:
    return save_checkpoint(tmp_path / "model", generator, {"licence": "Apache-2.0"})


def edit_card(folder: Path, **changes: Any) -> None:
    path = folder / "model.json"
    card = json.loads(path.read_text())
    card.update(changes)
    path.write_text(json.dumps(card))


def refusal(folder: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(folder)
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    return message


def test_a_saved_generator_comes_back_bit_for_bit(generator: WeaveGenerator, folder: Path) -> None:
    loaded = load_checkpoint(folder)
    assert isinstance(loaded, WeaveGenerator)
    assert loaded.config == TINY
    assert not loaded.training
    expected = generator.state_dict()
    assert list(loaded.state_dict()) == list(expected)
    assert all(torch.equal(tensor, expected[name]) for name, tensor in loaded.state_dict().items())


def test_a_loaded_generator_can_be_trained_further(folder: Path) -> None:
    loaded = load_checkpoint(folder)
    assert all(parameter.requires_grad and not parameter.is_meta for parameter in loaded.parameters())


def test_the_card_tells_family_config_size_and_what_the_caller_adds(folder: Path) -> None:
    card = read_card(folder)
    assert (card["family"], card["size"], card["licence"]) == ("weave", [64, 48], "Apache-2.0")
    assert card["config"]["channels"] == 8


def test_saving_again_replaces_both_files_and_leaves_nothing_else(folder: Path) -> None:
    other = WeaveGenerator(TINY)
    save_checkpoint(folder, other, {})
    assert sorted(path.name for path in folder.iterdir()) == ["model.json", "model.safetensors"]
    first = next(iter(other.state_dict()))
    assert torch.equal(load_checkpoint(folder).state_dict()[first], other.state_dict()[first])


def test_saving_under_a_file_is_an_input_error(generator: WeaveGenerator, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot make the folder"):
        save_checkpoint(tmp_path / "file" / "model", generator, {})


def test_an_unknown_name_lists_the_shipped_models(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is no model") as caught:
        model_folder(tmp_path / "nothing")
    assert all(name in str(caught.value) for name in shipped_models())


@pytest.mark.parametrize("name", ["model.safetensors", "model.json"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert f"has no {name}" in refusal(folder)


@pytest.mark.parametrize("keep", [0, 5, 100, -1])
def test_truncated_weights_are_refused(folder: Path, keep: int) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    assert "cut short" in refusal(folder)


def test_one_flipped_bit_in_the_weights_is_noticed(folder: Path) -> None:
    path = folder / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert "is not the file that model.json" in refusal(folder)


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "\x00\x01", "[" * 100_000])
def test_a_broken_card_is_refused(folder: Path, text: str) -> None:
    (folder / "model.json").write_text(text)
    assert "model.json" in refusal(folder)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"family": "stylegan"}, "of the family 'stylegan'"),
        ({"family": ["weave"]}, "of the family"),
        ({"format": 99}, "has format 99"),
        ({"skeleton": "coco-17"}, "for the skeleton 'coco-17'"),
        ({"config": None}, "lacks 'config'"),
        ({"weights_sha256": 5}, "lacks 'weights_sha256'"),
    ],
)
def test_a_foreign_card_is_refused(folder: Path, changes: dict[str, Any], expected: str) -> None:
    edit_card(folder, **changes)
    assert expected in refusal(folder)


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        ("channels", 16, "but its model.json asks for"),
        ("channels", 8 * 10**6, "but its model.json asks for"),
        ("channels", "8", "sets channels to '8'"),
        ("channels", True, "sets channels to True"),
        ("channels", 7, "do not work"),
        ("wings", 2, "unknown setting 'wings'"),
    ],
)
def test_a_config_that_does_not_fit_is_refused(folder: Path, setting: str, value: Any, expected: str) -> None:
    edit_card(folder, config=json.loads((folder / "model.json").read_text())["config"] | {setting: value})
    assert expected in refusal(folder)


@pytest.mark.parametrize(
    ("channels", "expected"),
    [
        ([16, "16", 8], "its parts must be like 512"),
        ([16.0, 16.0, 8.0], "its parts must be like 512"),
        ([[16], [16], [8]], "its parts must be like 512"),
        (16, "is no tuple"),
        ([], "give num_labels and kernel_sizes"),
        ([0, 16, 8], "at least one channel"),
        ([10**9, 16, 8], "asks for"),
    ],
)
def test_a_setting_with_several_parts_is_checked_part_by_part(channels: Any, expected: str, tmp_path: Path) -> None:
    config = NtedConfig(height=64, width=48, channels=(16, 16, 8), num_labels=(4, 6), kernel_sizes=(1, 3))
    folder = save_checkpoint(tmp_path / "model", NtedGenerator(config), {})
    assert load_checkpoint(folder).config == config
    edit_card(folder, config={**read_card(folder)["config"], "channels": channels})
    assert expected in refusal(folder)


def test_missing_surplus_and_infinite_tensors_are_named(generator: WeaveGenerator, folder: Path) -> None:
    tensors = dict(generator.state_dict())
    name, tensor = next(iter(tensors.items()))
    for changed, expected in (
        ({key: value for key, value in tensors.items() if key != name}, f"lacks 1 tensors, first '{name}'"),
        (tensors | {"surplus": tensor.clone()}, "1 tensors too many, first 'surplus'"),
        (tensors | {name: torch.full_like(tensor, torch.nan)}, f"numbers in '{name}' that are not finite"),
    ):
        rewrite_weights(folder, changed)
        assert expected in refusal(folder)


def rewrite_weights(folder: Path, tensors: dict[str, torch.Tensor]) -> None:
    import hashlib

    data = safetensors.torch.save(tensors)
    (folder / "model.safetensors").write_bytes(data)
    edit_card(folder, weights_sha256=hashlib.sha256(data).hexdigest())


class Bomb:
    """Leaves a file where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("name", ["weights.pt", "weights.pth", "weights.pkl", "weights"])
@pytest.mark.parametrize("writer", ["pickle", "torch"])
def test_a_malicious_pickle_is_refused_unopened(tmp_path: Path, name: str, writer: str) -> None:
    mark, path = tmp_path / "exploded", tmp_path / name
    if writer == "pickle":
        path.write_bytes(pickle.dumps(Bomb(mark)))
    else:
        torch.save({"a": Bomb(mark)}, path)
    assert "is a pickle" in refusal(path)
    assert not mark.exists()


@pytest.mark.parametrize("writer", ["pickle", "torch"])
def test_a_pickle_disguised_as_safetensors_is_refused_unopened(folder: Path, tmp_path: Path, writer: str) -> None:
    mark, path = tmp_path / "exploded", folder / "model.safetensors"
    if writer == "pickle":
        path.write_bytes(pickle.dumps(Bomb(mark)))
    else:
        torch.save({"a": Bomb(mark)}, path)
    assert "is a pickle" in refusal(folder)
    assert not mark.exists()


def test_the_bomb_of_these_tests_does_explode_when_unpickled(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Bomb(tmp_path / "exploded")))
    assert (tmp_path / "exploded").exists()
