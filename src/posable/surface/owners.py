"""Which limb each pixel of the person belongs to: the fitted body's guess, corrected by parsing map and colours.

Costs of the five layers are added up, smoothed along the picture's own edges with a guided filter (cost-volume
filtering, Hosni et al. 2013), and the cheapest layer owns the pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from posable.imaging.guided_filter import GuidedFilter
from posable.surface.grids import Floats, Mask, distance_to, nearest_of, push_pull, shrunk, smoothed
from posable.surface.limbs import ARMS, LAYERS, LEFT_ARM, LEFT_LEG, LEGS, RIGHT_ARM, RIGHT_LEG, TRUNK, Seen

_HEAD, _GLOVE, _TOP, _LOWER, _TORSO_SKIN = (1, 2, 4, 13), (3,), (5, 6, 7, 11), (8, 9, 12, 16, 17, 18, 19), (10,)
_SKIRT = (6, 12)
_LEG_LABELS = {LEFT_LEG: (16, 18), RIGHT_LEG: (17, 19)}

_BODY_METRES = 0.022
"""How far the fitted body's outlines may be wrong before it costs 1."""
_BODY_LIMIT = 3.0
_TEXTURE_METRES = 0.006
_LABEL_WEIGHT = 1.3
_COLOR_WEIGHT = 1.2
_LOCAL_METRES = 0.09
_CLEAR_CONTRAST = 0.10
"""Colour distance (RGB in [0, 1]) of arm and background of the arm at which colours are believed fully."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Labels:
    """Shares (h, w) in [0, 1] of what the parsing map says in each cell of a grid."""

    head: Floats
    """Face, hair, hat, glasses."""
    hair: Floats
    """Hair and hat, which `head` has in it."""
    arms: dict[int, Floats]
    """Skin of an arm, by layer."""
    glove: Floats
    top: Floats
    """Shirt, dress, coat."""
    coat: Floats
    """Coat, which `top` has in it."""
    lower: Floats
    """Trousers, skirt, legs, socks, shoes."""
    torso_skin: Floats
    legs: dict[int, Floats]
    """Skin and shoe of a leg, by layer."""
    shoes: Floats
    skirt: Floats
    """Skirt or dress: one piece of cloth over both legs."""

    @classmethod
    def of(cls, shares: Floats) -> Labels:
        """From the shares (20, h, w) of the LIP-20 classes."""

        def total(classes: tuple[int, ...]) -> Floats:
            return shares[list(classes)].sum(0)

        return cls(
            head=total(_HEAD),
            hair=total((1, 2)),
            arms={LEFT_ARM: total((14,)), RIGHT_ARM: total((15,))},
            glove=total(_GLOVE),
            top=total(_TOP),
            coat=total((7,)),
            lower=total(_LOWER),
            torso_skin=total(_TORSO_SKIN),
            legs={layer: total(classes) for layer, classes in _LEG_LABELS.items()},
            shoes=total((18, 19)),
            skirt=total(_SKIRT),
        )


def find_owners(
    picture: Floats, mask: Mask, labels: Labels, body: Seen, body_owner: npt.NDArray[np.int32], px_per_metre: float
) -> npt.NDArray[np.int32]:
    """The layer (h, w) of each pixel of the person in `mask`; nearest layers outside of it.

    `picture` (h, w, 3) is RGB in [0, 1]; `body_owner` (h, w) is the layer of the fitted body there, -1 off it; the
    first channel of `body` is how much of the forearm and hand is seen there.
    """
    costs = np.stack([_body_cost(body_owner == layer, px_per_metre) for layer in range(len(LAYERS))], 2)
    costs += _LABEL_WEIGHT * _label_costs(labels, mask, body_owner, body.values[..., 0])
    costs += _COLOR_WEIGHT * _color_costs(picture, mask, costs, px_per_metre)
    radius = max(2, round(0.025 * px_per_metre))
    smooth = GuidedFilter(smoothed(picture, _TEXTURE_METRES * px_per_metre), radius, 2e-4)
    known = [layer for layer in range(len(LAYERS)) if (body_owner == layer).any()]
    if not known:
        return np.zeros(mask.shape, np.int32)
    owner = np.array(known, np.int32)[np.stack([smooth(costs[..., layer]) for layer in known]).argmin(0)]
    # Borders between limbs are smooth; what is left of a cloth's texture is not.
    votes = np.stack([smoothed((mask & (owner == layer)).astype(np.float32), 1.5) for layer in known], 2)
    owner = np.where(votes.max(2) > 0.05, np.array(known, np.int32)[votes.argmax(2)], owner)
    return _without_specks(owner, mask, body_owner)


def _body_cost(region: Mask, px_per_metre: float) -> Floats:
    return np.minimum(distance_to(region) / (px_per_metre * _BODY_METRES), _BODY_LIMIT).astype(np.float32)


def _label_costs(labels: Labels, mask: Mask, body_owner: npt.NDArray[np.int32], lower_arm: Floats) -> Floats:
    """-log of how well each layer agrees with the parsing map, (h, w, 5)."""
    costs = np.zeros((*mask.shape, len(LAYERS)), np.float32)
    skin = labels.arms[LEFT_ARM] + labels.arms[RIGHT_ARM] + labels.glove
    for layer in ARMS:
        own = labels.arms[layer] + 0.6 * (skin - labels.arms[layer])
        sleeve = np.zeros(mask.shape, np.float32)
        for part in (lower_arm > 0.5, lower_arm <= 0.5):
            where = mask & (body_owner == layer) & part
            # Cloth on an arm that is bare belongs to what is behind it.
            bare = (skin[where] > 0.5).mean() if where.any() else 0.0
            sleeve = np.where(part, np.float32(1 - np.clip((bare - 0.25) / 0.4, 0, 1) * 0.9), sleeve)
        likely = own + sleeve * labels.top + 0.15 * labels.torso_skin + 0.02 * labels.lower
        costs[..., layer] = -np.log(np.clip(likely, 0, 1) + 0.05)
    likely = labels.head + labels.top + labels.torso_skin + 0.9 * labels.lower + 0.12 * skin
    costs[..., TRUNK] = -np.log(np.clip(likely, 0, 1) + 0.05)
    for layer in LEGS:
        other = labels.legs[LEFT_LEG + RIGHT_LEG - layer]
        likely = labels.lower - 0.6 * other + 0.8 * labels.top + 0.12 * skin + 0.3 * labels.torso_skin
        costs[..., layer] = -np.log(np.clip(likely, 0, 1) + 0.05)
    labelled = skin + labels.head + labels.top + labels.lower + labels.torso_skin
    return costs * np.clip(labelled, 0, 1)[..., None]


def _color_costs(picture: Floats, mask: Mask, costs: Floats, px_per_metre: float) -> Floats:
    """Near an arm's border: is the pixel's colour that of the arm or that of what is beside it? (h, w, 5)."""
    result = np.zeros_like(costs)
    owner = costs.argmin(2)
    reach = max(2.0, 0.022 * px_per_metre)
    inner = shrunk(mask, 1.5)
    on_arm = np.isin(owner, ARMS)
    for layer in ARMS:
        arm, other = mask & (owner == layer), mask & ~on_arm
        if arm.sum() < 30 or other.sum() < 30:
            continue
        near = mask & (distance_to(arm) <= reach) & (distance_to(other) <= reach)
        sure_arm, sure_other = arm & inner & ~near, other & inner & ~near
        if sure_arm.sum() < 10:
            sure_arm = arm & inner
        if sure_arm.sum() < 5 or sure_other.sum() < 20:
            continue
        arm_color, other_color = push_pull(picture, sure_arm), push_pull(picture, sure_other)
        to_arm = ((picture - arm_color) ** 2).sum(2)
        to_other = ((picture - other_color) ** 2).sum(2)
        apart = ((arm_color - other_color) ** 2).sum(2)
        trust = np.clip(apart / _CLEAR_CONTRAST**2, 0, 1)
        # Colours of another part of the arm or of the clothes say nothing here.
        far = np.maximum(distance_to(sure_arm), distance_to(sure_other)) / px_per_metre
        trust *= np.clip((_LOCAL_METRES - far) / 0.03, 0, 1)
        lean = np.clip((to_arm - to_other) / np.maximum(apart, 1e-4), -1, 1) * trust * near
        result[..., layer] += lean
        for rest in (TRUNK, *LEGS):
            result[..., rest] -= lean
    return result


def _without_specks(
    owner: npt.NDArray[np.int32], mask: Mask, body_owner: npt.NDArray[np.int32]
) -> npt.NDArray[np.int32]:
    """Every layer keeps its large pieces; small ones go to the layer around them."""
    owner = owner.copy()
    for layer in range(len(LAYERS)):
        mine = mask & (owner == layer)
        labelled: Any = ndimage.label(mine)
        pieces, count = labelled
        if count < 2:
            continue
        sizes = np.bincount(pieces.ravel(), minlength=count + 1)
        sizes[0] = 0
        on_body = np.bincount(pieces[mine & (body_owner == layer)], minlength=count + 1) > 0
        share = 0.03 if layer == TRUNK else 0.08
        keep = (sizes > share * sizes.max()) & on_body
        keep[sizes.argmax()] = True
        small = mine & ~keep[pieces]
        around = mask & ~mine
        if small.any() and around.any():
            rows, columns = nearest_of(around)
            owner[small] = owner[rows, columns][small]
    return owner
