"""The field of an arm: it hangs on its bones, in front of or beside the trunk."""

from __future__ import annotations

import numpy as np

from posable.surface.field_types import (
    ARMPIT_METRES,
    JOINTS,
    MIRRORED_AT,
    MIRRORED_SEEN,
    REST,
    SAME_METRES,
    SLEEVE_METRES,
    THINNEST_METRES,
    WEIGHTS,
    LayerField,
)
from posable.surface.grids import (
    Floats,
    contour,
    push_pull,
    smoothed,
)
from posable.surface.limbs import (
    ARMS,
    LAYER_OF_JOINT,
    LEFT_ARM,
    anatomy,
    joint,
    seen,
)
from posable.surface.profiles import Scene, cell_centres, inward, own_weight, presence_of, profile, thickness

_LEAST_VISIBLE = 0.12
"""Of an arm; one that shows less is taken from the other half of the body."""

_FOLDED_METRES = 0.03
"""How much further a bone must be to lose a pixel that the body gives it."""

_ELBOW_METRES, _WRIST_METRES = 0.045, 0.025
"""Half the length over which a joint bends."""


def arm_field(scene: Scene, layer: int) -> LayerField | None:
    grid, mask, owner = scene.grid, scene.grid.mask, scene.owner
    faces = anatomy().faces[anatomy().layer_faces[layer]]
    near = seen(scene.screen, faces, scene.values, grid.size)
    far = seen(scene.screen, faces, scene.values, grid.size, far=True)
    visible = mask & (owner == layer)
    if visible.sum() < max(4, _LEAST_VISIBLE * near.covered.sum()):
        return None
    half = (far.depth - near.depth) / 2
    raw = np.concatenate(
        [
            (near.values[..., WEIGHTS] + far.values[..., WEIGHTS]) / 2,
            ((near.depth + far.depth) / 2)[..., None],
            near.values[..., REST],
            far.values[..., REST],
        ],
        2,
    )
    known = near.covered & visible
    if known.sum() <= 20:
        known = near.covered
    blur = 0.013 * scene.px_per_metre
    filled = push_pull(raw, known)
    filled = np.where((known | ~visible & near.covered)[..., None], raw, smoothed(filled, blur))
    thick = np.maximum(smoothed(thickness(near.covered, half, scene.px_per_metre), 2 * blur), THINNEST_METRES)
    nearest = near.covered & (np.abs(near.depth - scene.body_depth) < SAME_METRES)
    hidden = mask & near.covered & ~nearest & (owner != layer) & (own_weight(far.values, layer) > 0.5)
    presence = presence_of(grid, visible | hidden)
    inside, to_outline = contour(presence, grid.open_edges)
    half = profile(inside, thick, scene.px_per_metre)
    weights, middle = _along_bones(scene, layer, arms_let_go(filled[..., :JOINTS], scene, layer), filled[..., JOINTS])
    return LayerField(
        visible=visible,
        hidden=hidden,
        covered=near.covered,
        presence=presence,
        to_outline=to_outline,
        inward=inward(inside, thick, scene.px_per_metre),
        weights=weights,
        front=middle - half,
        back=middle + half,
        front_point=filled[..., 25:28],
        back_point=filled[..., 28:31],
        mirrored_front=near.values[..., MIRRORED_AT],
        mirrored_front_seen=near.values[..., MIRRORED_SEEN] > 0.99,
        mirrored_back=far.values[..., MIRRORED_AT],
        mirrored_back_seen=far.values[..., MIRRORED_SEEN] > 0.99,
    )


