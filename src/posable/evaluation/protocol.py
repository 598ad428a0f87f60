"""Protocols: what exactly is measured, as frozen values with a hash. Two reports compare when their hashes are equal.

Published numbers of this field come from scripts that differ in padding, in the form of SSIM, in the file format
between drawing and measuring and in what happens to the last batch. Each protocol here writes these choices down.
Changing any field of a protocol changes its hash.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import Literal, TypeAlias

from posable.data.corpus_index import Split
from posable.errors import ConfigError
from posable.imaging.size import Size
from posable.metrics.region import Region, suffix

FileFormat: TypeAlias = Literal["png", "jpeg"]
Rounding: TypeAlias = Literal["nearest", "floor"]
Reference: TypeAlias = Literal["truth", "train"]
"""What a set of generated pictures is compared with: the truth of the judged pairs, or all training pictures."""


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One number of a protocol."""

    column: str
    """Its name in the report; unique within a protocol."""
    metric: str
    """A name of `posable.evaluation.measures.METRICS`."""
    region: Region = "whole"
    """The whole picture, the tightest box around the true person, or the true person's pixels."""
    on_canvas: bool = False
    """Whether both pictures are laid on the protocol's white canvas first."""
    reference: Reference | None = None
    """For measures of two sets of pictures; None for those of pairs."""
    drop_partial_batch_of: int | None = None
    """The published script leaves out the last batch when it is not full; the report counts what that leaves out."""


