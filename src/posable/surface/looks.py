"""What every side of every limb looks like: copied from the picture where it shows, else borrowed or continued.

A look says for each pixel of a layer from where in the picture its colour is copied, how far that is to be believed,
and the smooth colour that takes the rest. In the order of trust: the picture itself; the same point of the other half
of the body; the garment mirrored at the border of what hides it; the picture's front for the back, without prints and
faces; colours spread from around.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import ndimage

from posable.body.fitted import Body
from posable.body.reduced import reduced_body
from posable.pose.skeleton import OPENPOSE_18
from posable.surface.field_types import Fields, Grid, LayerField
from posable.surface.grids import (
    Floats,
    Mask,
    distance_to,
    grown,
    nearest_of,
    push_pull,
    sampled,
    shrunk,
    smoothed,
    smoothed_within,
)
from posable.surface.limbs import ARMS, head_yaw, joint
from posable.surface.profiles import rest_joint

_REFLECTED_METRES = 0.10
"""How far from the border of a garment it is mirrored at that border."""
_PRINT_CONTRAST = 0.10
"""Colours (RGB in [0, 1]) that differ this much from a plain garment's are a print."""
_AT_BORDER = 0.4
"""Share of a piece's rim at its garment's border from which it is no print."""
_PLAIN_FACTOR = 3.5
"""... or this many times as much as the garment's colours differ anyway."""
_BARE_SHOULDERS = 0.55
"""Share of skin between chest and neck from which a top is taken to leave the back bare, too."""
_NECKLINE_METRES = 0.25
"""How far below the neck a neckline may reach; skin below is a bare waist, and seen from behind as well."""
_NAPE_METRES = -0.05
"""Where the skull ends at the back, from the head's joint."""
_SMALLEST_REGION = 12


@dataclass(frozen=True, kw_only=True, eq=False)
class Look:
    """One side of a layer."""

    copied_from: Floats
    """(h, w, 2), x and y in cells."""
    share: Floats
    """(h, w), how much of the colour is copied, in [0, 1]."""
    color: Floats
    """(h, w, 3), RGB in [0, 1], takes the rest."""
    mirrored: Mask
    """(h, w), copied from the other half of the body."""


def clean_picture(grid: Grid) -> Floats:
    """The picture with the person's inner colours continued over its soft edge, where the background shines through."""
    solid = grid.matte > 0.97
    solid = shrunk(solid, 1) if shrunk(solid, 1).any() else solid
    if not solid.any():
        return grid.picture
    soft = (1 - np.clip((grid.matte - 0.8) / 0.17, 0, 1))[..., None]
    return grid.picture * (1 - soft) + push_pull(grid.picture, solid) * soft


def find_looks(grid: Grid, fields: Fields, body: Body) -> list[tuple[Look, Look] | None]:
    """Front and back of each layer; None for layers that are not there."""
    picture = clean_picture(grid)
    unprinted, plain = _without_prints(picture, grid, fields)
    looks: list[tuple[Look, Look] | None] = []
    for layer, field in enumerate(fields.layers):
        if field is None or not field.support.any():
            looks.append(None)
            continue
        good = _good(grid, field, layer)
        front = _front(picture, grid, fields, field, layer, good)
        looks.append((front, _back(picture, unprinted, plain, grid, fields, field, layer, good, front, body)))
    return looks


def _good(grid: Grid, field: LayerField, layer: int) -> Mask:
    """Pixels of a layer that surely show it."""
    labels = grid.labels
    skin = sum(labels.arms.values()) + labels.glove
    other = (labels.lower > 0.5) | (labels.head > 0.5) if layer in ARMS else skin > 0.5
    visible = field.visible & ~other
    good = visible & shrunk(grid.mask, 1) & shrunk(visible | ~grid.mask, 1)
    for choice in (good, visible, field.visible):
        if choice.sum() >= _SMALLEST_REGION:
            return choice
    return grid.mask


def _own_places(shape: tuple[int, ...]) -> Floats:
    rows, columns = np.indices(shape[:2], np.float32)
    return np.stack([columns + 0.5, rows + 0.5], -1)


def _reflected(good: Mask, reach_px: float) -> tuple[Floats, Mask]:
    """For each pixel off `good` the cell as far behind its border as the pixel is before it, and whether it is good."""
    rows, columns = nearest_of(good)
    places = _own_places(good.shape)
    mirrored = 2 * np.stack([columns + 0.5, rows + 0.5], -1).astype(np.float32) - places
    mirrored = smoothed(mirrored - places, 1.0) + places
    h, w = good.shape
    column, row = mirrored[..., 0].astype(int), mirrored[..., 1].astype(int)
    inside = (mirrored[..., 0] >= 0) & (mirrored[..., 1] >= 0) & (column < w) & (row < h)
    usable = inside & good[np.clip(row, 0, h - 1), np.clip(column, 0, w - 1)]
    return mirrored, usable & (distance_to(good) <= reach_px)


