"""What there is to choose from: the families, what each needs and can do, and the model folders at hand."""

from __future__ import annotations

import json
import os
import struct
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from posable.errors import CheckpointError, InputError
from posable.models import FAMILIES
from posable.zoo.checkpoint import CARD_FILE, SHIPPED_FOLDER, WEIGHTS_FILE, read_card, shipped_models, weights_file

__all__ = ["FamilySummary", "ModelSummary", "families", "models_in", "shipped"]


@dataclass(frozen=True)
class FamilySummary:
    """A family in a few words, as plain values."""

    family: str
    system: str
    """The published system's name, place and year."""
    parameters: int
    """Of the default setting's generator."""
    sizes: tuple[str, ...]
    """Frames, height x width: of the default setting first, then of its other published settings."""
    needs: tuple[str, ...]
    """What it must be told about a source besides the picture; posable finds each by itself when it is not given."""
    edits: tuple[str, ...]
    """What its own network does beyond pose transfer. Other edits are done around it, in the same words."""
    code: str
    """Where the authors' own description ends: "public", "paper" or "abstract"; "ours" for our own family."""
    licence: str
    """Of the published weights."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class ModelSummary:
    """A model folder, from its card."""

    name: str
    """What to give as --model: a shipped model's name, or the folder."""
    family: str
    parameters: int
    size: str
    licence: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def families() -> list[FamilySummary]:
    """All families, by name."""
    return [_family(name) for name in sorted(FAMILIES)]


def shipped() -> list[ModelSummary]:
    """The models inside the package."""
    return [_model(SHIPPED_FOLDER / name, name) for name in shipped_models()]


def models_in(folder: str | os.PathLike[str]) -> list[ModelSummary]:
    """The model folders at or below `folder`, sorted; raises InputError where there is none, CheckpointError for one
    that is broken."""
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"'{folder}' is no folder; give one that holds model folders, such as runs/.")
    found = sorted(card.parent for card in folder.rglob(CARD_FILE) if (card.parent / WEIGHTS_FILE).is_file())
    if not found:
        raise InputError(f"'{folder}' holds no model folder ({CARD_FILE} beside {WEIGHTS_FILE}); give another folder.")
    return [_model(path, str(path)) for path in found]


def _family(name: str) -> FamilySummary:
    family = FAMILIES[name]
    sizes = dict.fromkeys(f"{config.height}x{config.width}" for config in family.settings)
    factor, default = family.generator.largest_factor, family.config()
    if factor > 1:
        sizes[f"up to {default.height * factor}x{default.width * factor}"] = None
    if family.published is not None:
        licence = family.published.licence
    elif name in shipped_models():
        licence = str(read_card(name).get("licence", "not stated"))
    else:
        licence = "no weights are published"
    return FamilySummary(
        family=name,
        system=family.system,
        parameters=family.parameters,
        sizes=tuple(sizes),
        needs=family.needs,
        edits=family.edits,
        code=family.described_in,
        licence=licence,
    )


def _model(folder: Path, name: str) -> ModelSummary:
    card = read_card(folder)
    height, width = card.get("size") or (0, 0)
    return ModelSummary(
        name=name,
        family=card["family"],
        parameters=_numbers_in(weights_file(folder, card)),
        size=f"{height}x{width}",
        licence=str(card.get("licence", "not stated")),
    )


def _numbers_in(path: Path) -> int:
    """How many numbers a safetensors file holds, from its header alone."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > path.stat().st_size:
                raise ValueError
            header: dict[str, Any] = json.loads(file.read(length))
    except (OSError, ValueError, struct.error):
        raise CheckpointError(f"'{path}' is cut short or no safetensors file; get a whole copy of it.") from None
    header.pop("__metadata__", None)
    total = 0
    for entry in header.values():
        count = 1
        for side in entry["shape"]:
            count *= side
        total += count
    return total