@dataclass(frozen=True, kw_only=True)
class EvaluationProtocol:
    """How pairs become numbers. The value is the definition: nothing that moves a number lies outside of it."""

    name: str
    version: int = 1
    corpora: tuple[str, ...]
    """Layouts of `posable.data.corpora` that it can be used on; published numbers are of the first."""
    split: Split = "test"
    size: Size
    """Of source, truth and generated picture; corpora of other sizes are brought to it."""
    fit: Literal["letterbox", "stretch"] = "letterbox"
    resize_kernel: Literal["bicubic"] = "bicubic"
    """For the corpus's pictures; nothing is resized that has the size already."""
    model_resize_kernel: Literal["lanczos"] = "lanczos"
    """For models that draw in another frame: pictures go in and come out through this kernel."""
    rounding: Rounding
    """Of the generated picture to 8 bits."""
    file_format: FileFormat
    """What generated pictures are written to, and read from again, before anything is measured."""
    jpeg_quality: int | None = None
    white_canvas: Size | None = None
    """For measures that are `on_canvas`: the picture in the middle of a white canvas of this size."""
    measures: tuple[Measure, ...]
    pairs: int | None = None
    """None: all of the list. Else the pairs whose SHA-256 of "posable/SUBSET_SEED/SOURCE/TARGET" comes first."""
    subset_seed: int = 0

    def __post_init__(self) -> None:
        if (self.file_format == "jpeg") != (self.jpeg_quality is not None):
            raise ConfigError(f"{self.name}: a JPEG quality goes with the file format jpeg, and only with it.")
        columns = [measure.column for measure in self.measures]
        if len(set(columns)) != len(columns):
            raise ConfigError(f"{self.name}: two measures have the same column; give each its own.")
        if self.pairs is not None and self.pairs < 1:
            raise ConfigError(f"{self.pairs} pairs were asked for; give 1 or more.")
        if self.white_canvas is not None and any(a < b for a, b in zip(self.white_canvas, self.size, strict=True)):
            raise ConfigError(f"{self.name}: pictures of {self.size} do not fit on a canvas of {self.white_canvas}.")
        if self.white_canvas is None and any(measure.on_canvas for measure in self.measures):
            raise ConfigError(f"{self.name}: a measure on a canvas needs its size; set white_canvas.")

    @property
    def hash(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 of all fields as JSON with sorted keys."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode("ascii")).hexdigest()[:16]

    @property
    def title(self) -> str:
        """The name, and how this value differs from the protocol of that name."""
        named = PROTOCOLS.get(self.name)
        parts: list[str] = []
        if named is not None and self.size != named.size:
            parts.append(f"at {self.size}")
        if self.pairs is not None:
            parts.append(f"{self.pairs} pairs" + (f" (seed {self.subset_seed})" if self.subset_seed else ""))
        rest = (
            replace(self, size=named.size, white_canvas=named.white_canvas, pairs=None, subset_seed=0)
            if named
            else self
        )
        if named is None or rest != named:
            parts.append("changed")
        return ", ".join([self.name, *parts])

    def with_pairs(self, count: int, seed: int = 0) -> EvaluationProtocol:
        """This protocol on a seeded subset; another value, with another title and hash."""
        return replace(self, pairs=count, subset_seed=seed)

    def at_size(self, size: Size) -> EvaluationProtocol:
        """This protocol on pictures of another size; a white canvas keeps its margins in proportion."""
        canvas = self.white_canvas
        if canvas is not None:
            canvas = Size(*(round(c * new / old) for c, new, old in zip(canvas, size, self.size, strict=True)))
            canvas = Size(max(canvas.height, size.height), max(canvas.width, size.width))
        return replace(self, size=size, white_canvas=canvas)


def protocol_named(name: str) -> EvaluationProtocol:
    """The protocol with this name; raises ConfigError that lists them."""
    if name not in PROTOCOLS:
        raise ConfigError(f"there is no protocol '{name}'; choose one of {', '.join(PROTOCOLS)}.")
    return PROTOCOLS[name]


_REGIONS: tuple[Region, ...] = ("mask", "box", "whole")


def _everywhere(column: str, metric: str) -> tuple[Measure, ...]:
    """A measure on the person's pixels, inside the person's box and over the whole picture."""
    return tuple(Measure(column=column + suffix(region), metric=metric, region=region) for region in _REGIONS)


_LPIPS = Measure(column="lpips", metric="lpips")
_FID_OF_THE_SCRIPTS = Measure(column="fid", metric="fid_torchvision", reference="train", drop_partial_batch_of=64)
"""On torchvision's Inception, against all training pictures; a last batch of fewer than 64 pictures is left out."""

DPTN_2022 = EvaluationProtocol(
    name="dptn-2022",
    corpora=("deepfashion-patn", "people-1", "prepared"),
    size=Size(256, 176),
    rounding="floor",
    file_format="jpeg",
    jpeg_quality=75,
    white_canvas=Size(256, 256),
    measures=(
        Measure(column="ssim", metric="ssim_gaussian_of_prediction", on_canvas=True),
        Measure(column="psnr", metric="psnr", on_canvas=True),
        _LPIPS,
        _FID_OF_THE_SCRIPTS,
    ),
)
"""DPTN's script, of GFLA's lineage: low-resolution ground truth, pictures on a white square for SSIM and PSNR only."""

NTED_2022 = EvaluationProtocol(
    name="nted-2022",
    corpora=("deepfashion-highres", "deepfashion-lmdb", "deepfashion-gfla", "people-1", "prepared"),
    size=Size(256, 176),
    rounding="floor",
    file_format="png",
    measures=(Measure(column="ssim", metric="ssim_uniform_51"), _LPIPS, _FID_OF_THE_SCRIPTS),
)
"""NTED's: the high-resolution pictures resized without a crop, nothing padded. That SSIM is GFLA's form is inferred."""

MARKET_1501 = EvaluationProtocol(
    name="market-1501",
    corpora=("market-1501", "people-1", "prepared"),
    size=Size(128, 64),
    rounding="floor",
    file_format="jpeg",
    jpeg_quality=75,
    measures=(
        Measure(column="ssim", metric="ssim_gaussian_of_prediction"),
        Measure(column="mask_ssim", metric="mask_ssim"),
        _LPIPS,
        _FID_OF_THE_SCRIPTS,
    ),
)
"""PATN's and DPTN's on Market-1501: nothing padded; the mask is the limbs' polygons, as no masks come with the data."""

PEOPLE_1 = EvaluationProtocol(
    name="people-1",
    corpora=("people-1",),
    size=Size(256, 176),
    rounding="nearest",
    file_format="png",
    measures=(
        *_everywhere("pd", "pd_efflite0"),
        *_everywhere("ssim", "ssim"),
        *_everywhere("psnr", "psnr"),
        *_everywhere("lpips", "lpips"),
        Measure(column="mask_iou", metric="mask_iou"),
        Measure(column="parsing_iou", metric="parsing_iou"),
        Measure(column="keypoints", metric="keypoints_found"),
        Measure(column="pck", metric="pck"),
        Measure(column="fd", metric="fd_efflite0", reference="truth"),
        Measure(column="fid", metric="fid", reference="truth"),
    ),
)
"""The open benchmark: every measure of pixels on the person and in the person's box too, because most of a picture is
background, and a grey shadow in the right place gets a decent SSIM over the whole of it."""

PROTOCOLS: dict[str, EvaluationProtocol] = {
    protocol.name: protocol for protocol in (DPTN_2022, NTED_2022, MARKET_1501, PEOPLE_1)
}
"""The protocols by name. Frozen: a change that moves a number needs a new name or a higher version."""
