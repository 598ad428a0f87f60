"""Endpoints that change or explain a person: garment, texture, parse, explain; of a held source, or in one request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, File, Form, Response, UploadFile
from PIL import Image

from posable.editing.patterns import Pattern, find_pattern
from posable.editing.regions import region_classes
from posable.editing.sheet import explain_sheet
from posable.errors import InputError
from posable.image import decode_image
from posable.parse import ParsingResult
from posable.pipeline import EncodedSource, PoseTransfer
from posable.pose import Pose
from posable.studio import answers
from posable.studio import editing_answers as bodies
from posable.studio.answers import NO_SOURCE, WORK, picture_answer
from posable.studio.editing_answers import EXPLAIN_ANSWER, PARSING_ANSWER, ShowAs
from posable.studio.pictures import PictureFormat, data_url, picture_bytes
from posable.studio.pose_input import JsonPose, pose_from_field
from posable.studio.request_parts import (
    PictureFile,
    ReadyService,
    SourcePoseField,
    encoded_once,
    picture_response,
    placed_pose,
)
from posable.studio.requests_in_memory import ServiceRoute
from posable.studio.service import Service, brought_down, timed

editing = APIRouter(prefix="/v1", tags=["editing"], route_class=ServiceRoute)

OptionalPoseField = Annotated[
    str | None,
    Form(description="A shipped pose's name, or a pose as JSON; else as photographed.", max_length=200_000),
]
MaskFile = Annotated[
    UploadFile | None, File(description="In place of a region: white on black, of the picture's size.")
]
PatternFile = Annotated[UploadFile | None, File(description="A picture of the cloth; or give pattern_name.")]
_DRAWN = {**WORK, **picture_answer("png", "jpeg", "webp")}

Edit = Callable[[PoseTransfer, Pose | None], Image.Image]


@editing.post("/sources/{source_id}/garment", response_class=Response, responses={**_DRAWN, **NO_SOURCE})
async def garment_of_source(service: ReadyService, source_id: str, body: bodies.GarmentBody) -> Response:
    """A garment of another source on this one's person."""
    region_classes(body.region)
    held, other = service.store.get(source_id), service.store.get(body.reference)
    person = await service.encoding(held, body.model, body.max_side)
    reference = await service.encoding(other, body.model, body.max_side)

    def edit(pipe: PoseTransfer, pose: Pose | None) -> Image.Image:
        return pipe.garment(person, reference, body.region, pose, strength=body.strength, retarget=False)

    pose = _target(service, person, body.pose, body.retarget)
    return await _edited(service, person, pose, edit, keep_background=body.keep_background, kind=body.format)


@editing.post("/sources/{source_id}/texture", response_class=Response, responses={**_DRAWN, **NO_SOURCE})
async def texture_of_source(
    service: ReadyService,
    source_id: str,
    pattern: PatternFile = None,
    pattern_name: Annotated[bodies.PatternName, Form()] = None,
    seed: Annotated[bodies.Seed, Form()] = 0,
    region: Annotated[bodies.Region, Form()] = "upper",
    scale: Annotated[bodies.Scale, Form()] = 1.0,
    strength: Annotated[bodies.Strength, Form()] = 1.0,
    pose: OptionalPoseField = None,
    retarget: Annotated[answers.Retarget, Form()] = True,
    keep_background: Annotated[answers.KeepBackground, Form()] = False,
    format: Annotated[answers.Format, Form()] = PictureFormat.png,
    max_side: Annotated[answers.MaxSide, Form()] = None,
    model: Annotated[answers.ModelName, Form()] = None,
) -> Response:
    """A garment of this source's person made of another cloth."""
    region_classes(region)
    person = await service.encoding(service.store.get(source_id), model, max_side)
    cloth = await _pattern(service, pattern, pattern_name, seed)

    def edit(pipe: PoseTransfer, pose: Pose | None) -> Image.Image:
        return pipe.texture(person, cloth, region, pose, scale=scale, strength=strength, seed=seed, retarget=False)

    target = _target(service, person, _from_field(pose), retarget)
    return await _edited(service, person, target, edit, keep_background=keep_background, kind=format)


@editing.post(
    "/sources/{source_id}/parse",
    response_model=bodies.ParsingAnswer,
    responses={**WORK, **NO_SOURCE, **PARSING_ANSWER},
)
async def parse_source(
    service: ReadyService, source_id: str, body: bodies.ParseBody
) -> Response | bodies.ParsingAnswer:
    """Which garment or body part each pixel of the source shows, as photographed or in a pose."""
    person = await service.encoding(service.store.get(source_id), body.model, body.max_side)
    pose = _target(service, person, body.pose, body.retarget)
    return await _parsed(service, person, pose, body.format)


