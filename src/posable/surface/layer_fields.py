"""Depth, thickness and skin weights of every pixel of the person, limb by limb, from the fitted body."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from posable.body.fitted import Body
from posable.body.reduced import reduced_body
from posable.imaging.size import Size
from posable.surface.grids import (
    Floats,
    Mask,
    contour,
    depth_inside,
    distance_to,
    grown,
    nearest_of,
    push_pull,
    shrunk,
    smoothed,
    smoothed_within,
)
from posable.surface.limbs import (
    ARMS,
    LAYER_OF_JOINT,
    LAYERS,
    LEFT_ARM,
    LEGS,
    TRUNK,
    Ints,
    anatomy,
    joint,
    seen,
)
from posable.surface.owners import Labels, find_owners

_JOINTS = 24
_REST, _WEIGHTS = slice(0, 3), slice(3, 3 + _JOINTS)
_MIRRORED_AT, _MIRRORED_SEEN = slice(27, 29), 29
_VALUES = 30

_SKIN_METRES = 0.02
"""How far behind the nearest surface a vertex may lie and still count as seen."""
_SAME_METRES = 0.012
_THINNEST_METRES = 0.02
_BEHIND_METRES, _MOST_BEHIND_METRES = 0.012, 0.08
"""How far what is hidden lies behind what hides it, if it need not be moved further than the most."""
_LEAST_VISIBLE = 0.12
"""Of an arm; one that shows less is taken from the other half of the body."""
_WELL_BELOW_CROTCH = 0.45
"""Share of the way from the hips to the knees."""
_SKIRT_ROUNDNESS = 0.6
"""How deep a skirt is, as a share of how wide it is."""
_UNDER_HEM_METRES = 0.12
_HANGING = 0.6
_FOLDED_METRES = 0.03
"""How much further a bone must be to lose a pixel that the body gives it."""
_ELBOW_METRES, _WRIST_METRES = 0.045, 0.025
"""Half the length over which a joint bends."""
_DENT_METRES = 0.05
"""Half the width of an arm behind which the outline of the rest goes straight on."""
_HAND_METRES, _SLACK_METRES = 0.22, 0.022
_ARMPIT_METRES, _SLEEVE_METRES = (0.06, 0.12), (0.10, 0.18)
"""Distances from the shoulder over which the trunk stops moving with the arm, and the arm with the trunk."""


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
    inward: Floats
    """(h, w, 2), step in cells from a cell on the rim, which is seen aslant, to one that shows the material well."""
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
    cloth: Floats
    """(h, w), how far each pixel is part of one piece of cloth over both legs, in [0, 1]."""


def find_fields(grid: Grid, body: Body) -> Fields:
    """The layers of the person in a grid whose mask is not empty."""
    parts, size, mask = anatomy(), grid.size, grid.mask
    screen = grid.to_cells(body.screen_vertices)
    px_per_metre = body.scale / ((grid.step[0] + grid.step[1]) / 2)
    lower_arm = sum(parts.weights[:, joint(f"{name}.{side}")] for name in ("lowerarm01", "wrist") for side in "LR")
    whole = seen(screen, parts.faces, np.stack([lower_arm], 1), size)
    body_owner = np.where(whole.covered, parts.layer[whole.vertex], -1).astype(np.int32)
    owner = find_owners(grid.picture, mask, grid.labels, whole, body_owner, px_per_metre)
    cloth = _one_cloth(grid, mask & ~np.isin(owner, ARMS), body, px_per_metre)
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
    scene = _Scene(grid, body, screen, values, owner, whole.covered, whole.depth, cloth, px_per_metre)
    layers: list[LayerField | None] = [None] * len(LAYERS)
    for layer in ARMS:
        layers[layer] = _arm(scene, layer)
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


@dataclass(frozen=True, eq=False)
class _Scene:
    grid: Grid
    body: Body
    screen: Floats
    values: Floats
    owner: Ints
    body_mask: Mask
    body_depth: Floats
    cloth: Floats | None
    px_per_metre: float


def _own_weight(values: Floats, layer: int) -> Floats:
    """(h, w), how far the layer's own bones move what is seen."""
    return values[..., _WEIGHTS][..., layer == LAYER_OF_JOINT].sum(2)


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

    Outside of it there is no thickness: near and far side meet on the outline and go on as one.
    """
    d = np.clip(depth_px / px_per_metre, 0, radius)
    return np.sqrt(d * (2 * radius - d)).astype(np.float32)


def _inward(distance: Floats, radius: Floats, px_per_metre: float) -> Floats:
    """Steps (h, w, 2) in cells from where a round limb of `radius` metres is seen aslant, less than 30 degrees from its
    rim, to as far on the other side of that line on its skin: turned to the camera, the rim shows undistorted material.
    """
    r = np.maximum(radius * px_per_metre, 1e-3)
    d = np.clip(distance, 0, r)
    arc, turn = r * np.arccos(1 - d / r), r * (np.pi / 6)
    step = np.where(arc < turn, r * (1 - np.cos(np.pi / 6)) + turn - arc - d, 0)
    down, across = np.gradient(smoothed(distance, 1.5))
    length = np.maximum(np.hypot(down, across), 0.3)
    return (np.stack([across / length, down / length], -1) * step[..., None]).astype(np.float32)


def _thickness(covered: Mask, half: Floats, px_per_metre: float) -> Floats:
    """The body's half thickness, continued from its inside: near its own outline it says too little."""
    inner = covered & (depth_inside(covered, (False, False, False, False)) / px_per_metre > 0.55 * half)
    return push_pull(half[..., None], inner if inner.sum() >= 10 else covered)[..., 0]


