"""DTD, the Describable Textures Dataset: pictures of textures in 47 classes, for clothes of other material.

dtd/images/CLASS/CLASS_0001.jpg       5,640 pictures, 120 of each class
dtd/labels/train1.txt ... test10.txt  ten divisions into train, val and test; each line CLASS/CLASS_0001.jpg
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from torch import Tensor
from torch.utils.data import Dataset

from posable.data.corpus_index import Split, existing_folder
from posable.data.flat_layout import PICTURE_SUFFIXES
from posable.data.pictures import read_picture
from posable.data.tables import read_name_list
from posable.errors import ConfigError, InputError, SizeError
from posable.imaging.image import size_of, to_tensor
from posable.imaging.size import Size

__all__ = ["Textures"]

DIVISIONS = range(1, 11)


class Textures(Dataset[Tensor]):
    """Textures of a split, or of all; an item is float (3, h, w) in [-1, 1].

    `root` is the folder dtd/, or the one that holds it. `classes` chooses some of the 47, `division` one of DTD's ten
    ways to split. With `size` an item is the middle of the picture in that size, scaled down as little as possible;
    else the whole picture at its own size. Raises InputError for a folder that is not DTD, ConfigError for unknown
    classes.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: Split | Literal["all"] = "train",
        classes: Sequence[str] | None = None,
        *,
        division: int = 1,
        size: Size | None = None,
    ) -> None:
        if size is not None and min(size) < 1:
            raise SizeError(f"textures of {Size(*size)} were asked for; give at least one pixel a side.")
        if division not in DIVISIONS:
            raise ConfigError(f"division is {division}; DTD has 1 to {DIVISIONS[-1]}.")
        self.root = _dtd_in(existing_folder(Path(root)))
        self.size = Size(*size) if size is not None else None
        self.classes = sorted(path.name for path in (self.root / "images").iterdir() if path.is_dir())
        chosen = set(self.classes if classes is None else classes)
        if unknown := sorted(chosen - set(self.classes)):
            raise ConfigError(f"'{self.root}' has no class '{unknown[0]}'; it has {', '.join(self.classes)}.")
        listed = self._all() if split == "all" else self._listed(split, division)
        self.names = [name for name in listed if name.split("/")[0] in chosen]
        """CLASS/FILE of each item."""

    def _all(self) -> list[str]:
        folder = self.root / "images"
        found = (path for path in folder.glob("*/*") if path.suffix.lower() in PICTURE_SUFFIXES)
        return sorted(path.relative_to(folder).as_posix() for path in found)

    def _listed(self, split: str, division: int) -> list[str]:
        path = self.root / "labels" / f"{split}{division}.txt"
        if not path.is_file():
            raise InputError(f"'{path}' is missing; unpack the whole archive of DTD, or give split 'all'.")
        return read_name_list(path)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, position: int) -> Tensor:
        picture = read_picture(self.root / "images" / self.names[position])
        if self.size is None:
            return to_tensor(picture)
        found = size_of(picture)
        scale = min(found.height / self.size.height, found.width / self.size.width)
        # Larger than needed: keep the texture's own scale and take the middle; smaller: it must be enlarged.
        scale = min(scale, 1.0)
        height, width = self.size.height * scale, self.size.width * scale
        left, top = (found.width - width) / 2, (found.height - height) / 2
        box = (left, top, left + width, top + height)
        return to_tensor(picture.resize((self.size.width, self.size.height), box=box))


def _dtd_in(root: Path) -> Path:
    for folder in (root, root / "dtd"):
        if (folder / "images").is_dir():
            return folder
    raise InputError(f"'{root}' holds no images/ folder of DTD; give the folder dtd/ that its archive unpacks to.")
