"""The fitted body, drawn: shaded, over a photo or on plain grey."""

from __future__ import annotations

import numpy as np
from PIL import Image

from posable.body.fitted import Body
from posable.body.mesh_editing import vertex_normals
from posable.body.rasterize import rasterize
from posable.body.reduced import reduced_body
from posable.errors import SizeError
from posable.imaging.image import size_of, to_rgb
from posable.imaging.size import Size

_BACKGROUND = (96, 96, 100)
_SMOOTH_PIXELS = 2_000_000
"""Pictures with more are drawn with one sample per pixel instead of four."""
_COLORS = np.array([(0.55, 0.70, 0.95), (0.95, 0.62, 0.40), (0.45, 0.80, 0.55)], np.float32)
"""Of trunk and head, the person's right limbs and the left ones, RGB in [0, 1]."""
_LIGHT = np.array([-0.40, -0.75, 0.53], np.float32)
"""Towards the light, in camera axes."""


def draw_body(body: Body, background: Image.Image | None = None, opacity: float = 0.75) -> Image.Image:
    """The body over the picture, which must have the size of the body's frame, or solid over grey.

    The person's right limbs are orange, the left ones green. Raises SizeError.
    """
    if background is None:
        background, opacity = Image.new("RGB", (body.size.width, body.size.height), _BACKGROUND), 1.0
    elif size_of(background) != body.size:
        raise SizeError(
            f"the picture is {size_of(background)}, but the body is in a frame of {body.size}; resize one to the other."
        )
    drawn = _shaded(body)
    mask = drawn.getchannel("A").point([round(opacity * level) for level in range(256)])
    result = to_rgb(background).copy()
    result.paste(drawn.convert("RGB"), mask=mask)
    return result


def _shaded(body: Body) -> Image.Image:
    """The body as RGBA in its frame."""
    model, size = reduced_body(), body.size
    samples = 2 if size.height * size.width <= _SMOOTH_PIXELS else 1
    screen = body.screen_vertices * np.array([samples, samples, 1], np.float32)
    large = Size(size.height * samples, size.width * samples)
    drawn = rasterize(screen, model.faces, large)
    seen = drawn.face_ids >= 0
    corners = model.faces[drawn.face_ids[seen]]
    light = np.clip(vertex_normals(body.vertices, model.faces) @ (_LIGHT / np.linalg.norm(_LIGHT)), 0, 1)
    side = np.where(model.segment < 2, 0, np.where(model.segment % 2 == 1, 1, 2))
    colors = _COLORS[side] * (0.3 + 0.7 * light[:, None])
    shades = np.einsum("nk,nkc->nc", drawn.barycentrics[seen], colors[corners])
    canvas = np.zeros((*large, 4), np.uint8)
    canvas[seen, :3], canvas[seen, 3] = np.clip(shades * 255 + 0.5, 0, 255).astype(np.uint8), 255
    picture = Image.fromarray(canvas, "RGBA")
    # Pillow weighs colours by their opacity when it shrinks RGBA.
    return picture if samples == 1 else picture.resize((size.width, size.height), Image.Resampling.BOX)
