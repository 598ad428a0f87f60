"""The edits themselves, for any family: in the family's own way where its network has one, around it elsewhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from posable.editing.frames import into_frame, moved_by_flow, out_of_frame
from posable.editing.garment import GIVEN, Dressed, swap
from posable.editing.patterns import Pattern
from posable.editing.regions import mask_of, region_classes, region_in
from posable.editing.texture import lay_pattern
from posable.errors import InputError
from posable.image import size_of, to_pil, to_tensor
from posable.models.editing import Explains, MixesGarments, TakesTextures, check_strength
from posable.models.generator import Generator, Rendering
from posable.parse import LARGEST_SIDE_PX, ParsingResult, parse
from posable.parsing import LIP_20, ParsingLabels
from posable.pipeline import EncodedSource
from posable.pose import Pose, PoseBatch
from posable.size import Size

Array = npt.NDArray[np.floating[Any]]
Mask = Image.Image | npt.NDArray[np.uint8]

_WHOLE = 0.25
"""How far a pixel must be touched to be the edit's alone where a large picture is edited at a smaller size."""


def dressed(
    source: EncodedSource, reference: EncodedSource, region: str | Mask, pose: Pose | None, strength: float
) -> Image.Image:
    """The source's person with a region of the reference's, in `pose` (in the source picture's frame) or as it is.

    A mask lies in the reference's picture and says what to take. The picture has the source's size.
    """
    check_strength(strength)
    taken = _taken(reference, region)
    generator = source.generator
    if isinstance(generator, MixesGarments):
        mask = into_frame(_layer(taken), reference.letterbox).to(_device_of(generator))
        with torch.inference_mode():
            mixed = generator.with_garment(source.encoded, reference.encoded, mask, strength)
        return _drawn(replace(source, encoded=mixed), pose or source.pose)
    return _joined(source, reference, region, taken, pose, strength)


def textured(
    source: EncodedSource, pattern: Pattern, region: str | Mask, scale: float, strength: float
) -> EncodedSource | Image.Image:
    """The source with a pattern on a region: encoded, from families with textures of their own; else as a picture."""
    check_strength(strength)
    mask = _taken(source, region)
    generator = source.generator
    if isinstance(generator, TakesTextures):
        frame = source.letterbox.target
        side = pattern.width_in_trunks * _TRUNK_IN_FRAMES * frame.height * scale
        texture = to_tensor(pattern.filling(frame, side))[None].to(_device_of(generator))
        placed = into_frame(_layer(mask), source.letterbox).to(_device_of(generator))
        with torch.inference_mode():
            return replace(source, encoded=generator.with_texture(source.encoded, texture, placed, strength))
    flared = isinstance(region, str) and bool(np.isin(source.parsing.labels, _FLARED)[mask > 0.5].mean() > 0.3)
    return lay_pattern(source.picture, source.pose, mask, pattern, flared=flared, scale=scale, strength=strength)


_LEAST_SHARE = 2e-4
"""Of the picture; a region of fewer pixels would not be seen."""
_TRUNK_IN_FRAMES = 0.28
"""A standing person's trunk as a part of the frame's height."""
_FLARED = (LIP_20.index("dress"), LIP_20.index("skirt"))


def target_parsing(
    source: EncodedSource, pose: Pose, drawn: tuple[Rendering, Image.Image] | None = None
) -> ParsingResult:
    """Which garment or body part each pixel shows when the person takes `pose`: LIP-20, in the picture's frame.

    Families that predict it answer themselves. Else the source's parsing moves along with its pixels where they are
    copied, and the parser looks at the drawn picture elsewhere.
    """
    rendering, picture = drawn or _rendered(source, pose)
    own: ParsingLabels | None = getattr(source.generator, "parsing_labels", None)
    if rendering.parsing is not None and own is not None:
        shares = _in_lip(rendering.parsing, own)
        return _result(out_of_frame(shares.cpu(), source.letterbox), size_of(source.picture))
    found = parse(picture, pose)
    if rendering.flow is None or rendering.visibility is None or rendering.mask is None:
        return found
    return _moved_parsing(source, rendering, found, source)