def _presence(grid: Grid, support: Mask) -> Floats:
    """How far each cell is part of a layer: the matte outside, a soft border towards other layers."""
    return (np.clip(smoothed((support | ~grid.mask).astype(np.float32), 0.8), 0, 1) * grid.matte).astype(np.float32)


def _arm(scene: _Scene, layer: int) -> LayerField | None:
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
    weights, middle = _along_bones(
        scene, layer, _arms_let_go(filled[..., :_JOINTS], scene, layer), filled[..., _JOINTS]
    )
    return LayerField(
        visible=visible,
        hidden=hidden,
        covered=near.covered,
        presence=presence,
        to_outline=to_outline,
        inward=_inward(inside, thick, scene.px_per_metre),
        weights=weights,
        front=middle - half,
        back=middle + half,
        front_point=filled[..., 25:28],
        back_point=filled[..., 28:31],
        mirrored_front=near.values[..., _MIRRORED_AT],
        mirrored_front_seen=near.values[..., _MIRRORED_SEEN] > 0.99,
        mirrored_back=far.values[..., _MIRRORED_AT],
        mirrored_back_seen=far.values[..., _MIRRORED_SEEN] > 0.99,
    )


def _along_bones(scene: _Scene, layer: int, weights: Floats, middle: Floats) -> tuple[Floats, Floats]:
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
    at = _cell_centres(scene.owner.shape)
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
    trust = np.clip((shoulder - _SLEEVE_METRES[0]) / (_SLEEVE_METRES[1] - _SLEEVE_METRES[0]), 0, 1) * sideways
    trust = np.maximum(trust, sideways * (nearest > 0)).astype(np.float32)
    mixed = weights * (1 - trust[..., None]) + clean * trust[..., None]
    return mixed, (middle * (1 - trust) + smoothed(depth.astype(np.float32), 0.01 * px) * trust).astype(np.float32)


