"""Model folders: `model.safetensors` (weights) beside `model.json` (family, config, skeleton, size, provenance).

Nothing here unpickles. A folder is believed only when its weights are the ones that its card describes (SHA-256), its
config is one that the family knows, and every tensor has the shape that the config asks for.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from posable.errors import CheckpointError, ConfigError, InputError
from posable.files import write_atomically
from posable.models import FAMILIES
from posable.models.generator import Generator
from posable.pose.skeleton import OPENPOSE_18
from posable.version import __version__

FORMAT_VERSION = 1
WEIGHTS_FILE, CARD_FILE = "model.safetensors", "model.json"
SHIPPED_FOLDER = Path(__file__).parent.parent / "weights"

_MAX_CARD_BYTES = 1_000_000
_OWN_KEYS = ("format", "posable", "family", "config", "skeleton", "size", "weights_sha256")
_PICKLE_SUFFIXES = (".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".bin")
_SAFETENSORS_HEADER_AT = 8


def shipped_models() -> list[str]:
    """The names of the models inside the package."""
    return sorted(card.parent.name for card in SHIPPED_FOLDER.glob(f"*/{CARD_FILE}"))


def model_folder(name_or_folder: str | os.PathLike[str]) -> Path:
    """The folder of a shipped model, by its name, or the folder that was given; raises CheckpointError."""
    given = Path(name_or_folder)
    if given.is_dir():
        return given
    if given.exists():
        raise CheckpointError(_not_a_folder(given))
    shipped = shipped_models()
    if str(name_or_folder) in shipped:
        return SHIPPED_FOLDER / str(name_or_folder)
    names = ", ".join(shipped) or "(none in this installation)"
    raise CheckpointError(f"'{given}' is no model; give a folder with {WEIGHTS_FILE}, or a shipped model: {names}.")


def save_checkpoint(folder: str | os.PathLike[str], generator: Generator[Any], card: Mapping[str, Any]) -> Path:
    """Writes the generator's weights and its card into `folder`, which is made; gives back the folder.

    `card` adds what only the caller knows (provenance, licence, numbers) as plain JSON values. Both files are written
    whole before either takes the place of an older one. Raises InputError when the folder cannot be written.
    """
    reserved = sorted(set(card) & set(_OWN_KEYS))
    assert not reserved, f"the card's {reserved} are written by save_checkpoint itself"
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder '{folder}' ({error.strerror}); choose another place.") from None
    weights = safetensors.torch.save(
        {name: tensor.detach().cpu().contiguous() for name, tensor in generator.state_dict().items()}
    )
    described = {
        "format": FORMAT_VERSION,
        "posable": __version__,
        "family": generator.family,
        "config": asdict(generator.config),
        "skeleton": OPENPOSE_18.name,
        "size": list(generator.size),
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        **card,
    }
    text = json.dumps(described, indent=2, allow_nan=False) + "\n"
    with (
        write_atomically(folder / CARD_FILE) as new_card,
        write_atomically(folder / WEIGHTS_FILE) as new_weights,
    ):
        new_weights.write_bytes(weights)
        new_card.write_text(text, encoding="utf-8")
    return folder


def load_checkpoint(name_or_folder: str | os.PathLike[str]) -> Generator[Any]:
    """The generator of a model folder (or of a shipped model), on the CPU in evaluation mode.

    Raises CheckpointError when a file is missing, cut short, altered, a pickle, of a family or version that is not
    known here, or does not fit its own config.
    """
    folder = model_folder(name_or_folder)
    card = read_card(folder)
    entry = FAMILIES[card["family"]]
    config = _config(entry.config, card["config"], folder / CARD_FILE)
    # Nothing is allocated yet, so a card that asks for absurd sizes costs no memory.
    generator = entry.build_empty(config)
    tensors = _weights_of(folder, card)
    _check_shapes(folder / WEIGHTS_FILE, tensors, generator.state_dict())
    generator.load_state_dict(tensors, strict=True, assign=True)
    return generator.eval()


def weights_file(folder: Path, card: Mapping[str, Any]) -> Path:
    """The file with the weights of a model folder; a shipped model may have those of another shipped one as a part."""
    part = card.get("weights_of")
    return (folder if part is None or folder.parent != SHIPPED_FOLDER else SHIPPED_FOLDER / part) / WEIGHTS_FILE


def _weights_of(folder: Path, card: Mapping[str, Any]) -> dict[str, Tensor]:
    """The weights of a model folder, by the names that its generator has for them."""
    path = weights_file(folder, card)
    tensors = _read_weights(path, card["weights_sha256"])
    return tensors if path.parent == folder else {f"{path.parent.name}.{name}": one for name, one in tensors.items()}


def read_card(name_or_folder: str | os.PathLike[str]) -> dict[str, Any]:
    """The checked contents of model.json; raises CheckpointError."""
    path = model_folder(name_or_folder) / CARD_FILE
    _check_is_file(path)
    try:
        if path.stat().st_size > _MAX_CARD_BYTES:
            raise CheckpointError(f"'{path}' is too large for a model card; get a whole copy of the model folder.")
        card = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        raise CheckpointError(f"'{path}' is not readable JSON; get a whole copy of the model folder.") from None
    if not isinstance(card, dict):
        raise CheckpointError(f"'{path}' is not a model card; get a whole copy of the model folder.")
    checked: dict[str, Any] = card
    version = checked.get("format")
    if version != FORMAT_VERSION:
        raise CheckpointError(
            f"'{path}' has format {version!r}, and this posable reads format {FORMAT_VERSION}; update posable."
        )
    if checked.get("family") not in list(FAMILIES):
        raise CheckpointError(
            f"'{path}' is of the family {checked.get('family')!r}; known here: {', '.join(FAMILIES)}; update posable."
        )
    if checked.get("skeleton") != OPENPOSE_18.name:
        raise CheckpointError(
            f"'{path}' is for the skeleton {checked.get('skeleton')!r}; only {OPENPOSE_18.name} can be used."
        )
    for key, kind in (("config", dict), ("weights_sha256", str)):
        if not isinstance(checked.get(key), kind):
            raise CheckpointError(f"'{path}' lacks '{key}'; get a whole copy of the model folder.")
    return checked


def _config(kind: type[Any], given: dict[str, Any], path: Path) -> Any:
    known = {field.name: field for field in fields(kind)}
    if unknown := sorted(set(given) - set(known)):
        raise CheckpointError(f"'{path}' has the unknown setting '{unknown[0]}'; update posable or check the file.")
    if missing := sorted(set(known) - set(given)):
        raise CheckpointError(f"'{path}' lacks the setting '{missing[0]}'; get a whole copy of the model folder.")
    settings = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    for name, value in settings.items():
        default = known[name].default
        if isinstance(default, tuple) and isinstance(value, tuple) and _unlike(value, default[0]):
            raise CheckpointError(f"'{path}' sets {name} to {list(value)!r}; its parts must be like {default[0]!r}.")
        kinds = (float, int) if isinstance(default, float) else type(default)
        if isinstance(value, bool) != isinstance(default, bool) or not isinstance(value, kinds):
            raise CheckpointError(f"'{path}' sets {name} to {value!r}, which is no {type(default).__name__}.")
    try:
        return kind(**settings)
    except ConfigError as error:
        raise CheckpointError(f"'{path}' has settings that do not work: {error}") from None


def _unlike(parts: tuple[Any, ...], example: Any) -> bool:
    return any(type(part) is not type(example) for part in parts)


def _read_weights(path: Path, sha256: str) -> dict[str, Tensor]:
    _check_is_file(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"'{path}' cannot be read ({error.strerror}); check its permissions.") from None
    if _is_pickle(data):
        raise CheckpointError(f"'{path}' is {_PICKLE_REFUSED}")
    try:
        tensors = safetensors.torch.load(data)
    except (SafetensorError, ValueError, KeyError):
        raise CheckpointError(
            f"'{path}' is cut short or no safetensors file; get a whole copy of the model folder."
        ) from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise CheckpointError(
            f"'{path}' is not the file that {CARD_FILE} beside it describes; get a whole copy of the model folder."
        )
    return tensors


_PICKLE_REFUSED = (
    "a pickle, which could run programs when opened, so it was not opened; "
    f"give a folder with {WEIGHTS_FILE} and {CARD_FILE}."
)


def _is_pickle(data: bytes) -> bool:
    """Whether the bytes are a pickle or PyTorch's zip of one; safetensors begin with a length and then a brace."""
    if data[_SAFETENSORS_HEADER_AT : _SAFETENSORS_HEADER_AT + 1] == b"{":
        return False
    return data[:2] == b"PK" or (data[:1] == b"\x80" and data[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"))


def _not_a_folder(path: Path) -> str:
    if path.suffix.lower() in _PICKLE_SUFFIXES:
        return f"'{path}' is {_PICKLE_REFUSED}"
    with path.open("rb") as file:
        if _is_pickle(file.read(16)):
            return f"'{path}' is {_PICKLE_REFUSED}"
    return f"'{path}' is a file; give the folder that holds {WEIGHTS_FILE} and {CARD_FILE}."


def _check_is_file(path: Path) -> None:
    if not path.is_file():
        raise CheckpointError(f"'{path.parent}' has no {path.name}; a model folder has {WEIGHTS_FILE} and {CARD_FILE}.")


def _check_shapes(path: Path, given: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    if missing := sorted(set(wanted) - set(given)):
        raise CheckpointError(
            f"'{path}' lacks {len(missing)} tensors, first '{missing[0]}'; it does not fit its {CARD_FILE}."
        )
    if extra := sorted(set(given) - set(wanted)):
        raise CheckpointError(
            f"'{path}' has {len(extra)} tensors too many, first '{extra[0]}'; it does not fit its {CARD_FILE}."
        )
    for name, tensor in given.items():
        expected = wanted[name]
        if tensor.shape != expected.shape or tensor.dtype != expected.dtype:
            raise CheckpointError(
                f"'{path}' has '{name}' as {_described(tensor)}, but its {CARD_FILE} asks for {_described(expected)}."
            )
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise CheckpointError(f"'{path}' has numbers in '{name}' that are not finite; get another copy.")


def _described(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"