def explained(source: EncodedSource, pose: Pose) -> dict[str, Image.Image]:
    """Pictures of where the drawing for `pose` comes from, all in the source picture's size: the source and the result,
    then the family's own, by its names. Raises InputError for a family that explains nothing."""
    generator = source.generator
    if not isinstance(generator, Explains):
        raise InputError(f"the family {generator.family} does not tell where its drawings come from; try weave.")
    batch = _posed(source, pose)
    with torch.inference_mode():
        pictures: dict[str, Tensor] = generator.explain(source.encoded, batch)
    result = {"source": source.picture, "result": _drawn(source, pose)}
    return result | {name: source.letterbox.undo(to_pil(picture[0])) for name, picture in pictures.items()}


def _taken(source: EncodedSource, region: str | Mask) -> Array:
    """The region of the source's own picture, (h, w) in [0, 1]."""
    if isinstance(region, str):
        region_classes(region)
        return region_in(source.parsing, region, "the picture")
    return mask_of(region, size_of(source.picture), "the picture")


def _joined(
    source: EncodedSource,
    reference: EncodedSource,
    region: str | Mask,
    taken: Array,
    pose: Pose | None,
    strength: float,
) -> Image.Image:
    """Both people drawn in the pose, the reference's region over the source's."""
    where = pose or source.pose
    if pose is None:
        base, parsing = source.picture, source.parsing
    else:
        drawn = _rendered(source, pose)
        base, parsing = drawn[1], target_parsing(source, pose, drawn)
    if strength == 0:
        return base.copy()
    working = _working(size_of(base))
    theirs, new, shares = _reference_drawn(reference, source, where, taken)
    name, classes = (region, region_classes(region)) if isinstance(region, str) else (GIVEN, ())
    if isinstance(region, str):
        new = shares[0, list(classes)]
        new = new.sum(0)
    if float((new > 0.5).float().mean()) < _LEAST_SHARE:
        raise InputError(
            f"nothing of the {name} region is seen when the other person takes this pose; give a picture that shows it "
            "from the same side."
        )
    hips = [where.named()[hip][1] for hip in ("right_hip", "left_hip") if hip in where.named()]
    swapped = swap(
        Dressed(
            _fitted(to_tensor(base)[None] / 2 + 0.5, working),
            _fitted(torch.from_numpy(parsing.shares())[None], working),
        ),
        Dressed(_fitted(theirs / 2 + 0.5, working), _fitted(shares, working)),
        name,
        classes,
        _fitted(new[None, None], working)[0],
        float(np.mean(hips)) * working.height / source.picture.height if hips else None,
    )
    return _laid_over(base, swapped.image, swapped.touched, strength)


def _reference_drawn(
    reference: EncodedSource, source: EncodedSource, pose: Pose, taken: Array
) -> tuple[Tensor, Tensor, Tensor]:
    """The reference's person in the pose, as a layer of the source's picture: RGB in [-1, 1], the taken part moved
    along (h, w), and class shares."""
    frame = reference.letterbox.target
    batch = PoseBatch.from_poses([pose.letterboxed(source.letterbox).resize(frame)])
    generator = reference.generator
    with torch.inference_mode():
        rendering = generator.render(reference.encoded, batch.to(_device_of(generator)))
    there = replace(source.letterbox, target=frame)
    image = out_of_frame(rendering.image.cpu(), there)
    found = parse(to_pil(image[0]), pose)
    if rendering.flow is None or rendering.visibility is None or rendering.mask is None:
        parsing, new = found, torch.zeros(image.shape[-2:])
    else:
        parsing = _moved_parsing(reference, rendering, found, replace(source, letterbox=there))
        moved = moved_by_flow(into_frame(_layer(taken), reference.letterbox), rendering.flow.cpu())
        new = out_of_frame(moved * (rendering.visibility * rendering.mask).cpu(), there)[0, 0]
    return image, new, torch.from_numpy(parsing.shares())[None]


