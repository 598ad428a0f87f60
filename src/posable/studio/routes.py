"""Endpoints without editing: sources, transfer, sequence, detect, and what the service says about itself."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Request, Response, UploadFile
from PIL import Image

from posable.editing.patterns import PATTERNS
from posable.editing.regions import REGIONS
from posable.errors import InputError
from posable.image import size_of
from posable.pipeline import EncodedSource
from posable.pose import Pose
from posable.poses import shipped_poses
from posable.studio import answers
from posable.studio.answers import ALWAYS, NO_SOURCE, WORK, picture_answer
from posable.studio.pictures import PictureFormat, SequenceFormat, picture_bytes, sequence_bytes
from posable.studio.pose_input import JsonPose, given_pose, pose_from_field, pose_json, pose_of_source
from posable.studio.requests_in_memory import ServiceRoute
from posable.studio.service import Seen, Service
from posable.studio.source_store import Source
from posable.version import __version__


def service_of(request: Request) -> Service:
    return request.app.state.service


def ready_service(request: Request) -> Service:
    """Raises Refusal (503) when the model is not there."""
    service = service_of(request)
    service.check_ready()
    return service


AnyService = Annotated[Service, Depends(service_of)]
ReadyService = Annotated[Service, Depends(ready_service)]
PictureFile = Annotated[UploadFile, File(description="A JPEG, PNG, WebP, TIFF or BMP file that shows a person.")]
PoseField = Annotated[
    str,
    Form(description="A shipped pose's name, or a pose as JSON.", max_length=200_000, examples=["wave"]),
]
SourcePoseField = Annotated[
    str | None,
    Form(description="The pose of the person in the picture; else it is detected.", max_length=200_000),
]

about = APIRouter(prefix="/v1", tags=["about"], route_class=ServiceRoute)
drawing = APIRouter(prefix="/v1", tags=["drawing"], route_class=ServiceRoute)


@about.get("/health", responses={**ALWAYS, 503: WORK[503]})
def health(service: AnyService) -> answers.HealthAnswer:
    """Whether pictures can be drawn now; needs no API key."""
    service.check_ready()
    return answers.HealthAnswer(
        status="ready",
        version=__version__,
        model=service.shelf.default,
        waiting=len(service.queue),
        sources=len(service.store),
    )


@about.get("/metrics", responses={**ALWAYS, 200: {"content": {"text/plain": {"schema": {"type": "string"}}}}})
def metrics(service: AnyService) -> Response:
    """Counters in Prometheus's text format."""
    return Response(service.metrics.text(), media_type=service.metrics.CONTENT_TYPE)


@about.get("/models", responses=ALWAYS)
def models(service: AnyService) -> answers.ModelsAnswer:
    """The models, regions and patterns that requests may name."""
    return answers.ModelsAnswer(
        models=[
            answers.ModelAnswer(
                name=one.name,
                default=one.name == service.shelf.default,
                ready=service.shelf.is_loaded(one.name),
                family=one.card["family"],
                size=list(one.card["size"]),
                licence=_text_or_none(one.card.get("licence")),
            )
            for one in service.shelf.offered.values()
        ],
        regions=list(REGIONS),
        patterns=list(PATTERNS),
    )


@about.get("/poses", responses=ALWAYS)
def poses() -> answers.PosesAnswer:
    """The shipped poses, with their keypoints."""
    named = [{"name": name, "pose": pose_json(pose)} for name, pose in shipped_poses().items()]
    return answers.PosesAnswer.model_validate({"poses": named})


@drawing.post("/detect", responses=WORK)
async def detect(service: AnyService, picture: PictureFile) -> answers.DetectionAnswer:
    """The pose of the largest person in a picture."""
    seen = await service.look(await picture.read(), "the picture", None)
    found = {"pose": pose_json(seen.pose), "size": list(size_of(seen.picture))}
    return answers.DetectionAnswer.model_validate(
        {**found, "people_found": seen.people_found, "messages": list(seen.messages)}
    )


