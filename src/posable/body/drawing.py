"""The fitted body, drawn: shaded, over a photo or on plain grey."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from posable.body.fitted import Body
from posable.body.rasterize import rasterize
from posable.body.reduced import reduced_body
from posable.imaging.size import Size

_SAMPLES = 2
"""Samples per pixel along each side."""
_COLORS = np.array([(0.55, 0.70, 0.95), (0.95, 0.62, 0.40), (0.45, 0.80, 0.55)], np.float32)
"""Of trunk and head, the person's right limbs and the left ones, RGB in [0, 1]."""
_LIGHT = np.array([-0.4, -0.75, 0.53], np.float32)


def draw_body(
    body: Body, picture: npt.NDArray[np.float32] | None = None, opacity: float = 0.75
) -> npt.NDArray[np.float32]:
    """(h, w, 3) RGB in [-1, 1]: the body over `picture`, of the body's size and the same range, or over grey.

    The person's right limbs are orange, the left ones green.
    """
    size = body.size
    ground = np.full((*size, 3), 0.4, np.float32) if picture is None else (picture + 1) / 2
    color, alpha = _shaded(body, size)
    mixed = ground + opacity * (color - alpha[..., None] * ground)
    return (np.clip(mixed, 0, 1) * 2 - 1).astype(np.float32)


def vertex_normals(vertices: npt.NDArray[np.float32], faces: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
    """Unit normals (v, 3) of a mesh, outwards."""
    corners = vertices[faces]
    per_face = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.stack([np.bincount(faces.ravel(), np.repeat(per_face[:, k], 3), len(vertices)) for k in range(3)], 1)
    return (normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)).astype(np.float32)


def _shaded(body: Body, size: Size) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Premultiplied colour (h, w, 3) and coverage (h, w), in [0, 1]."""
    model = reduced_body()
    screen = body.screen_vertices * np.array([_SAMPLES, _SAMPLES, 1], np.float32)
    large = Size(size.height * _SAMPLES, size.width * _SAMPLES)
    drawn = rasterize(screen, model.faces, large)
    seen = drawn.face_ids >= 0
    corners = model.faces[drawn.face_ids[seen]]
    normals = vertex_normals(body.vertices, model.faces)
    light = np.clip(normals @ (_LIGHT / np.linalg.norm(_LIGHT)), 0, 1) * 0.7 + 0.3
    side = np.where(model.segment < 2, 0, np.where(model.segment % 2 == 1, 1, 2))
    shade = np.einsum("nk,nkc->nc", drawn.barycentrics[seen], (_COLORS[side] * light[:, None])[corners])
    samples = np.zeros((*large, 4), np.float32)
    samples[seen] = np.concatenate([shade, np.ones((len(shade), 1), np.float32)], 1)
    pooled = samples.reshape(size.height, _SAMPLES, size.width, _SAMPLES, 4).mean((1, 3))
    return pooled[..., :3], pooled[..., 3]
