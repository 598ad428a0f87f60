"""The colour of materials without light, where samples hit them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from posable.body.geometry import FloatArray, smoothstep
from posable.people.head.face_paint import eye_color, skin_color
from posable.people.mesh import PersonMesh
from posable.people.wardrobe.materials import Cloth, Eye, Flat, Hair, Material, Print, Shoe, Skin

_WRINKLE_METRES = 0.4


@dataclass(frozen=True)
class Albedo:
    """What n samples reflect."""

    color: FloatArray
    """(n, 3) RGB in [0, 1]."""
    specular: FloatArray
    """(n,) strength of highlights."""
    bump: FloatArray
    """(n, 2) slope of fine relief along the horizontal and the vertical tangent."""


def albedo(mesh: PersonMesh, faces: np.ndarray, barycentrics: FloatArray, template: FloatArray, scale: float) -> Albedo:
    """Colours of n samples on `faces` (n,) at `barycentrics` (n, 3), template points (n, 3).

    `scale` is samples per metre: patterns finer than a sample are averaged, so that they don't turn to noise.
    """
    uv = np.einsum("nkc,nk->nc", mesh.face_uv[faces], barycentrics)
    material_ids = mesh.face_material[faces]
    count = len(faces)
    result = Albedo(np.zeros((count, 3), np.float32), np.zeros(count, np.float32), np.zeros((count, 2), np.float32))
    for index, material in enumerate(mesh.materials):
        chosen = np.flatnonzero(material_ids == index)
        if len(chosen):
            _paint(result, chosen, material, mesh, uv[chosen], template[chosen], scale)
    np.clip(result.color, 0, 1, out=result.color)
    return result


def _paint(
    result: Albedo,
    chosen: np.ndarray,
    material: Material,
    mesh: PersonMesh,
    uv: FloatArray,
    template: FloatArray,
    scale: float,
) -> None:
    match material:
        case Cloth():
            result.color[chosen] = _cloth_color(material, uv, template, scale)
            result.specular[chosen] = material.specular
            shift = _pair(material.seed % 97 / 97, material.seed % 89 / 89)
            slopes = _nearest(_wrinkles_for(scale), uv / np.float32(_WRINKLE_METRES) + shift)
            result.bump[chosen] = slopes * np.float32(material.fold)
        case Skin():
            result.color[chosen] = skin_color(
                mesh.appearance, uv, template, _nearest(_mottling(), _skin_chart(template))
            )
            result.specular[chosen] = 0.10
        case Eye():
            result.color[chosen] = eye_color(mesh.appearance, template)
        case Flat():
            result.color[chosen] = material.color
        case Shoe():
            result.color[chosen] = _shoe_color(material, template)
            result.specular[chosen] = 0.15
        case Hair():
            coarse = _nearest(_streaks(), uv / _pair(0.25, 0.5) + _pair(material.seed % 13 / 13, 0))
            fine = _nearest(_streaks(), uv / _pair(0.07, 0.9) + _pair(0, 0.3))
            result.color[chosen] = material.color * np.clip(1 + 0.22 * coarse + 0.14 * fine, 0.3, 1.9)[:, None]
            result.specular[chosen] = 0.22 * np.clip(1 + 0.5 * coarse, 0.2, 2)
            result.bump[chosen, 0] = coarse * 0.05


def _cloth_color(cloth: Cloth, uv: FloatArray, template: FloatArray, scale: float) -> FloatArray:
    tile = _shrink(cloth.tile, _shrinking(len(cloth.tile) / cloth.metres_per_tile, scale))
    per_tile = np.float32(1 / cloth.metres_per_tile)
    color = _bilinear(tile, uv[:, 0] * per_tile + np.float32(0.13), -uv[:, 1] * per_tile)
    if cloth.print is not None:
        _print_over(color, cloth.print, template, scale)
    return color


def _print_over(color: FloatArray, picture: Print, template: FloatArray, scale: float) -> None:
    """Lays the print over `color` (n, 3) in place, projected along the template's front-back axis."""
    facing = -1.0 if picture.on_back else 1.0
    column = facing * (template[:, 0] - picture.center_x) / picture.side + 0.5
    row = (picture.center_height - template[:, 2]) / picture.side + 0.5
    on_side = facing * (template[:, 1] + 0.02) < 0
    covered = np.flatnonzero((column > 0) & (column < 1) & (row > 0) & (row < 1) & on_side)
    texels = _shrink(picture.rgba, _shrinking(len(picture.rgba) / picture.side, scale))
    n = len(texels)
    rgba = texels[(row[covered] * n).astype(np.int32), (column[covered] * n).astype(np.int32)]
    color[covered] += (rgba[:, :3] - color[covered]) * rgba[:, 3:]


