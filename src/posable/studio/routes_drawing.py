"""Endpoints that draw a person in other poses: detect, sources, transfer, sequence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Response, UploadFile
from PIL import Image

from posable.errors import ImageError, InputError
from posable.imaging.image import decode_image, size_of
from posable.pose.pose import Pose
from posable.studio import schemas
from posable.studio.pictures import PictureFormat, SequenceFormat, picture_bytes, sequence_bytes
from posable.studio.pose_input import pose_from_field, pose_json, pose_of_source
from posable.studio.request_parts import (
    AnyService,
    AsDrawn,
    PictureFile,
    PoseField,
    ReadyService,
    Sent,
    SourcePoseField,
    encoded_once,
    look_at,
    name_of,
    picture_response,
    placed_pose,
)
from posable.studio.requests_in_memory import ServiceRoute
from posable.studio.schemas import ALWAYS, NO_SOURCE, WORK, picture_schema
from posable.studio.service import Service, timed
from posable.studio.source_store import Source
from posable.transfer.background import BackgroundKind
from posable.transfer.encoded_source import EncodedSource

drawing = APIRouter(prefix="/v1", tags=["drawing"], route_class=ServiceRoute)


@drawing.post("/detect", responses=WORK)
async def detect(service: AnyService, picture: PictureFile) -> schemas.DetectionResponse:
    """The pose of the largest person in a picture."""
    seen = await service.look(await picture.read(), name_of(picture, "the picture"), None)
    found = {"pose": pose_json(seen.pose), "size": list(size_of(seen.picture))}
    return schemas.DetectionResponse.model_validate(
        {**found, "people_found": seen.people_found, "messages": list(seen.messages)}
    )


@drawing.post("/sources", status_code=201, responses=WORK)
async def add_source(
    service: ReadyService,
    picture: PictureFile,
    pose: SourcePoseField = None,
    model: Annotated[schemas.ModelName, Form()] = None,
) -> schemas.SourceResponse:
    """Encodes a picture and holds it, so that each further pose costs the drawing alone."""
    service.models.checked_name(model)
    seen = await look_at(service, picture, pose)
    source = service.store.add(seen)
    encoded = await service.encoding(source, model, None)
    return _described(source, encoded.generator.notes(encoded.encoded))


@drawing.get("/sources/{source_id}", responses={**ALWAYS, **NO_SOURCE})
def source(service: AnyService, source_id: str) -> schemas.SourceResponse:
    """A source that the service holds."""
    return _described(service.store.get(source_id))


@drawing.delete("/sources/{source_id}", status_code=204, responses={**ALWAYS, **NO_SOURCE})
def forget_source(service: AnyService, source_id: str) -> None:
    """Forgets a source and its picture."""
    service.store.remove(source_id)


@drawing.put("/sources/{source_id}/pose", responses={**WORK, **NO_SOURCE})
def correct_source_pose(service: ReadyService, source_id: str, body: schemas.SourcePoseBody) -> schemas.SourceResponse:
    """Another pose for the person in the picture, where the detected one is wrong."""
    frame = size_of(service.store.get(source_id).seen.picture)
    return _described(service.store.set_pose(source_id, pose_of_source(body.pose, frame)))


@drawing.post("/sources/{source_id}/place", responses={**WORK, **NO_SOURCE})
async def place(service: ReadyService, source_id: str, body: schemas.PlaceBody) -> schemas.PlacedResponse:
    """The pose as a transfer would draw it, in the frame of the source's picture."""
    encoded = await service.encoding(service.store.get(source_id), None, None)
    placed = placed_pose(encoded, body.pose, body.retarget)
    return schemas.PlacedResponse.model_validate({"pose": pose_json(placed)})


@drawing.post(
    "/sources/{source_id}/transfer",
    response_class=Response,
    responses={**WORK, **NO_SOURCE, **picture_schema("png", "jpeg", "webp")},
)
async def transfer_source(service: ReadyService, source_id: str, body: schemas.TransferBody) -> Response:
    """The source's person in another pose."""
    encoded = await service.encoding(service.store.get(source_id), body.model, body.max_side)
    pose = placed_pose(encoded, body.pose, body.retarget)
    return await _drawn(service, encoded, pose, background=body.background, kind=body.format)


@drawing.post(
    "/sources/{source_id}/sequence",
    response_class=Response,
    responses={**WORK, **NO_SOURCE, **picture_schema("png", "jpeg", "webp", "gif")},
)
async def sequence_source(service: ReadyService, source_id: str, body: schemas.SequenceBody) -> Response:
    """The source's person in many poses, as a strip or an animation."""
    encoded = await service.encoding(service.store.get(source_id), body.model, body.max_side)
    return await _sequence(service, encoded, body)


