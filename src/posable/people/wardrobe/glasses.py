"""Glasses and sunglasses."""

from __future__ import annotations

import numpy as np

from posable.body.geometry import smoothstep
from posable.parsing.lip_labels import Lip
from posable.people.head.hair_locks import tubes
from posable.people.head.scalp import Array, HeadFit, template_scalp
from posable.people.wardrobe.layers import Dummy, Layer
from posable.people.wardrobe.materials import Material
from posable.people.wardrobe.wearing import plain, rigid_weights, worn_layer

_SHARES = {"clear": 0.13, "sun": 0.075}
_EYE = (0.0312, -0.152, 0.7275)
_EYE_GAP = 0.007
"""Metres between the eyeballs and the lenses."""
_FRAMES = (
    *((0.03, 0.03, 0.03), (0.05, 0.05, 0.06), (0.25, 0.14, 0.07)),
    *((0.45, 0.36, 0.2), (0.5, 0.5, 0.52), (0.4, 0.07, 0.1)),
)
_TINTS = ((0.02, 0.02, 0.025), (0.03, 0.03, 0.03), (0.1, 0.06, 0.03), (0.05, 0.08, 0.12))


def wear_glasses(dummy: Dummy, rng: np.random.Generator) -> tuple[str, list[Layer]]:
    """The kind ("clear", "sun" or "none") and layers of frame and, for sunglasses, lenses."""
    kind = str(rng.choice([*_SHARES, "none"], p=[*_SHARES.values(), 1 - sum(_SHARES.values())]))
    if kind == "none":
        return kind, []
    frame = plain(np.array(_FRAMES[int(rng.integers(len(_FRAMES)))], np.float32), 0.25)
    width, height = rng.uniform(0.0225, 0.0265), rng.uniform(0.0165, 0.022) + 0.002 * (kind == "sun")
    squareness, thick = rng.uniform(2.0, 4.0), rng.uniform(0.0013, 0.0026)
    fit = HeadFit.of(dummy)
    outlines = [_outline(side, width, height, squareness) for side in (-1.0, 1.0)]
    inner = 0.0312 - width
    share = np.linspace(-1, 1, 7)
    bridge = np.stack([share * (inner + 0.001), -0.1535 - 0.004 * (1 - share**2), 0.7325 + 0.003 * (1 - share**2)], 1)
    arms = [_arm(side, width) for side in (-1.0, 1.0)]
    forward = _clearance(dummy, fit, np.concatenate(outlines))
    head = {"head": 1.0}
    layers: list[Layer] = []

    def add(points: Array, faces: np.ndarray, material: Material) -> None:
        # What lies in front moves as a whole, what goes to the ears stays there.
        shift = forward * smoothstep(-0.05, -0.13, points[:, 1])[:, None] * np.array([0, -1.0, 0])
        uv = points[:, [0, 2]][faces]
        weights = rigid_weights(dummy, head, len(points))
        layers.append(
            worn_layer(fit(points) + shift, points, faces, uv, weights, material, Lip.SUNGLASSES, "glasses", 1)
        )

    pieces = [tubes(path[None], np.full((1, len(path)), thick), 5) for path in (*outlines, bridge, *arms)]
    starts = np.cumsum([0] + [piece.points[0, ..., 0].size for piece in pieces[:-1]])
    points = np.concatenate([piece.points.reshape(-1, 3) for piece in pieces])
    add(points, np.concatenate([piece.faces() + start for piece, start in zip(pieces, starts, strict=True)]), frame)
    if kind == "sun":
        tint = plain(np.array(_TINTS[int(rng.integers(len(_TINTS)))], np.float32), 0.7)
        lens = np.concatenate([np.concatenate([path.mean(0)[None], path]) for path in outlines])
        count = len(outlines[0])
        fan = np.stack([np.zeros(count - 1, int), np.arange(1, count), np.arange(2, count + 1)], 1)
        add(lens, np.concatenate([fan, fan + count + 1]).astype(np.int32), tint)
    return kind, layers


def _outline(side: float, width: float, height: float, squareness: float) -> Array:
    """The closed rim (n, 3) of one lens on the template: a superellipse, wrapped around the face."""
    turn = np.linspace(0, 2 * np.pi, 25)
    x = np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** (2 / squareness) * width
    z = np.sign(np.sin(turn)) * np.abs(np.sin(turn)) ** (2 / squareness) * height
    x = _EYE[0] + x * (1 - 0.08 * (z < 0))
    return np.stack([side * x, _EYE[1] + 6.0 * np.maximum(x - 0.02, 0) ** 2, _EYE[2] + z], 1)


def _arm(side: float, width: float) -> Array:
    """From the outer end of the rim over the ear, outside of the skin."""
    outer = 0.0312 + width
    path = np.array(
        [
            [outer, _EYE[1] + 6.0 * (outer - 0.02) ** 2, 0.7345],
            [0.068, -0.132, 0.7375],
            [0.0765, -0.10, 0.742],
            [0.0795, -0.07, 0.745],
            [0.081, -0.045, 0.744],
            [0.0805, -0.03, 0.734],
        ]
    )
    share = np.linspace(0, len(path) - 1, 16)
    fine = np.stack([np.interp(share, np.arange(len(path)), path[:, k]) for k in range(3)], 1)
    fine[:, 0] *= side
    _, scalp = template_scalp()
    height, normals = scalp.height(fine)
    lift = np.maximum(0.003 - height, 0) * (np.arange(16) > 2)
    return fine + normals * lift[:, None]


def _clearance(dummy: Dummy, fit: HeadFit, rims: Array) -> float:
    """Metres by which the lenses must go forward to clear eyes and lashes."""
    eyes = np.unique(dummy.body.eye_faces)
    return float(max(0.0, fit(rims)[:, 1].mean() - dummy.shape.rest[eyes, 1].min() + _EYE_GAP))