def _shoe_color(shoe: Shoe, template: FloatArray) -> FloatArray:
    x, y, z = np.abs(template[:, 0]), template[:, 1], template[:, 2]
    sole = smoothstep(-0.8035, -0.8065, z)[:, None]
    color = shoe.color * (1 - sole) + shoe.sole * sole
    laces = (x > 0.19) & (x < 0.235) & (y < -0.04) & (y > -0.11) & (z > -0.79) & (z < -0.7) & ((y * 70) % 1 < 0.4)
    return np.where(laces[:, None], shoe.sole * 0.5 + 0.4, color).astype(np.float32)


def _pair(u: float, v: float) -> FloatArray:
    return np.array([u, v], np.float32)


def _skin_chart(template: FloatArray) -> FloatArray:
    return np.stack([template[:, 0] * 3, template[:, 2] * 3 + template[:, 1]], 1)


def _nearest(tile: FloatArray, uv: FloatArray) -> FloatArray:
    """Periodic look-up of (n, n, ...) at `uv` (k, 2) in tiles; power-of-two tiles."""
    n = len(tile)
    cell = np.floor(uv * np.float32(n)).astype(np.int32) & (n - 1)
    return tile[cell[:, 1], cell[:, 0]]


def _bilinear(tile: FloatArray, u: FloatArray, v: FloatArray) -> FloatArray:
    n = len(tile)
    x, y = u * np.float32(n) - np.float32(0.5), v * np.float32(n) - np.float32(0.5)
    column, row = np.floor(x).astype(np.int32), np.floor(y).astype(np.int32)
    fx, fy = (x - column)[:, None], (y - row)[:, None]
    left, right, top, bottom = column & (n - 1), (column + 1) & (n - 1), row & (n - 1), (row + 1) & (n - 1)
    upper = tile[top, left] * (1 - fx) + tile[top, right] * fx
    lower = tile[bottom, left] * (1 - fx) + tile[bottom, right] * fx
    return upper * (1 - fy) + lower * fy


def _shrink(tile: FloatArray, factor: int) -> FloatArray:
    """The tile averaged over blocks of `factor` x `factor` texels, a power of two."""
    while factor > 1:
        rows = tile[::2] + tile[1::2]
        tile = (rows[:, ::2] + rows[:, 1::2]) * np.float32(0.25)
        factor //= 2
    return tile


def _shrinking(texels_per_metre: float, samples_per_metre: float) -> int:
    """The power of two, at most 32, that brings texels to about the size of samples, never beyond."""
    return 2 ** int(np.clip(np.floor(np.log2(texels_per_metre / samples_per_metre)), 0, 5))


def _fractal(rng: np.random.Generator, falloff: float, stretch: tuple[float, float] = (1, 1)) -> FloatArray:
    """Periodic noise (256, 256), mean 0 and deviation 1, whose amplitude falls with frequency to the `falloff`."""
    frequency = np.fft.fftfreq(256) * 256
    radius = np.hypot(frequency[None] * stretch[0], frequency[:, None] * stretch[1])
    radius[0, 0] = 1
    field = np.fft.ifft2(np.fft.fft2(rng.normal(size=(256, 256))) * radius**-falloff).real
    field -= field.mean()
    return (field / field.std()).astype(np.float32)


@lru_cache(maxsize=1)
def _wrinkle_slopes() -> FloatArray:
    height = _fractal(np.random.default_rng(7), 2.8, (1, 0.7))
    along_u = np.roll(height, -1, 1) - np.roll(height, 1, 1)
    along_v = np.roll(height, -1, 0) - np.roll(height, 1, 0)
    return np.stack([along_u / along_u.std(), along_v / along_v.std()], -1).astype(np.float32)


def _wrinkles_for(scale: float) -> FloatArray:
    return _shrunk_wrinkles(_shrinking(len(_wrinkle_slopes()) / _WRINKLE_METRES, scale))


@lru_cache(maxsize=6)
def _shrunk_wrinkles(factor: int) -> FloatArray:
    return _shrink(_wrinkle_slopes(), factor)


@lru_cache(maxsize=1)
def _streaks() -> FloatArray:
    return _fractal(np.random.default_rng(8), 0.9, (0.06, 1))


@lru_cache(maxsize=1)
def _mottling() -> FloatArray:
    return _fractal(np.random.default_rng(9), 1.6)
