"""Depth, thickness and skin weights of every pixel of the person, limb by limb, from the fitted body."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from posable.body.fitted import Body
from posable.body.reduced import reduced_body
from posable.imaging.size import Size
from posable.surface.grids import (
    Floats,
    Mask,
    contour,
    depth_inside,
    grown,
    push_pull,
    shrunk,
    smoothed,
    smoothed_within,
)
from posable.surface.limbs import ARMS, LAYER_OF_JOINT, LAYERS, LEFT_ARM, LEFT_LEG, LEGS, RIGHT_LEG, TRUNK, Ints, anatomy, joint, seen
from posable.surface.owners import Labels, find_owners

_JOINTS = 24
_REST, _WEIGHTS = slice(0, 3), slice(3, 3 + _JOINTS)
_MIRRORED_AT, _MIRRORED_SEEN = slice(27, 29), 29
_VALUES = 30

_SKIN_METRES = 0.02
"""How far behind the nearest surface a vertex may lie and still count as seen."""
_SAME_METRES = 0.012
_THINNEST_METRES = 0.02
_BEHIND_METRES = 0.012
"""How far what is hidden lies behind what hides it, at least."""
_BORDER_CELLS = 2.0
_SLEEVE_METRES = 0.17
"""Nearer to the shoulder than this, a sleeve does not hide a trunk behind it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Grid:
    """The cells that a surface is made on: the window of the source that has the person, made small."""

    size: Size
    origin: tuple[float, float]
    """Where the window's top-left corner is in the source, (x, y) px."""
    step: tuple[float, float]
    """Source px a cell, across and down."""
    open_edges: tuple[bool, bool, bool, bool]
    """Whether the window ends where the source ends, and not the person: top, bottom, left, right."""
    picture: Floats
    """(h, w, 3), RGB in [0, 1]."""
    matte: Floats
    """(h, w) in [0, 1]."""
    labels: Labels

    @property
    def mask(self) -> Mask:
        return self.matte > 0.5

    def to_cells(self, points: Floats) -> Floats:
        """Points (n, 2+) whose x and y are in source px, with x and y in cells."""
        moved = points.copy()
        moved[:, 0] = (points[:, 0] - self.origin[0]) / self.step[0]
        moved[:, 1] = (points[:, 1] - self.origin[1]) / self.step[1]
        return moved

    def to_source(self, x: npt.NDArray[np.floating], y: npt.NDArray[np.floating]) -> Floats:
        """(..., 2) source px of positions in cells."""
        return np.stack([x * self.step[0] + self.origin[0], y * self.step[1] + self.origin[1]], -1).astype(np.float32)


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerField:
    """One layer (h, w); what lies off `support` means little."""

    visible: Mask
    """Its pixels in the picture."""
    hidden: Mask
    """Where it is behind another layer."""
    covered: Mask
    """Where the fitted body has it."""
    presence: Floats
    """(h, w), the layer ends where this is a half."""
    to_outline: Floats
    """(h, w, 2), step in cells from a cell's centre to that outline; 0 for those that are not right beside it."""
    weights: Floats
    """(h, w, 24) skin weights."""
    front: Floats
    """Depth of the near side, metres."""
    back: Floats
    front_point: Floats
    """(h, w, 3), the rest point of the body that is seen there from the front."""
    back_point: Floats
    mirrored_front: Floats
    """(h, w, 2), cell where the same point of the other half of the body is, for the near side."""
    mirrored_front_seen: Mask
    mirrored_back: Floats
    mirrored_back_seen: Mask

    @property
    def support(self) -> Mask:
        return self.visible | self.hidden


@dataclass(frozen=True, kw_only=True, eq=False)
class Fields:
    owner: Ints
    """(h, w), the layer of each pixel; the nearest one off the person."""
    layers: tuple[LayerField | None, ...]
    """None for a limb that is out of the window."""
    seen_vertices: Mask
    """(v,), the body's vertices that the picture shows."""
    screen: Floats
    """(v, 3), the body on the grid: x and y in cells, depth in metres."""
    px_per_metre: float
    body_mask: Mask
    """(h, w)"""