@drawing.post("/transfer", response_class=Response, responses={**WORK, **picture_schema("png", "jpeg", "webp")})
async def transfer(service: ReadyService, sent: Sent, pose: PoseField, how: AsDrawn) -> Response:
    """The person of a picture in another pose, in one request; nothing is held."""
    encoded, _ = await encoded_once(service, sent)
    placed = placed_pose(encoded, pose_from_field(pose), how.retarget)
    return await _drawn(service, encoded, placed, background=how.background, kind=how.format)


@drawing.post("/sequence", response_class=Response, responses={**WORK, **picture_schema("png", "jpeg", "webp", "gif")})
async def sequence(
    service: ReadyService,
    sent: Sent,
    poses: Annotated[
        str,
        Form(
            description="A JSON list of poses, or names between commas.", max_length=900_000, examples=["wave,arms-up"]
        ),
    ],
    retarget: Annotated[schemas.Retarget, Form()] = True,
    background: Annotated[schemas.Background, Form()] = None,
    format: Annotated[schemas.SequenceKind, Form()] = SequenceFormat.webp,
    seconds: Annotated[schemas.SecondsPerPicture, Form()] = 0.5,
) -> Response:
    """The person of a picture in many poses, in one request; nothing is held."""
    given = pose_from_field(poses)
    listed: list[Any] = given if isinstance(given, list) else str(poses).split(",")
    if not 1 <= len(listed) <= service.limits.poses:
        raise InputError(f"there are {len(listed)} poses; give 1 to {service.limits.poses}.")
    body = schemas.SequenceBody(
        poses=[one.strip() if isinstance(one, str) else one for one in listed],
        retarget=retarget,
        background=background,
        format=format,
        seconds=seconds,
    )
    encoded, _ = await encoded_once(service, sent)
    return await _sequence(service, encoded, body)


@drawing.post("/animation", response_class=Response, responses={**WORK, **picture_schema("png", "jpeg", "webp", "gif")})
async def animation(
    service: AnyService,
    pictures: Annotated[list[UploadFile], File(description="Pictures of one size, in their order.")],
    format: Annotated[schemas.SequenceKind, Form()] = SequenceFormat.webp,
    seconds: Annotated[schemas.SecondsPerPicture, Form()] = 0.5,
) -> Response:
    """Pictures that were drawn, whatever the person wears in them, as a strip or an animation."""
    if len(pictures) > service.limits.poses:
        raise InputError(f"there are {len(pictures)} pictures; give 1 to {service.limits.poses}.")
    named = [(name_of(one, f"picture {number}"), await one.read()) for number, one in enumerate(pictures, start=1)]
    most = service.limits.sequence_pixels

    def written() -> bytes:
        read: list[Image.Image] = []
        for name, data in named:
            read.append(decode_image(data, name, most // len(named)))
            if read[-1].size != read[0].size:
                first, other = size_of(read[0]), size_of(read[-1])
                raise ImageError(f"{name} is {other} and {named[0][0]} is {first}; give pictures of one size.")
        return sequence_bytes(read, format, seconds)

    data, seconds_taken = await service.on_pictures(timed(written))
    return picture_response(data, format.value, seconds_taken)


async def _drawn(
    service: Service, encoded: EncodedSource, pose: Pose, *, background: BackgroundKind | None, kind: PictureFormat
) -> Response:
    (drawn,) = await service.draw(encoded, [pose], background)

    def written() -> bytes:
        return picture_bytes(drawn.picture(background), kind)

    data, seconds = await service.on_pictures(timed(written))
    return picture_response(data, kind.value, drawn.seconds + seconds)


async def _sequence(service: Service, encoded: EncodedSource, body: schemas.SequenceBody) -> Response:
    height, width = size_of(encoded.picture)
    if height * width * len(body.poses) > service.limits.sequence_pixels:
        raise InputError(
            f"{len(body.poses)} pictures of {height}x{width} are too much for one response; give a max_side, "
            "or fewer poses."
        )
    poses = [placed_pose(encoded, one, body.retarget) for one in body.poses]
    drawn = await service.draw(encoded, poses, body.background)

    def written() -> bytes:
        pictures: Sequence[Image.Image] = [one.picture(body.background) for one in drawn]
        return sequence_bytes(pictures, body.format, body.seconds)

    data, seconds = await service.on_pictures(timed(written))
    return picture_response(data, body.format.value, sum(one.seconds for one in drawn) + seconds)


def _described(source: Source, notes: Sequence[str] = ()) -> schemas.SourceResponse:
    seen = source.seen
    return schemas.SourceResponse.model_validate(
        {
            "id": source.id,
            "size": list(size_of(seen.picture)),
            "pose": pose_json(seen.pose),
            "people_found": seen.people_found,
            "messages": [*seen.messages, *notes],
        }
    )