@drawing.post("/sources", status_code=201, responses=WORK)
async def add_source(
    service: ReadyService,
    picture: PictureFile,
    pose: SourcePoseField = None,
    model: Annotated[answers.ModelName, Form()] = None,
) -> answers.SourceAnswer:
    """Encodes a picture and holds it, so that each further pose costs the drawing alone."""
    service.shelf.checked_name(model)
    seen = await look_at(service, picture, pose)
    source = service.store.add(seen.picture, seen.pose, seen.people_found, seen.messages)
    await service.encoding(source, model, None)
    return _described(source)


@drawing.get("/sources/{source_id}", responses={**ALWAYS, **NO_SOURCE})
def source(service: AnyService, source_id: str) -> answers.SourceAnswer:
    """A source that the service holds."""
    return _described(service.store.get(source_id))


@drawing.delete("/sources/{source_id}", status_code=204, responses={**ALWAYS, **NO_SOURCE})
def forget_source(service: AnyService, source_id: str) -> None:
    """Forgets a source and its picture."""
    service.store.remove(source_id)


@drawing.put("/sources/{source_id}/pose", responses={**WORK, **NO_SOURCE})
def correct_source_pose(service: ReadyService, source_id: str, body: answers.SourcePoseBody) -> answers.SourceAnswer:
    """Another pose for the person in the picture, where the detected one is wrong."""
    frame = size_of(service.store.get(source_id).picture)
    return _described(service.store.set_pose(source_id, pose_of_source(body.pose, frame)))


@drawing.post("/sources/{source_id}/place", responses={**WORK, **NO_SOURCE})
async def place(service: ReadyService, source_id: str, body: answers.PlaceBody) -> answers.PlacedAnswer:
    """The pose as a transfer would draw it, in the frame of the source's picture."""
    encoded = await service.encoding(service.store.get(source_id), None, None)
    placed = placed_pose(service, encoded, body.pose, body.retarget)
    return answers.PlacedAnswer.model_validate({"pose": pose_json(placed)})


@drawing.post(
    "/sources/{source_id}/transfer",
    response_class=Response,
    responses={**WORK, **NO_SOURCE, **picture_answer("png", "jpeg", "webp")},
)
async def transfer_source(service: ReadyService, source_id: str, body: answers.TransferBody) -> Response:
    """The source's person in another pose."""
    encoded = await service.encoding(service.store.get(source_id), body.model, body.max_side)
    pose = placed_pose(service, encoded, body.pose, body.retarget)
    return await drawn_answer(service, encoded, pose, keep_background=body.keep_background, kind=body.format)


@drawing.post(
    "/sources/{source_id}/sequence",
    response_class=Response,
    responses={**WORK, **NO_SOURCE, **picture_answer("png", "jpeg", "webp", "gif")},
)
async def sequence_source(service: ReadyService, source_id: str, body: answers.SequenceBody) -> Response:
    """The source's person in many poses, as a strip or an animation."""
    encoded = await service.encoding(service.store.get(source_id), body.model, body.max_side)
    return await _sequence(service, encoded, body)


@drawing.post("/transfer", response_class=Response, responses={**WORK, **picture_answer("png", "jpeg", "webp")})
async def transfer(
    service: ReadyService,
    picture: PictureFile,
    pose: PoseField,
    source_pose: SourcePoseField = None,
    retarget: Annotated[answers.Retarget, Form()] = True,
    keep_background: Annotated[answers.KeepBackground, Form()] = False,
    format: Annotated[answers.Format, Form()] = PictureFormat.png,
    max_side: Annotated[answers.MaxSide, Form()] = None,
    model: Annotated[answers.ModelName, Form()] = None,
) -> Response:
    """The person of a picture in another pose, in one request; nothing is held."""
    encoded = await encoded_once(service, picture, source_pose, model, max_side)
    placed = placed_pose(service, encoded, pose_from_field(pose), retarget)
    return await drawn_answer(service, encoded, placed, keep_background=keep_background, kind=format)


