"""Pairs of a corpus for training and evaluation: the work that is the same for every layout."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from posable.batch import PersonPair, PoseCondition
from posable.data.corpus_index import CorpusImage, CorpusIndex, Pair, Split
from posable.data.framing import Fit, Framing
from posable.data.pictures import read_parsing, read_picture
from posable.errors import ConfigError, ImageError, InputError, SizeError
from posable.image import to_tensor
from posable.parsing import LIP_20, translate
from posable.pose import Pose, PoseBatch
from posable.size import Size

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

    Pairs without keypoints, or of images that the corpus does not hold, are left out; `skipped` counts them. Reading an
    item raises ImageError for pictures that are missing or damaged.
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
        framing = Framing(image.size_of_keypoint_frame, self.size, self.fit)
        try:
            picture = framing.picture(read_picture(image.picture))
        except SizeError as error:
            raise ImageError(f"'{image.picture}' {error}") from None
        parsing = self._parsing(image, framing) if self._with_parsing else None
        return LoadedImage(to_tensor(picture), framing.pose(image.keypoints), parsing)

    def _parsing(self, image: CorpusImage, framing: Framing) -> Tensor:
        labels = self.index.parsing_labels
        assert labels is not None
        if image.parsing is None:
            raise ImageError(f"'{image.name}' has no parsing map, though others have; or give parsing=False.")
        try:
            values = translate(read_parsing(image.parsing), labels, LIP_20)
            return torch.from_numpy(np.ascontiguousarray(framing.parsing(values)).copy())
        except SizeError as error:
            raise ImageError(f"'{image.parsing}' {error}") from None
        except ImageError:
            raise
        except InputError as error:
            raise ImageError(f"'{image.parsing}' cannot be used: {error}") from None
