"""Endpoints that change what a person wears: garment, texture, paint; of a held source, or in one request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Response, UploadFile
from PIL import Image

from posable.errors import InputError
from posable.imaging.image import decode_image, size_of
from posable.imaging.size import Size
from posable.models.editing import check_strength
from posable.parsing.given import decode_labels
from posable.pose.pose import Pose
from posable.studio import editing_schemas as bodies
from posable.studio import schemas
from posable.studio.pictures import PictureFormat, bytes_of_data_url, picture_bytes
from posable.studio.request_parts import (
    AsDrawn,
    DrawnAs,
    OptionalPoseField,
    ReadyService,
    Sent,
    SourcePoseField,
    encoded_once,
    name_of,
    optional_pose,
    picture_response,
    target_pose,
)
from posable.studio.requests_in_memory import ServiceRoute
from posable.studio.schemas import NO_SOURCE, WORK, picture_schema
from posable.studio.service import Service, timed
from posable.studio.source_store import Source
from posable.transfer.background import BackgroundKind
from posable.transfer.encoded_source import EncodedSource
from posable.transfer.patterns import Pattern
from posable.transfer.regions import check_mask_size, region_classes
from posable.transfer.texture import check_scale

editing = APIRouter(prefix="/v1", tags=["editing"], route_class=ServiceRoute)

MaskFile = Annotated[
    UploadFile | None, File(description="In place of a region: white on black, of the picture's size.")
]
ParsingFile = Annotated[
    UploadFile, File(description="An indexed or grey PNG of the picture's size, whose values are LIP-20 classes.")
]
PatternFile = Annotated[UploadFile | None, File(description="A picture of the cloth; or give pattern_name.")]
_DRAWN = {**WORK, **picture_schema("png", "jpeg", "webp")}


@editing.post("/sources/{source_id}/garment", response_class=Response, responses={**_DRAWN, **NO_SOURCE})
async def garment_of_source(service: ReadyService, source_id: str, body: bodies.GarmentBody) -> Response:
    """A garment of another source on this one's person."""
    check_strength(body.strength)
    source, other = service.store.get(source_id), service.store.get(body.reference)
    person = await service.encoding(source, body.model, body.max_side)
    reference = await service.encoding(other, body.model, body.max_side)
    mask = None if body.mask is None else bytes_of_data_url(body.mask)
    where = await _where(service, body.region, mask, reference, _sizes(other))
    pose = target_pose(person, body.pose, body.retarget)

    response = await _dressed(service, person, reference, where, pose, body.strength, body.background, body.format)
    service.store.make_room(other)
    service.store.make_room(source)
    return response


@dataclass(frozen=True)
class ClothForm:
    """What a form says of the cloth, and of where and in which pose it is worn."""

    pattern: UploadFile | None
    name: str | None
    seed: int
    region: str
    mask: UploadFile | None
    scale: float
    strength: float
    pose: str | None


def cloth_form(
    pattern: PatternFile = None,
    pattern_name: Annotated[bodies.PatternName, Form()] = None,
    seed: Annotated[bodies.Seed, Form()] = 0,
    region: Annotated[bodies.Region, Form()] = "upper",
    mask: MaskFile = None,
    scale: Annotated[bodies.Scale, Form()] = 1.0,
    strength: Annotated[bodies.Strength, Form()] = 1.0,
    pose: OptionalPoseField = None,
) -> ClothForm:
    """Raises ConfigError."""
    check_strength(strength)
    check_scale(scale)
    return ClothForm(pattern, pattern_name, seed, region, mask, scale, strength, pose)


Cloth = Annotated[ClothForm, Depends(cloth_form)]


@editing.post("/sources/{source_id}/texture", response_class=Response, responses={**_DRAWN, **NO_SOURCE})
async def texture_of_source(
    service: ReadyService,
    source_id: str,
    cloth: Cloth,
    how: AsDrawn,
    max_side: Annotated[schemas.MaxSide, Form()] = None,
    model: Annotated[schemas.ModelName, Form()] = None,
) -> Response:
    """A garment of this source's person with another pattern."""
    source = service.store.get(source_id)
    pattern = await _pattern(service, cloth)
    person = await service.encoding(source, model, max_side)
    response = await _textured(service, person, _sizes(source), pattern, cloth, how)
    service.store.make_room(source)
    return response


@editing.post("/garment", response_class=Response, responses=_DRAWN)
async def garment(
    service: ReadyService,
    sent: Sent,
    reference: Annotated[UploadFile, File(description="The picture with the garment.")],
    how: AsDrawn,
    region: Annotated[bodies.Region, Form()] = "upper",
    mask: MaskFile = None,
    strength: Annotated[bodies.Strength, Form()] = 1.0,
    pose: OptionalPoseField = None,
    reference_pose: SourcePoseField = None,
) -> Response:
    """A garment of one picture's person on another's, in one request; a mask lies in the reference's picture."""
    check_strength(strength)
    person, _ = await encoded_once(service, sent)
    other = replace(sent, file=reference, pose=reference_pose)
    wearer, size = await encoded_once(service, other, "the other picture")
    where = await _where(service, region, mask and await mask.read(), wearer, (size,))
    target = target_pose(person, optional_pose(pose), how.retarget)
    return await _dressed(service, person, wearer, where, target, strength, how.background, how.format)


