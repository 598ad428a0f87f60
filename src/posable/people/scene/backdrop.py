"""Places that people stand in: a painted wall plane and a floor tile, as linear pictures laid out in metres."""

from __future__ import annotations

import colorsys
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.ndimage import gaussian_filter1d

from posable.body.geometry import FloatArray, cos, sin

TEXELS_PER_METRE = 48
WALL_METRES, WALL_HEIGHT = 8.0, 3.6
FLOOR_METRES = 2.0
_ROWS, _COLUMNS = int(WALL_HEIGHT * TEXELS_PER_METRE), int(WALL_METRES * TEXELS_PER_METRE)
_FLOOR = 128


@dataclass(frozen=True, eq=False)
class Backdrop:
    """What is behind and below the person."""

    wall: FloatArray
    """(rows, columns, 3) RGB in [0, 1], periodic across; row 0 is the highest, the last one the floor's edge."""
    floor: FloatArray
    """(n, n, 3), periodic both ways, FLOOR_METRES wide."""
    distance: float
    """Metres from the person to the wall."""


def paint_backdrop(kind: str, rng: np.random.Generator) -> Backdrop:
    """A random place of a kind: "wall", "room", "street", "foliage" or "cluttered"."""
    wall, floor, distance, blur = _PAINTERS[kind](rng)
    if blur:
        wall = _blurred(wall, blur)
    return Backdrop(np.clip(wall, 0, 1).astype(np.float32), np.clip(floor, 0, 1).astype(np.float32), distance)


def _blurred(wall: FloatArray, texels: float) -> FloatArray:
    across = gaussian_filter1d(wall, texels, axis=1, mode="wrap", truncate=2.5)
    return gaussian_filter1d(across, texels, axis=0, mode="nearest", truncate=2.5)


_Painted = tuple[FloatArray, FloatArray, float, float]


@lru_cache(maxsize=3)
def _noise(falloff: float) -> FloatArray:
    """Periodic noise (512, 512), mean 0 and deviation 1, whose amplitude falls with frequency to the `falloff`."""
    frequency = np.fft.fftfreq(512) * 512
    radius = np.sqrt(frequency[None] ** 2 + frequency[:, None] ** 2)
    radius[0, 0] = 1
    spectrum = np.fft.fft2(np.random.default_rng(int(10 * falloff)).normal(size=(512, 512)))
    field = np.fft.ifft2(spectrum * radius**-falloff).real
    return ((field - field.mean()) / field.std()).astype(np.float32)


def _cloud(rng: np.random.Generator, rows: int, columns: int, falloff: float, step: int = 1) -> FloatArray:
    """A random piece (rows, columns) of the noise, every `step`-th value of it."""
    top, left = rng.integers(512, size=2)
    take = np.roll(_noise(falloff), (int(top), int(left)), (0, 1))
    return take[np.ix_(np.arange(rows) * step % 512, np.arange(columns) * step % 512)]


def _tint(rng: np.random.Generator, saturation: tuple[float, float], value: tuple[float, float]) -> FloatArray:
    return np.array(colorsys.hsv_to_rgb(rng.random(), rng.uniform(*saturation), rng.uniform(*value)), np.float32)


def _earth(rng: np.random.Generator) -> FloatArray:
    """Sand, soil, stone."""
    hue, saturation, value = rng.uniform(0.06, 0.13), rng.uniform(0.05, 0.4), rng.uniform(0.3, 0.75)
    return np.array(colorsys.hsv_to_rgb(hue, saturation, value), np.float32)


def _plain(color: FloatArray) -> FloatArray:
    return np.broadcast_to(color, (_ROWS, _COLUMNS, 3)).astype(np.float32)


def _box(wall: FloatArray, left: float, bottom: float, width: float, height: float, color: FloatArray | float) -> None:
    """Fills a rectangle in metres from the left end and the floor; it goes on at the other end."""
    top = max(0, _ROWS - int((bottom + height) * TEXELS_PER_METRE))
    low = max(top, _ROWS - int(bottom * TEXELS_PER_METRE))
    start = int(left * TEXELS_PER_METRE)
    columns = np.arange(start, start + max(1, int(width * TEXELS_PER_METRE))) % _COLUMNS
    wall[top:low, columns] = color