def _along_bones(scene: Scene, layer: int, weights: Floats, middle: Floats) -> tuple[Floats, Floats]:
    """Weights (h, w, 24) and depth of the middle (h, w) of an arm, by where along its bones each pixel lies.

    The picture's arm lies beside the body's by some cm, and hands have other fingers, so the pixel that the body's
    surface has there says little. The weights given hold near the shoulder, and for bones that point at the camera.
    """
    body, side = scene.body, "LR"[layer - LEFT_ARM]
    hand = body.vertices[anatomy().weights[:, joint(f"wrist.{side}")] > 0.9].mean(0)
    bones = [joint(f"{name}.{side}") for name in ("upperarm01", "lowerarm01", "wrist")]
    points = np.concatenate([body.joints[bones], hand[None]]).astype(np.float64)
    points[3] = points[2] + 2 * (points[3] - points[2])
    ends = scene.grid.to_cells(body.project(points)).astype(np.float64)
    at = cell_centres(scene.owner.shape)
    px = scene.px_per_metre
    lower = weights[..., bones[1:]].sum(2)
    distances, positions = np.empty((*lower.shape, 3)), np.empty((*lower.shape, 3))
    for n in range(3):
        axis = ends[n + 1, :2] - ends[n, :2]
        along = ((at - ends[n, :2]) @ axis) / max(float(axis @ axis), 1e-6)
        on_bone = ends[n, :2] + np.clip(along, 0, 1)[..., None] * axis
        distances[..., n] = np.linalg.norm(at - on_bone, axis=2) / px + _FOLDED_METRES * np.where(n, 1 - lower, lower)
        positions[..., n] = along
    nearest = distances.argmin(2)
    lengths = np.linalg.norm(np.diff(points, axis=0), axis=1)
    position = np.take_along_axis(positions, nearest[..., None], 2)[..., 0]
    clipped = np.clip(position, 0, 1)
    depth = ends[nearest, 2] + clipped * (ends[nearest + 1, 2] - ends[nearest, 2])
    from_start, from_end = position * lengths[nearest], (1 - position) * lengths[nearest]
    share = np.zeros((*lower.shape, 3))
    for n, bend in ((0, _ELBOW_METRES), (1, _WRIST_METRES)):
        before, after = nearest == n, nearest == n + 1
        passed = np.where(before, 0.5 - from_end / (2 * bend), np.where(after, 0.5 + from_start / (2 * bend), 0))
        passed = np.clip(passed, 0, 1)
        share[..., n + 1] += np.where(before | after, passed, 0)
        share[..., n] += np.where(before | after, 1 - passed, 0)
    share[..., 1] -= nearest == 1  # both ends of the forearm have counted it
    share = np.clip(share, 0, 1)
    clean = np.zeros_like(weights)
    clean[..., bones] = share / np.maximum(share.sum(2, keepdims=True), 1e-6)
    clean = smoothed(clean, 0.008 * px)
    seen_lengths = np.linalg.norm(np.diff(ends[:, :2], axis=0), axis=1) / px
    sideways = np.clip((seen_lengths[:2].min() / lengths[:2].min() - 0.35) / 0.2, 0, 1)
    shoulder = np.hypot(*np.moveaxis(at - ends[0, :2], 2, 0)) / px
    trust = np.clip((shoulder - SLEEVE_METRES[0]) / (SLEEVE_METRES[1] - SLEEVE_METRES[0]), 0, 1) * sideways
    trust = np.maximum(trust, sideways * (nearest > 0)).astype(np.float32)
    mixed = weights * (1 - trust[..., None]) + clean * trust[..., None]
    return mixed, (middle * (1 - trust) + smoothed(depth.astype(np.float32), 0.01 * px) * trust).astype(np.float32)


def arms_let_go(weights: Floats, scene: Scene, layer: int | None) -> Floats:
    """Weights (h, w, 24) without the trunk's on an arm, or without the arms' on the trunk (`layer` None).

    Both fade with the distance from the shoulder: a picture's arm that touches the trunk is not grown onto it.
    """
    h, w = scene.owner.shape
    rows, columns = np.indices((h, w), np.float32)
    weights = weights.copy()
    on_arm = [index for index, of in enumerate(LAYER_OF_JOINT) if of in ARMS]
    for arm, side in zip(ARMS, "LR", strict=True):
        if layer not in (None, arm):
            continue
        shoulder = joint(f"upperarm01.{side}")
        x, y, _ = scene.grid.to_cells(scene.body.project(scene.body.joints[shoulder][None]))[0]
        distance = np.hypot(columns + 0.5 - x, rows + 0.5 - y) / scene.px_per_metre
        if layer is None:
            keep = np.clip((ARMPIT_METRES[1] - distance) / (ARMPIT_METRES[1] - ARMPIT_METRES[0]), 0, 1)
            chosen = [index for index in on_arm if LAYER_OF_JOINT[index] == arm]
            weights[..., chosen] *= keep[..., None]
        else:
            keep = np.clip((SLEEVE_METRES[1] - distance) / (SLEEVE_METRES[1] - SLEEVE_METRES[0]), 0, 1)
            chosen = [index for index in range(JOINTS) if LAYER_OF_JOINT[index] != arm]
            faded = weights.copy()
            faded[..., chosen] *= keep[..., None]
            weights = np.where((faded.sum(2) > 0.05)[..., None], faded, weights)
    return weights / np.maximum(weights.sum(2, keepdims=True), 1e-4)
