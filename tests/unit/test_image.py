"""Every kind of picture file is either read as upright 8-bit RGB or refused in one sentence."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from posable.errors import ImageError, InputError
from posable.imaging.image import read_image, save_image, to_pil, to_tensor


@pytest.fixture
def photo() -> Image.Image:
    """Smooth, and different in all four corners, so that a wrong turn shows."""
    y, x = np.mgrid[0:48, 0:32]
    return Image.fromarray(np.stack([x * 7, y * 5, 255 - y * 3 - x], -1).astype(np.uint8))


def mean_difference(first: Image.Image, second: Image.Image) -> float:
    return float(np.abs(np.asarray(first, np.float64) - np.asarray(second, np.float64)).mean())


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("name", ["p.png", "p.jpg", "p.webp", "p.bmp", "p.tif", "p.ppm"])
def test_usual_formats_are_read(tmp_path: Path, photo: Image.Image, name: str):
    photo.save(tmp_path / name)
    read = read_image(tmp_path / name)
    assert (read.mode, read.size) == ("RGB", photo.size)
    assert mean_difference(read, photo) < 8


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_upright_as_exif_says(tmp_path: Path, photo: Image.Image, orientation: int):
    inverse = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = photo.transpose(inverse[orientation]) if orientation in inverse else photo
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "turned.png", exif=exif)
    read = read_image(tmp_path / "turned.png")
    assert read.size == photo.size
    assert mean_difference(read, photo) == 0
    assert not read.getexif().get(0x0112)


def test_transparency_is_laid_over_white(tmp_path: Path, photo: Image.Image):
    half = photo.convert("RGBA")
    half.putalpha(Image.fromarray(np.repeat(np.array([[0, 255]], np.uint8), 16, 1).repeat(48, 0)))
    half.save(tmp_path / "half.png")
    pixels = np.asarray(read_image(tmp_path / "half.png"))
    assert (pixels[:, :16] == 255).all()
    assert (pixels[:, 16:] == np.asarray(photo)[:, 16:]).all()


def test_a_transparent_palette_entry_becomes_white(tmp_path: Path):
    picture = Image.new("P", (20, 20), 0)
    picture.putpalette([10, 20, 30, 200, 100, 50])
    picture.paste(1, (0, 0, 10, 20))
    picture.save(tmp_path / "palette.png", transparency=0)
    pixels = np.asarray(read_image(tmp_path / "palette.png"))
    assert pixels[0, 0].tolist() == [200, 100, 50]
    assert pixels[0, 19].tolist() == [255, 255, 255]


def test_cmyk_and_grey_become_rgb(tmp_path: Path, photo: Image.Image):
    photo.convert("CMYK").save(tmp_path / "cmyk.jpg", quality=95)
    assert mean_difference(read_image(tmp_path / "cmyk.jpg"), photo) < 8
    photo.convert("L").save(tmp_path / "grey.png")
    assert mean_difference(read_image(tmp_path / "grey.png"), photo.convert("L").convert("RGB")) == 0
    photo.convert("1").save(tmp_path / "bits.png")
    assert set(np.unique(np.asarray(read_image(tmp_path / "bits.png")))) <= {0, 255}


@pytest.mark.parametrize("name", ["deep.png", "deep.tif"])
def test_sixteen_bits_are_scaled_to_eight(tmp_path: Path, name: str):
    ramp = np.linspace(0, 65535, 32 * 32).astype(np.uint16).reshape(32, 32)
    Image.fromarray(ramp).save(tmp_path / name)
    pixels = np.asarray(read_image(tmp_path / name))[..., 0]
    assert np.abs(pixels - ramp / 257.0).max() <= 0.5


def test_metadata_is_not_carried_along(tmp_path: Path, photo: Image.Image):
    photo.save(tmp_path / "dpi.png", dpi=(300, 300), icc_profile=b"not a profile")
    assert read_image(tmp_path / "dpi.png").info == {}


def write_nothing(path: Path) -> None:
    path.write_bytes(b"")


def write_text(path: Path) -> None:
    path.write_text("this is no picture, whatever its name says\n" * 20)


def write_half_a_jpeg(path: Path) -> None:
    buffer = io.BytesIO()
    Image.effect_noise((200, 200), 80).save(buffer, "JPEG")
    path.write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])


def write_damaged_png(path: Path) -> None:
    buffer = io.BytesIO()
    Image.effect_noise((100, 100), 80).save(buffer, "PNG")
    data = bytearray(buffer.getvalue())
    data[200:400] = bytes(200)
    path.write_bytes(bytes(data))


def write_one_pixel(path: Path) -> None:
    Image.new("RGB", (1, 1)).save(path, "PNG")


def write_bomb(path: Path) -> None:
    path.write_bytes(png_header(30_000, 30_000))


def write_slightly_too_large(path: Path) -> None:
    path.write_bytes(png_header(10_000, 9_500))


def write_float_pixels(path: Path) -> None:
    Image.fromarray(np.zeros((32, 32), np.float32)).save(path, "TIFF")


def write_32_bit_pixels(path: Path) -> None:
    Image.fromarray(np.full((32, 32), 1_000_000, np.int32)).save(path, "TIFF")


def write_postscript(path: Path) -> None:
    path.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\nshowpage\n")


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (write_nothing, "empty"),
        (write_text, "not a picture"),
        (write_half_a_jpeg, "damaged or cut short"),
        (write_damaged_png, "damaged"),
        (write_one_pixel, "1x1, too small"),
        (write_bomb, "64 megapixels"),
        (write_slightly_too_large, "64 megapixels"),
        (write_float_pixels, "floating-point"),
        (write_32_bit_pixels, "32-bit"),
        (write_postscript, "not a picture"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: None, "does not exist"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_bad_files_are_refused_in_one_sentence(tmp_path: Path, write, says: str):
    path = tmp_path / "bad.jpg"
    write(path)
    with pytest.raises(ImageError) as caught:
        read_image(path)
    message = str(caught.value)
    assert says in message
    assert f"'{path}'" in message
    assert "\n" not in message
    assert message.endswith(".")


def test_a_huge_header_is_refused_without_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def decode(self: Image.Image) -> None:
        raise AssertionError("decoded")

    write_slightly_too_large(tmp_path / "large.png")
    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", decode)
    with pytest.raises(ImageError, match="megapixels"):
        read_image(tmp_path / "large.png")


def test_tensors_hold_every_level_exactly():
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    picture = Image.fromarray(np.stack([levels, levels.T, 255 - levels], -1))
    tensor = to_tensor(picture)
    assert (tensor.shape, tensor.dtype) == ((3, 16, 16), torch.float32)
    assert (tensor.min().item(), tensor.max().item()) == (-1, 1)
    assert torch.equal(tensor, to_tensor(np.asarray(picture)))
    assert mean_difference(to_pil(tensor), picture) == 0


def test_values_outside_the_range_are_clamped():
    assert np.asarray(to_pil(torch.full((3, 4, 4), 9.0))).min() == 255


@pytest.mark.parametrize("array", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3), np.float32)])
def test_other_arrays_are_refused(array: np.ndarray):
    with pytest.raises(ImageError, match=r"uint8 of shape \(h, w, 3\)"):
        to_tensor(array)


@pytest.mark.parametrize("name", ["out.png", "out.jpg", "out.webp"])
def test_saved_pictures_come_back(tmp_path: Path, photo: Image.Image, name: str):
    save_image(photo, tmp_path / name)
    assert mean_difference(read_image(tmp_path / name), photo) < 6
    assert [file.name for file in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["out", "out.txt", "out.pdf", "out.eps"])
def test_a_name_without_a_picture_suffix_is_refused(tmp_path: Path, photo: Image.Image, name: str):
    with pytest.raises(ImageError, match=r"\.png, \.jpg or \.webp"):
        save_image(photo, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_is_named(tmp_path: Path, photo: Image.Image):
    with pytest.raises(InputError, match="does not exist"):
        save_image(photo, tmp_path / "nowhere" / "out.png")
