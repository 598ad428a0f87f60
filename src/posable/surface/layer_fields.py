"""Depth, thickness and skin weights of every pixel of the person, limb by limb, from the fitted body."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from posable.body.fitted import Body
from posable.surface.arm_field import arm_field, arms_let_go
from posable.surface.cloth import draped, one_cloth
from posable.surface.field_types import (
    JOINTS,
    MIRRORED_AT,
    MIRRORED_SEEN,
    REST,
    SAME_METRES,
    THINNEST_METRES,
    WEIGHTS,
    Fields,
    Grid,
    LayerField,
)
from posable.surface.grids import (
    Floats,
    Mask,
    contour,
    distance_to,
    grown,
    nearest_of,
    push_pull,
    shrunk,
    smoothed,
)
from posable.surface.limbs import (
    ARMS,
    LAYERS,
    LEGS,
    TRUNK,
    Ints,
    anatomy,
    joint,
    seen,
)
from posable.surface.owners import Labels, find_owners
from posable.surface.profiles import Scene, inward, own_weight, presence_of, profile, rest_joint, thickness

_SKIN_METRES = 0.02
"""How far behind the nearest surface a vertex may lie and still count as seen."""

_BEHIND_METRES, _MOST_BEHIND_METRES = 0.012, 0.08
"""How far what is hidden lies behind what hides it, if it need not be moved further than the most."""

_UNDER_HEM_METRES = 0.12

_DENT_METRES = 0.05
"""Half the width of an arm behind which the outline of the rest goes straight on."""

_HAND_METRES, _SLACK_METRES = 0.22, 0.022


def find_fields(grid: Grid, body: Body) -> Fields:
    """The layers of the person in a grid whose mask is not empty."""
    parts, size, mask = anatomy(), grid.size, grid.mask
    screen = grid.to_cells(body.screen_vertices)
    px_per_metre = body.scale / ((grid.step[0] + grid.step[1]) / 2)
    lower_arm = sum(parts.weights[:, joint(f"{name}.{side}")] for name in ("lowerarm01", "wrist") for side in "LR")
    whole = seen(screen, parts.faces, np.stack([lower_arm], 1), size)
    body_owner = np.where(whole.covered, parts.layer[whole.vertex], -1).astype(np.int32)
    owner = find_owners(grid.picture, mask, grid.labels, whole, body_owner, px_per_metre)
    cloth = one_cloth(grid, mask & ~np.isin(owner, ARMS), body, px_per_metre)
    if cloth is not None:
        # One piece of cloth over both legs is one sheet.
        owner = np.where((cloth > 0.5) & np.isin(owner, LEGS), TRUNK, owner).astype(np.int32)
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
    scene = Scene(grid, body, screen, values, owner, whole.covered, whole.depth, cloth, px_per_metre)
    layers: list[LayerField | None] = [None] * len(LAYERS)
    for layer in ARMS:
        layers[layer] = arm_field(scene, layer)
    core = _core(scene)
    for layer, field in core.items():
        layers[layer] = field
    return Fields(
        owner=owner,
        layers=tuple(_pushed_behind(layers, owner, mask)),
        seen_vertices=seen_vertices,
        screen=screen,
        px_per_metre=px_per_metre,
        body_mask=whole.covered,
        cloth=np.zeros(size, np.float32) if cloth is None else cloth,
    )


def _seen_vertices(screen: Floats, depth: Floats, covered: Mask, mask: Mask, owner: Ints) -> Mask:
    h, w = mask.shape
    inside = (screen[:, 0] > 1) & (screen[:, 0] < w - 1) & (screen[:, 1] > 1) & (screen[:, 1] < h - 1)
    column, row = np.clip(screen[:, 0].astype(int), 0, w - 1), np.clip(screen[:, 1].astype(int), 0, h - 1)
    in_front = ~covered[row, column] | (screen[:, 2] < depth[row, column] + _SKIN_METRES)
    own, there = anatomy().layer, owner[row, column]
    arm_agrees = np.where(np.isin(own, ARMS) | np.isin(there, ARMS), own == there, True)
    return inside & in_front & arm_agrees & shrunk(mask, 2)[row, column]


def _core(scene: Scene) -> dict[int, LayerField]:
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
        thick = smoothed(np.maximum(thickness(front.covered, half, px), half * front.covered), blur)
        weights = (front.values[..., WEIGHTS] + back.values[..., WEIGHTS]) / 2
        raw[layer] = np.concatenate(
            [
                weights,
                ((front.depth + back.depth) / 2)[..., None],
                front.values[..., REST],
                back.values[..., REST],
                thick[..., None],
            ],
            2,
        )
    on_arm, off_arm = mask & np.isin(owner, ARMS), mask & ~np.isin(owner, ARMS)
    behind_arm = _behind_arms(scene, on_arm, off_arm, near.covered)
    outline = off_arm | behind_arm
    rows, columns = nearest_of(off_arm) if off_arm.any() else np.indices(mask.shape)
    beside = owner[rows, columns]
    inside, _ = contour(presence_of(grid, outline), grid.open_edges)
    cloth = scene.cloth
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
        filled[..., :JOINTS] = _head_is_rigid(filled[..., :JOINTS], filled[..., 25:28], grid.labels, scene.body, px)
        half = profile(inside, np.maximum(filled[..., 31], THINNEST_METRES), px)
        middle = filled[..., JOINTS]
        weights = arms_let_go(filled[..., :JOINTS], scene, None)
        if cloth is not None:
            weights, middle, half = draped(cloth, weights, middle, half, outline, inside, px)
        front, back = (near, far) if layer == TRUNK else views[layer]
        visible = mask & (owner == layer)
        nearest = front.covered & (np.abs(front.depth - scene.body_depth) < SAME_METRES)
        hidden = mask & front.covered & ~nearest & ~visible & (own_weight(back.values, layer) > 0.5)
        behind = behind_arm & (beside == layer)
        if layer == TRUNK:
            hidden = behind
        else:
            hidden &= ~on_arm
            if cloth is not None:
                # Legs go on a little way under the hem.
                hidden &= cloth < 0.5
                hidden |= front.covered & (cloth > 0.5) & (distance_to(visible) < _UNDER_HEM_METRES * px)
            hidden |= behind
        presence = presence_of(grid, visible | hidden)
        fields[layer] = LayerField(
            visible=visible,
            hidden=hidden,
            covered=front.covered,
            presence=presence,
            inward=inward(inside, np.maximum(filled[..., 31], THINNEST_METRES), px),
            to_outline=contour(np.maximum(presence, presence_of(grid, outline)), grid.open_edges)[1],
            weights=weights,
            front=middle - half,
            back=middle + half,
            front_point=filled[..., 25:28],
            back_point=filled[..., 28:31],
            mirrored_front=front.values[..., MIRRORED_AT],
            mirrored_front_seen=front.values[..., MIRRORED_SEEN] > 0.99,
            mirrored_back=back.values[..., MIRRORED_AT],
            mirrored_back_seen=back.values[..., MIRRORED_SEEN] > 0.99,
        )
    return fields


def _behind_arms(scene: Scene, on_arm: Mask, off_arm: Mask, covered: Mask) -> Mask:
    """Where arms hide trunk or legs: in dents and holes that they leave in the outline of the rest, and well inside the
    fitted body, which lies beside the picture's by some cm."""
    if not off_arm.any():
        return np.zeros_like(on_arm)
    radius = max(1.0, _DENT_METRES * scene.px_per_metre)
    pad = int(radius) + 2
    closed = shrunk(grown(np.pad(off_arm, pad, mode="edge"), radius), radius)[pad:-pad, pad:-pad]
    between = _between(off_arm, _HAND_METRES * scene.px_per_metre)
    core = shrunk(covered, _SLACK_METRES * scene.px_per_metre)
    return on_arm & (closed | between | core | np.asarray(ndimage.binary_fill_holes(off_arm)))