def find_fields(grid: Grid, body: Body) -> Fields:
    """The layers of the person in a grid whose mask is not empty."""
    parts, size, mask = anatomy(), grid.size, grid.mask
    screen = grid.to_cells(body.screen_vertices)
    px_per_metre = body.scale / ((grid.step[0] + grid.step[1]) / 2)
    lower_arm = sum(parts.weights[:, joint(f"{name}.{side}")] for name in ("lowerarm01", "wrist") for side in "LR")
    whole = seen(screen, parts.faces, np.stack([lower_arm], 1), size)
    body_owner = np.where(whole.covered, parts.layer[whole.vertex], -1).astype(np.int32)
    owner = find_owners(grid.picture, mask, grid.labels, whole, body_owner, px_per_metre)
    seen_vertices = _seen_vertices(screen, whole.depth, whole.covered, mask, owner)
    values = np.concatenate(
        [
            body.rest_vertices,
            parts.weights,
            screen[parts.mirror, :2],
            seen_vertices[parts.mirror, None].astype(np.float32),
        ],
        1,
    ).astype(np.float32)
    scene = _Scene(grid, body, screen, values, owner, whole.covered, whole.depth, px_per_metre)
    layers: list[LayerField | None] = [None] * len(LAYERS)
    for layer in ARMS:
        layers[layer] = _arm(scene, layer)
    core = _core(scene, layers)
    for layer, field in core.items():
        layers[layer] = field
    return Fields(
        owner=owner,
        layers=tuple(_pushed_behind(layers, owner, mask)),
        seen_vertices=seen_vertices,
        screen=screen,
        px_per_metre=px_per_metre,
        body_mask=whole.covered,
    )


@dataclass(frozen=True, eq=False)
class _Scene:
    grid: Grid
    body: Body
    screen: Floats
    values: Floats
    owner: Ints
    body_mask: Mask
    body_depth: Floats
    px_per_metre: float


def _own_weight(values: Floats, layer: int) -> Floats:
    """(h, w), how far the layer's own bones move what is seen."""
    return values[..., _WEIGHTS][..., LAYER_OF_JOINT == layer].sum(2)


def _seen_vertices(screen: Floats, depth: Floats, covered: Mask, mask: Mask, owner: Ints) -> Mask:
    h, w = mask.shape
    inside = (screen[:, 0] > 1) & (screen[:, 0] < w - 1) & (screen[:, 1] > 1) & (screen[:, 1] < h - 1)
    column, row = np.clip(screen[:, 0].astype(int), 0, w - 1), np.clip(screen[:, 1].astype(int), 0, h - 1)
    in_front = ~covered[row, column] | (screen[:, 2] < depth[row, column] + _SKIN_METRES)
    own, there = anatomy().layer, owner[row, column]
    arm_agrees = np.where(np.isin(own, ARMS) | np.isin(there, ARMS), own == there, True)
    return inside & in_front & arm_agrees & shrunk(mask, 2)[row, column]


def _profile(depth_px: Floats, radius: Floats, px_per_metre: float) -> Floats:
    """Half the thickness of a round limb of `radius` metres at a distance from its outline.

    It goes on negative outside, so that near and far side meet exactly on the outline, between the cells.
    """
    d = np.minimum(np.abs(depth_px) / px_per_metre, radius)
    return (np.sign(depth_px) * np.sqrt(d * (2 * radius - d))).astype(np.float32)


def _thickness(covered: Mask, half: Floats, px_per_metre: float) -> Floats:
    """The body's half thickness, continued from its inside: near its own outline it says too little."""
    inner = covered & (depth_inside(covered, (False,) * 4) / px_per_metre > 0.55 * half)
    return push_pull(half[..., None], inner if inner.sum() >= 10 else covered)[..., 0]


def _presence(grid: Grid, support: Mask) -> Floats:
    """How far each cell is part of a layer: the matte outside, a soft border towards other layers."""
    return (np.clip(smoothed((support | ~grid.mask).astype(np.float32), 0.8), 0, 1) * grid.matte).astype(np.float32)


def _arm(scene: _Scene, layer: int) -> LayerField | None:
    grid, mask, owner = scene.grid, scene.grid.mask, scene.owner
    faces = anatomy().faces[anatomy().layer_faces[layer]]
    near = seen(scene.screen, faces, scene.values, grid.size)
    far = seen(scene.screen, faces, scene.values, grid.size, far=True)
    if near.covered.sum() < 4:
        return None
    visible = mask & (owner == layer)
    half = (far.depth - near.depth) / 2
    raw = np.concatenate(
        [
            (near.values[..., _WEIGHTS] + far.values[..., _WEIGHTS]) / 2,
            ((near.depth + far.depth) / 2)[..., None],
            near.values[..., _REST],
            far.values[..., _REST],
        ],
        2,
    )
    known = near.covered & visible
    if known.sum() <= 20:
        known = near.covered
    blur = 0.013 * scene.px_per_metre
    filled = push_pull(raw, known)
    filled = np.where((known | ~visible & near.covered)[..., None], raw, smoothed(filled, blur))
    thick = np.maximum(smoothed(_thickness(near.covered, half, scene.px_per_metre), 2 * blur), _THINNEST_METRES)
    nearest = near.covered & (np.abs(near.depth - scene.body_depth) < _SAME_METRES)
    hidden = mask & near.covered & ~nearest & (owner != layer) & (_own_weight(far.values, layer) > 0.5)
    presence = _presence(grid, visible | hidden)
    inside, to_outline = contour(presence, grid.open_edges)
    half = _profile(inside, thick, scene.px_per_metre)
    middle = filled[..., _JOINTS]
    return LayerField(
        visible=visible,
        hidden=hidden,
        covered=near.covered,
        presence=presence,
        to_outline=to_outline,
        weights=filled[..., :_JOINTS],
        front=middle - half,
        back=middle + half,
        front_point=filled[..., 25:28],
        back_point=filled[..., 28:31],
        mirrored_front=near.values[..., _MIRRORED_AT],
        mirrored_front_seen=near.values[..., _MIRRORED_SEEN] > 0.99,
        mirrored_back=far.values[..., _MIRRORED_AT],
        mirrored_back_seen=far.values[..., _MIRRORED_SEEN] > 0.99,
    )


