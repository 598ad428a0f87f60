"""What several endpoints need: the service, the fields of forms, a picture encoded, a picture as an answer."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, File, Form, Request, Response, UploadFile

from posable.pipeline import EncodedSource
from posable.pose import Pose
from posable.studio.pose_input import JsonPose, given_pose, pose_from_field, pose_of_source
from posable.studio.service import Seen, Service


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


def placed_pose(service: Service, encoded: EncodedSource, given: JsonPose, retarget: bool) -> Pose:
    pose = given_pose(given, None if retarget else encoded.letterbox.source)
    return service.place(encoded, pose, retarget=retarget)


def picture_response(data: bytes, kind: str, seconds: float) -> Response:
    headers = {"X-Seconds": f"{seconds:.4f}"}
    return Response(data, media_type=f"image/{kind}", headers=headers)