def _bare_hands(color: Floats, picture: Floats, grid: Grid, field: LayerField) -> Floats:
    """The colours of an arm, with skin for a hand that is hidden: it has not the sleeve's."""
    labels = grid.labels
    for skin in (sum(labels.arms.values()), labels.head - labels.hair):
        solid = shrunk(np.asarray(skin > 0.6), 1) & shrunk(grid.mask, 1)
        if solid.sum() >= _SMALLEST_REGION:
            break
    else:
        return color
    hand = field.weights[..., [joint("wrist.L"), joint("wrist.R")]].sum(2)
    amount = (np.clip((hand - 0.4) / 0.3, 0, 1) * ~field.visible)[..., None]
    return color * (1 - amount) + np.median(picture[solid], 0) * amount


def _of_one_material(grid: Grid, places: Floats, known: Mask) -> Mask:
    """(h, w), whether each cell, or the nearest `known` one, has the same kind of label as the one at `places`."""
    labels = grid.labels
    arms, legs = sum(labels.arms.values()), sum(labels.legs.values())
    kinds = np.stack([labels.hair, labels.head - labels.hair, labels.top, labels.lower - legs, arms, legs], 2).argmax(2)
    h, w = grid.size
    column, row = places[..., 0].astype(int), places[..., 1].astype(int)
    return kinds[nearest_of(known)] == kinds[np.clip(row, 0, h - 1), np.clip(column, 0, w - 1)]


def _inner_color(picture: Floats, grid: Grid, good: Mask) -> Floats:
    """Smooth colours (h, w, 3) of a layer, from its inside: its rim has light and shadow that are nowhere else."""
    inner = good & shrunk(grid.mask, 2.5)
    if inner.sum() < max(_SMALLEST_REGION, 0.2 * good.sum()):
        inner = good
    return push_pull(smoothed_within(picture, inner, 1.5), inner)


def _front(picture: Floats, grid: Grid, fields: Fields, field: LayerField, layer: int, good: Mask) -> Look:
    on_arms = grid.mask & np.isin(fields.owner, [arm for arm in ARMS if arm != layer])
    if layer in ARMS:
        on_arms = grid.mask & (fields.owner != layer)
    color = _inner_color(picture, grid, good)
    if layer in ARMS:
        color = _bare_hands(color, picture, grid, field)
    copied_from, share = _own_places(good.shape), np.zeros(good.shape, np.float32)
    mirrored = np.zeros(good.shape, np.bool_)
    # Next to the person, and where trunk and legs meet, the sheet shows what the picture shows.
    own = field.visible | ~grid.mask | ~(field.hidden | grown(field.hidden | on_arms, 2))
    reflected, usable = _reflected(good, _REFLECTED_METRES * fields.px_per_metre)
    copied_from[usable], share[usable] = reflected[usable], 0.8
    other_half = ~own & ~usable & field.covered & field.mirrored_front_seen
    other_half &= _of_one_material(grid, field.mirrored_front, good)
    copied_from[other_half], share[other_half], mirrored[other_half] = field.mirrored_front[other_half], 1, True
    share = smoothed(share, 1.0) * (share > 0)
    copied_from[own], share[own], mirrored[own] = _own_places(good.shape)[own], 1, False
    return Look(copied_from=copied_from, share=share, color=color, mirrored=mirrored)


def _back(
    picture: Floats,
    unprinted: Floats,
    plain: Floats,
    grid: Grid,
    fields: Fields,
    field: LayerField,
    layer: int,
    good: Mask,
    front: Look,
    body: Body,
) -> Look:
    """The far side: the near side without its prints, but with hair for the face."""
    base = _inner_color(unprinted, grid, good)
    color = np.where((field.visible & good)[..., None], unprinted, base)
    copied_from = front.copied_from.copy()
    if layer in ARMS:
        return replace(front, color=np.where((field.visible & good)[..., None], picture, base))
    share = np.where(field.visible | ~grid.mask, plain * front.share, front.share * 0.8)
    share = np.where(front.mirrored, 0, share)
    mirrored = field.covered & field.mirrored_back_seen & ~(field.visible & good & (plain > 0.5))
    mirrored &= _of_one_material(grid, field.mirrored_back, field.visible | ~field.support)
    weight = smoothed(mirrored.astype(np.float32), 1.0) * mirrored
    copied_from[mirrored], share = field.mirrored_back[mirrored], np.where(mirrored, weight, share)
    look = Look(copied_from=copied_from, share=share.astype(np.float32), color=color, mirrored=mirrored)
    return _clothed_neck(_haired(look, picture, grid, fields, field, body), picture, grid, field, body)


