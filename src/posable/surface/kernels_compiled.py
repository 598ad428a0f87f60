"""The inner loops of drawing, compiled by numba when first needed; they release the interpreter's lock."""

from __future__ import annotations

import numba
import numpy as np

from posable.surface.field_types import BACK, FRONT
from posable.surface.grids import Floats
from posable.surface.limbs import Ints

_TURNED_METRES = 0.12
"""Added to the depth of a sheet that is seen from its wrong side."""
_SOFT = 0.06
"""Samples that are less opaque than this are not drawn."""
_SOLID = 0.4
"""Less than a half, because the sheets themselves end where the matte is a half."""
_SECOND_BEGIN, _SECOND_END = 1.6, 3.0
"""Pixels spread over this many times their area take the texture of where the same material is seen well."""
_STRETCH_BEGIN, _STRETCH_END = 8.0, 24.0
"""Pixels spread over this many times their area lose their texture, and have none left at the end."""


@numba.njit(cache=True, nogil=True, fastmath=True)  # pyright: ignore[reportUntypedFunctionDecorator]
def skin_and_project(
    rest: Floats,
    bones: np.ndarray,
    shares: Floats,
    transforms: Floats,
    scale: float,
    offset_x: float,
    offset_y: float,
    distance: float,
    screen: Floats,
) -> None:
    """Fills `screen` (n, 3): x and y px and depth in metres of rest points (n, 3) moved by up to four bones each."""
    m = np.empty(12, np.float32)
    for i in range(rest.shape[0]):
        for e in range(12):
            m[e] = 0.0
        for k in range(4):
            share = shares[i, k]
            if share > 0:
                bone = bones[i, k]
                for e in range(12):
                    m[e] += share * transforms[bone, e]
        x, y, z = rest[i, 0], rest[i, 1], rest[i, 2]
        px = m[0] * x + m[1] * y + m[2] * z + m[3]
        py = m[4] * x + m[5] * y + m[6] * z + m[7]
        pz = m[8] * x + m[9] * y + m[10] * z + m[11]
        depth = max(py + distance, 0.1 * distance)
        near = scale * distance / depth
        screen[i, 0] = offset_x + near * px
        screen[i, 1] = offset_y - near * pz
        screen[i, 2] = depth


@numba.njit(cache=True, nogil=True, fastmath=True)  # pyright: ignore[reportUntypedFunctionDecorator]
def bilinear(picture: Floats, x: float, y: float) -> float:
    """A sample of (h, w); beyond the edge, the edge."""
    h, w = picture.shape
    x = min(max(x - 0.5, 0.0), w - 1.0)
    y = min(max(y - 0.5, 0.0), h - 1.0)
    left, top = int(x), int(y)
    right, below = min(left + 1, w - 1), min(top + 1, h - 1)
    fx, fy = x - left, y - top
    upper = picture[top, left] * (1 - fx) + picture[top, right] * fx
    lower = picture[below, left] * (1 - fx) + picture[below, right] * fx
    return upper * (1 - fy) + lower * fy


@numba.njit(cache=True, nogil=True, fastmath=True)  # pyright: ignore[reportUntypedFunctionDecorator]
def rasterize_sheets(
    screen: Floats,
    triangles: Ints,
    sides: np.ndarray,
    limits: Floats,
    penalties: Floats,
    tested: np.ndarray,
    places: Floats,
    opacity: Floats,
    matte: Floats,
    samples: int,
    first_row: int,
    depth: Floats,
    winner: Ints,
    soft_depth: Floats,
    soft_winner: Ints,
    soft_alpha: Floats,
    soft_pass: bool,
) -> None:
    """Draws triangles into a band of sample rows that begins at `first_row`.

    The first pass fills `depth` and `winner` with what is solid, the second the soft buffers with what is half
    transparent in front of it. Triangles with an edge longer than their limit (px of the picture) are torn: not drawn.
    """
    rows, columns = depth.shape
    for t in range(triangles.shape[0]):
        if soft_pass and not tested[t]:
            continue
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0 = screen[a, 0] * samples, screen[a, 1] * samples - first_row
        x1, y1 = screen[b, 0] * samples, screen[b, 1] * samples - first_row
        x2, y2 = screen[c, 0] * samples, screen[c, 1] * samples - first_row
        low, high = min(y0, y1, y2), max(y0, y1, y2)
        if high < 0 or low > rows:
            continue
        left_most, right_most = min(x0, x1, x2), max(x0, x1, x2)
        if max(right_most - left_most, high - low) > limits[t] * samples:
            continue
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if abs(area) < 1e-7:
            continue
        penalty = penalties[t]
        if (sides[t] == FRONT and area < 0) or (sides[t] == BACK and area > 0):
            penalty += _TURNED_METRES
        z0, z1, z2 = screen[a, 2] + penalty, screen[b, 2] + penalty, screen[c, 2] + penalty
        left, right = max(0, int(np.ceil(left_most - 0.5))), min(columns - 1, int(np.floor(right_most - 0.5)))
        top, bottom = max(0, int(np.ceil(low - 0.5))), min(rows - 1, int(np.floor(high - 0.5)))
        inverse = 1 / area
        for row in range(top, bottom + 1):
            y = row + 0.5
            for column in range(left, right + 1):
                x = column + 0.5
                w0 = ((x1 - x) * (y2 - y) - (x2 - x) * (y1 - y)) * inverse
                w1 = ((x2 - x) * (y0 - y) - (x0 - x) * (y2 - y)) * inverse
                w2 = 1 - w0 - w1
                if w0 < -1e-5 or w1 < -1e-5 or w2 < -1e-5:
                    continue
                z = w0 * z0 + w1 * z1 + w2 * z2
                if z >= depth[row, column]:
                    continue
                if soft_pass and z >= soft_depth[row, column]:
                    continue
                if tested[t]:
                    if w0 * opacity[a] + w1 * opacity[b] + w2 * opacity[c] < 0.4:
                        continue
                    alpha = bilinear(
                        matte,
                        w0 * places[a, 0] + w1 * places[b, 0] + w2 * places[c, 0],
                        w0 * places[a, 1] + w1 * places[b, 1] + w2 * places[c, 1],
                    )
                    if soft_pass:
                        if alpha >= _SOLID or alpha < _SOFT:
                            continue
                        soft_depth[row, column] = z
                        soft_winner[row, column] = t
                        soft_alpha[row, column] = alpha
                        continue
                    if alpha < _SOLID:
                        continue
                depth[row, column] = z
                winner[row, column] = t