@editing.post(
    "/sources/{source_id}/explain",
    response_model=bodies.ExplainAnswer,
    responses={**WORK, **NO_SOURCE, **EXPLAIN_ANSWER},
)
async def explain_source(
    service: ReadyService, source_id: str, body: bodies.ExplainBody
) -> Response | bodies.ExplainAnswer:
    """Where each part of a drawing of this source comes from."""
    person = await service.encoding(service.store.get(source_id), body.model, body.max_side)
    return await _explained(service, person, placed_pose(service, person, body.pose, body.retarget), body.format)


@editing.post("/garment", response_class=Response, responses=_DRAWN)
async def garment(
    service: ReadyService,
    picture: PictureFile,
    reference: Annotated[UploadFile, File(description="The picture with the garment.")],
    region: Annotated[bodies.Region, Form()] = "upper",
    mask: MaskFile = None,
    strength: Annotated[bodies.Strength, Form()] = 1.0,
    pose: OptionalPoseField = None,
    source_pose: SourcePoseField = None,
    reference_pose: SourcePoseField = None,
    retarget: Annotated[answers.Retarget, Form()] = True,
    keep_background: Annotated[answers.KeepBackground, Form()] = False,
    format: Annotated[answers.Format, Form()] = PictureFormat.png,
    max_side: Annotated[answers.MaxSide, Form()] = None,
    model: Annotated[answers.ModelName, Form()] = None,
) -> Response:
    """A garment of one picture's person on another's, in one request; a mask lies in the reference's picture."""
    person = await encoded_once(service, picture, source_pose, model, max_side)
    wearer = await encoded_once(service, reference, reference_pose, model, max_side, "the reference")
    where = await _where(service, region, mask, wearer)

    def edit(pipe: PoseTransfer, pose: Pose | None) -> Image.Image:
        return pipe.garment(person, wearer, where, pose, strength=strength, retarget=False)

    target = _target(service, person, _from_field(pose), retarget)
    return await _edited(service, person, target, edit, keep_background=keep_background, kind=format)


@editing.post("/texture", response_class=Response, responses=_DRAWN)
async def texture(
    service: ReadyService,
    picture: PictureFile,
    pattern: PatternFile = None,
    pattern_name: Annotated[bodies.PatternName, Form()] = None,
    seed: Annotated[bodies.Seed, Form()] = 0,
    region: Annotated[bodies.Region, Form()] = "upper",
    mask: MaskFile = None,
    scale: Annotated[bodies.Scale, Form()] = 1.0,
    strength: Annotated[bodies.Strength, Form()] = 1.0,
    pose: OptionalPoseField = None,
    source_pose: SourcePoseField = None,
    retarget: Annotated[answers.Retarget, Form()] = True,
    keep_background: Annotated[answers.KeepBackground, Form()] = False,
    format: Annotated[answers.Format, Form()] = PictureFormat.png,
    max_side: Annotated[answers.MaxSide, Form()] = None,
    model: Annotated[answers.ModelName, Form()] = None,
) -> Response:
    """A garment made of another cloth, in one request."""
    cloth = await _pattern(service, pattern, pattern_name, seed)
    person = await encoded_once(service, picture, source_pose, model, max_side)
    where = await _where(service, region, mask, person)

    def edit(pipe: PoseTransfer, pose: Pose | None) -> Image.Image:
        return pipe.texture(person, cloth, where, pose, scale=scale, strength=strength, seed=seed, retarget=False)

    target = _target(service, person, _from_field(pose), retarget)
    return await _edited(service, person, target, edit, keep_background=keep_background, kind=format)


@editing.post("/parse", response_model=bodies.ParsingAnswer, responses={**WORK, **PARSING_ANSWER})
async def parse(
    service: ReadyService,
    picture: PictureFile,
    pose: OptionalPoseField = None,
    source_pose: SourcePoseField = None,
    retarget: Annotated[answers.Retarget, Form()] = True,
    format: Annotated[bodies.ShownAs, Form()] = ShowAs.json,
    max_side: Annotated[answers.MaxSide, Form()] = None,
    model: Annotated[answers.ModelName, Form()] = None,
) -> Response | bodies.ParsingAnswer:
    """Which garment or body part each pixel of a picture shows, as photographed or in a pose."""
    person = await encoded_once(service, picture, source_pose, model, max_side)
    return await _parsed(service, person, _target(service, person, _from_field(pose), retarget), format)