@editing.post("/texture", response_class=Response, responses=_DRAWN)
async def texture(service: ReadyService, sent: Sent, cloth: Cloth, how: AsDrawn) -> Response:
    """A garment with another pattern, in one request."""
    pattern = await _pattern(service, cloth)
    person, size = await encoded_once(service, sent)
    return await _textured(service, person, (size,), pattern, cloth, how)


@editing.post("/sources/{source_id}/paint", response_class=Response, responses={**_DRAWN, **NO_SOURCE})
async def paint_source(
    service: ReadyService,
    source_id: str,
    parsing: ParsingFile,
    how: AsDrawn,
    pose: OptionalPoseField = None,
    max_side: Annotated[schemas.MaxSide, Form()] = None,
    model: Annotated[schemas.ModelName, Form()] = None,
) -> Response:
    """This source's person painted into regions that are given, by families that do so (pise, tfjr)."""
    source = service.store.get(source_id)
    person = await service.encoding(source, model, max_side)
    return await _painted(service, person, parsing, pose, how)


@editing.post("/paint", response_class=Response, responses=_DRAWN)
async def paint(
    service: ReadyService, sent: Sent, parsing: ParsingFile, how: AsDrawn, pose: OptionalPoseField = None
) -> Response:
    """The person of a picture painted into regions that are given, in one request."""
    person, _ = await encoded_once(service, sent)
    return await _painted(service, person, parsing, pose, how)


async def _painted(
    service: Service, person: EncodedSource, parsing: UploadFile, pose: str | None, how: DrawnAs
) -> Response:
    data = await parsing.read()
    regions = await service.on_pictures(lambda: decode_labels(data, "the parsing map"))
    if regions.size != person.picture.size:
        # The map is of the picture as it was sent; the person may have been brought down.
        regions = regions.resize(person.picture.size, Image.Resampling.NEAREST)
    target = target_pose(person, optional_pose(pose), how.retarget)

    def edit() -> Image.Image:
        return person.painted(regions, target, retarget=False, background=how.background)

    return await _edited(service, edit, how.format)


async def _dressed(
    service: Service,
    person: EncodedSource,
    wearer: EncodedSource,
    where: str | Image.Image,
    pose: Pose | None,
    strength: float,
    background: BackgroundKind | None,
    kind: PictureFormat,
) -> Response:
    def edit() -> Image.Image:
        return person.dressed_from(wearer, where, pose, strength=strength, retarget=False, background=background)

    return await _edited(service, edit, kind)


async def _textured(
    service: Service, person: EncodedSource, sizes: Sequence[Size], pattern: Pattern, cloth: ClothForm, how: DrawnAs
) -> Response:
    where = await _where(service, cloth.region, cloth.mask and await cloth.mask.read(), person, sizes)
    pose = target_pose(person, optional_pose(cloth.pose), how.retarget)

    def edit() -> Image.Image:
        edited = person.textured(pattern, where, scale=cloth.scale, strength=cloth.strength)
        if pose is None:
            return edited.as_photographed(background=how.background)
        return edited.render(pose, retarget=False, background=how.background)

    return await _edited(service, edit, how.format)


def _sizes(source: Source) -> tuple[Size, Size]:
    """That a mask of this source may have: as it was sent, and as it is held."""
    return source.seen.sent_size, size_of(source.seen.picture)


async def _pattern(service: Service, cloth: ClothForm) -> Pattern:
    """The picture of a cloth, or a pattern by its name: posable's own, or a class of DTD where the service has it."""
    file, name = cloth.pattern, cloth.name
    if (file is None) == (name is None):
        raise InputError("give the cloth as a picture in 'pattern', or by name in 'pattern_name'; one of the two.")
    if file is not None:
        data, shown = await file.read(), name_of(file, "the pattern")
        return await service.on_pictures(lambda: service.patterns.of_file(data, shown))
    return await service.on_pictures(lambda: service.patterns.named(name or "", cloth.seed))


async def _where(
    service: Service, region: str, mask: bytes | None, masked: EncodedSource, sizes: Sequence[Size]
) -> str | Image.Image:
    """A region's name, or a mask, of the picture in one of its sizes, brought to the one that is worked on."""
    if mask is None:
        region_classes(region)
        return region
    given = await service.on_pictures(lambda: decode_image(mask, "the mask", service.limits.pixels))
    if size_of(given) not in sizes:
        check_mask_size(size_of(given), sizes[0], masked.name)
    return given.convert("L").resize(masked.picture.size, Image.Resampling.BILINEAR)


async def _edited(service: Service, edit: Callable[[], Image.Image], kind: PictureFormat) -> Response:
    picture, drawing = await service.on_network(timed(edit))
    data, writing = await service.on_pictures(timed(lambda: picture_bytes(picture, kind)))
    return picture_response(data, kind.value, drawing + writing)