@numba.njit(cache=True, nogil=True, fastmath=True)  # pyright: ignore[reportUntypedFunctionDecorator]
def stretches(screen: Floats, triangles: Ints, own_area: Floats, zoom: float, out: Floats) -> None:
    """How many times its area in the source each triangle covers, beyond the picture's own `zoom`.

    Smoothed over neighbours: single triangles vary, and what they show would flicker.
    """
    total, weight = np.zeros(screen.shape[0], np.float32), np.zeros(screen.shape[0], np.float32)
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        area = (screen[b, 0] - screen[a, 0]) * (screen[c, 1] - screen[a, 1])
        area -= (screen[c, 0] - screen[a, 0]) * (screen[b, 1] - screen[a, 1])
        area = abs(area) / (zoom * zoom)
        out[t] = area / own_area[t]
        if own_area[t] > 1e-3:
            for corner in range(3):
                total[triangles[t, corner]] += area
                weight[triangles[t, corner]] += own_area[t]
    for t in range(triangles.shape[0]):
        if own_area[t] > 1e-3:
            summed = 0.0
            for corner in range(3):
                vertex = triangles[t, corner]
                summed += total[vertex] / max(weight[vertex], 1e-6)
            out[t] = summed / 3


@numba.njit(cache=True, nogil=True, fastmath=True)  # pyright: ignore[reportUntypedFunctionDecorator]
def _shares(screen: Floats, triangles: Ints, t: int, x: float, y: float) -> tuple[int, int, int, float, float, float]:
    a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
    x0, y0, x1, y1, x2, y2 = screen[a, 0], screen[a, 1], screen[b, 0], screen[b, 1], screen[c, 0], screen[c, 1]
    area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
    w0 = ((x1 - x) * (y2 - y) - (x2 - x) * (y1 - y)) / area
    w1 = ((x2 - x) * (y0 - y) - (x0 - x) * (y2 - y)) / area
    return a, b, c, w0, w1, 1 - w0 - w1


@numba.njit(cache=True, nogil=True, fastmath=True)  # pyright: ignore[reportUntypedFunctionDecorator]
def _cubic(f: float) -> tuple[float, float, float, float]:
    """Catmull-Rom weights of the four neighbours of a fraction."""
    return (
        ((-0.5 * f + 1.0) * f - 0.5) * f,
        (1.5 * f - 2.5) * f * f + 1.0,
        ((-1.5 * f + 2.0) * f + 0.5) * f,
        (0.5 * f - 0.5) * f * f,
    )


@numba.njit(cache=True, nogil=True, fastmath=True)  # pyright: ignore[reportUntypedFunctionDecorator]
def _copied(photo: Floats, x: float, y: float, color: Floats) -> None:
    """Catmull-Rom sample of (h, w, 3) into `color`: what is copied stays as sharp as it was."""
    h, w = photo.shape[0], photo.shape[1]
    x, y = x - 0.5, y - 0.5
    left, top = int(np.floor(x)), int(np.floor(y))
    wx, wy = _cubic(x - left), _cubic(y - top)
    color[0], color[1], color[2] = 0.0, 0.0, 0.0
    for i in range(4):
        row = min(max(top - 1 + i, 0), h - 1)
        for j in range(4):
            column = min(max(left - 1 + j, 0), w - 1)
            weight = wy[i] * wx[j]
            color[0] += weight * photo[row, column, 0]
            color[1] += weight * photo[row, column, 1]
            color[2] += weight * photo[row, column, 2]
    for channel in range(3):
        color[channel] = min(max(color[channel], -1.0), 1.0)