def _haired(look: Look, picture: Floats, grid: Grid, fields: Fields, field: LayerField, body: Body) -> Look:
    """The back of a head that looks at the camera: hair for the face, and a plain nape where the hair is short."""
    labels, inner = grid.labels, shrunk(grid.mask, 1)
    hair = shrunk(labels.hair > 0.6, 1) & inner
    face = np.clip(labels.head - labels.hair, 0, 1)
    skin = (face > 0.6) & inner
    if abs(head_yaw(body)) > 80 or skin.sum() < _SMALLEST_REGION:
        return look
    height = field.back_point[..., 2] - rest_joint(body, "head")[2]
    on_head = field.weights[..., [joint("head"), joint("neck03"), joint("neck02")]].sum(2)
    amount = smoothed(face * np.clip(on_head * 2, 0, 1), 1.0)
    amount = np.clip(1.6 * np.maximum(amount, face * (on_head > 0.4)), 0, 1)
    behind_ears = field.back_point[..., 1] - _ear_depth(body)
    amount = amount * np.clip(behind_ears / 0.02 + 0.5, 0, 1)
    upper = np.clip((height - _NAPE_METRES) / 0.02, 0, 1)
    if hair.sum() >= _SMALLEST_REGION:
        is_long = (hair & (height < _NAPE_METRES - 0.06)).sum() > 0.15 * hair.sum()
        look = _replaced(look, amount if is_long else amount * upper, hair, picture, fields.px_per_metre)
        if is_long:
            return look
    plain = smoothed_within(picture, skin, 0.03 * fields.px_per_metre)
    return _replaced(look, amount * (1 - upper), skin, push_pull(plain, skin), fields.px_per_metre, itself=True)


def _ear_depth(body: Body) -> float:
    """How far behind the body's origin its ears are in the rest pose, metres."""
    reduced = reduced_body()
    ears = [OPENPOSE_18.index("left_ear"), OPENPOSE_18.index("right_ear")]
    points = reduced.part_points + np.tensordot(body.shape, reduced.part_basis, 1)
    parts = np.isin(reduced.part_keypoint, ears)
    return float((points[parts, 1] * reduced.part_weight[parts]).sum() / len(ears))


def _clothed_neck(look: Look, picture: Floats, grid: Grid, field: LayerField, body: Body) -> Look:
    """Backs are covered to the neck: what a neckline or an open coat shows in front is not seen behind."""
    labels = grid.labels
    area = max(int(grid.mask.sum()), 1)
    top = shrunk(labels.top > 0.6, 1.5) & shrunk(grid.mask, 1.5)
    if top.sum() < 0.04 * area:
        return look
    look = _closed_coat(look, top, picture, field, body)
    bare = np.clip(labels.torso_skin + labels.head - labels.hair, 0, 1)
    depth = rest_joint(body, "neck01")[2] - field.back_point[..., 2]
    shoulders = field.visible & (depth > 0.02) & (depth < 0.16)
    if bare[shoulders].sum() > _BARE_SHOULDERS * (bare + labels.top)[shoulders].sum():
        return look
    above_waist = np.clip((_NECKLINE_METRES - depth) / 0.03, 0, 1)
    below_neck = np.clip((rest_joint(body, "neck02")[2] - 0.02 - field.back_point[..., 2]) / 0.02, 0, 1)
    px = max(float(np.sqrt(area)) * 0.01, 1.0)
    amount = smoothed(bare * below_neck * above_waist, px)
    look = _replaced(look, np.clip(1.5 * amount, 0, 1), top, picture, 1e6)
    coat = (labels.coat > 0.6) & shrunk(grid.mask, 1)
    if coat.sum() > 0.25 * top.sum() and coat.sum() >= _SMALLEST_REGION:
        under = smoothed(np.clip(labels.top - labels.coat, 0, 1), px)
        look = _replaced(look, np.clip(1.5 * under, 0, 1) * above_waist, coat, picture, 1e6)
    return look