def _core(scene: _Scene, arms: list[LayerField | None]) -> dict[int, LayerField]:
    """Trunk and legs, filled in together so that no seam lies between them: not at hems, not behind arms."""
    grid, mask, owner, px = scene.grid, scene.grid.mask, scene.owner, scene.px_per_metre
    parts = anatomy()
    views = {
        layer: tuple(
            seen(scene.screen, parts.faces[parts.layer_faces[layer]], scene.values, grid.size, far=far)
            for far in (False, True)
        )
        for layer in (TRUNK, *LEGS)
    }
    views = {layer: sides for layer, sides in views.items() if sides[0].covered.sum() >= 4}
    if not views:
        return {}
    near = seen(scene.screen, parts.faces[parts.core_faces], scene.values, grid.size)
    far = seen(scene.screen, parts.faces[parts.core_faces], scene.values, grid.size, far=True)
    blur = 0.017 * px
    raw: dict[int, Floats] = {}
    for layer, (front, back) in views.items():
        half = (back.depth - front.depth) / 2
        thick = smoothed(np.maximum(_thickness(front.covered, half, px), half * front.covered), blur)
        weights = (front.values[..., _WEIGHTS] + back.values[..., _WEIGHTS]) / 2
        raw[layer] = np.concatenate(
            [
                weights,
                ((front.depth + back.depth) / 2)[..., None],
                front.values[..., _REST],
                back.values[..., _REST],
                thick[..., None],
            ],
            2,
        )
    on_arm, off_arm = mask & np.isin(owner, ARMS), mask & ~np.isin(owner, ARMS)
    behind_arm = _behind_arms(scene, arms, on_arm, off_arm, near.covered)
    outline = off_arm | behind_arm
    inside, _ = contour(_presence(grid, outline), grid.open_edges)
    cloth = _one_cloth(grid, off_arm, px)
    fields: dict[int, LayerField] = {}
    for layer in views:
        neighbours = [n for n in views if layer == TRUNK or n in (TRUNK, layer)]
        known, combined = np.zeros(mask.shape, np.bool_), np.zeros((*mask.shape, 32), np.float32)
        for n in neighbours:
            there = views[n][0].covered & (owner == n)
            combined[there], known = raw[n][there], known | there
        if not known.any():
            continue
        filled = push_pull(combined, known)
        filled = np.where(known[..., None], filled, smoothed(filled, blur))
        filled[..., :_JOINTS] = _head_is_rigid(filled[..., :_JOINTS], filled[..., 25:28], grid.labels, scene.body, px)
        half = _profile(inside, np.maximum(filled[..., 31], _THINNEST_METRES), px)
        middle = filled[..., _JOINTS]
        weights = filled[..., :_JOINTS]
        if cloth is not None:
            weights, middle, half = _draped(cloth, weights, middle, half, outline, inside, px)
        front, back = (near, far) if layer == TRUNK else views[layer]
        visible = mask & (owner == layer)
        nearest = front.covered & (np.abs(front.depth - scene.body_depth) < _SAME_METRES)
        hidden = mask & front.covered & ~nearest & ~visible & (_own_weight(back.values, layer) > 0.5)
        if layer == TRUNK:
            hidden = behind_arm
        elif cloth is not None:
            hidden &= cloth < 0.5
        presence = _presence(grid, visible | hidden)
        fields[layer] = LayerField(
            visible=visible,
            hidden=hidden,
            covered=front.covered,
            presence=presence,
            to_outline=contour(np.maximum(presence, _presence(grid, outline)), grid.open_edges)[1],
            weights=weights,
            front=middle - half,
            back=middle + half,
            front_point=filled[..., 25:28],
            back_point=filled[..., 28:31],
            mirrored_front=front.values[..., _MIRRORED_AT],
            mirrored_front_seen=front.values[..., _MIRRORED_SEEN] > 0.99,
            mirrored_back=back.values[..., _MIRRORED_AT],
            mirrored_back_seen=back.values[..., _MIRRORED_SEEN] > 0.99,
        )
    return fields


