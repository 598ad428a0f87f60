"""Published checkpoints become model folders: safely, strictly, and saying whose they are."""

import json
import os
import pickle
import zlib
from pathlib import Path
from typing import Any

import fill
import pytest
import torch
from torch import Tensor
from typer.testing import CliRunner

from posable.cli.app import app
from posable.errors import CheckpointError, ConfigError, InputError
from posable.zoo.checkpoint import load_checkpoint, read_card
from posable.zoo.convert import convert_checkpoint, published_families, write_converted

NAMES = {"dptn": "dptn", "gfla": "gfla", "nted": "nted_256", "pise": "pise"}


def published(family: str, **changed: Tensor) -> dict[str, Tensor]:
    """A file's worth of entries under the authors' names. Those of one shape hold one number, as some are stored twice;
    they are expanded from it, so that the file is small."""
    state: dict[str, Tensor] = {}
    for key, shape in fill.published_shapes(NAMES[family]).items():
        if key.endswith(".kernel"):
            gain = 4 if "conv0.blur" in key or "upsample" in key else 1
            state[key] = torch.outer(*[torch.tensor([1.0, 3.0, 3.0, 1.0])] * 2) / 64 * gain
        elif key.endswith("num_batches_tracked"):
            state[key] = torch.tensor(7)
        else:
            state[key] = torch.tensor(zlib.crc32(str(shape).encode()) / 2**32).expand(shape)
    return state | changed


def saved(path: Path, content: Any) -> Path:
    torch.save(content, path)
    return path