def _closed_coat(look: Look, top: Mask, picture: Floats, field: LayerField, body: Body) -> Look:
    """An open coat is whole at the back: where both sides have one colour and the middle another, the sides' one."""
    across = field.back_point[..., 0] / max(float(rest_joint(body, "upperarm01.L")[0]), 1e-3)
    middle, left, right = top & (np.abs(across) < 0.25), top & (across > 0.5), top & (across < -0.5)
    if min(middle.sum(), left.sum(), right.sum()) < 2 * _SMALLEST_REGION:
        return look
    inner, one, other = (np.median(picture[part], 0) for part in (middle, left, right))
    coat = (one + other) / 2
    apart = float(np.linalg.norm(inner - coat))
    if apart < 0.25 or np.linalg.norm(one - other) > 0.6 * apart:
        return look
    unlike = np.linalg.norm(picture - coat, axis=2) > 0.45 * apart
    under = smoothed((top & unlike & (np.abs(across) < 0.7)).astype(np.float32), 2.0)
    sides = shrunk(top & ~unlike, 1)
    if sides.sum() < 4 * _SMALLEST_REGION:
        return look
    return _replaced(look, np.clip(2.5 * under, 0, 1), sides, picture, 1e6)


def _replaced(
    look: Look, amount: Floats, material: Mask, picture: Floats, px_per_metre: float, *, itself: bool = False
) -> Look:
    """The look with `amount` (h, w) of it made of the pixels `material`, those too if it is about them `itself`."""
    reflected, usable = _reflected(material, 0.3 * px_per_metre)
    mixed = push_pull(smoothed_within(picture, material, 1.5), material)
    x, y = reflected[..., 0].ravel(), reflected[..., 1].ravel()
    detailed = sampled(picture, x, y).reshape(picture.shape)
    soft = smoothed(usable.astype(np.float32), 1.0)[..., None] * 0.7
    mixed = mixed * (1 - soft) + detailed * soft
    a = np.where(material & (not itself), 0, amount)[..., None]
    color = look.color * (1 - a) + mixed * a
    share = look.share * (1 - np.clip(1.5 * a[..., 0], 0, 1))
    return Look(copied_from=look.copied_from, share=share, color=color, mirrored=look.mirrored & (a[..., 0] < 0.5))


def _inner_pieces(pieces: Mask, region: Mask) -> Mask:
    """The connected pieces that lie inside their region: those at its border are a part of it, such as a waistband."""
    labelled: Any = ndimage.label(pieces)
    numbers, count = labelled
    if not count:
        return pieces
    rim, border = pieces & ~shrunk(pieces, 1.5), pieces & ~shrunk(region, 1.5)
    rims = np.bincount(numbers[rim], minlength=count + 1)
    borders = np.bincount(numbers[border], minlength=count + 1)
    return pieces & (borders < _AT_BORDER * np.maximum(rims, 1))[numbers]


def _without_prints(picture: Floats, grid: Grid, fields: Fields) -> tuple[Floats, Floats]:
    """The picture with each material's own colours in place of prints, and how far each pixel is no print (h, w)."""
    labels = grid.labels
    skin = sum(labels.arms.values()) + labels.torso_skin + sum(labels.legs.values())
    coat = labels.coat
    regions = np.stack([labels.hair, labels.head - labels.hair, labels.top - coat, coat, labels.lower, skin], 2)
    # Sleeves may have a colour of their own.
    region = np.where(grid.mask & ~np.isin(fields.owner, ARMS), regions.argmax(2), -1)
    result, plain = picture.copy(), np.ones(grid.mask.shape, np.float32)
    sigma = 0.05 * fields.px_per_metre
    for n in range(regions.shape[2]):
        inside = region == n
        if inside.sum() < 4 * _SMALLEST_REGION:
            continue
        printed = np.zeros_like(inside)
        # A small print stands out from what is around it, a large one from most of the garment.
        for usual in (smoothed_within(picture, inside, sigma), np.median(picture[inside], 0)):
            off = np.abs(picture - usual).max(2)
            limit = max(_PLAIN_FACTOR * float(np.median(off[inside])), _PRINT_CONTRAST)
            printed |= _inner_pieces(inside & (off > limit), inside)
        rest = inside & ~grown(printed, 1.5)
        if not printed.any() or rest.sum() < 2 * _SMALLEST_REGION:
            continue
        amount = smoothed(grown(printed, 1.5).astype(np.float32), 1.0) * inside
        clean = push_pull(smoothed_within(picture, rest, sigma * 0.5), rest)
        a = np.clip(1.4 * amount, 0, 1)[..., None]
        result = result * (1 - a) + clean * a
        plain = np.minimum(plain, 1 - np.clip(1.6 * amount, 0, 1))
    return result, plain
