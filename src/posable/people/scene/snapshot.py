"""What a cheap camera makes of a picture: too little light, blur, sensor noise, JPEG artefacts. Labels stay exact.

Everything is computed here, JPEG's loss too: a codec's pixels could change with its version.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, uniform_filter1d

from posable.body.geometry import FloatArray
from posable.people.render import View

_SNAPSHOT = 9
_BLOCK = 8
_TIE = 1e-6
"""Added before rounding: exact halves, which grey blocks give, must not depend on the last digit."""

# Tables K.1 and K.2 of the JPEG standard (ITU-T T.81): steps of brightness and of colour at quality 50.
# fmt: off
_LUMA_STEPS = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
)
_CHROMA_STEPS = (
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99,
    47, 66, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
)
# fmt: on
_TO_YCC = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])


@dataclass(frozen=True, kw_only=True)
class _Camera:
    """The faults of one shot."""

    gain: float
    """Of the light; below 1 is too dark."""
    tint: FloatArray
    """(3,), gains of red, green and blue."""
    contrast: float
    """Below 1 the darkest is grey, as in haze or a dirty lens."""
    blur_px: float
    """Standard deviation, at 128 px height."""
    motion_px: int
    """Length of a sideways smear, px."""
    noise: float
    """Standard deviation at full brightness; colours are in [0, 1]."""
    quality: int
    """Of JPEG, 1 to 100."""


def snapshot(view: View) -> View:
    """The view as a cheap camera shows it, decided by its seed and index; only `image` and `background` change."""
    rng = np.random.default_rng([view.seed, _SNAPSHOT, view.index])
    camera = _sample_camera(rng)
    noise = rng.normal(size=(*view.size, 3))
    image, background = (_degraded(picture, camera, noise) for picture in (view.image, view.background))
    return replace(view, image=image, background=background)


def _sample_camera(rng: np.random.Generator) -> _Camera:
    dark = rng.random() < 0.3
    return _Camera(
        gain=float(rng.uniform(0.55, 0.85) if dark else rng.uniform(1.0, 1.5)),
        tint=1 + rng.normal(0, (0.04, 0.02, 0.05)),
        contrast=float(rng.uniform(0.78, 1.0)),
        blur_px=float(rng.uniform(0.35, 0.95)),
        motion_px=int(rng.choice([1, 2, 3], p=[0.7, 0.2, 0.1])),
        noise=float(rng.uniform(0.008, 0.02) * (1.8 if dark else 1)),
        quality=int(rng.integers(38, 86)),
    )


def _degraded(picture: npt.NDArray[np.uint8], camera: _Camera, noise: FloatArray) -> npt.NDArray[np.uint8]:
    light = picture / 255.0
    sigma = camera.blur_px * picture.shape[0] / 128
    for channel in range(3):
        light[..., channel] = gaussian_filter(light[..., channel], sigma, truncate=3, mode="nearest")
    light = uniform_filter1d(light, camera.motion_px, axis=1, mode="nearest")
    light = (light * camera.contrast + (1 - camera.contrast) * 0.55) * camera.gain * camera.tint
    # Photons arrive at random: the noise grows with the root of the light, above a floor of the electronics.
    light = light + noise * camera.noise * np.sqrt(0.25 + np.clip(light, 0, 1))
    return _through_jpeg(_to_bytes(light * 255), camera.quality)


def _to_bytes(levels: FloatArray) -> npt.NDArray[np.uint8]:
    return np.floor(np.clip(levels, 0, 255) + 0.5 + _TIE).clip(0, 255).astype(np.uint8)


def _through_jpeg(picture: npt.NDArray[np.uint8], quality: int) -> npt.NDArray[np.uint8]:
    """`picture` (h, w, 3) after lossy JPEG compression with halved colour resolution."""
    height, width = picture.shape[:2]
    padding = ((0, -height % (2 * _BLOCK)), (0, -width % (2 * _BLOCK)), (0, 0))
    ycc = np.pad(picture, padding, mode="edge").astype(np.float64) @ _TO_YCC.T
    ycc[..., 0] -= 128
    colors = (ycc[::2, ::2, 1:] + ycc[1::2, ::2, 1:] + ycc[::2, 1::2, 1:] + ycc[1::2, 1::2, 1:]) / 4
    luma = _quantized(ycc[..., 0], _LUMA_STEPS, quality) + 128
    blue, red = (np.repeat(np.repeat(_quantized(colors[..., k], _CHROMA_STEPS, quality), 2, 0), 2, 1) for k in range(2))
    rgb = np.stack([luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue], -1)
    return _to_bytes(rgb[:height, :width])


def _quantized(plane: FloatArray, steps: tuple[int, ...], quality: int) -> FloatArray:
    """The plane (h, w) after its blocks' cosine coefficients were rounded to multiples of JPEG's steps."""
    percent = 5000 / quality if quality < 50 else 200 - 2 * quality
    step = np.clip(np.floor((np.array(steps, np.float64).reshape(_BLOCK, _BLOCK) * percent + 50) / 100), 1, 255)
    height, width = plane.shape
    blocks = plane.reshape(height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK).swapaxes(1, 2)
    cosines = _cosines()
    levels = np.floor((cosines @ blocks @ cosines.T) / step + 0.5 + _TIE)
    return (cosines.T @ (levels * step) @ cosines).swapaxes(1, 2).reshape(height, width)


def _cosines() -> FloatArray:
    """The matrix (8, 8) of the discrete cosine transform, rows are frequencies."""
    place, frequency = np.arange(_BLOCK), np.arange(_BLOCK)[:, None]
    matrix = np.cos((2 * place + 1) * frequency * np.pi / (2 * _BLOCK)) * np.sqrt(2 / _BLOCK)
    matrix[0] /= np.sqrt(2)
    return matrix