@drawing.post("/sequence", response_class=Response, responses={**WORK, **picture_answer("png", "jpeg", "webp", "gif")})
async def sequence(
    service: ReadyService,
    picture: PictureFile,
    poses: Annotated[
        str,
        Form(
            description="A JSON list of poses, or names between commas.", max_length=900_000, examples=["wave,arms-up"]
        ),
    ],
    source_pose: SourcePoseField = None,
    retarget: Annotated[answers.Retarget, Form()] = True,
    keep_background: Annotated[answers.KeepBackground, Form()] = False,
    format: Annotated[answers.SequenceKind, Form()] = SequenceFormat.webp,
    seconds: Annotated[answers.SecondsPerPicture, Form()] = 0.5,
    max_side: Annotated[answers.MaxSide, Form()] = None,
    model: Annotated[answers.ModelName, Form()] = None,
) -> Response:
    """The person of a picture in many poses, in one request; nothing is held."""
    given = pose_from_field(poses)
    listed: list[Any] = given if isinstance(given, list) else str(poses).split(",")
    if not 1 <= len(listed) <= service.limits.poses:
        raise InputError(f"there are {len(listed)} poses; give 1 to {service.limits.poses}.")
    body = answers.SequenceBody(
        poses=[one.strip() if isinstance(one, str) else one for one in listed],
        retarget=retarget,
        keep_background=keep_background,
        format=format,
        seconds=seconds,
    )
    return await _sequence(service, await encoded_once(service, picture, source_pose, model, max_side), body)


async def look_at(service: Service, picture: UploadFile, pose: str | None, name: str = "the picture") -> Seen:
    """The picture of a form and the pose of its person, given in a field or detected; errors call it `name`."""
    if pose is None:
        return await service.look(await picture.read(), name, None)
    known = pose_from_field(pose)
    return await service.look(await picture.read(), name, lambda frame: pose_of_source(known, frame))


async def encoded_once(
    service: Service,
    picture: UploadFile,
    pose: str | None,
    model: str | None,
    max_side: int | None,
    name: str = "the picture",
) -> EncodedSource:
    """A form's picture encoded, without being held; errors call it `name`."""
    model_name = service.shelf.checked_name(model)
    seen = await look_at(service, picture, pose, name)
    return await service.on_network(lambda: service.encoded(model_name, seen.picture, seen.pose, max_side))


async def drawn_answer(
    service: Service, encoded: EncodedSource, pose: Pose, *, keep_background: bool, kind: PictureFormat
) -> Response:
    (drawn,) = await service.draw(encoded, [pose], keep_background=keep_background)
    started = time.perf_counter()
    data = await service.on_pictures(
        lambda: picture_bytes(encoded.finished(drawn.rendering, keep_background=keep_background), kind)
    )
    return picture_response(data, kind.value, drawn.seconds + time.perf_counter() - started)


def picture_response(data: bytes, kind: str, seconds: float) -> Response:
    headers = {"X-Seconds": f"{seconds:.4f}"}
    return Response(data, media_type=f"image/{kind}", headers=headers)


async def _sequence(service: Service, encoded: EncodedSource, body: answers.SequenceBody) -> Response:
    height, width = size_of(encoded.picture)
    if height * width * len(body.poses) > service.limits.sequence_pixels:
        raise InputError(
            f"{len(body.poses)} pictures of {height}x{width} are too much for one answer; give a max_side, "
            "or fewer poses."
        )
    poses = [placed_pose(service, encoded, one, body.retarget) for one in body.poses]
    drawn = await service.draw(encoded, poses, keep_background=body.keep_background)
    started = time.perf_counter()

    def written() -> bytes:
        pictures: Sequence[Image.Image] = [
            encoded.finished(one.rendering, keep_background=body.keep_background) for one in drawn
        ]
        return sequence_bytes(pictures, body.format, body.seconds)

    data = await service.on_pictures(written)
    seconds = sum(one.seconds for one in drawn) + time.perf_counter() - started
    return picture_response(data, body.format.value, seconds)


def placed_pose(service: Service, encoded: EncodedSource, given: JsonPose, retarget: bool) -> Pose:
    pose = given_pose(given, None if retarget else encoded.letterbox.source)
    return service.place(encoded, pose, retarget=retarget)


def _described(source: Source) -> answers.SourceAnswer:
    return answers.SourceAnswer.model_validate(
        {
            "id": source.id,
            "size": list(size_of(source.picture)),
            "pose": pose_json(source.pose),
            "people_found": source.people_found,
            "messages": list(source.messages),
        }
    )


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None