def _behind_arms(
    scene: _Scene, arms: list[LayerField | None], on_arm: Mask, off_arm: Mask, covered: Mask
) -> Mask:
    """Where arms hide trunk or legs: where the body has them, and in dents that the arms leave in the outline."""
    if not off_arm.any():
        return np.zeros_like(on_arm)
    radius = max(1.0, 0.035 * scene.px_per_metre)
    pad = int(radius) + 2
    closed = shrunk(grown(np.pad(off_arm, pad), radius), radius)[pad:-pad, pad:-pad]
    behind = on_arm & (covered | closed)
    for layer, side in zip(ARMS, "LR", strict=True):
        arm = arms[layer]
        if arm is not None:
            shoulder = rest_joint(scene.body, f"upperarm01.{side}")
            near_shoulder = np.linalg.norm(arm.front_point - shoulder, axis=-1) < _SLEEVE_METRES
            behind &= ~((scene.owner == layer) & near_shoulder)
    return behind


def _head_is_rigid(weights: Floats, points: Floats, labels: Labels, body: Body, px_per_metre: float) -> Floats:
    """The weights with face, hat and the hair above the neck on the head's bone alone."""
    chin = float(rest_joint(body, "neck03")[2])
    above = np.clip((points[..., 2] - chin) / 0.05, 0, 1)
    share = (smoothed(labels.head, 0.01 * px_per_metre) * above)[..., None]
    head = np.zeros(_JOINTS, np.float32)
    head[joint("head")] = 1
    return weights * (1 - share) + head * share


def _one_cloth(grid: Grid, off_arm: Mask, px_per_metre: float) -> Floats | None:
    """How far each pixel is part of a skirt or dress, in [0, 1]; None without one."""
    skirt = grid.labels.skirt * off_arm
    if (skirt > 0.5).sum() < 0.02 * grid.mask.sum():
        return None
    return np.clip(smoothed(skirt, 0.017 * px_per_metre) * 1.6 - 0.3, 0, 1) * off_arm


def _draped(
    cloth: Floats, weights: Floats, middle: Floats, half: Floats, outline: Mask, inside: Floats, px_per_metre: float
) -> tuple[Floats, Floats, Floats]:
    """Weights, depth and half thickness where one piece of cloth hangs over both legs: smooth across it, no arms."""
    sigma = float(np.sqrt(outline.sum()) * 0.07)
    share = cloth[..., None]
    no_arms = weights.copy()
    for side in "LR":
        for name in ("clavicle", "upperarm01", "lowerarm01", "wrist"):
            no_arms[..., joint(f"{name}.{side}")] = 0
    no_arms /= np.maximum(no_arms.sum(-1, keepdims=True), 1e-3)
    soft = smoothed_within(np.concatenate([no_arms, middle[..., None], half[..., None]], 2), outline, sigma)
    radius = np.maximum(1.35 * soft[..., -1], 0.03)
    round_half = _profile(inside, radius, px_per_metre)
    weights = weights * (1 - share) + soft[..., :_JOINTS] * share
    return weights, middle * (1 - cloth) + soft[..., _JOINTS] * cloth, half * (1 - cloth) + round_half * cloth


def _pushed_behind(layers: list[LayerField | None], owner: Ints, mask: Mask) -> list[LayerField | None]:
    """What the picture hides lies behind what hides it, sheets' borders under their neighbours included."""
    core = np.full(owner.shape, np.inf, np.float32)
    for layer in (TRUNK, *LEGS):
        field = layers[layer]
        if field is not None:
            near = grown(field.support, _BORDER_CELLS)
            core = np.where(near, np.minimum(core, field.front), core)
    surface = np.full(owner.shape, -np.inf, np.float32)
    result = list(layers)
    for layer, field in enumerate(layers):
        if field is None:
            continue
        seen_here = mask & (owner == layer)
        if layer in ARMS:
            # An arm beside the trunk: only its inner rim is drawn nearer, the trunk keeps its shape.
            front = np.where(seen_here, np.minimum(field.front, core - _BEHIND_METRES), field.front)
            result[layer] = field = replace(field, front=front)
        surface = np.where(seen_here, field.front, surface)
    for layer, field in enumerate(result):
        if field is not None:
            other = mask & (owner != layer)
            front = np.where(other, np.maximum(field.front, surface + _BEHIND_METRES), field.front)
            back = np.where(other & field.hidden, np.maximum(field.back, front + 1e-3), field.back)
            result[layer] = replace(field, front=front, back=back)
    return result


def rest_joint(body: Body, name: str) -> npt.NDArray[np.float64]:
    """(3,) where a joint is in the rest pose of this body's shape, metres."""
    return reduced_body().rest_heads(body.shape)[joint(name)]