def _cell_centres(shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """(h, w, 2)"""
    rows, columns = np.indices(shape[:2])
    return np.stack([columns + 0.5, rows + 0.5], -1)


def _core(scene: _Scene) -> dict[int, LayerField]:
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
    behind_arm = _behind_arms(scene, on_arm, off_arm, near.covered)
    outline = off_arm | behind_arm
    rows, columns = nearest_of(off_arm) if off_arm.any() else np.indices(mask.shape)
    beside = owner[rows, columns]
    inside, _ = contour(_presence(grid, outline), grid.open_edges)
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
        filled[..., :_JOINTS] = _head_is_rigid(filled[..., :_JOINTS], filled[..., 25:28], grid.labels, scene.body, px)
        half = _profile(inside, np.maximum(filled[..., 31], _THINNEST_METRES), px)
        middle = filled[..., _JOINTS]
        weights = _arms_let_go(filled[..., :_JOINTS], scene, None)
        if cloth is not None:
            weights, middle, half = _draped(cloth, weights, middle, half, outline, inside, px)
        front, back = (near, far) if layer == TRUNK else views[layer]
        visible = mask & (owner == layer)
        nearest = front.covered & (np.abs(front.depth - scene.body_depth) < _SAME_METRES)
        hidden = mask & front.covered & ~nearest & ~visible & (_own_weight(back.values, layer) > 0.5)
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
        presence = _presence(grid, visible | hidden)
        fields[layer] = LayerField(
            visible=visible,
            hidden=hidden,
            covered=front.covered,
            presence=presence,
            inward=_inward(inside, np.maximum(filled[..., 31], _THINNEST_METRES), px),
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


def _behind_arms(scene: _Scene, on_arm: Mask, off_arm: Mask, covered: Mask) -> Mask:
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


def _arms_let_go(weights: Floats, scene: _Scene, layer: int | None) -> Floats:
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
            keep = np.clip((_ARMPIT_METRES[1] - distance) / (_ARMPIT_METRES[1] - _ARMPIT_METRES[0]), 0, 1)
            chosen = [index for index in on_arm if LAYER_OF_JOINT[index] == arm]
            weights[..., chosen] *= keep[..., None]
        else:
            keep = np.clip((_SLEEVE_METRES[1] - distance) / (_SLEEVE_METRES[1] - _SLEEVE_METRES[0]), 0, 1)
            chosen = [index for index in range(_JOINTS) if LAYER_OF_JOINT[index] != arm]
            faded = weights.copy()
            faded[..., chosen] *= keep[..., None]
            weights = np.where((faded.sum(2) > 0.05)[..., None], faded, weights)
    return weights / np.maximum(weights.sum(2, keepdims=True), 1e-4)


def _head_is_rigid(weights: Floats, points: Floats, labels: Labels, body: Body, px_per_metre: float) -> Floats:
    """The weights with the face, and hat and hair above the neck, on the head's bone alone."""
    chin = float(rest_joint(body, "neck03")[2])
    above = np.clip((points[..., 2] - chin) / 0.05, 0, 1)
    face = labels.head - labels.hair
    share = np.clip(smoothed(face + labels.hair * above, 0.01 * px_per_metre), 0, 1)[..., None]
    head = np.zeros(_JOINTS, np.float32)
    head[joint("head")] = 1
    return weights * (1 - share) + head * share


def _one_cloth(grid: Grid, off_arm: Mask, body: Body, px_per_metre: float) -> Floats | None:
    """How far each pixel is part of a skirt or dress, in [0, 1]; None without one.

    Parsers take wide trousers for skirts: one must hang below the crotch, and show no gap between legs there.
    """
    skirt = grid.labels.skirt * off_arm
    if (skirt > 0.5).sum() < 0.02 * grid.mask.sum():
        return None
    hips, knees = (
        grid.to_cells(body.project(body.joints[[joint(f"{name}.L"), joint(f"{name}.R")]]))[:, 1].mean()
        for name in ("upperleg01", "lowerleg01")
    )
    rows = np.arange(skirt.shape[0]) + 0.5
    down = (rows - hips) / max(float(knees - hips), 1.0)
    hanging = (skirt > 0.5) & (down > _WELL_BELOW_CROTCH)[:, None]
    if hanging.sum() < 0.02 * grid.mask.sum():
        return None
    below = hanging.astype(np.int32)
    inside = (np.maximum.accumulate(below, 1) > 0) & (np.maximum.accumulate(below[:, ::-1], 1)[:, ::-1] > 0)
    gaps = (inside & ~grid.mask).sum(1) >= 2
    reach = below.any(1)
    if gaps[reach].sum() > 0.25 * reach.sum():
        return None
    return np.clip(smoothed(skirt, 0.017 * px_per_metre) * 1.6 - 0.3, 0, 1) * off_arm


def _draped(
    cloth: Floats, weights: Floats, middle: Floats, half: Floats, outline: Mask, inside: Floats, px_per_metre: float
) -> tuple[Floats, Floats, Floats]:
    """Weights, depth and half thickness where one piece of cloth hangs over both legs: smooth across it, no arms."""
    sigma = float(np.sqrt(outline.sum()) * 0.06)
    share = cloth[..., None]
    no_arms = weights.copy()
    for side in "LR":
        for name in ("clavicle", "upperarm01", "lowerarm01", "wrist"):
            no_arms[..., joint(f"{name}.{side}")] = 0
        # A hem hangs from the thighs; shins and feet swing in it.
        for name in ("lowerleg01", "foot"):
            below = no_arms[..., joint(f"{name}.{side}")]
            no_arms[..., joint(f"upperleg01.{side}")] += _HANGING * below
            no_arms[..., joint(f"{name}.{side}")] = (1 - _HANGING) * below
    no_arms /= np.maximum(no_arms.sum(-1, keepdims=True), 1e-3)
    soft = smoothed_within(np.concatenate([no_arms, middle[..., None], half[..., None]], 2), outline, sigma)
    sideways, width = _sideways(outline)
    radius = np.maximum(1.35 * soft[..., -1], np.maximum(_SKIRT_ROUNDNESS * width / px_per_metre, 0.03))
    # A skirt is round about its own axis; at the hem it is open.
    round_half = _profile(np.maximum(inside, sideways), radius, px_per_metre)
    weights = weights * (1 - share) + soft[..., :_JOINTS] * share
    return weights, middle * (1 - cloth) + soft[..., _JOINTS] * cloth, half * (1 - cloth) + round_half * cloth


def _sideways(where: Mask) -> tuple[Floats, Floats]:
    """Distance (h, w) in px of each pixel of `where` to its outline in the same row, and half the row's width there;
    0 outside."""
    columns = np.arange(where.shape[1])[None]
    left = columns - np.maximum.accumulate(np.where(where, -1, columns), 1)
    right = np.minimum.accumulate(np.where(where, where.shape[1], columns)[:, ::-1], 1)[:, ::-1] - columns
    distance = np.where(where, np.minimum(left, right) - 0.5, 0)
    return distance.astype(np.float32), smoothed(np.where(where, (left + right - 1) / 2, 0).astype(np.float32), 2.0)


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


def rest_joint(body: Body, name: str) -> npt.NDArray[np.float64]:
    """(3,) where a joint is in the rest pose of this body's shape, metres."""
    return reduced_body().rest_heads(body.shape)[joint(name)]
