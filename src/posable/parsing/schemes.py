"""Parsing maps: which garment or body part a pixel shows. The field's label schemes by name, and between them.

A parsing map is uint8 (h, w); `ParsingLabels.classes[value]` says what a value means. Left and right are the person's.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from posable.errors import ConfigError, InputError

__all__ = [
    "ADGAN_8",
    "ATR_18",
    "CIHP_20",
    "CIHP_TO_PISE_8",
    "LIP_20",
    "LIP_20_JUMPSUITS",
    "PARSING_LABELS",
    "PISE_8",
    "PISE_8_AUTHOR",
    "ParsingLabels",
    "labels_named",
    "palette",
    "translate",
]

ParsingMap = npt.NDArray[np.uint8]

# fmt: off
_LIP_CLASSES = (
    "background", "hat", "hair", "glove", "sunglasses", "upper-clothes", "dress", "coat", "socks", "pants",
    "torso-skin", "scarf", "skirt", "face", "left-arm", "right-arm", "left-leg", "right-leg", "left-shoe", "right-shoe",
)
_LIP_COLORS = (
    (0, 0, 0), (128, 0, 0), (255, 0, 0), (0, 85, 0), (170, 0, 51), (255, 85, 0), (0, 0, 85), (0, 119, 221),
    (85, 85, 0), (0, 85, 85), (85, 51, 0), (52, 86, 128), (0, 128, 0), (0, 0, 255), (51, 170, 221), (0, 255, 255),
    (85, 255, 170), (170, 255, 85), (255, 255, 0), (255, 170, 0),
)
# fmt: on


@dataclass(frozen=True)
class ParsingLabels:
    """A label scheme: its name, what each value means, and how it relates to `LIP_20`."""

    name: str
    classes: tuple[str, ...]
    to_lip: tuple[int, ...] = field(repr=False)
    """For each class the LIP-20 class that is nearest in meaning."""
    from_lip: tuple[int, ...] = field(repr=False)
    """For each LIP-20 class the class of this scheme that takes it in."""

    def __post_init__(self) -> None:
        assert len(self.to_lip) == len(self.classes)
        assert len(self.from_lip) == len(_LIP_CLASSES)

    def __len__(self) -> int:
        return len(self.classes)

    def index(self, name: str) -> int:
        """The value of the class with this name; raises ConfigError when there is none."""
        if name not in self.classes:
            raise ConfigError(f"{self.name} has no class '{name}'; its classes are {', '.join(self.classes)}.")
        return self.classes.index(name)


LIP_20 = ParsingLabels("LIP-20", _LIP_CLASSES, tuple(range(20)), tuple(range(20)))
"""What posable's own pictures and pairs have: Look-into-Person's numbering, class 10 being torso skin, as in CIHP.

LIP's authors call class 10 jumpsuits; maps of a parser trained on LIP itself are in `LIP_20_JUMPSUITS`.
"""

CIHP_20 = ParsingLabels("CIHP-20", _LIP_CLASSES, tuple(range(20)), tuple(range(20)))
"""Crowd Instance-level Human Parsing: LIP's numbering, torso skin in the place of jumpsuits."""

# A jumpsuit is one piece over trunk and legs; `dress` is the only other such class.
LIP_20_JUMPSUITS = ParsingLabels(
    "LIP-20-jumpsuits",
    (*_LIP_CLASSES[:10], "jumpsuits", *_LIP_CLASSES[11:]),
    (*range(10), 6, *range(11, 20)),
    # Torso skin has no class here; the neck is nearest to the face.
    (*range(10), 13, *range(11, 20)),
)
"""Look-into-Person as its authors numbered it (2017): class 10 is jumpsuits, and there is no torso skin."""

# fmt: off
ATR_18 = ParsingLabels(
    "ATR-18",
    ("background", "hat", "hair", "sunglasses", "upper-clothes", "skirt", "pants", "dress", "belt", "left-shoe",
     "right-shoe", "face", "left-leg", "right-leg", "left-arm", "right-arm", "bag", "scarf"),
    # LIP has no bag, and no belt: a belt becomes the pants that it holds.
    (0, 1, 2, 4, 5, 12, 9, 6, 9, 18, 19, 13, 16, 17, 14, 15, 0, 11),
    # Torso skin and gloves have no class here: the face, as neck, and an arm are nearest; socks count as legs.
    (0, 1, 2, 14, 3, 4, 7, 4, 12, 6, 11, 17, 5, 11, 14, 15, 12, 13, 9, 10),
)
"""Active Template Regression's 18 classes (Liang et al., 2015)."""

