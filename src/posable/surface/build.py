"""From a photograph, a matte, a parsing map and a fitted body to a textured person."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from PIL import Image

from posable.body.fitted import Body
from posable.errors import ImageError
from posable.imaging.size import Size
from posable.surface.field_types import Fields, Grid
from posable.surface.grids import Floats, push_pull, shrunk
from posable.surface.layer_fields import find_fields
from posable.surface.limbs import anatomy, hip_bend
from posable.surface.looks import find_looks
from posable.surface.owners import Labels
from posable.surface.sheets import Sheet, foot_sheets, layer_sheets, mesh_sheet
from posable.surface.surface import Kind, Report, Surface
from posable.surface.twists import arm_twists, nearest_vertices

GRID_CELLS = 256
"""Height or width, whichever is larger, of the grid that a person is made on."""
_LARGEST_WINDOW_PX = 2048
"""Larger windows are kept in this size."""
_NUM_LABELS = 20
_MARGIN = 0.03
_SMALLEST_PERSON_PX = 40
"""Pixels of the matte below which there is nobody to draw."""
_SOFT_MATTE = 0.02


def build_surface(
    image: npt.NDArray[np.uint8] | Floats,
    matte: Floats,
    parsing: npt.NDArray[np.uint8],
    body: Body,
    *,
    grid_cells: int = GRID_CELLS,
) -> Surface:
    """The person of `image` (h, w, 3), RGB uint8 or float32 in [-1, 1], hung on `body`, which lies in its frame.

    `matte` (h, w) in [0, 1] says where the person is, `parsing` (h, w) has LIP-20 classes. Raises ImageError when the
    matte shows nobody or is not of the image's size.
    """
    size = Size(*image.shape[:2])
    if matte.shape != tuple(size) or parsing.shape != tuple(size):
        raise ImageError(
            f"the picture is {size}, the matte {Size(*matte.shape)} and the parsing map {Size(*parsing.shape)}; give "
            "all three in one size."
        )
    matte = np.clip(np.nan_to_num(np.asarray(matte, np.float32)), 0, 1)
    if (matte > 0.5).sum() < _SMALLEST_PERSON_PX:
        raise ImageError("the matte shows nobody in the picture; give a photo in which the person can be seen.")
    window = _window(matte, size)
    left, top, right, bottom = window
    photo = _as_float(image[top:bottom, left:right])
    cut = np.ascontiguousarray(matte[top:bottom, left:right])
    grid = _grid(photo, cut, parsing[top:bottom, left:right], window, size, grid_cells)
    fields = find_fields(grid, body)
    looks = find_looks(grid, fields, body)
    layers = layer_sheets(grid, fields, looks, body)
    sheets = [*layers, *foot_sheets(grid, fields, looks, body), mesh_sheet(grid, fields, looks, body)]
    return _joined(sheets, grid, fields, body, size, window, _foreground(photo, cut), cut)


def _as_float(image: npt.NDArray[np.uint8] | Floats) -> Floats:
    if image.dtype == np.uint8:
        return image.astype(np.float32) / np.float32(127.5) - 1
    return np.clip(np.nan_to_num(image.astype(np.float32)), -1, 1)


def _window(matte: Floats, size: Size) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what has the person, with a margin."""
    rows, columns = np.flatnonzero((matte > _SOFT_MATTE).any(1)), np.flatnonzero((matte > _SOFT_MATTE).any(0))
    margin = math.ceil(_MARGIN * max(rows[-1] - rows[0], columns[-1] - columns[0])) + 2
    return (
        max(0, int(columns[0]) - margin),
        max(0, int(rows[0]) - margin),
        min(size.width, int(columns[-1]) + 1 + margin),
        min(size.height, int(rows[-1]) + 1 + margin),
    )


def _grid(
    photo: Floats,
    matte: Floats,
    parsing: npt.NDArray[np.uint8],
    window: tuple[int, int, int, int],
    size: Size,
    grid_cells: int,
) -> Grid:
    h, w = matte.shape
    step = max(1.0, max(h, w) / grid_cells)
    cells = Size(max(2, round(h / step)), max(2, round(w / step)))
    shares = np.stack([_averaged((parsing == label).astype(np.float32), cells) for label in range(_NUM_LABELS)])
    small = np.stack([_averaged(photo[..., channel], cells) for channel in range(3)], 2)
    left, top, right, bottom = window
    return Grid(
        size=cells,
        origin=(left, top),
        step=(w / cells.width, h / cells.height),
        open_edges=(top == 0, bottom == size.height, left == 0, right == size.width),
        picture=np.clip((small + 1) / 2, 0, 1).astype(np.float32),
        matte=_averaged(matte, cells),
        labels=Labels.of(shares),
    )


def _averaged(channel: Floats, size: Size) -> Floats:
    """(h, w) made smaller by means over boxes."""
    if channel.shape == tuple(size):
        return channel
    shrunken = Image.fromarray(channel).resize((size.width, size.height), Image.Resampling.BOX)
    return np.asarray(shrunken, np.float32)


