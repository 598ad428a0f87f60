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
from posable.imaging.frame import resized
from posable.imaging.image import size_of, to_pil, to_tensor
from posable.models.editing import DrawsRegions, Explains, MixesGarments, TakesTextures, check_strength
from posable.parsing.given import as_parsing
from posable.parsing.result import ParsingResult
from posable.parsing.schemes import LIP_20
from posable.pose.pose import Pose, PoseBatch
from posable.transfer.background import BackgroundKind
from posable.transfer.drawable import DrawablePerson, PersonT
from posable.transfer.drawn_people import drawn_person, moved_mask, working_size
from posable.transfer.garment import GIVEN, Dressed, swap
from posable.transfer.patterns import Pattern
from posable.transfer.regions import mask_of, region_classes, region_in
from posable.transfer.texture import check_scale, lay_pattern

Array = npt.NDArray[np.floating[Any]]
Mask = Image.Image | npt.NDArray[np.uint8]

_WHOLE = 0.25
"""How far a pixel must be touched to be the edit's alone where a large picture is edited at a smaller size."""


def dressed(
    source: DrawablePerson,
    reference: DrawablePerson,
    region: str | Mask,
    pose: Pose | None,
    strength: float,
    background: BackgroundKind | Image.Image | None,
) -> Image.Image:
    """The source's person with a region of the reference's, in `pose` (in the source picture's frame) or as it is.

    A mask lies in the reference's picture and says what to take. The picture has the source's size.
    """
    check_strength(strength)
    region_mask = _region_mask(reference, region)
    generator = source.generator
    if isinstance(generator, MixesGarments):
        target = pose or source.pose
        source = source.for_pose(target)
        mask = reference.frame.mask(_layer(region_mask)).to(source.device)
        with torch.inference_mode():
            edited = generator.with_garment(source.encoded, reference.encoded, mask, strength)
        mixed = replace(source, edited=edited)
        return mixed.finished(mixed.draw(target), target, background)
    return _joined(source, reference, region, region_mask, pose, strength, background)


def textured(source: PersonT, pattern: Pattern, region: str | Mask, scale: float, strength: float) -> PersonT:
    """The person with a pattern on a region: edited inside the network by families with textures of their own; else
    the same person in a picture that shows the pattern. The last one is kept."""
    check_strength(strength)
    check_scale(scale)
    key = (pattern.digest, _region_key(region), scale, strength)
    return source.last_textured.get(key, lambda: _textured(source, pattern, region, scale, strength))


def _textured(source: PersonT, pattern: Pattern, region: str | Mask, scale: float, strength: float) -> PersonT:
    mask = _region_mask(source, region)
    generator = source.generator
    if isinstance(generator, TakesTextures):
        frame = source.frame.size
        side = pattern.width_in_trunks * _TRUNK_IN_FRAMES * frame.height * scale
        texture = to_tensor(pattern.filling(frame, side))[None].to(source.device)
        placed = source.frame.mask(_layer(mask)).to(source.device)
        with torch.inference_mode():
            return replace(source, edited=generator.with_texture(source.encoded, texture, placed, strength))
    flared = isinstance(region, str) and bool(np.isin(source.parsing.labels, _FLARED)[mask > 0.5].mean() > 0.3)
    picture = lay_pattern(source.picture, source.pose, mask, pattern, flared=flared, scale=scale, strength=strength)
    return replace(source, picture=picture, given_parsing=source.parsing)


def painted(
    source: DrawablePerson,
    given: ParsingResult | Image.Image | npt.NDArray[np.uint8],
    pose: Pose,
    background: BackgroundKind | Image.Image | None,
) -> Image.Image:
    """The person in `pose`, painted into the given regions, which lie in the source picture's frame. Raises InputError
    for a family that does not, or a map that does not fit."""
    generator = source.generator
    if not isinstance(generator, DrawsRegions):
        raise InputError(
            f"the family {generator.family} paints into no given regions; take a model of pise or tfjr "
            "('posable models' lists what each can edit)."
        )
    regions = as_parsing(given, source.size)
    there = source.for_pose(pose)
    labels = torch.from_numpy(there.frame.labels(regions.labels))[None].to(there.device)
    batch = PoseBatch.from_poses([there.frame.pose(pose)]).to(there.device)
    with torch.inference_mode():
        rendering = generator.render_regions(there.encoded, batch, labels)
    return there.finished(rendering, pose, background)


_LEAST_SHARE = 2e-4
"""Of the picture; a region of fewer pixels would not be seen."""
_TRUNK_IN_FRAMES = 0.28
"""A standing person's trunk as a part of the frame's height."""
_FLARED = (LIP_20.index("dress"), LIP_20.index("skirt"))


