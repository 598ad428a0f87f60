"""The published weights of DPTN, NTED, GFLA and PISE as model folders of ours.

A foreign checkpoint is a pickle. It is opened with PyTorch's restricted reader, which makes tensors and plain
containers and runs nothing; a file that asks for more is refused. Each entry must be met by one of ours of the same
shape, and each of ours by an entry: nothing is left out in silence and nothing keeps its random beginning.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import struct
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from posable.errors import CheckpointError, ConfigError, InputError
from posable.models import FAMILIES
from posable.models.family import Family, PublishedWeights
from posable.models.generator import Generator
from posable.zoo.checkpoint import CARD_FILE, save_checkpoint

_MAX_DEPTH = 3
_WRAPPER = "module."
"""What DataParallel puts before every name."""


def published_families() -> dict[str, PublishedWeights]:
    """The families with public weights, by name."""
    return {name: family.published for name, family in FAMILIES.items() if family.published is not None}


@dataclass(frozen=True)
class Converted:
    """A published generator in our form, with what its card will say."""

    generator: Generator[Any]
    setting: str
    card: dict[str, Any]


def convert_checkpoint(family: str, path: str | os.PathLike[str], setting: str | None = None) -> Converted:
    """The generator whose weights the file `path` holds, as its authors published it.

    Among several networks in one file the averaged one (EMA) is taken. `setting` is needed only where weights of two
    settings have the same shapes. Raises InputError for a family or setting without published weights, CheckpointError
    for a file that is broken, unsafe, or not of this family.
    """
    known = published_families()
    if family not in known:
        raise InputError(f"there are no published weights of '{family}'; the families are {', '.join(known)}.")
    published = known[family]
    if setting is not None and setting not in published.settings:
        raise ConfigError(f"{family} has no setting '{setting}'; choose one of {', '.join(published.settings)}.")
    path = Path(path)
    networks = sorted(_networks(_read(path)), key=lambda network: "ema" not in network[0].lower())
    if not networks:
        raise CheckpointError(f"'{path}' holds no network; give the file with the generator's weights.")
    settings = [setting] if setting is not None else list(published.settings)
    _refuse_other_family(path, family, networks)
    misfits: list[tuple[int, str]] = []
    for name in settings:
        generator = FAMILIES[family].build_empty(published.settings[name])
        for entry, network in networks:
            ours, dropped = _renamed(network, published.key_of)
            misfit = _misfit(ours, generator.state_dict())
            if misfit is None:
                _check_dropped(path, dropped, ours)
                _load(path, generator, ours)
                return Converted(generator.eval(), name, _card(FAMILIES[family], published, path, entry, name))
            misfits.append(misfit)
    raise CheckpointError(f"'{path}' is no {family} generator: {min(misfits)[1]}; give the authors' own file.")


def write_converted(converted: Converted, folder: str | os.PathLike[str]) -> Path:
    """Writes the model folder; raises InputError where there is one already."""
    if (Path(folder) / CARD_FILE).exists():
        raise InputError(f"'{folder}' holds a model already; give the name of a new folder.")
    return save_checkpoint(folder, converted.generator, converted.card)


_Network = dict[str, Tensor]


def _read(path: Path) -> object:
    if not path.is_file():
        raise CheckpointError(f"'{path}' is not there; give the file that the authors publish.")
    try:
        with warnings.catch_warnings():  # about pickle protocols: what cannot be read is refused anyway
            warnings.simplefilter("ignore", UserWarning)
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "weights_only" in str(error) or "Unsupported" in str(error):
            raise CheckpointError(
                f"'{path}' holds more than weights, which could run programs when opened, so it was not opened; "
                "ask its authors for the state dict alone."
            ) from None
        raise CheckpointError(_broken(path)) from None
    except _BROKEN:
        raise CheckpointError(_broken(path)) from None


# What PyTorch's readers raise for files that are cut short or were never checkpoints.
_BROKEN = (
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    MemoryError,
    OverflowError,
    struct.error,
    zipfile.BadZipFile,
)


def _broken(path: Path) -> str:
    return f"'{path}' is cut short or no PyTorch checkpoint; get a whole copy of the authors' file."


def _networks(loaded: object, name: str = "", depth: int = 0) -> Iterator[tuple[str, _Network]]:
    """All mappings of names to tensors in the file, with where they are."""
    if not isinstance(loaded, Mapping) or depth > _MAX_DEPTH:
        return
    if loaded and all(isinstance(key, str) and isinstance(value, Tensor) for key, value in loaded.items()):
        tensors = dict(loaded)
        while all(key.startswith(_WRAPPER) for key in tensors):
            tensors = {key.removeprefix(_WRAPPER): tensor for key, tensor in tensors.items()}
        yield name, tensors
        return
    for key, value in loaded.items():
        yield from _networks(value, f"{name}.{key}" if name else str(key), depth + 1)


def _renamed(network: _Network, key_of: Callable[[str], str | None]) -> tuple[_Network, _Network]:
    """The entries by our names, and those that we do without, by the published ones."""
    ours: _Network = {}
    dropped: _Network = {}
    for key, tensor in network.items():
        name = key_of(key)
        if name is None or name in ours:
            dropped[key] = tensor
        else:
            ours[name] = tensor
    return ours, dropped


def _misfit(ours: _Network, wanted: Mapping[str, Tensor]) -> tuple[int, str] | None:
    """How many entries do not fit, and a sentence's worth of them; None when all do."""
    missing, extra = sorted(set(wanted) - set(ours)), sorted(set(ours) - set(wanted))
    reshaped = [name for name, tensor in ours.items() if name in wanted and tensor.shape != wanted[name].shape]
    reasons = [f"{len(missing)} of its {len(wanted)} entries are missing, first '{missing[0]}'"] if missing else []
    if extra:
        reasons.append(f"{len(extra)} are unknown, first '{extra[0]}'")
    if reshaped:
        first = reshaped[0]
        reasons.append(
            f"{len(reshaped)} have other shapes, first '{first}' with {_sides(ours[first].shape)} in place of "
            f"{_sides(wanted[first].shape)}"
        )
    return (len(missing) + len(extra) + len(reshaped), ", ".join(reasons)) if reasons else None