def _foreground(photo: Floats, matte: Floats) -> Floats:
    """The photo with the person's own colours where its edge mixes them with the background's."""
    opaque = matte > 0.97
    opaque = shrunk(opaque, 1) if shrunk(opaque, 1).any() else opaque
    if not opaque.any():
        return photo
    soft = (1 - np.clip((matte - 0.8) / 0.17, 0, 1))[..., None]
    return (photo * (1 - soft) + push_pull(photo, opaque) * soft).astype(np.float32)


def _joined(
    sheets: list[Sheet],
    grid: Grid,
    fields: Fields,
    body: Body,
    size: Size,
    window: tuple[int, int, int, int],
    photo: Floats,
    matte: Floats,
) -> Surface:
    step = np.array(grid.step, np.float32)
    counts = np.cumsum([0, *(len(sheet.rest) for sheet in sheets)])
    triangles = np.concatenate([sheet.triangles + start for sheet, start in zip(sheets, counts, strict=False)])
    opacity = np.concatenate([sheet.opacity for sheet in sheets])
    places = np.concatenate([sheet.places for sheet in sheets])
    rest = np.concatenate([sheet.rest for sheet in sheets])
    bones, shares = (np.concatenate([getattr(sheet, name) for sheet in sheets]) for name in ("bones", "shares"))
    sides = np.concatenate([sheet.sides for sheet in sheets])
    beyond = np.concatenate([sheet.beyond for sheet in sheets])
    while max(photo.shape[:2]) > _LARGEST_WINDOW_PX:
        photo, matte = _halved(photo), _halved(matte[..., None])[..., 0]
    photos, mattes = [photo], [matte]
    while min(photos[-1].shape[:2]) > 128:
        photos.append(_halved(photos[-1]))
        mattes.append(_halved(mattes[-1][..., None])[..., 0])
    kinds = np.concatenate([sheet.kinds for sheet in sheets])
    return Surface(
        body=body,
        size=size,
        window=window,
        photos=tuple(photos),
        mattes=tuple(mattes),
        rest=rest,
        bones=np.ascontiguousarray(bones),
        shares=np.ascontiguousarray(shares),
        nearest=nearest_vertices(np.concatenate([sheet.body_points for sheet in sheets])),
        places=places * step,
        copied_from=np.concatenate([sheet.copied_from for sheet in sheets]) * step,
        second_from=np.concatenate([sheet.second_from for sheet in sheets]) * step,
        copied_share=np.concatenate([sheet.copied_share for sheet in sheets]),
        colors=np.concatenate([sheet.colors for sheet in sheets]).astype(np.float32),
        opacity=opacity,
        kinds=kinds,
        triangles=np.ascontiguousarray(triangles, np.int32),
        layers=np.concatenate([sheet.layers for sheet in sheets]),
        sides=sides,
        penalties=np.concatenate([sheet.penalties for sheet in sheets]),
        longest=np.concatenate([sheet.longest for sheet in sheets]) * float(step.max()),
        areas=np.concatenate([sheet.areas for sheet in sheets]) * float(step.prod()),
        feet=np.concatenate([sheet.feet for sheet in sheets]),
        tested=np.asarray(beyond[triangles].any(1)),
        twists=arm_twists(rest, bones, shares, body),
        owner=np.where(grid.mask, fields.owner, 255).astype(np.uint8),
        report=_report(grid, fields, body, kinds[: counts[-2]]),
    )


def _halved(picture: Floats) -> Floats:
    """Means over boxes of 2x2; an odd last row or column is repeated."""
    h, w = picture.shape[:2]
    even = np.pad(picture, ((0, h % 2), (0, w % 2), (0, 0)), mode="edge")
    rows = even[::2] + even[1::2]
    return np.ascontiguousarray((rows[:, ::2] + rows[:, 1::2]) / 4, np.float32)


def _report(grid: Grid, fields: Fields, body: Body, kinds: npt.NDArray[np.uint8]) -> Report:
    x, y = body.screen_vertices[:, 0], body.screen_vertices[:, 1]
    inside = (x >= 0) & (y >= 0) & (x <= body.size.width) & (y <= body.size.height)
    union = (fields.body_mask | grid.mask).sum()
    seen = fields.seen_vertices[inside & (_faces_camera(body))]
    total = max(len(kinds), 1)
    return Report(
        fit_cost=body.cost,
        hip_bend=hip_bend(body),
        outline_agreement=float((fields.body_mask & grid.mask).sum() / max(int(union), 1)),
        outside_frame=float(1 - inside.mean()),
        seen=float(seen.mean()) if len(seen) else 0.0,
        copied=float((kinds == Kind.FRONT).sum() / total),
        mirrored=float((kinds == Kind.MIRRORED).sum() / total),
        painted=float(np.isin(kinds, (Kind.PAINTED, Kind.BACK, Kind.BORROWED, Kind.MESH)).sum() / total),
    )


def _faces_camera(body: Body) -> npt.NDArray[np.bool_]:
    corners = body.vertices[anatomy().faces]
    away = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 1]
    total = np.bincount(anatomy().faces.ravel(), np.repeat(away, 3), len(body.vertices))
    return total < 0