@numba.njit(cache=True, nogil=True, fastmath=True)  # pyright: ignore[reportUntypedFunctionDecorator]
def shade(
    screen: Floats,
    triangles: Ints,
    layers: np.ndarray,
    sides: np.ndarray,
    stretch: Floats,
    copied_from: Floats,
    second_from: Floats,
    copied_share: Floats,
    colors: Floats,
    kinds: np.ndarray,
    photo: Floats,
    photo_scale: float,
    samples: int,
    winner: Ints,
    soft_winner: Ints,
    soft_alpha: Floats,
    first_row: int,
    out_color: Floats,
    out_alpha: Floats,
    out_source: Floats,
    out_layer: np.ndarray,
    out_kind: np.ndarray,
    out_confidence: Floats,
) -> None:
    """Colours a band of pixels from the winners of its samples; the outputs are the band's rows.

    Where one side of one limb fills a pixel, the picture is gathered once; at borders for each sample.
    """
    rows, columns = out_alpha.shape
    per_pixel = samples * samples
    color = np.zeros(3, np.float32)
    second = np.zeros(3, np.float32)
    total = np.zeros(3, np.float32)
    for row in range(rows):
        for column in range(columns):
            first = -1
            same = True
            for s in range(per_pixel):
                t = winner[row * samples + s // samples, column * samples + s % samples]
                if s == 0:
                    first = t
                elif (t < 0) != (first < 0) or (t >= 0 and (layers[t] != layers[first] or sides[t] != sides[first])):
                    same = False
            any_soft = False
            if first < 0 or not same:
                for s in range(per_pixel):
                    if soft_winner[row * samples + s // samples, column * samples + s % samples] >= 0:
                        any_soft = True
            if same and first < 0 and not any_soft:
                continue
            total[0], total[1], total[2] = 0.0, 0.0, 0.0
            covered = 0.0
            count = 1 if same and first >= 0 and not any_soft else per_pixel
            noted = False
            for s in range(count):
                if count == 1:
                    # The middle of the pixel lies in one of its samples' triangles, or next to it.
                    centre = samples // 2
                    t = winner[row * samples + centre, column * samples + centre]
                    x, y = column + 0.5, row + 0.5
                    weight = 1.0
                else:
                    i, j = s // samples, s % samples
                    t = winner[row * samples + i, column * samples + j]
                    x, y = column + (j + 0.5) / samples, row + (i + 0.5) / samples
                    weight = 1.0 / per_pixel
                for soft in range(2):
                    part = weight
                    if soft == 1:
                        if count == 1:
                            break
                        t = soft_winner[row * samples + s // samples, column * samples + s % samples]
                        if t < 0:
                            break
                        alpha = soft_alpha[row * samples + s // samples, column * samples + s % samples]
                        solid = winner[row * samples + s // samples, column * samples + s % samples] >= 0
                        part = weight * alpha
                        if solid:
                            # Over something solid: keep it as it is, the soft rim would only blur it.
                            break
                    if t < 0:
                        continue
                    a, b, c, w0, w1, w2 = _shares(screen, triangles, t, x, y + first_row)
                    share = w0 * copied_share[a] + w1 * copied_share[b] + w2 * copied_share[c]
                    fade = (stretch[t] - _STRETCH_BEGIN) / (_STRETCH_END - _STRETCH_BEGIN)
                    share = min(max(share, 0.0), 1.0) * (1 - min(max(fade, 0.0), 1.0))
                    u = w0 * copied_from[a, 0] + w1 * copied_from[b, 0] + w2 * copied_from[c, 0]
                    v = w0 * copied_from[a, 1] + w1 * copied_from[b, 1] + w2 * copied_from[c, 1]
                    aslant = (stretch[t] - _SECOND_BEGIN) / (_SECOND_END - _SECOND_BEGIN)
                    aslant = min(max(aslant, 0.0), 1.0)
                    if share > 0:
                        _copied(photo, u * photo_scale, v * photo_scale, color)
                        if aslant > 0:
                            u2 = w0 * second_from[a, 0] + w1 * second_from[b, 0] + w2 * second_from[c, 0]
                            v2 = w0 * second_from[a, 1] + w1 * second_from[b, 1] + w2 * second_from[c, 1]
                            _copied(photo, u2 * photo_scale, v2 * photo_scale, second)
                            for channel in range(3):
                                color[channel] = color[channel] * (1 - aslant) + second[channel] * aslant
                    for channel in range(3):
                        plain = w0 * colors[a, channel] + w1 * colors[b, channel] + w2 * colors[c, channel]
                        mixed = plain if share <= 0 else share * color[channel] + (1 - share) * plain
                        total[channel] += part * mixed
                    covered += part
                    if not noted:
                        noted = True
                        nearest = a
                        if w1 > w0 and w1 >= w2:
                            nearest = b
                        elif w2 > w0 and w2 > w1:
                            nearest = c
                        out_source[row, column, 0] = u
                        out_source[row, column, 1] = v
                        out_layer[row, column] = layers[t]
                        out_kind[row, column] = kinds[nearest]
                        out_confidence[row, column] = share / max(1.0, np.sqrt(stretch[t]))
            out_alpha[row, column] = covered
            if covered > 0:
                for channel in range(3):
                    out_color[row, column, channel] = total[channel] / covered