def refusal(family: str, path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        convert_checkpoint(family, path)
    message = str(caught.value)
    assert str(path) in message
    assert message.endswith(".")
    return message


# ---- what is converted


@pytest.mark.parametrize("family", sorted(published_families()))
def test_the_authors_file_is_met_to_the_last_entry_and_its_licence_is_named(family: str, tmp_path: Path) -> None:
    converted = convert_checkpoint(family, saved(tmp_path / "latest_net_G.pth", published(family)))
    assert converted.generator.family == family
    assert converted.generator.size == (256, 176)
    assert "non-commercial" in converted.card["licence"]
    assert converted.card["provenance"]["file"] == "latest_net_G.pth"
    assert converted.card["provenance"]["repository"].startswith("https://github.com/")
    assert not any(tensor.is_meta for tensor in converted.generator.state_dict().values())


def test_the_published_weights_of_pise_are_drawn_as_its_released_code_draws() -> None:
    assert [config.as_released for config in published_families()["pise"].settings.values()] == [True]


@pytest.mark.parametrize("family", ["dptn", "gfla"])
def test_the_written_folder_loads_and_draws_what_was_converted(family: str, tmp_path: Path) -> None:
    converted = convert_checkpoint(family, saved(tmp_path / "latest_net_G.pth", published(family)))
    folder = write_converted(converted, tmp_path / "model")
    card, loaded = read_card(folder), load_checkpoint(folder)
    assert card["family"] == family
    assert "non-commercial" in card["licence"]
    wanted = converted.generator.state_dict()
    assert all(torch.equal(tensor, wanted[name]) for name, tensor in loaded.state_dict().items())


@pytest.mark.parametrize("prefix", ["module.", "module.module."])
def test_names_that_data_parallel_wrote_are_unwrapped(prefix: str, tmp_path: Path) -> None:
    plain = published("gfla")
    converted = convert_checkpoint(
        "gfla", saved(tmp_path / "a.pth", {f"{prefix}{key}": tensor for key, tensor in plain.items()})
    )
    assert converted.card["provenance"]["entry"] == "the whole file"


def test_the_averaged_network_is_taken_from_a_training_checkpoint(tmp_path: Path) -> None:
    bias = "skeleton_encoder.first.activate.bias"
    learned, averaged = (published("nted", **{bias: torch.full((128,), value)}) for value in (1.0, 2.0))
    path = saved(
        tmp_path / "epoch_00200_iteration_000495400_checkpoint.pt",
        {
            "net_G": learned,
            "net_D": fill.published_state("nted_256_d", unit_variance=True),
            "net_G_ema": averaged,
            "opt_G": {"state": {0: {"step": 3, "exp_avg": torch.zeros(2)}}, "param_groups": [{"lr": 0.002}]},
            "current_epoch": 200,
        },
    )
    converted = convert_checkpoint("nted", path)
    assert converted.card["provenance"]["entry"] == "net_G_ema"
    assert converted.setting == "256x176"
    assert (converted.generator.state_dict()["skeleton_encoder.first.1.bias"] == 2).all()


def test_half_precision_becomes_single(tmp_path: Path) -> None:
    state = {key: tensor.half() for key, tensor in published("dptn").items()}
    generator = convert_checkpoint("dptn", saved(tmp_path / "a.pth", state)).generator
    assert {tensor.dtype for tensor in generator.state_dict().values()} == {torch.float32}


def test_settings_with_the_same_shapes_are_told_apart_by_name(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.pth", published("dptn"))
    assert convert_checkpoint("dptn", path).generator.size == (256, 176)
    assert convert_checkpoint("dptn", path, "market").generator.size == (128, 64)
    with pytest.raises(ConfigError, match="no setting 'fashon'; choose one of fashion, market"):
        convert_checkpoint("dptn", path, "fashon")


# ---- what is refused


def test_a_missing_entry_is_named(tmp_path: Path) -> None:
    state = published("dptn")
    del state["decoder0.model.2.weight"]
    message = refusal("dptn", saved(tmp_path / "a.pth", state))
    assert "1 of its" in message
    assert "decoder.0.main.2.weight" in message


def test_an_unknown_entry_is_named(tmp_path: Path) -> None:
    message = refusal("dptn", saved(tmp_path / "a.pth", published("dptn", surprise=torch.zeros(3))))
    assert "1 are unknown, first 'surprise'" in message


def test_an_entry_of_another_shape_is_named_with_both(tmp_path: Path) -> None:
    message = refusal(
        "gfla", saved(tmp_path / "a.pth", published("gfla", **{"source.block0.model.2.bias": torch.zeros(5)}))
    )
    assert "5 in place of 64" in message


def test_numbers_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    key = "PTM.decoder.norm.bias"
    assert key in published("dptn")
    message = refusal("dptn", saved(tmp_path / "a.pth", published("dptn", **{key: torch.full((256,), torch.nan)})))
    assert "not finite" in message


@pytest.mark.parametrize(
    ("family", "key"),
    [
        ("nted", "reference_encoder.convs.0.blur.kernel"),
        ("pise", "dec.out.conv1.weight_orig"),
        ("gfla", "target.outconv.conv1.weight"),
    ],
)
def test_what_is_left_out_must_be_what_it_is_taken_for(family: str, key: str, tmp_path: Path) -> None:
    state = published(family)
    path = saved(tmp_path / "a.pth", state | {key: torch.rand_like(state[key])})
    assert f"other numbers in '{key}'" in refusal(family, path)


def test_a_file_of_another_family_names_the_command_for_it(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.pth", published("gfla"))
    assert "is a gfla generator, not dptn; use posable convert gfla." in refusal("dptn", path)


def test_a_discriminator_is_no_generator(tmp_path: Path) -> None:
    path = saved(tmp_path / "latest_net_D.pth", fill.published_state("dptn_d"))
    assert "is no dptn generator" in refusal("dptn", path)


def test_a_family_without_published_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no published weights of 'weave'"):
        convert_checkpoint("weave", tmp_path / "a.pth")


# ---- broken and hostile files


class _Trap:
    """Unpickled with Python's own reader, this makes a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("plain", [True, False], ids=["plain pickle", "inside a checkpoint"])
def test_a_program_in_the_file_does_not_run(plain: bool, tmp_path: Path) -> None:
    path, mark = tmp_path / "a.pth", tmp_path / "it-ran"
    if plain:
        path.write_bytes(pickle.dumps(_Trap(mark)))
    else:
        saved(path, {"net_G": published("dptn"), "extra": _Trap(mark)})
    assert "could run programs when opened" in refusal("dptn", path)
    assert not mark.exists()


def test_a_whole_pickled_network_is_refused(tmp_path: Path) -> None:
    assert "could run programs" in refusal("dptn", saved(tmp_path / "a.pth", torch.nn.Linear(2, 2)))


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "old format"])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.7, 0.999])
def test_a_file_that_is_cut_short_is_refused(share: float, legacy: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    torch.save(published("dptn"), path, _use_new_zipfile_serialization=not legacy)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    assert "cut short or no PyTorch checkpoint" in refusal("dptn", path)


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "old format"])
def test_a_damaged_file_is_refused_with_a_sentence(legacy: bool, tmp_path: Path) -> None:
    whole, path = tmp_path / "whole.pth", tmp_path / "damaged.pth"
    torch.save({"a": torch.ones(3), "b": {"c": torch.zeros(2)}}, whole, _use_new_zipfile_serialization=not legacy)
    data = whole.read_bytes()
    rng = torch.Generator().manual_seed(0)
    for _ in range(60):
        damaged = bytearray(data)
        for place in torch.randint(len(data), (4,), generator=rng).tolist():
            damaged[place] = int(torch.randint(256, (), generator=rng))
        path.write_bytes(bytes(damaged))
        refusal("dptn", path)


@pytest.mark.parametrize("content", [b"", b"PK", b"\x80\x02", b"not a checkpoint at all", b"PK\x03\x04" + bytes(99)])
def test_other_files_are_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    path.write_bytes(content)
    refusal("dptn", path)


@pytest.mark.parametrize("content", [{}, [], 3, {"epoch": 3}, {"a": {"b": {"c": {"d": {"e": torch.ones(1)}}}}}])
def test_a_checkpoint_without_a_network_is_refused(content: object, tmp_path: Path) -> None:
    assert "holds no network" in refusal("dptn", saved(tmp_path / "a.pth", content))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "is not there" in refusal("dptn", tmp_path / "nowhere.pth")


# ---- the command


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_the_command_writes_the_folder_and_reports_it(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.pth", published("gfla"))
    result = run("convert", "gfla", path, "-o", tmp_path / "model", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["parameters"] == 14_047_395
    assert told["setting"] == "fashion"
    assert "non-commercial" in told["licence"]
    assert load_checkpoint(tmp_path / "model").family == "gfla"


def test_the_command_keeps_a_model_that_is_there(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.pth", published("gfla"))
    write_converted(convert_checkpoint("gfla", path), tmp_path / "model")
    before = (tmp_path / "model" / "model.json").read_bytes()
    result = run("convert", "gfla", path, "-o", tmp_path / "model")
    assert result.exit_code == 2
    assert "holds a model already" in result.stderr
    assert (tmp_path / "model" / "model.json").read_bytes() == before


def test_the_command_answers_a_bad_file_with_one_sentence_and_no_folder(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.pth", {"net_G": _Trap(tmp_path / "it-ran")})
    result = run("convert", "nted", path, "-o", tmp_path / "model")
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "model").exists()
