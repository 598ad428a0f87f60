"""Pictures: files, PIL images and arrays to float tensors in [-1, 1] and back; converted here and nowhere else."""

from __future__ import annotations

import io
import os
import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageOps
from torch import Tensor

from posable.errors import ImageError, ImageTooLargeError, InputError, NotAnImageError
from posable.files import write_atomically
from posable.imaging.size import Size

__all__ = [
    "Size",
    "alpha_of",
    "decode_image",
    "png_bytes",
    "read_image",
    "read_layer",
    "save_image",
    "size_of",
    "to_pil",
    "to_rgb",
    "to_tensor",
]

MAX_PIXELS = 64_000_000
MIN_SIDE_PX = 16

# Formats that decode to one raster without running other programs, as EPS would.
_FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "BMP", "TIFF", "GIF", "PPM", "JPEG2000", "AVIF")
# What Pillow's decoders raise on broken data, besides OSError.
_BROKEN = (OSError, SyntaxError, ValueError, TypeError, IndexError, KeyError, EOFError, struct.error, zlib.error)


def read_image(path: str | os.PathLike[str]) -> Image.Image:
    """The picture in a file, 8-bit RGB and upright: EXIF rotation applied, transparency over white, 16 bits scaled.

    Raises ImageError for anything but a readable picture of at least 16 px a side and at most 64 megapixels; the
    size is judged from the header, before any pixel is decoded.
    """
    return _read_path(Path(path), to_rgb)


def read_layer(path: str | os.PathLike[str]) -> Image.Image:
    """As `read_image`, but 8-bit RGBA when parts of the picture in the file are transparent; see `alpha_of`."""
    return _read_path(Path(path), _to_layer)


def _read_path(path: Path, convert: Callable[[Image.Image], Image.Image]) -> Image.Image:
    if path.is_dir():
        raise ImageError(f"'{path}' is a folder; give the name of a picture file.")
    if not path.exists():
        raise ImageError(f"'{path}' does not exist; check the name of the picture.")
    try:
        if path.stat().st_size == 0:
            raise ImageError(f"'{path}' is empty (0 bytes); give a picture file.")
        with warnings.catch_warnings():
            # Pillow warns above 89 megapixels; the limit below is stricter and speaks for itself.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return _read(path, f"'{path}'", MAX_PIXELS, convert)
    except PermissionError:
        raise ImageError(f"'{path}' is closed to you; change its permissions or give another picture.") from None


