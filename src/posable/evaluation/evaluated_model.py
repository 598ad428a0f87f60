"""What can be evaluated: a shipped model, a model folder, a run folder, or a baseline; each with its identity."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from posable.baselines.simple import copy_source, mean_picture, warp_source
from posable.errors import InputError
from posable.evaluation.network_size import Draw, drawn_in_frame
from posable.imaging.size import Size
from posable.models.generator import Generator
from posable.parsing.schemes import LIP_20, ParsingLabels
from posable.progress import StageProgressCallback, silent
from posable.zoo.checkpoint import CARD_FILE, load_checkpoint, model_folder, read_card

BASELINES = ("copy-source", "part-warp", "mean-picture")
"""What a learned model has to beat: `posable.baselines.simple` says what each does."""
_TOLD_OF_TRAINING = ("recipe", "licence", "people", "data", "training_seconds", "seed", "posable")
_RUN_CHECKPOINT = "checkpoint"


@dataclass(frozen=True, eq=False)
class EvaluatedModel:
    """Something that draws, and what a report says of it."""

    name: str
    draw: Draw
    generator: Generator[Any] | None
    """None for baselines, as is `folder`."""
    folder: Path | None
    family: str
    weights_sha256: str | None
    """Of model.safetensors, as its card has it."""
    config_sha256: str | None
    """Of family and config as JSON with sorted keys."""
    trained: dict[str, Any]
    """What the model's card says of its training: recipe, stages, licence."""

    @property
    def frame(self) -> Size | None:
        """The size that the network draws in; None for baselines, which draw in any."""
        return None if self.generator is None else self.generator.size

    @property
    def needs_parsing(self) -> bool:
        return self.generator is not None and self.generator.needs_parsing

    @property
    def parsing_labels(self) -> ParsingLabels:
        """The scheme of the parsing maps that it predicts, if it does."""
        own = None if self.generator is None else self.generator.parsing_labels
        return own or LIP_20

    @property
    def parameters(self) -> int:
        return 0 if self.generator is None else sum(p.numel() for p in self.generator.parameters())


def load_model(
    model: str, size: Size, device: torch.device, workers: int = 1, progress: StageProgressCallback = silent
) -> EvaluatedModel:
    """The model or baseline of that name or folder, to draw pictures of `size`.

    `size` is that of the conditions; a network of another frame gets the pictures through `Letterbox`. Raises
    CheckpointError for what is no model, naming what can be given.
    """
    if model in BASELINES and not Path(model).exists():
        return _baseline(model, size, workers, progress)
    folder = model_folder(checkpoint_folder(model))
    card, generator = read_card(folder), load_checkpoint(folder).to(device)
    described = {"family": card["family"], "config": card["config"]}
    return EvaluatedModel(
        name=_name_of(model),
        draw=drawn_in_frame(generator, size),
        generator=generator,
        folder=folder,
        family=card["family"],
        weights_sha256=card["weights_sha256"],
        config_sha256=hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest(),
        trained=_trained(card),
    )


def _trained(card: dict[str, Any]) -> dict[str, Any]:
    told = {key: card[key] for key in _TOLD_OF_TRAINING if key in card}
    if "stages" in card:
        told["pairs"] = sum(stage.get("pairs", 0) for stage in card["stages"])
    return told


def _name_of(model: str) -> str:
    """A shipped name, or the folder's own; that of the run for the folder of its model."""
    if not Path(model).is_dir():
        return model
    folder = Path(model).resolve()
    return folder.parent.name if folder.name == _RUN_CHECKPOINT else folder.name


def checkpoint_folder(model: str) -> str:
    """A run folder of `posable train` keeps its model in a folder of its own."""
    inside = Path(model) / _RUN_CHECKPOINT
    if (Path(model) / CARD_FILE).is_file() or not Path(model).is_dir():
        return model
    if inside.is_dir():
        return str(inside)
    if (Path(model) / "run.json").is_file():
        raise InputError(f"the run in '{model}' has no finished model yet; end it with posable train ... --resume.")
    return model


def _baseline(name: str, size: Size, workers: int, progress: StageProgressCallback) -> EvaluatedModel:
    if name == "mean-picture":
        answer = mean_picture(size, workers=workers, progress=lambda done, total: progress("mean picture", done, total))
    else:
        answer = {"copy-source": copy_source, "part-warp": warp_source}[name]
    return EvaluatedModel(name, answer, None, None, "baseline", None, None, {})
