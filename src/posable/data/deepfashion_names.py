"""Names of DeepFashion's pictures: the folder tree of its lineages, and the flat names that PATN made of them.

    img/WOMEN/Blouses_Shirts/id_00000479/02_2_side.jpg       in the tree
    fashionWOMENBlouses_Shirtsid0000047902_2side.jpg         flat

Flattening glues the folders together, writes `id_00000479` without its underscore, and keeps only the first underscore
of the file's name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from posable.errors import InputError

__all__ = ["DeepFashionName", "flatten", "identity", "parse_name", "unflatten"]

_FLAT = re.compile(
    r"fashion(?P<gender>WOMEN|MEN)(?P<category>[A-Za-z_]+?)id(?P<item>\d{8})(?P<colour>\d{2})_(?P<view>\d*)"
    r"(?P<side>[A-Za-z]\w*?)?\.(?P<suffix>jpe?g|png)"
)
_TREE = re.compile(
    r"(?:[\w-]+/)*(?P<gender>WOMEN|MEN)/(?P<category>[A-Za-z_]+)/id_(?P<item>\d{8})/"
    r"(?P<colour>\d{2})_(?:(?P<view>\d+)_)?(?P<side>[A-Za-z]\w*?)?\.(?P<suffix>jpe?g|png)"
)


@dataclass(frozen=True)
class DeepFashionName:
    """What the name of an In-shop picture tells."""

    gender: str
    category: str
    item: str
    """Eight digits."""
    colour: str
    """Two digits: which variant of the item."""
    view: str
    """A digit, or nothing."""
    side: str
    """front, side, back, full, additional, ..."""
    suffix: str = "jpg"

    @property
    def tree(self) -> str:
        """The name in the folder tree, beginning with img/."""
        view = f"{self.view}_" if self.view else ""
        return f"img/{self.gender}/{self.category}/id_{self.item}/{self.colour}_{view}{self.side}.{self.suffix}"

    @property
    def flat(self) -> str:
        return f"fashion{self.gender}{self.category}id{self.item}{self.colour}_{self.view}{self.side}.{self.suffix}"

    @property
    def identity(self) -> str:
        """The item, in whatever colour: DeepFashion tells items apart, not the people who wear them."""
        return f"{self.gender}/{self.category}/id_{self.item}"


def parse_name(name: str) -> DeepFashionName:
    """What a name in the tree, under any folder, or a flat one tells; raises InputError for other names."""
    found = _FLAT.fullmatch(name) or _TREE.fullmatch(name)
    if found is None:
        raise InputError(
            f"'{name}' is no name of DeepFashion In-shop; expected img/WOMEN/Dresses/id_00000012/03_1_front.jpg or "
            "fashionWOMENDressesid0000001203_1front.jpg."
        )
    return DeepFashionName(**{key: value or "" for key, value in found.groupdict().items()})


def flatten(name: str) -> str:
    """The flat name of a picture in the tree."""
    return parse_name(name).flat


def unflatten(name: str) -> str:
    """The place in the tree of a flat name, beginning with img/."""
    return parse_name(name).tree


def identity(name: str) -> str:
    """Which item a picture shows; for names of another kind, the name without its last part."""
    try:
        return parse_name(name).identity
    except InputError:
        return re.split(r"[_-]", PurePosixPath(name).stem)[0] or name