def decode_image(data: bytes, name: str, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """`read_image` of a file's bytes; errors call it `name`. The first picture of several is taken.

    Raises NotAnImageError, ImageTooLargeError above `max_pixels`, and ImageError for damaged or too small pictures.
    """
    if not data:
        raise NotAnImageError(f"{name} is empty (0 bytes); give a picture file.")
    # Unlike above, Pillow's warning is let through: its filters belong to all threads, and this runs on several.
    return _read(io.BytesIO(data), name, max_pixels, to_rgb)


def _read(
    file: Path | io.BytesIO, name: str, max_pixels: int, convert: Callable[[Image.Image], Image.Image]
) -> Image.Image:
    with _open(file, name) as picture:
        _check_size(name, picture, max_pixels)
        return _decoded(name, picture, convert)


def _open(file: Path | io.BytesIO, name: str) -> Image.Image:
    Image.init()
    try:
        return Image.open(file, formats=[name for name in _FORMATS if name in Image.OPEN])
    except Image.DecompressionBombError:
        raise ImageTooLargeError(
            f"{name} claims more than {MAX_PIXELS // 10**6} megapixels, the limit; give a smaller picture."
        ) from None
    except PermissionError:
        raise
    except _BROKEN:
        raise NotAnImageError(
            f"{name} is not a picture that can be read (or is damaged); give a JPEG, PNG, WebP, TIFF or BMP file."
        ) from None


def open_picture(file: io.BytesIO, name: str, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """The picture in a file as it is stored, decoded, whatever its mode; raises ImageError as `decode_image`."""
    picture = _open(file, name)
    _check_size(name, picture, max_pixels)
    try:
        picture.load()
    except _BROKEN:
        raise ImageError(f"{name} is damaged or cut short, so it cannot be decoded; get a whole copy of it.") from None
    return picture


def _check_size(name: str, picture: Image.Image, max_pixels: int) -> None:
    width, height = picture.size
    if height * width > max_pixels:
        limit = f"{max_pixels / 10**6:g}"
        raise ImageTooLargeError(
            f"{name} is {height}x{width}, above the limit of {limit} megapixels; give a smaller picture."
        )
    if min(height, width) < MIN_SIDE_PX:
        raise ImageError(f"{name} is {height}x{width}, too small; give a picture of at least {MIN_SIDE_PX} px a side.")


def _decoded(name: str, picture: Image.Image, convert: Callable[[Image.Image], Image.Image]) -> Image.Image:
    try:
        picture.load()
        upright = ImageOps.exif_transpose(picture)
        decoded = convert(upright)
    except ImageError as error:
        raise ImageError(f"{name} {error}") from None
    except _BROKEN:
        raise ImageError(f"{name} is damaged or cut short, so it cannot be decoded; get a whole copy of it.") from None
    # A picture decoded from a file keeps its metadata, which would be written again: orientation, profile, ...
    decoded.info.clear()
    return decoded


def _to_layer(picture: Image.Image) -> Image.Image:
    return to_rgb(picture) if alpha_of(picture) is None else picture.convert("RGBA")


def alpha_of(picture: Image.Image) -> npt.NDArray[np.float32] | None:
    """How opaque each pixel is, float32 (h, w) in [0, 1]; None when no pixel is transparent."""
    if not _has_alpha(picture):
        return None
    alpha = np.asarray(picture.convert("RGBA").getchannel("A"))
    return None if alpha.min() == 255 else (alpha / np.float32(255)).astype(np.float32)


def _has_alpha(picture: Image.Image) -> bool:
    return picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info


def to_rgb(picture: Image.Image) -> Image.Image:
    """The same picture as 8-bit RGB; transparent parts over white, 16-bit greys scaled to 8. Raises ImageError."""
    if picture.mode == "RGB" and "transparency" not in picture.info:
        return picture.copy()
    if picture.mode.startswith("I"):
        grey = np.asarray(picture).astype(np.int64)
        if grey.min() < 0 or grey.max() > 65535:
            raise ImageError("holds 32-bit pixels, whose range is unknown; save it with 8 or 16 bits.")
        return Image.fromarray(((grey * 255 + 32767) // 65535).astype(np.uint8)).convert("RGB")
    if picture.mode == "F":
        raise ImageError("holds floating-point pixels, whose range is unknown; save it with 8 or 16 bits.")
    if _has_alpha(picture):
        layer = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return picture.convert("RGB")


def size_of(picture: Image.Image) -> Size:
    return Size(picture.height, picture.width)


def to_tensor(picture: Image.Image | npt.NDArray[np.uint8]) -> Tensor:
    """A PIL image, or a uint8 array (h, w, 3), as float32 (3, h, w) in [-1, 1]."""
    pixels = np.asarray(to_rgb(picture)) if isinstance(picture, Image.Image) else picture
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ImageError(f"the array is {pixels.dtype} of shape {pixels.shape}; give uint8 of shape (h, w, 3), RGB.")
    channels_first = np.array(pixels.transpose(2, 0, 1), dtype=np.float32, order="C")
    return torch.from_numpy(channels_first).div_(127.5).sub_(1.0)


def to_pil(image: Tensor) -> Image.Image:
    """A float tensor (3, h, w) in [-1, 1] as an 8-bit RGB picture; values outside are clamped."""
    assert tuple(image.shape[:-2]) == (3,), f"one picture (3, h, w) expected, got {tuple(image.shape)}"
    levels = image.detach().float().clamp(-1, 1).add(1).mul(127.5).round().to(torch.uint8)
    return Image.fromarray(levels.permute(1, 2, 0).cpu().contiguous().numpy())


def save_image(picture: Image.Image, path: str | os.PathLike[str]) -> None:
    """Writes the picture in the format of the path's suffix, whole or not at all; JPEG and WebP at quality 95.

    Raises ImageError when the suffix is not that of a picture format, InputError when the folder is missing or closed.
    """
    target = Path(path)
    Image.init()
    kind = Image.registered_extensions().get(target.suffix.lower())
    if kind not in _FORMATS or kind not in Image.SAVE:
        raise ImageError(f"'{target}' does not end in a picture format; end the name in .png, .jpg or .webp.")
    options = {"quality": 95} if kind in ("JPEG", "WEBP") else {}
    with write_atomically(target) as temporary:
        try:
            (to_rgb(picture) if kind == "JPEG" else picture).save(temporary, format=kind, **options)
        except (OSError, ValueError) as error:
            raise InputError(f"cannot write '{target}' ({error}); check the disk, or choose another place.") from None


def png_bytes(picture: Image.Image) -> bytes:
    """The picture as a PNG file; an indexed one keeps its palette."""
    file = io.BytesIO()
    picture.save(file, format="PNG", optimize=True)
    return file.getvalue()
