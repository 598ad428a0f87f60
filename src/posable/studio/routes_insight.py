"""Endpoints that tell what the models see: parse, explain; of a held source, or in one request."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Response
from PIL import Image

from posable.detect.parser import ParsingResult
from posable.pose.pose import Pose
from posable.studio import editing_schemas as bodies
from posable.studio import schemas
from posable.studio.editing_schemas import EXPLAIN_RESPONSE, PARSING_RESPONSE, ShowAs
from posable.studio.pictures import PictureFormat, data_url, picture_bytes
from posable.studio.pose_input import pose_from_field
from posable.studio.request_parts import (
    OptionalPoseField,
    PoseField,
    ReadyService,
    Sent,
    encoded_once,
    optional_pose,
    picture_response,
    placed_pose,
    target_pose,
)
from posable.studio.requests_in_memory import ServiceRoute
from posable.studio.schemas import NO_SOURCE, WORK
from posable.studio.service import Service, timed
from posable.transfer.encoded_source import EncodedSource
from posable.transfer.sheet import explain_sheet

insight = APIRouter(prefix="/v1", tags=["insight"], route_class=ServiceRoute)


@insight.post(
    "/sources/{source_id}/parse",
    response_model=bodies.ParsingResponse,
    responses={**WORK, **NO_SOURCE, **PARSING_RESPONSE},
)
async def parse_source(
    service: ReadyService, source_id: str, body: bodies.ParseBody
) -> Response | bodies.ParsingResponse:
    """Which garment or body part each pixel of the source shows, as photographed or in a pose."""
    source = service.store.get(source_id)
    person = await service.encoding(source, body.model, body.max_side)
    pose = target_pose(person, body.pose, body.retarget)
    response = await _parsed(service, person, pose, body.format)
    service.store.make_room(source)
    return response


@insight.post(
    "/sources/{source_id}/explain",
    response_model=bodies.ExplainResponse,
    responses={**WORK, **NO_SOURCE, **EXPLAIN_RESPONSE},
)
async def explain_source(
    service: ReadyService, source_id: str, body: bodies.ExplainBody
) -> Response | bodies.ExplainResponse:
    """Where each part of a drawing of this source comes from."""
    person = await service.encoding(service.store.get(source_id), body.model, body.max_side)
    return await _explained(service, person, placed_pose(person, body.pose, body.retarget), body.format)


@insight.post("/parse", response_model=bodies.ParsingResponse, responses={**WORK, **PARSING_RESPONSE})
async def parse(
    service: ReadyService,
    sent: Sent,
    pose: OptionalPoseField = None,
    retarget: Annotated[schemas.Retarget, Form()] = True,
    format: Annotated[bodies.ShownAs, Form()] = ShowAs.json,
) -> Response | bodies.ParsingResponse:
    """Which garment or body part each pixel of a picture shows, as photographed or in a pose."""
    person, _ = await encoded_once(service, sent)
    return await _parsed(service, person, target_pose(person, optional_pose(pose), retarget), format)


@insight.post("/explain", response_model=bodies.ExplainResponse, responses={**WORK, **EXPLAIN_RESPONSE})
async def explain(
    service: ReadyService,
    sent: Sent,
    pose: PoseField,
    retarget: Annotated[schemas.Retarget, Form()] = True,
    format: Annotated[bodies.ShownAs, Form()] = ShowAs.json,
) -> Response | bodies.ExplainResponse:
    """Where each part of a drawing comes from."""
    person, _ = await encoded_once(service, sent)
    return await _explained(service, person, placed_pose(person, pose_from_field(pose), retarget), format)


async def _parsed(
    service: Service, person: EncodedSource, pose: Pose | None, show: ShowAs
) -> Response | bodies.ParsingResponse:
    parsing, seconds = await service.on_network(timed(lambda: person.parsed(pose, retarget=False)))
    picture = parsing.to_picture()
    if show is ShowAs.png:
        return picture_response(picture_bytes(picture, PictureFormat.png), "png", seconds)
    return _described(parsing, picture)


def _described(parsing: ParsingResult, picture: Image.Image) -> bodies.ParsingResponse:
    legend = parsing.legend()
    count = parsing.size.height * parsing.size.width
    labels = [{**one, "share": one["pixels"] / count} for one in legend["classes"]]
    return bodies.ParsingResponse.model_validate(
        {"picture": data_url(picture), "scheme": legend["scheme"], "labels": labels}
    )


async def _explained(
    service: Service, person: EncodedSource, pose: Pose, show: ShowAs
) -> Response | bodies.ExplainResponse:
    pictures, seconds = await service.on_network(timed(lambda: person.explain(pose, retarget=False)))
    if show is ShowAs.png:
        sheet = await service.on_pictures(lambda: picture_bytes(explain_sheet(pictures), PictureFormat.png))
        return picture_response(sheet, "png", seconds)
    shown = [{"name": name, "picture": data_url(one, PictureFormat.jpeg)} for name, one in pictures.items()]
    return bodies.ExplainResponse.model_validate({"pictures": shown})