def _masonry(rng: np.random.Generator, color: FloatArray, width: float, height: float, joint: float) -> FloatArray:
    """Courses of bricks or tiles of a size in metres, each of its own shade; bricks are laid half over each other."""
    z, x = np.mgrid[0:_ROWS, 0:_COLUMNS].astype(np.float32) / TEXELS_PER_METRE
    width = WALL_METRES / max(2, round(WALL_METRES / width))
    course = np.floor(z / height)
    along = x / width + (course % 2) * np.float32(0.5)
    brick = (np.floor(along) * 7 + course * 131).astype(np.int32)
    shade = rng.normal(1, 0.09, 1024).astype(np.float32)[brick % 1024]
    gap = (z % height < joint) | ((along % 1) * width < joint)
    mortar = np.float32(rng.uniform(0.45, 0.95))
    return np.where(gap[..., None], mortar * (0.5 + 0.5 * color), color * shade[..., None])


def _floor(rng: np.random.Generator, kind: str, color: FloatArray) -> FloatArray:
    y, x = np.mgrid[0:_FLOOR, 0:_FLOOR].astype(np.float32) / _FLOOR
    grain = _cloud(rng, _FLOOR, _FLOOR, 1.0, 4)
    match kind:
        case "planks":
            row = np.floor(x * 14).astype(np.int32)
            shade = rng.normal(1, 0.1, 14).astype(np.float32)[row] + 0.05 * _cloud(rng, _FLOOR, _FLOOR, 1.0)
            shade = np.where((x * 14) % 1 < 0.07, 0.6, shade)
        case "tiles":
            count = int(rng.integers(3, 8))
            gap = ((x * count) % 1 < 0.05) | ((y * count) % 1 < 0.05)
            tile = (np.floor(x * count) * 5 + np.floor(y * count) * 3).astype(np.int32)
            shade = np.where(gap, 0.72, rng.normal(1, 0.05, 64).astype(np.float32)[tile % 64]) + 0.03 * grain
        case "grass":
            shade = 1 + 0.3 * grain
        case _:
            shade = 1 + 0.09 * grain
    return color * shade[..., None]