CIHP_TO_PISE_8 = (0, 1, 1, 0, 0, 2, 3, 2, 7, 3, 6, 0, 3, 5, 6, 6, 7, 7, 4, 4, 0)
"""Issue #2 of PISE's repository, for the values 0 to 20; CIHP has 0 to 19, so the last entry is never used."""

PISE_8 = ParsingLabels(
    "PISE-8",
    ("background", "hair", "upper-clothes", "lower-clothes", "shoes", "face", "arms", "legs"),
    (0, 2, 5, 9, 18, 13, 14, 16),
    CIHP_TO_PISE_8[:20],
)
"""PISE's 8 classes as the map in its issue #2 makes them from CIHP-20: hats are hair, dresses lower clothes."""

PISE_8_AUTHOR = ParsingLabels(
    "PISE-8-author",
    ("background", "hat", "hair", "upper-clothes", "pants", "skirt", "skin", "face"),
    (0, 1, 2, 5, 9, 12, 10, 13),
    (0, 1, 2, 0, 0, 3, 5, 3, 4, 4, 6, 0, 5, 7, 6, 6, 6, 6, 4, 4),
)
"""PISE's 8 classes in the order that its author states for the published maps (issue #20).

Stated: 1 hat (nearly always empty), 2 hair, 3 upper clothes, 4 and 5 lower body, 6 skin of arms and legs, 7 face. Our
reading where nothing is stated: 4 is pants with socks and shoes, 5 is skirts and dresses; gloves, glasses and scarves
are background, as in issue #2.
"""

ADGAN_8 = ParsingLabels(
    "ADGAN-8",
    ("background", "pants", "hair", "skirt", "face", "upper-clothes", "arm", "leg"),
    (0, 9, 2, 12, 13, 5, 14, 16),
    (0, 2, 2, 6, 4, 5, 5, 5, 7, 1, 6, 5, 3, 4, 6, 6, 7, 7, 7, 7),
)
"""ADGAN's 8 classes in its order; which small classes go where is our reading: hats are hair, glasses face, dresses and
scarves upper clothes, gloves and torso skin arms, socks and shoes legs."""
# fmt: on

PARSING_LABELS: dict[str, ParsingLabels] = {
    scheme.name: scheme for scheme in (LIP_20, LIP_20_JUMPSUITS, CIHP_20, ATR_18, PISE_8, PISE_8_AUTHOR, ADGAN_8)
}
"""The schemes by name."""

_OWN_COLORS = {"jumpsuits": (85, 51, 0), "bag": (128, 0, 128), "belt": (200, 160, 90)}


def labels_named(name: str) -> ParsingLabels:
    """The scheme with this name, large or small letters; raises ConfigError that lists the names."""
    for scheme in PARSING_LABELS.values():
        if scheme.name.lower() == name.lower():
            return scheme
    raise ConfigError(f"there is no parsing scheme '{name}'; choose one of {', '.join(PARSING_LABELS)}.")


def translate(parsing: npt.NDArray[np.integer], source: ParsingLabels, target: ParsingLabels) -> ParsingMap:
    """The map (any shape) in another scheme, by way of LIP-20; the same scheme gives the same map.

    Fine to coarse follows the field's tables; coarse to fine can only name one of the classes that were merged, the
    left one of two sides. Raises InputError for a value that the source scheme does not have.
    """
    values = np.asarray(parsing)
    check_values(values, source)
    if source.name == target.name:
        return values.astype(np.uint8)
    table = np.array(target.from_lip, np.uint8)[np.array(source.to_lip)]
    return table[values]


def check_values(parsing: npt.NDArray[np.integer], scheme: ParsingLabels) -> None:
    """Raises InputError when a value of the map is no class of the scheme."""
    values = np.asarray(parsing)
    if not np.issubdtype(values.dtype, np.integer):
        raise InputError(f"a parsing map has whole numbers, not {values.dtype}; give an indexed picture's values.")
    if values.size and (values.min() < 0 or values.max() >= len(scheme)):
        wrong = int(values.max() if values.max() >= len(scheme) else values.min())
        raise InputError(
            f"the parsing map holds the value {wrong}, but {scheme.name} has 0 to {len(scheme) - 1}; name its scheme."
        )


def palette(scheme: ParsingLabels) -> npt.NDArray[np.uint8]:
    """RGB (classes, 3): the colours that LIP's own pictures use, the same for the same thing in every scheme."""
    colors = [_OWN_COLORS.get(name, _LIP_COLORS[lip]) for name, lip in zip(scheme.classes, scheme.to_lip, strict=True)]
    return np.array(colors, np.uint8)
