"""The edits themselves, for any family: in the family's own way where its network has one, around it elsewhere."""

from __future__ import annotations

from dataclasses import replace
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from posable.errors import InputError
from posable.imaging.image import size_of, to_pil, to_tensor
from posable.imaging.layers import fitted, into_frame
from posable.models.editing import Explains, MixesGarments, TakesTextures, check_strength
from posable.parsing.schemes import LIP_20
from posable.pose.pose import Pose, PoseBatch
from posable.transfer.drawn_people import drawn_person, moved_mask, rendered, working_size
from posable.transfer.encoded_source import EncodedSource, device_of
from posable.transfer.garment import GIVEN, Dressed, swap
from posable.transfer.patterns import Pattern
from posable.transfer.regions import mask_of, region_classes, region_in
from posable.transfer.texture import check_scale, lay_pattern

Array = npt.NDArray[np.floating[Any]]
Mask = Image.Image | npt.NDArray[np.uint8]

_WHOLE = 0.25
"""How far a pixel must be touched to be the edit's alone where a large picture is edited at a smaller size."""


def dressed(
    source: EncodedSource,
    reference: EncodedSource,
    region: str | Mask,
    pose: Pose | None,
    strength: float,
    keep_background: bool,
) -> Image.Image:
    """The source's person with a region of the reference's, in `pose` (in the source picture's frame) or as it is.

    A mask lies in the reference's picture and says what to take. The picture has the source's size.
    """
    check_strength(strength)
    taken = _taken(reference, region)
    generator = source.generator
    if isinstance(generator, MixesGarments):
        mask = into_frame(_layer(taken), reference.letterbox).to(device_of(generator))
        with torch.inference_mode():
            mixed = replace(source, encoded=generator.with_garment(source.encoded, reference.encoded, mask, strength))
        return mixed.finished(mixed.draw(pose or source.pose), keep_background=keep_background)
    return _joined(source, reference, region, taken, pose, strength, keep_background)


def textured(
    source: EncodedSource, pattern: Pattern, region: str | Mask, scale: float, strength: float
) -> EncodedSource | Image.Image:
    """The source with a pattern on a region: encoded, from families with textures of their own; else as a picture.
    The last one is kept."""
    check_strength(strength)
    check_scale(scale)
    key = (pattern.digest, _region_key(region), scale, strength)
    return source.kept("textured", key, lambda: _textured(source, pattern, region, scale, strength))


def _textured(
    source: EncodedSource, pattern: Pattern, region: str | Mask, scale: float, strength: float
) -> EncodedSource | Image.Image:
    mask = _taken(source, region)
    generator = source.generator
    if isinstance(generator, TakesTextures):
        frame = source.letterbox.target
        side = pattern.width_in_trunks * _TRUNK_IN_FRAMES * frame.height * scale
        texture = to_tensor(pattern.filling(frame, side))[None].to(device_of(generator))
        placed = into_frame(_layer(mask), source.letterbox).to(device_of(generator))
        with torch.inference_mode():
            return replace(source, encoded=generator.with_texture(source.encoded, texture, placed, strength))
    flared = isinstance(region, str) and bool(np.isin(source.parsing.labels, _FLARED)[mask > 0.5].mean() > 0.3)
    return lay_pattern(source.picture, source.pose, mask, pattern, flared=flared, scale=scale, strength=strength)


_LEAST_SHARE = 2e-4
"""Of the picture; a region of fewer pixels would not be seen."""
_TRUNK_IN_FRAMES = 0.28
"""A standing person's trunk as a part of the frame's height."""
_FLARED = (LIP_20.index("dress"), LIP_20.index("skirt"))


def explained(source: EncodedSource, pose: Pose) -> dict[str, Image.Image]:
    """Pictures of where the drawing for `pose` comes from, all in the source picture's size: the source and the result,
    then the family's own, by its names. Raises InputError for a family that explains nothing."""
    generator = source.generator
    if not isinstance(generator, Explains):
        raise InputError(f"the family {generator.family} does not tell where its drawings come from; try weave.")
    batch = PoseBatch.from_poses([pose.letterboxed(source.letterbox)]).to(device_of(generator))
    with torch.inference_mode():
        pictures: dict[str, Tensor] = generator.explain(source.encoded, batch)
    result = {"source": source.picture, "result": rendered(source, pose)[1]}
    return result | {name: source.letterbox.undo(to_pil(picture[0])) for name, picture in pictures.items()}


def _taken(source: EncodedSource, region: str | Mask) -> Array:
    """The region of the source's own picture, (h, w) in [0, 1]. The last one is kept."""
    if not isinstance(region, str):
        return mask_of(region, size_of(source.picture), source.name)
    region_classes(region)
    return source.kept("region", region, lambda: region_in(source.parsing, region, source.name))


def _region_key(region: str | Mask) -> str | bytes:
    if isinstance(region, str):
        return region
    pixels = np.ascontiguousarray(region)
    return blake2b(pixels.tobytes() + repr(pixels.shape).encode()).digest()


def _joined(
    source: EncodedSource,
    reference: EncodedSource,
    region: str | Mask,
    taken: Array,
    pose: Pose | None,
    strength: float,
    keep_background: bool,
) -> Image.Image:
    """Both people drawn in the pose, the reference's region over the source's."""
    where = pose or source.pose
    working = working_size(size_of(source.picture))
    if pose is None:
        base, parsing = source.picture, torch.from_numpy(source.parsing.shares())[None]
    else:
        drawn = drawn_person(source, pose, source.letterbox)
        base, parsing = source.finished(drawn.rendering, keep_background=keep_background), drawn.shares
    if strength == 0:
        return base.copy()
    theirs = drawn_person(reference, where, source.letterbox)
    shares = theirs.shares
    if isinstance(region, str):
        name, classes = region, region_classes(region)
        new = shares[0, list(classes)].sum(0)
    else:
        name, classes = GIVEN, ()
        new = moved_mask(reference, theirs, _layer(taken), source.letterbox)
    if float((new > 0.5).float().mean()) < _LEAST_SHARE:
        raise InputError(
            f"nothing of the {name} region is seen when the person of {reference.name} takes this pose; give a picture "
            "that shows it from the same side."
        )
    hips = [where.named()[hip][1] for hip in ("right_hip", "left_hip") if hip in where.named()]
    swapped = swap(
        Dressed(_numbers(fitted(to_tensor(base)[None] / 2 + 0.5, working)), _numbers(fitted(parsing, working))),
        Dressed(_numbers(theirs.image / 2 + 0.5), _numbers(shares)),
        name,
        classes,
        new.numpy(),
        float(np.mean(hips)) * working.height / source.picture.height if hips else None,
    )
    return _laid_over(base, swapped.image, swapped.touched, strength)


def _laid_over(base: Image.Image, edited: Array, touched: Array, strength: float) -> Image.Image:
    """The edited picture (3, h, w) over the base where it was touched; the base's very pixels elsewhere."""
    image, reach = (fitted(torch.from_numpy(x)[None], size_of(base)) for x in (edited, touched[None]))
    weight = (reach / _WHOLE).clamp(0, 1) * strength
    pixels = torch.from_numpy(np.asarray(base.convert("RGB")).copy()).permute(2, 0, 1)[None].float()
    mixed = (pixels + (image * 255 - pixels) * weight).round().clamp(0, 255)
    return Image.fromarray(mixed[0].permute(1, 2, 0).to(torch.uint8).numpy())


def _layer(mask: Array) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(mask, np.float32))[None, None]


def _numbers(layer: Tensor) -> Array:
    return layer[0].float().numpy()
