"""The JSON of requests and responses, as OpenAPI describes it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from posable.defaults import DEFAULT_MODEL
from posable.studio.pictures import PictureFormat, SequenceFormat
from posable.studio.settings import Limits
from posable.transfer.background import BackgroundKind

_DEFAULTS = Limits()
_EXAMPLE_POINTS: dict[str, list[float] | None] = {
    "nose": [88.0, 41.5], "neck": [88.0, 62.0],
    "right_shoulder": [71.0, 62.5], "right_elbow": [62.0, 89.0], "right_wrist": [58.0, 113.0],
    "left_shoulder": [105.0, 62.5], "left_elbow": [114.0, 89.0], "left_wrist": [118.0, 113.0],
    "right_hip": [77.0, 119.0], "right_knee": [76.0, 163.0], "right_ankle": [75.0, 204.0],
    "left_hip": [99.0, 119.0], "left_knee": [100.0, 163.0], "left_ankle": [101.0, 204.0],
    "right_eye": [84.5, 38.0], "left_eye": [91.5, 38.0], "right_ear": None, "left_ear": None,
}  # fmt: skip
EXAMPLE_POSE: dict[str, Any] = {
    "posable_pose": 1,
    "skeleton": "openpose-18",
    "size": [256, 176],
    "keypoints": _EXAMPLE_POINTS,
}

GivenPose = Annotated[
    str | dict[str, Any] | list[Any],
    Field(
        description="The name of a shipped pose (see /v1/poses), or a pose as JSON: posable's own, OpenPose 18 or 25, "
        "COCO 17, MediaPipe 33.",
        examples=["wave", EXAMPLE_POSE],
    ),
]
ModelName = Annotated[
    str | None, Field(description="A model of /v1/models; else the default.", max_length=200, examples=[DEFAULT_MODEL])
]
MaxSide = Annotated[
    int | None,
    Field(
        description="The longer side of the drawn picture at most, px; 256 makes dragging fluent. Else the source's.",
        ge=64,
        le=_DEFAULTS.side,
        examples=[256],
    ),
]
Retarget = Annotated[bool, Field(description="Fit the pose to the person's proportions and place.")]
Background = Annotated[
    BackgroundKind | None,
    Field(
        description="Around the person: keep the photograph's own pixels, drawn by the model, plain, or transparent. "
        "Else keep, where the model's family draws a mask of the person."
    ),
]
Format = Annotated[PictureFormat, Field(description="png keeps every level; jpeg and webp are fast previews.")]
SequenceKind = Annotated[
    SequenceFormat, Field(description="png and jpeg: side by side in a strip; webp and gif: an animation.")
]
SecondsPerPicture = Annotated[float, Field(description="Of an animation.", ge=0.02, le=60.0)]


class ErrorDetail(BaseModel):
    code: str = Field(description="A word for programs.", examples=["no_person"])
    message: str = Field(
        description="A sentence for people: what was given, what is right, what to do.",
        examples=["'wav' is no shipped pose; did you mean 'wave'? ..."],
    )


class ErrorResponse(BaseModel):
    error: ErrorDetail


class PoseResponse(BaseModel):
    """A pose in posable's own JSON: keypoints as [x, y] in px of a frame [height, width], null when hidden."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_POSE]})
    posable_pose: Literal[1]
    skeleton: Literal["openpose-18"]
    size: Annotated[list[int], Field(min_length=2, max_length=2, description="[height, width]")]
    keypoints: dict[str, Annotated[list[float], Field(min_length=2, max_length=2)] | None]


class SourceResponse(BaseModel):
    """A source that the service now holds."""

    id: str = Field(description="For /v1/sources/{id}/...; forgotten after an hour without use.")
    size: Annotated[list[int], Field(min_length=2, max_length=2, description="[height, width] of the picture as kept")]
    pose: PoseResponse
    people_found: int = Field(description="How many people the detector saw; 1 when the pose was given.")
    messages: list[str] = Field(description="Sentences that are worth showing, such as that several people were seen.")


class DetectionResponse(BaseModel):
    pose: PoseResponse
    size: Annotated[list[int], Field(min_length=2, max_length=2, description="[height, width]")]
    people_found: int
    messages: list[str]


class PlacedResponse(BaseModel):
    pose: PoseResponse


class NamedPose(BaseModel):
    name: str
    pose: PoseResponse


class PosesResponse(BaseModel):
    poses: list[NamedPose]


class ModelResponse(BaseModel):
    name: str
    default: bool
    ready: bool = Field(description="Whether it is loaded; the first request for another one loads it.")
    family: str
    size: Annotated[list[int], Field(min_length=2, max_length=2, description="[height, width] of the network's frame")]
    licence: str | None = Field(description="Of the weights.")


class ModelsResponse(BaseModel):
    models: list[ModelResponse]
    regions: list[str] = Field(description="Parts of a person that garments and textures go to.")
    patterns: list[str] = Field(description="Textures that can be given by name.")
    dtd_classes: list[str] = Field(description="The same, of the Describable Textures, when the service has them.")


class HealthResponse(BaseModel):
    status: Literal["ready"]
    version: str
    model: str = Field(description="The default model.")
    waiting: int = Field(description="Pieces of work in the queue.")
    sources: int = Field(description="Sources held.")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SourcePoseBody(_Strict):
    pose: GivenPose


class PlaceBody(_Strict):
    pose: GivenPose
    retarget: Retarget = True


class TransferBody(_Strict):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"pose": "wave"}]})
    pose: GivenPose
    retarget: Retarget = True
    background: Background = None
    format: Format = PictureFormat.png
    max_side: MaxSide = None
    model: ModelName = None


class SequenceBody(_Strict):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"poses": ["wave", "arms-up"]}]})
    poses: Annotated[list[GivenPose], Field(min_length=1, max_length=_DEFAULTS.poses)]
    retarget: Retarget = True
    background: Background = None
    format: SequenceKind = SequenceFormat.webp
    seconds: SecondsPerPicture = 0.5
    max_side: MaxSide = None
    model: ModelName = None


def _failure(description: str) -> dict[str, Any]:
    return {"model": ErrorResponse, "description": description}


ALWAYS: dict[int | str, dict[str, Any]] = {
    400: _failure("The request is not HTTP as it should be, or its body is no JSON or form."),
    401: _failure("The API key is missing or wrong."),
    403: _failure("The request comes from a page of another site, or under a name that is not the service's."),
    500: _failure("A bug of the service."),
}
WORK: dict[int | str, dict[str, Any]] = {
    **ALWAYS,
    408: _failure("The request took too long to arrive."),
    413: _failure("The body or the picture is too large."),
    415: _failure("The body's content type, or the picture's format, is not known."),
    422: _failure("Something that was given cannot be used."),
    429: _failure("Too much work is waiting; try again after Retry-After seconds."),
    503: _failure("The model is not ready, the service is closing, or it took too long."),
}
NO_SOURCE: dict[int | str, dict[str, Any]] = {
    404: _failure("There is no such source (any more)."),
    422: WORK[422],
}
_SECONDS_HEADER = {
    "X-Seconds": {
        "description": "Time to draw, compose and write the picture, without waiting.",
        "schema": {"type": "number"},
    }
}


def picture_schema(*kinds: str) -> dict[int | str, dict[str, Any]]:
    """The description of a response that is a picture."""
    content = {f"image/{kind}": {"schema": {"type": "string", "format": "binary"}} for kind in kinds}
    return {200: {"description": "The picture.", "content": content, "headers": _SECONDS_HEADER}}
