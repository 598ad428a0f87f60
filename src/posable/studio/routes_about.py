"""Endpoints in which the service speaks about itself: health, metrics, models, poses."""

from __future__ import annotations

from fastapi import APIRouter, Response

from posable.pose.library import shipped_poses
from posable.studio import schemas
from posable.studio.pose_input import pose_json
from posable.studio.request_parts import AnyService
from posable.studio.requests_in_memory import ServiceRoute
from posable.studio.schemas import ALWAYS, WORK
from posable.transfer.patterns import PATTERNS
from posable.transfer.regions import REGIONS
from posable.version import __version__

about = APIRouter(prefix="/v1", tags=["about"], route_class=ServiceRoute)
about_for_all = APIRouter(prefix="/v1", tags=["about"], route_class=ServiceRoute)
"""What needs no API key."""


@about_for_all.get("/health", responses={**ALWAYS, 503: WORK[503]})
def health(service: AnyService) -> schemas.HealthResponse:
    """Whether pictures can be drawn now; needs no API key."""
    service.check_ready()
    return schemas.HealthResponse(
        status="ready",
        version=__version__,
        model=service.models.default,
        waiting=len(service.queue),
        sources=len(service.store),
    )


@about.get("/metrics", responses={**ALWAYS, 200: {"content": {"text/plain": {"schema": {"type": "string"}}}}})
def metrics(service: AnyService) -> Response:
    """Counters in Prometheus's text format."""
    return Response(service.metrics.text(), media_type=service.metrics.CONTENT_TYPE)


@about.get("/models", responses=ALWAYS)
def models(service: AnyService) -> schemas.ModelsResponse:
    """The models, regions and patterns that requests may name."""
    return schemas.ModelsResponse(
        models=[
            schemas.ModelResponse(
                name=one.name,
                default=one.name == service.models.default,
                ready=service.models.is_loaded(one.name),
                family=one.card["family"],
                size=list(one.card["size"]),
                licence=_text_or_none(one.card.get("licence")),
            )
            for one in service.models.offered.values()
        ],
        regions=list(REGIONS),
        patterns=list(PATTERNS),
        dtd_classes=service.patterns.dtd_classes,
    )


@about.get("/poses", responses=ALWAYS)
def poses() -> schemas.PosesResponse:
    """The shipped poses, with their keypoints."""
    named = [{"name": name, "pose": pose_json(pose)} for name, pose in shipped_poses().items()]
    return schemas.PosesResponse.model_validate({"poses": named})


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None