def explained(source: DrawablePerson, pose: Pose) -> dict[str, Image.Image]:
    """Pictures of where the drawing for `pose` comes from, all in the source picture's size: the source and the result,
    then the family's own, by its names. Raises InputError for a family that explains nothing."""
    generator = source.generator
    if not isinstance(generator, Explains):
        raise InputError(f"the family {generator.family} does not tell where its drawings come from; try weave.")
    there = source.for_pose(pose)
    frame = there.frame
    batch = PoseBatch.from_poses([frame.pose(pose)]).to(there.device)
    with torch.inference_mode():
        pictures: dict[str, Tensor] = generator.explain(there.encoded, batch)
    nothing = Image.new("RGB", source.picture.size)
    shown = {"source": source.picture, "result": there.drawn_picture(there.draw(pose))}
    for name, picture in pictures.items():
        around = source.picture if name in _GO_ON_AS_PHOTOGRAPH else nothing
        shown[name] = frame.picture_back(to_pil(picture[0]), onto=around)
    return shown


_GO_ON_AS_PHOTOGRAPH = ("background", "warped_source")
"""Pictures that are the photograph around the window that was drawn; the others are black there."""


def _region_mask(source: DrawablePerson, region: str | Mask) -> Array:
    """The region of the source's own picture, (h, w) in [0, 1]. The last one is kept."""
    if not isinstance(region, str):
        return mask_of(region, source.size, source.name)
    region_classes(region)
    return source.last_region.get(region, lambda: region_in(source.parsing, region, source.name))


def _region_key(region: str | Mask) -> str | bytes:
    if isinstance(region, str):
        return region
    pixels = np.ascontiguousarray(region)
    return blake2b(pixels.tobytes() + repr(pixels.shape).encode()).digest()


def _joined(
    source: DrawablePerson,
    reference: DrawablePerson,
    region: str | Mask,
    region_mask: Array,
    pose: Pose | None,
    strength: float,
    background: BackgroundKind | Image.Image | None,
) -> Image.Image:
    """Both people drawn in the pose, the reference's region over the source's."""
    where = pose or source.pose
    working = working_size(source.size)
    if pose is None:
        base, parsing = source.picture, torch.from_numpy(source.parsing.shares())[None]
    else:
        source = source.for_pose(pose)
        drawn = drawn_person(source, pose, source.frame)
        base, parsing = source.finished(drawn.rendering, pose, background), drawn.shares
    if strength == 0:
        return base.copy()
    reference_drawn = drawn_person(reference, where, source.frame)
    shares = reference_drawn.shares
    if isinstance(region, str):
        name, classes = region, region_classes(region)
        new = shares[0, list(classes)].sum(0)
    else:
        name, classes = GIVEN, ()
        new = moved_mask(reference, reference_drawn, _layer(region_mask), source.frame)
    if float((new > 0.5).float().mean()) < _LEAST_SHARE:
        raise InputError(
            f"nothing of the {name} region is seen when the person of {reference.name} takes this pose; give a picture "
            "that shows it from the same side."
        )
    hips = [where.named()[hip][1] for hip in ("right_hip", "left_hip") if hip in where.named()]
    swapped = swap(
        Dressed(_numbers(resized(to_tensor(base)[None] / 2 + 0.5, working)), _numbers(resized(parsing, working))),
        Dressed(_numbers(reference_drawn.image / 2 + 0.5), _numbers(shares)),
        name,
        classes,
        new.numpy(),
        float(np.mean(hips)) * working.height / source.picture.height if hips else None,
    )
    return _laid_over(base, swapped.image, swapped.touched, strength)


def _laid_over(base: Image.Image, edited: Array, touched: Array, strength: float) -> Image.Image:
    """The edited picture (3, h, w) over the base where it was touched; the base's very pixels elsewhere."""
    image, reach = (resized(torch.from_numpy(x)[None], size_of(base)) for x in (edited, touched[None]))
    weight = (reach / _WHOLE).clamp(0, 1) * strength
    pixels = torch.from_numpy(np.asarray(base.convert("RGB")).copy()).permute(2, 0, 1)[None].float()
    mixed = (pixels + (image * 255 - pixels) * weight).round().clamp(0, 255)
    return Image.fromarray(mixed[0].permute(1, 2, 0).to(torch.uint8).numpy())


def _layer(mask: Array) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(mask, np.float32))[None, None]


def _numbers(layer: Tensor) -> Array:
    return layer[0].float().numpy()
