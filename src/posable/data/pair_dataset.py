"""Pairs of a corpus for training and evaluation: the work that is the same for every layout."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from posable.batch import PersonPair, PoseCondition
from posable.data.corpus_index import CorpusImage, CorpusIndex, Pair, Split
from posable.data.framing import Framing
from posable.data.pictures import read_parsing, read_picture
from posable.errors import ConfigError, ImageError, InputError, SizeError
from posable.imaging.frame import Fit
from posable.imaging.image import to_tensor
from posable.imaging.size import Size
from posable.parsing.schemes import LIP_20, translate
from posable.pose.pose import Pose, PoseBatch

__all__ = ["LoadedImage", "PairDataset"]


@dataclass(frozen=True, eq=False)
class LoadedImage:
    """One image as models see it, all in the working frame."""

    image: Tensor
    """Float (3, h, w) in [-1, 1]."""
    pose: Pose
    parsing: Tensor | None
    """Uint8 (h, w), labels of the LIP-20 scheme."""


class PairDataset(Dataset[PersonPair]):
    """The pairs of one split of a corpus; an item is a `PersonPair` of batch size 1.

    Pictures are cropped, padded and resized from whatever the corpus stores to `size`, keypoints and parsing with them.
    `size` defaults to the corpus's own; another shape is letterboxed, or with `fit="stretch"` stretched, as DPTN and
    GFLA do to come to 256x256. With `parsing`, items have the parsing in LIP-20 where the corpus has maps.

    Pairs without keypoints, or of images that the corpus does not hold, are left out; `skipped` counts them. Raises
    ImageError at once when picture files are missing, and when an item is read whose picture is damaged.
    """

    def __init__(
        self,
        index: CorpusIndex,
        split: Split = "train",
        size: Size | None = None,
        *,
        fit: Fit = "letterbox",
        parsing: bool = True,
    ) -> None:
        if split not in index.pairs:
            known = ", ".join(index.pairs) or "no split at all"
            raise ConfigError(f"'{index.root}' has no split '{split}'; it has {known}.")
        if fit not in ("letterbox", "stretch"):
            raise ConfigError(f"fit is '{fit}'; give letterbox or stretch.")
        self.index = index
        self.split: Split = split
        self.size = Size(*(size or index.size))
        self.fit: Fit = fit
        self.pairs: list[Pair] = index.usable_pairs(split)
        self.skipped = len(index.pairs[split]) - len(self.pairs)
        self._with_parsing = parsing and index.parsing_labels is not None
        self._check_files()

    def _check_files(self) -> None:
        used = {name: self.index.images[name] for pair in self.pairs for name in pair}
        gone = sorted(
            {problem.name for problem in self.index.problems if problem.kind == "missing-image"} & used.keys()
        )
        if gone:
            raise ImageError(_told_missing(len(gone), len(used), "pictures", self.index.root, gone[0]))
        wanted = [image.picture for image in used.values() if isinstance(image.picture, Path)]
        _check_present(wanted, "pictures", self.index.root)
        if self._with_parsing:
            unmapped = [name for name, image in used.items() if image.parsing is None]
            if unmapped:
                raise ImageError(
                    f"{len(unmapped)} of {len(used)} images in '{self.index.root}' have no parsing map, the first is "
                    f"'{unmapped[0]}'; make the maps, or give parsing=False."
                )
            _check_present([image.parsing for image in used.values() if image.parsing], "parsing maps", self.index.root)

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, position: int) -> PersonPair:
        source_name, target_name = self.pairs[position]
        source, target = self.load(source_name), self.load(target_name)
        return PersonPair(
            condition=PoseCondition(
                source_image=source.image[None],
                source_pose=PoseBatch.from_poses([source.pose]),
                target_pose=PoseBatch.from_poses([target.pose]),
                source_parsing=None if source.parsing is None else source.parsing[None],
            ),
            target_image=target.image[None],
            target_parsing=None if target.parsing is None else target.parsing[None],
        )

    def load(self, name: str) -> LoadedImage:
        """One image by name. Raises InputError for an unknown name or one without keypoints, ImageError as above."""
        image = self.index.images.get(name)
        if image is None or image.keypoints is None:
            lacks = "is not in the corpus" if image is None else "has no keypoints"
            raise InputError(f"'{name}' {lacks}; choose one of the pairs' images.")
        framing = Framing(image.size_of_keypoint_frame, self.size, self.fit, image.any_shape)
        try:
            picture = framing.picture(read_picture(image.picture))
        except SizeError as error:
            raise ImageError(f"'{image.picture}' {error}") from None
        parsing = self._parsing(image, framing) if self._with_parsing else None
        return LoadedImage(to_tensor(picture), framing.pose(image.keypoints), parsing)

    def _parsing(self, image: CorpusImage, framing: Framing) -> Tensor:
        labels = self.index.parsing_labels
        if image.parsing is None or labels is None:
            raise ImageError(f"'{image.name}' has no parsing map; make it, or give parsing=False.")
        try:
            values = translate(read_parsing(image.parsing), labels, LIP_20)
            return torch.from_numpy(np.ascontiguousarray(framing.parsing(values)).copy())
        except SizeError as error:
            raise ImageError(f"'{image.parsing}' {error}") from None
        except ImageError:
            raise
        except InputError as error:
            raise ImageError(f"'{image.parsing}' cannot be used: {error}") from None


def _check_present(paths: Sequence[Path], what: str, root: Path) -> None:
    """Raises ImageError when files are missing; each folder is listed once, which is quick on network disks too."""
    by_folder: dict[Path, set[str]] = {}
    for path in paths:
        by_folder.setdefault(path.parent, set()).add(path.name)
    missing: list[str] = []
    for folder, names in by_folder.items():
        present = {entry.name for entry in os.scandir(folder)} if folder.is_dir() else set[str]()
        missing += [str(folder / name) for name in names - present]
    if missing:
        raise ImageError(_told_missing(len(missing), len(set(paths)), what, root, min(missing)))


def _told_missing(count: int, total: int, what: str, root: Path, first: str) -> str:
    return (
        f"{count:,} of {total:,} {what} of '{root}' are missing, the first is '{first}'; "
        "'posable data inspect' tells more."
    )
