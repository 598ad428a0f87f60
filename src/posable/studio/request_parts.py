"""What several endpoints need: the service, the fields of forms, a picture encoded, a picture as a response."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, NamedTuple

from fastapi import Depends, File, Form, Request, Response, UploadFile

from posable.imaging.size import Size
from posable.pose.pose import Pose
from posable.studio import schemas
from posable.studio.pictures import PictureFormat
from posable.studio.pose_input import JsonPose, given_pose, pose_from_field, pose_of_source, turn_of
from posable.studio.service import Service
from posable.studio.source_store import Seen
from posable.transfer.background import BackgroundKind
from posable.transfer.encoded_source import EncodedSource

_LONGEST_NAME = 80


class Encoded(NamedTuple):
    """A picture encoded, and the size that it was sent in."""

    person: EncodedSource
    sent_size: Size


def service_of(request: Request) -> Service:
    return request.app.state.service


def ready_service(request: Request) -> Service:
    """Raises HttpError (503) when the model is not there."""
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


@dataclass(frozen=True)
class SentPicture:
    """The picture of a form, and how it is to be encoded."""

    file: UploadFile
    pose: str | None
    max_side: int | None
    model: str | None


def sent_picture(
    picture: PictureFile,
    source_pose: SourcePoseField = None,
    max_side: Annotated[schemas.MaxSide, Form()] = None,
    model: Annotated[schemas.ModelName, Form()] = None,
) -> SentPicture:
    return SentPicture(picture, source_pose, max_side, model)


@dataclass(frozen=True)
class DrawnAs:
    """How a form wants its person drawn, and the drawing written."""

    retarget: bool
    background: BackgroundKind | None
    format: PictureFormat


def drawn_as(
    retarget: Annotated[schemas.Retarget, Form()] = True,
    background: Annotated[schemas.Background, Form()] = None,
    format: Annotated[schemas.Format, Form()] = PictureFormat.png,
) -> DrawnAs:
    return DrawnAs(retarget, background, format)


Sent = Annotated[SentPicture, Depends(sent_picture)]
AsDrawn = Annotated[DrawnAs, Depends(drawn_as)]
OptionalPoseField = Annotated[
    str | None,
    Form(description="A shipped pose's name, or a pose as JSON; else as photographed.", max_length=200_000),
]


def name_of(file: UploadFile, otherwise: str) -> str:
    """What errors call a file that was sent: by its own name, when it came with one."""
    name = (file.filename or "").replace("\\", "/").rpartition("/")[2]
    return f"'{name[-_LONGEST_NAME:]}'" if "." in name.strip(".") else otherwise


async def look_at(service: Service, picture: UploadFile, pose: str | None, otherwise: str = "the picture") -> Seen:
    """The picture of a form and the pose of its person, given in a field or detected; errors call it by its file's
    name, or `otherwise`."""
    name = name_of(picture, otherwise)
    if pose is None:
        return await service.look(await picture.read(), name, None)
    known = pose_from_field(pose)
    return await service.look(await picture.read(), name, lambda frame: pose_of_source(known, frame))


async def encoded_once(service: Service, sent: SentPicture, otherwise: str = "the picture") -> Encoded:
    """A form's picture encoded, without being held; errors call it as in `look_at`."""
    model_name = service.models.checked_name(sent.model)
    seen = await look_at(service, sent.file, sent.pose, otherwise)
    person = await service.on_network(lambda: service.encoded(model_name, seen, sent.max_side))
    return Encoded(person, seen.sent_size)


def target_pose(person: EncodedSource, pose: JsonPose | None, retarget: bool) -> Pose | None:
    """The pose to draw, or None for the person as photographed."""
    return None if pose is None else placed_pose(person, pose, retarget)


def optional_pose(field: str | None) -> JsonPose | None:
    return None if field is None else pose_from_field(field)


def placed_pose(encoded: EncodedSource, given: JsonPose, retarget: bool) -> Pose:
    if isinstance(given, dict) and set(given) == {"turn"}:
        return encoded.place(turn_of(given["turn"]))
    return encoded.place(given_pose(given, None if retarget else encoded.size), retarget=retarget)


def picture_response(data: bytes, kind: str, seconds: float) -> Response:
    headers = {"X-Seconds": f"{seconds:.4f}"}
    return Response(data, media_type=f"image/{kind}", headers=headers)