@editing.post("/explain", response_model=bodies.ExplainAnswer, responses={**WORK, **EXPLAIN_ANSWER})
async def explain(
    service: ReadyService,
    picture: PictureFile,
    pose: Annotated[str, Form(description="A shipped pose's name, or a pose as JSON.", max_length=200_000)],
    source_pose: SourcePoseField = None,
    retarget: Annotated[answers.Retarget, Form()] = True,
    format: Annotated[bodies.ShownAs, Form()] = ShowAs.json,
    max_side: Annotated[answers.MaxSide, Form()] = None,
    model: Annotated[answers.ModelName, Form()] = None,
) -> Response | bodies.ExplainAnswer:
    """Where each part of a drawing comes from."""
    person = await encoded_once(service, picture, source_pose, model, max_side)
    return await _explained(service, person, placed_pose(service, person, pose_from_field(pose), retarget), format)


def _from_field(pose: str | None) -> JsonPose | None:
    return None if pose is None else pose_from_field(pose)


def _target(service: Service, person: EncodedSource, pose: JsonPose | None, retarget: bool) -> Pose | None:
    return None if pose is None else placed_pose(service, person, pose, retarget)


async def _pattern(service: Service, file: UploadFile | None, name: str | None, seed: int) -> Image.Image | str:
    """The picture of a cloth, or a pattern's name that was looked up."""
    if (file is None) == (name is None):
        raise InputError("give the cloth as a picture in 'pattern', or by name in 'pattern_name'; one of the two.")
    if file is None:
        checked: Pattern = find_pattern(_plain_name(name or ""), None, seed)
        return checked.picture
    data = await file.read()
    return await service.on_pictures(
        lambda: brought_down(decode_image(data, "the pattern", service.limits.pixels), service.limits.side)
    )


def _plain_name(name: str) -> str:
    """A name that cannot be that of a file."""
    if not name.replace("_", "").replace("-", "").isalpha():
        raise InputError(f"'{name}' is no pattern; see 'patterns' in /v1/models.")
    return name


async def _where(service: Service, region: str, mask: UploadFile | None, masked: EncodedSource) -> str | Image.Image:
    """A region's name, or a mask brought to the size of the picture as it is worked on."""
    if mask is None:
        region_classes(region)
        return region
    data = await mask.read()
    given = await service.on_pictures(lambda: decode_image(data, "the mask", service.limits.pixels))
    return given.convert("L").resize(masked.picture.size, Image.Resampling.BILINEAR)


async def _edited(
    service: Service,
    person: EncodedSource,
    pose: Pose | None,
    edit: Edit,
    *,
    keep_background: bool,
    kind: PictureFormat,
) -> Response:
    def work() -> Image.Image:
        picture = edit(PoseTransfer(person.generator), pose)
        if keep_background and pose is not None:
            return person.on_own_background(picture, person.draw(pose))
        return picture

    picture, drawing = await service.on_network(timed(work))
    data, writing = await service.on_pictures(timed(lambda: picture_bytes(picture, kind)))
    return picture_response(data, kind.value, drawing + writing)


async def _parsed(
    service: Service, person: EncodedSource, pose: Pose | None, show: ShowAs
) -> Response | bodies.ParsingAnswer:
    parsing, seconds = await service.on_network(
        timed(lambda: PoseTransfer(person.generator).parse(person, pose, retarget=False))
    )
    picture = parsing.to_picture()
    if show is ShowAs.png:
        return picture_response(picture_bytes(picture, PictureFormat.png), "png", seconds)
    return _described(parsing, picture)


def _described(parsing: ParsingResult, picture: Image.Image) -> bodies.ParsingAnswer:
    legend = parsing.legend()
    count = parsing.size.height * parsing.size.width
    labels = [{**one, "share": one["pixels"] / count} for one in legend["classes"]]
    return bodies.ParsingAnswer.model_validate(
        {"picture": data_url(picture), "scheme": legend["scheme"], "labels": labels}
    )


async def _explained(
    service: Service, person: EncodedSource, pose: Pose, show: ShowAs
) -> Response | bodies.ExplainAnswer:
    pictures, seconds = await service.on_network(
        timed(lambda: PoseTransfer(person.generator).explain(person, pose, retarget=False))
    )
    if show is ShowAs.png:
        sheet = await service.on_pictures(lambda: picture_bytes(explain_sheet(pictures), PictureFormat.png))
        return picture_response(sheet, "png", seconds)
    shown = [{"name": name, "picture": data_url(one, PictureFormat.jpeg)} for name, one in pictures.items()]
    return bodies.ExplainAnswer.model_validate({"pictures": shown})