def _wall(rng: np.random.Generator) -> _Painted:
    """A wall close by: bricks, tiles, plaster, concrete, boards, panels or a painted sheet."""
    kind = str(
        rng.choice(["brick", "tile", "plaster", "concrete", "boards", "panels"], p=[0.2, 0.1, 0.25, 0.2, 0.12, 0.13])
    )
    color = _tint(rng, (0.0, 0.35), (0.45, 0.95))
    rough = _cloud(rng, _ROWS, _COLUMNS, 1.2)[..., None]
    match kind:
        case "brick":
            red = np.array([0.62, 0.33, 0.25], np.float32) * rng.uniform(0.7, 1.3)
            color = red if rng.random() < 0.6 else color
            wall = _masonry(rng, color, rng.uniform(0.2, 0.27), 0.085, 0.014) * (1 + 0.07 * rough)
        case "tile":
            side = rng.uniform(0.12, 0.5)
            wall = _masonry(rng, 0.4 + 0.6 * color, side * rng.uniform(1, 2.2), side, 0.012) * (1 + 0.015 * rough)
        case "plaster":
            stains = _cloud(rng, _ROWS, _COLUMNS, 2.0)[..., None]
            wall = color * (1 + 0.03 * rough + rng.uniform(0.02, 0.14) * stains)
        case "concrete":
            grey = np.float32(rng.uniform(0.35, 0.75)) * np.array([1, 0.99, 0.97], np.float32)
            wall = grey * (1 + 0.05 * rough + 0.07 * _cloud(rng, _ROWS, _COLUMNS, 2.0)[..., None])
            wall[:, :: int(rng.integers(50, 120))] *= 0.75
        case "boards":
            step = int(rng.integers(5, 12))
            shades = rng.normal(1, 0.1, _COLUMNS // step + 1).astype(np.float32)
            wood = np.array([0.55, 0.4, 0.27], np.float32) * rng.uniform(0.6, 1.5) if rng.random() < 0.6 else color
            wall = wood * shades[np.arange(_COLUMNS) // step][None, :, None] * (1 + 0.05 * rough)
            wall[:, ::step] *= 0.62
        case _:
            wall = _plain(color) * (1 + 0.015 * rough)
            below = rng.uniform(0.7, 1.3)
            _box(wall, 0, 0, WALL_METRES, below, color * rng.uniform(0.45, 0.9))
            _box(wall, 0, below, WALL_METRES, 0.05, np.minimum(color * 1.25, 1))
    if rng.random() < 0.5:
        _box(wall, 0, 0, WALL_METRES, rng.uniform(0.06, 0.14), np.clip(wall.mean((0, 1)) * rng.uniform(0.5, 1.4), 0, 1))
    floor = _floor(rng, str(rng.choice(["planks", "tiles", "stone", "stone"])), _earth(rng))
    return wall, floor, rng.uniform(0.6, 2.0), 0.0 if rng.random() < 0.5 else rng.uniform(0.3, 1.5)


def _room(rng: np.random.Generator) -> _Painted:
    """A room with windows, doors, curtains, pictures, shelves and low furniture, more or less out of focus."""
    color = _tint(rng, (0.0, 0.25), (0.6, 0.95))
    wall = _plain(color) * (1 + 0.02 * _cloud(rng, _ROWS, _COLUMNS, 2.0)[..., None])
    if rng.random() < 0.3:
        stripes = 0.5 + 0.5 * np.sign(
            sin(np.arange(_COLUMNS, dtype=np.float32) * np.float32(2 * np.pi * 40 / _COLUMNS))
        )
        wall = wall * (1 - rng.uniform(0.03, 0.12) * stripes[None, :, None])
    _box(wall, 0, 0, WALL_METRES, 0.1, np.clip(color * rng.uniform(0.5, 1.3), 0, 1))
    left = 0.0
    while left < WALL_METRES - 1:
        width = rng.uniform(0.5, 1.7)
        match str(rng.choice(["window", "door", "pictures", "shelf", "sofa", "curtain", "lamp", "nothing"])):
            case "window":
                sky = np.array([0.93, 0.97, 1.0], np.float32) * rng.uniform(0.75, 1.0)
                _box(wall, left, 0.8, width, 1.6, np.clip(color * 0.75, 0, 1))
                for pane in range(2):
                    _box(wall, left + 0.05 + pane * width / 2, 0.87, width / 2 - 0.08, 1.46, sky)
            case "door":
                wood = _tint(rng, (0.1, 0.5), (0.2, 0.9))
                _box(wall, left, 0, 0.98, 2.12, wood * 0.7)
                _box(wall, left + 0.06, 0, 0.86, 2.05, wood)
            case "pictures":
                for _ in range(int(rng.integers(1, 4))):
                    place, height, size = left + rng.uniform(0, width), rng.uniform(1.1, 1.8), rng.uniform(0.2, 0.6)
                    _box(wall, place, height, size, size * 1.2, 0.1 if rng.random() < 0.5 else 0.85)
                    _box(
                        wall,
                        place + 0.04,
                        height + 0.04,
                        size - 0.08,
                        size * 1.2 - 0.08,
                        _tint(rng, (0, 0.7), (0.2, 0.9)),
                    )
            case "shelf":
                wood = _tint(rng, (0.1, 0.5), (0.2, 0.7))
                _box(wall, left, 0, width, 1.95, wood * 0.6)
                for level in range(5):
                    _box(wall, left, 0.02 + 0.39 * level, width, 0.03, wood)
                    place = left + 0.03
                    while place < left + width - 0.1:
                        thick = rng.uniform(0.03, 0.09)
                        _box(
                            wall,
                            place,
                            0.05 + 0.39 * level,
                            thick,
                            rng.uniform(0.15, 0.31),
                            _tint(rng, (0, 0.8), (0.15, 0.9)),
                        )
                        place += thick + rng.uniform(0, 0.03)
            case "sofa":
                cloth = _tint(rng, (0.0, 0.6), (0.2, 0.8))
                _box(wall, left, 0.12, width + 0.6, 0.7, cloth)
                _box(wall, left - 0.1, 0.1, width + 0.8, 0.38, cloth * 0.8)
            case "curtain":
                cloth = _tint(rng, (0.0, 0.5), (0.4, 0.95))
                folds = 0.82 + 0.18 * cos(np.arange(_COLUMNS, dtype=np.float32) * np.float32(0.9))
                start = int(left * TEXELS_PER_METRE)
                columns = np.arange(start, start + int(width * TEXELS_PER_METRE)) % _COLUMNS
                wall[: _ROWS - 6, columns] = cloth * folds[columns][None, :, None]
            case "lamp":
                _box(wall, left + 0.2, 0, 0.04, 1.5, 0.15)
                _box(wall, left + 0.05, 1.4, 0.34, 0.35, np.array([1.0, 0.93, 0.75], np.float32))
            case _:
                pass
        left += width + rng.uniform(0.1, 0.7)
    floor = _floor(rng, str(rng.choice(["planks", "planks", "tiles", "carpet"])), _earth(rng))
    return wall, floor, rng.uniform(1.2, 3.5), rng.uniform(0.5, 3.5)


def _street(rng: np.random.Generator) -> _Painted:
    """House fronts with windows, shops, doors, cars and passers-by."""
    wall = _plain(_tint(rng, (0.0, 0.3), (0.35, 0.85)))
    left = 0.0
    while left < WALL_METRES:
        width = rng.uniform(1.8, 3.8)
        front = _earth(rng) * rng.uniform(0.6, 1.3) if rng.random() < 0.6 else _tint(rng, (0.0, 0.3), (0.25, 0.9))
        _box(wall, left, 0, width, WALL_HEIGHT, front)
        glass = np.array([0.25, 0.3, 0.36], np.float32) * rng.uniform(0.4, 2.2)
        shop, step = rng.random() < 0.5, rng.uniform(0.6, 1.0)
        for place in np.arange(left + 0.25, left + width - 0.5, step).tolist():
            if not shop:
                _box(wall, place, 0.7, step * 0.55, 1.0, glass)
            _box(wall, place, 2.2, step * 0.55, 1.1, glass * rng.uniform(0.7, 1.3))
        if shop:
            _box(wall, left + 0.15, 0.35, width - 0.3, 1.65, np.clip(glass * rng.uniform(0.8, 2.5), 0, 1))
            _box(wall, left + 0.1, 2.0, width - 0.2, 0.3, _tint(rng, (0.3, 0.9), (0.3, 0.9)))
        if rng.random() < 0.7:
            _box(wall, left + rng.uniform(0.1, width - 0.6), 0, 0.5, 1.5, front * rng.uniform(0.2, 0.6))
        left += width
    wall *= 1 + 0.06 * _cloud(rng, _ROWS, _COLUMNS, 1.2)[..., None]
    for _ in range(int(rng.integers(0, 3))):
        _car(wall, rng)
    for _ in range(int(rng.integers(0, 4))):
        _passer_by(wall, rng)
    grey = np.float32(rng.uniform(0.3, 0.65)) * np.array([1, 0.99, 0.97], np.float32)
    floor = _floor(rng, str(rng.choice(["asphalt", "tiles", "tiles"])), grey)
    return wall, floor, rng.uniform(2.5, 7.0), rng.uniform(0.6, 4.0)


def _car(wall: FloatArray, rng: np.random.Generator) -> None:
    place, paint = rng.uniform(0, WALL_METRES), _tint(rng, (0.0, 0.8), (0.1, 0.95))
    _box(wall, place, 0.18, 2.4, 0.42, paint)
    _box(wall, place + 0.5, 0.6, 1.3, 0.32, paint * 0.9)
    _box(wall, place + 0.58, 0.63, 1.14, 0.24, np.array([0.15, 0.18, 0.22], np.float32))
    for wheel in (0.35, 1.65):
        _box(wall, place + wheel, 0.0, 0.38, 0.36, 0.06)


def _passer_by(wall: FloatArray, rng: np.random.Generator) -> None:
    place, height = rng.uniform(0, WALL_METRES), rng.uniform(0.8, 1.5)
    coat, legs = _tint(rng, (0.0, 0.7), (0.1, 0.9)), _tint(rng, (0.0, 0.5), (0.05, 0.5))
    _box(wall, place + 0.06, 0, 0.1 * height, 0.5 * height, legs)
    _box(wall, place + 0.05 + 0.14 * height, 0, 0.1 * height, 0.5 * height, legs)
    _box(wall, place, 0.45 * height, 0.32 * height, 0.4 * height, coat)
    _box(
        wall,
        place + 0.09 * height,
        0.86 * height,
        0.13 * height,
        0.14 * height,
        np.array([0.7, 0.52, 0.42], np.float32),
    )


def _foliage(rng: np.random.Generator) -> _Painted:
    """Leaves and light between them, far out of focus, over grass or a path."""
    hue = rng.uniform(0.17, 0.38) if rng.random() < 0.8 else rng.uniform(0.04, 0.12)
    dark = np.array(colorsys.hsv_to_rgb(hue, rng.uniform(0.3, 0.6), rng.uniform(0.1, 0.3)), np.float32)
    bright = np.array(colorsys.hsv_to_rgb(hue - 0.03, rng.uniform(0.2, 0.5), rng.uniform(0.5, 0.9)), np.float32)
    leaves = 0.5 + 0.25 * _cloud(rng, _ROWS, _COLUMNS, 1.5) + 0.12 * _cloud(rng, _ROWS, _COLUMNS, 1.0)
    wall = dark + (bright - dark) * np.clip(leaves, 0, 1)[..., None]
    for _ in range(int(rng.integers(0, 5))):
        _box(wall, rng.uniform(0, WALL_METRES), 0, rng.uniform(0.08, 0.3), WALL_HEIGHT, dark * rng.uniform(0.5, 1.3))
    wall = _blurred(wall, 1.2)
    light = np.clip(bright + rng.uniform(0.2, 0.5), 0, 1)
    for _ in range(int(rng.integers(15, 70))):
        radius = int(rng.integers(2, 9))
        row, column = int(rng.integers(0, int(_ROWS * 0.75))), int(rng.integers(0, _COLUMNS))
        rows = np.arange(row, min(row + 2 * radius + 1, _ROWS))
        columns = np.arange(column, column + 2 * radius + 1)
        disc = (rows[:, None] - row - radius) ** 2 + (columns[None] - column - radius) ** 2 <= radius**2
        place = np.ix_(rows, columns % _COLUMNS)
        wall[place] += (light - wall[place]) * (disc * rng.uniform(0.15, 0.6))[..., None]
    ground = dark + (bright - dark) * rng.uniform(0.25, 0.6) if rng.random() < 0.6 else _earth(rng)
    floor = _floor(rng, "grass", ground)
    return wall, floor, rng.uniform(2.5, 6.0), rng.uniform(1.0, 3.0)


def _cluttered(rng: np.random.Generator) -> _Painted:
    """A place full of things: fronts, bushes, poles, bicycles, boards, cars and passers-by."""
    painter = _street if rng.random() < 0.55 else (_foliage if rng.random() < 0.5 else _wall)
    wall, floor, _, _ = painter(rng)
    wall = wall.copy()
    for _ in range(int(rng.integers(6, 22))):
        place, color = rng.uniform(0, WALL_METRES), _tint(rng, (0.0, 0.8), (0.05, 0.95))
        match int(rng.integers(5)):
            case 0:
                _box(wall, place, 0, rng.uniform(0.04, 0.14), rng.uniform(1.5, 3.5), color * 0.6)
            case 1:
                _box(wall, place, rng.uniform(0, 2), rng.uniform(0.2, 1.1), rng.uniform(0.2, 0.9), color)
            case 2:
                _passer_by(wall, rng)
            case 3:
                for spoke in range(int(rng.integers(4, 12))):
                    _box(wall, place + 0.13 * spoke, 0, 0.03, rng.uniform(0.6, 1.1), color * 0.5)
            case _:
                _car(wall, rng)
    return wall, floor, rng.uniform(1.5, 5.0), rng.uniform(0.4, 1.6)


_PAINTERS: dict[str, Callable[[np.random.Generator], _Painted]] = {
    "wall": _wall,
    "room": _room,
    "street": _street,
    "foliage": _foliage,
    "cluttered": _cluttered,
}