def _between(where: Mask, most_px: float) -> Mask:
    """The pixels with `where` above and below them in their column, not further than some px from each other."""
    rows = np.arange(where.shape[0])[:, None]
    above = np.maximum.accumulate(np.where(where, rows, -(10**6)), 0)
    below = np.minimum.accumulate(np.where(where, rows, 10**6)[::-1], 0)[::-1]
    return below - above <= most_px


def _head_is_rigid(weights: Floats, points: Floats, labels: Labels, body: Body, px_per_metre: float) -> Floats:
    """The weights with the face, and hat and hair above the neck, on the head's bone alone."""
    chin = float(rest_joint(body, "neck03")[2])
    above = np.clip((points[..., 2] - chin) / 0.05, 0, 1)
    face = labels.head - labels.hair
    share = np.clip(smoothed(face + labels.hair * above, 0.01 * px_per_metre), 0, 1)[..., None]
    head = np.zeros(JOINTS, np.float32)
    head[joint("head")] = 1
    return weights * (1 - share) + head * share


def _pushed_behind(layers: list[LayerField | None], owner: Ints, mask: Mask) -> list[LayerField | None]:
    """What the picture hides lies a little behind what hides it, sheets' borders under their neighbours included."""
    surface = np.full(owner.shape, -np.inf, np.float32)
    for layer, field in enumerate(layers):
        if field is not None:
            surface = np.where(mask & (owner == layer), field.front, surface)
    result = list(layers)
    for layer, field in enumerate(layers):
        if field is not None:
            other = field.hidden if layer in ARMS else mask & (owner != layer)
            needed = np.clip(surface + _BEHIND_METRES - field.front, 0, _MOST_BEHIND_METRES)
            front = np.where(other, field.front + needed, field.front)
            back = np.where(other & field.hidden, np.maximum(field.back, front + 1e-3), field.back)
            result[layer] = replace(field, front=front, back=back)
    return result