def _sides(shape: torch.Size) -> str:
    return "x".join(str(side) for side in shape) or "one number"


def _check_dropped(path: Path, dropped: _Network, kept: _Network) -> None:
    """What we do without must be what we take it for: a blur's constant filter, or weights that are kept already."""
    blur = torch.outer(*[torch.tensor([1.0, 3.0, 3.0, 1.0])] * 2) / 64
    by_shape: dict[torch.Size, list[Tensor]] = {}
    for tensor in kept.values():
        by_shape.setdefault(tensor.shape, []).append(tensor)
    for key, tensor in dropped.items():
        if key.endswith(".kernel"):
            known = tensor.shape == blur.shape and any(torch.allclose(tensor.float(), blur * gain) for gain in (1, 4))
        else:
            known = any(torch.equal(tensor, other) for other in by_shape.get(tensor.shape, []))
        if not known:
            raise CheckpointError(f"'{path}' has other numbers in '{key}' than this family has; get the authors' file.")


def _refuse_other_family(path: Path, family: str, networks: list[tuple[str, _Network]]) -> None:
    for other, published in published_families().items():
        if other != family and any(key.startswith(published.prefix) for _, network in networks for key in network):
            raise CheckpointError(f"'{path}' is a {other} generator, not {family}; use posable convert {other}.")


def _load(path: Path, generator: Generator[Any], ours: _Network) -> None:
    for name, tensor in ours.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise CheckpointError(f"'{path}' has numbers for '{name}' that are not finite; get another copy.")
    tensors = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in ours.items()}
    generator.load_state_dict(tensors, strict=True, assign=True)


def _card(family: Family, published: PublishedWeights, path: Path, entry: str, setting: str) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(2**20):
            digest.update(block)
    return {
        "licence": published.licence,
        "provenance": {
            "paper": f"{family.paper}, {family.venue}",
            "repository": published.repository,
            "setting": setting,
            "file": path.name,
            "file_sha256": digest.hexdigest(),
            "entry": entry or "the whole file",
        },
    }