def _moved_parsing(
    shown: EncodedSource, rendering: Rendering, found: ParsingResult, framed: EncodedSource
) -> ParsingResult:
    """The parsing of `shown` carried by its flow, in the picture frame of `framed`; what is `found` where it is
    painted."""
    assert rendering.flow is not None, "asked for families with a flow only"
    assert rendering.visibility is not None, "asked for families with a flow only"
    assert rendering.mask is not None, "asked for families with a flow only"
    own = into_frame(torch.from_numpy(shown.parsing.shares())[None], shown.letterbox)
    moved = out_of_frame(moved_by_flow(own, rendering.flow.cpu()), framed.letterbox)
    copied, mask = (out_of_frame(x.cpu(), framed.letterbox) for x in (rendering.visibility, rendering.mask))
    size = Size(moved.shape[-2], moved.shape[-1])
    looked = functional.interpolate(torch.from_numpy(found.shares())[None], tuple(size), mode="bilinear")
    background = torch.zeros_like(moved)
    background[:, 0] = 1
    person = copied * moved + (1 - copied) * looked
    return _result(mask * person + (1 - mask) * background, size_of(framed.picture))


def _result(shares: Tensor, size: Size) -> ParsingResult:
    fitted = (
        functional.interpolate(shares, tuple(size), mode="bilinear") if tuple(shares.shape[-2:]) != size else shares
    )
    fitted = fitted / fitted.sum(1, keepdim=True).clamp_min(1e-6)
    return ParsingResult(fitted[0].argmax(0).to(torch.uint8).numpy(), probabilities=fitted[0].float().numpy())


def _in_lip(shares: Tensor, labels: ParsingLabels) -> Tensor:
    """Shares of another scheme's classes as shares of the LIP-20 classes that are nearest in meaning."""
    result = shares.new_zeros(shares.shape[0], len(LIP_20), *shares.shape[-2:])
    return result.index_add(1, torch.tensor(labels.to_lip, device=shares.device), shares)


def _laid_over(base: Image.Image, edited: Array, touched: Array, strength: float) -> Image.Image:
    """The edited picture (3, h, w) over the base where it was touched; the base's very pixels elsewhere."""
    size = size_of(base)
    image, reach = (
        functional.interpolate(torch.from_numpy(x)[None], tuple(size), mode="bilinear") for x in (edited, touched[None])
    )
    weight = (reach / _WHOLE).clamp(0, 1) * strength
    pixels = torch.from_numpy(np.asarray(base.convert("RGB")).copy()).permute(2, 0, 1)[None].float()
    mixed = (pixels + (image * 255 - pixels) * weight).round().clamp(0, 255)
    return Image.fromarray(mixed[0].permute(1, 2, 0).to(torch.uint8).numpy())


def _rendered(source: EncodedSource, pose: Pose) -> tuple[Rendering, Image.Image]:
    rendering = source.draw(pose)
    return rendering, source.letterbox.undo(to_pil(rendering.image[0]))


def _drawn(source: EncodedSource, pose: Pose) -> Image.Image:
    return _rendered(source, pose)[1]


def _posed(source: EncodedSource, pose: Pose) -> PoseBatch:
    return PoseBatch.from_poses([pose.letterboxed(source.letterbox)]).to(_device_of(source.generator))


def _layer(mask: Array) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(mask, np.float32))[None, None]


def _fitted(layer: Tensor, size: Size) -> Array:
    if tuple(layer.shape[-2:]) != tuple(size):
        layer = functional.interpolate(layer, tuple(size), mode="bilinear", antialias=True)
    return layer[0].float().numpy()


def _working(size: Size) -> Size:
    shrink = min(1.0, LARGEST_SIDE_PX / max(size))
    return Size(max(1, round(size.height * shrink)), max(1, round(size.width * shrink)))


def _device_of(generator: Generator[Any]) -> torch.device:
    return next(generator.parameters()).device
