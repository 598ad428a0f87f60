"""Draws the pairs of an evaluation into a folder of pictures, which are what is measured; finished ones are kept."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from posable.batch import PersonPair, collate
from posable.errors import ConfigError, ImageError, InputError
from posable.evaluation.evaluated_model import EvaluatedModel
from posable.evaluation.pairs import EvaluationPairs, PairName
from posable.evaluation.protocol import EvaluationProtocol
from posable.files import write_atomically
from posable.parsing.schemes import ParsingLabels
from posable.progress import StageProgressCallback

ABOUT = "drawn.json"
_MASKS, _PARSING = "masks", "parsing"
_LEVELS = 255


@dataclass(frozen=True)
class DrawnPair:
    """What a model drew for one pair, as its files hold it."""

    image: Tensor
    """Uint8 (3, h, w), RGB."""
    mask: Tensor | None
    """Float (1, h, w) in [0, 1]."""
    parsing: Tensor | None
    """Uint8 (h, w), LIP-20 labels."""


class PictureFolder:
    """Generated pictures SOURCE_2_TARGET_vis.png or .jpg, with masks/ and parsing/ where the model gives them.

    Raises ConfigError when it holds pictures of another model or protocol, InputError when it cannot be made.
    """

    def __init__(self, folder: Path, protocol: EvaluationProtocol, identity: dict[str, str | None]) -> None:
        self.folder = folder
        self._protocol = protocol
        self._suffix = {"png": ".png", "jpeg": ".jpg"}[protocol.file_format]
        about = {**identity, **_drawing_of(protocol)}
        try:
            for part in (folder, folder / _MASKS, folder / _PARSING):
                part.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"cannot make the folder '{folder}' ({error.strerror}); choose another place.") from None
        self._claim(about)

    def _claim(self, about: dict[str, object]) -> None:
        path = self.folder / ABOUT
        if not path.is_file():
            if any(entry.is_file() for entry in os.scandir(self.folder)):
                raise ConfigError(f"'{self.folder}' holds files that are no evaluation's; give a new or empty folder.")
            with write_atomically(path) as temporary:
                temporary.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
            return
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            raise ConfigError(f"'{path}' is broken; give a new or empty folder.") from None
        if found != about:
            keys = [key for key in about if not isinstance(found, dict) or found.get(key) != about[key]]
            raise ConfigError(
                f"'{self.folder}' holds pictures that were drawn with another {keys[0].replace('_', ' ')}; "
                "give another folder, or empty this one."
            )

    def picture(self, name: PairName) -> Path:
        return self.folder / f"{name.file_stem}{self._suffix}"

    def has(self, name: PairName) -> bool:
        return self.picture(name).is_file()

    def write(self, name: PairName, image: Tensor, mask: Tensor | None, parsing: Tensor | None) -> None:
        """Float (3, h, w) in [-1, 1], the mask (1, h, w) and the labels (h, w); the picture comes last."""
        if mask is not None:
            grey = mask[0].clamp(0, 1).mul(_LEVELS).round().to(torch.uint8).cpu().numpy()
            self._save(Image.fromarray(grey), self._map(_MASKS, name))
        if parsing is not None:
            self._save(Image.fromarray(parsing.cpu().numpy()), self._map(_PARSING, name))
        levels = image.detach().float().clamp(-1, 1).add(1).mul(_LEVELS / 2)
        levels = levels.round() if self._protocol.rounding == "nearest" else levels.floor()
        pixels = levels.to(torch.uint8).permute(1, 2, 0).cpu().contiguous().numpy()
        self._save(Image.fromarray(pixels), self.picture(name))

    def read(self, name: PairName) -> DrawnPair:
        """What was written; raises ImageError when a file is damaged."""
        path = self.picture(name)
        try:
            with Image.open(path) as picture:
                image = torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1).contiguous()
            mask, parsing = self._read_map(_MASKS, name), self._read_map(_PARSING, name)
        except (OSError, ValueError, SyntaxError):
            raise ImageError(f"'{path}' or its map is damaged; remove it and run the same command again.") from None
        return DrawnPair(image, None if mask is None else mask[None].float() / _LEVELS, parsing)

    def remove(self) -> None:
        """Takes the folder away, with all that was drawn."""
        shutil.rmtree(self.folder)

    def _read_map(self, folder: str, name: PairName) -> Tensor | None:
        path = self._map(folder, name)
        if not path.is_file():
            return None
        with Image.open(path) as stored:
            return torch.from_numpy(np.array(stored))

    def _map(self, folder: str, name: PairName) -> Path:
        return self.folder / folder / f"{name.file_stem}.png"

    def _save(self, picture: Image.Image, path: Path) -> None:
        with write_atomically(path) as temporary:
            if path.suffix == ".jpg":
                picture.save(temporary, "JPEG", quality=self._protocol.jpeg_quality)
            else:
                picture.save(temporary, "PNG", compress_level=1)


def _drawing_of(protocol: EvaluationProtocol) -> dict[str, object]:
    """The protocol's choices that pictures depend on; subsets and measures may differ."""
    return {
        "size": list(protocol.size),
        "fit": protocol.fit,
        "rounding": protocol.rounding,
        "file_format": protocol.file_format,
        "jpeg_quality": protocol.jpeg_quality,
    }


def draw_pairs(
    model: EvaluatedModel,
    pairs: EvaluationPairs,
    folder: PictureFolder,
    device: torch.device,
    batch_size: int,
    progress: StageProgressCallback,
) -> dict[int, str]:
    """Draws every pair that has no picture yet; gives the pairs that could not be drawn, by index, with the reason."""
    failures: dict[int, str] = {}
    missing = [index for index, name in enumerate(pairs.names) if not folder.has(name)]
    done = len(pairs.names) - len(missing)
    progress(f"draw with {model.name}", done, len(pairs.names))
    for start in range(0, len(missing), batch_size):
        indices = missing[start : start + batch_size]
        readable: list[tuple[int, PersonPair]] = []
        for index in indices:
            read = _readable(pairs, index)
            if isinstance(read, str):
                failures[index] = read
            else:
                readable.append((index, read))
        if readable:
            failures.update(_draw_batch(model, pairs.names, readable, folder, device))
        done += len(indices)
        progress(f"draw with {model.name}", done, len(pairs.names))
    return failures


def _readable(pairs: EvaluationPairs, index: int) -> PersonPair | str:
    """The pair, or why it cannot be read."""
    try:
        return pairs[index]
    except ImageError as error:
        return str(error)


def _draw_batch(
    model: EvaluatedModel,
    names: Sequence[PairName],
    batch: list[tuple[int, PersonPair]],
    folder: PictureFolder,
    device: torch.device,
) -> dict[int, str]:
    with torch.inference_mode():
        drawn = model.draw(collate([pair for _, pair in batch]).condition.to(device))
    failures: dict[int, str] = {}
    for row, (index, _) in enumerate(batch):
        parts = (drawn.image, drawn.mask, drawn.parsing)
        if not all(bool(torch.isfinite(part[row]).all()) for part in parts if part is not None):
            failures[index] = "the model drew values that are NaN or infinite."
            continue
        parsing = None if drawn.parsing is None else _labels(drawn.parsing[row], model.parsing_labels)
        folder.write(names[index], drawn.image[row], None if drawn.mask is None else drawn.mask[row], parsing)
    return failures


def _labels(shares: Tensor, scheme: ParsingLabels) -> Tensor:
    """The likeliest class of each pixel of (classes, h, w), as LIP-20 labels (h, w)."""
    return torch.tensor(scheme.to_lip, dtype=torch.uint8)[shares.argmax(dim=0).cpu()]
