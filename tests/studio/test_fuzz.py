"""The API asked everything that its own OpenAPI description allows, and much that it does not: never a 500."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from PIL import Image
from sample_requests import SIZE, STANDING, add_source, png, wait_until_ready
from schemathesis.checks import not_a_server_error
from schemathesis.python import asgi
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from posable.detect import Detection
from posable.detect.parser import ParsingResult
from posable.parsing.schemes import LIP_20
from posable.pose.library import shipped_pose
from posable.studio import service
from posable.studio.app import create_app
from posable.studio.settings import Limits, Settings
from posable.transfer.encoded_source import EncodedSource

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
PICTURES = ("picture", "reference", "pattern", "mask")
POSES = ("pose", "source_pose", "reference_pose")


def a_person(picture: Image.Image, *_given: object, **_options: object) -> Detection:
    """Somebody in every picture, so that what comes after the detector is reached."""
    pose = shipped_pose("stand-front").resize(SIZE._replace(height=picture.height, width=picture.width))
    return Detection(pose, (0, 0, picture.width, picture.height), 1.0, 1)


def a_shirt(source: EncodedSource) -> ParsingResult:
    labels = np.zeros((source.picture.height, source.picture.width), np.uint8)
    labels[labels.shape[0] // 4 : labels.shape[0] // 2] = LIP_20.index("upper-clothes")
    return ParsingResult(labels)


@pytest.fixture(scope="module")
def fuzzed(tiny_model: Path) -> Iterator[Any]:
    """A running service, as Schemathesis calls it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(service, "find_pose", a_person)
        patch.setattr(EncodedSource, "parsing", property(a_shirt))
        limits = Limits(pixels=100_000, side=200, sources=8, seconds=300)
        app = create_app(Settings(models=(str(tiny_model),), device="cpu", hosts=(asgi.HOST,), limits=limits))
        with asgi.get_client(app) as client:
            wait_until_ready(client)
        yield app
        asgi.shutdown_lifespans()


def fuzz(app: Any, max_examples: int) -> list[str]:
    """Sends that many valid and as many invalid requests to each operation; gives back the operations."""
    config = schemathesis.Config.from_dict({"generation": {"mode": "all"}, "request-timeout": 300})
    schema = schemathesis.openapi.from_asgi("/v1/openapi.json", app, config=config)
    asked: list[str] = []
    for found in schema.get_all_operations():
        operation = found.ok()
        for mode in schemathesis.GenerationMode:
            # Without a body nothing can be wrong: any text may be an id.
            if mode is schemathesis.GenerationMode.NEGATIVE and not operation.body:
                continue

            @settings(
                max_examples=max_examples,
                derandomize=True,
                database=None,
                deadline=None,
                phases=[Phase.generate],  # shrinking would take minutes here
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def check(case: Any) -> None:
                ask(app, case)

            check()
        asked.append(operation.label)
    return asked


def ask(app: Any, case: Any) -> None:
    """Sends the case as it is and, where it has places for them, with sources that are there and real pictures."""
    case.call_and_validate(checks=CHECKS)
    changed = False
    with asgi.get_client(app) as client:
        if "source_id" in (case.path_parameters or {}):
            case.path_parameters["source_id"] = add_source(client)
            changed = True
        if isinstance(case.body, dict):
            for name, value in case.body.items():
                if name in PICTURES and isinstance(value, bytes):
                    case.body[name] = png()
                    changed = True
                elif name == "reference" and isinstance(value, str):
                    case.body[name] = add_source(client, seed=2)
                elif name in POSES and isinstance(value, str):
                    case.body[name] = STANDING if case.media_type == "multipart/form-data" else "wave"
    if changed:
        case.call_and_validate(checks=CHECKS)


def test_a_few_requests_to_each_endpoint_are_answered_as_described(fuzzed: Any) -> None:
    described = fuzzed.openapi()["paths"]
    assert set(fuzz(fuzzed, max_examples=4)) == {
        f"{method.upper()} {path}" for path, methods in described.items() for method in methods
    }


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_many_requests_to_each_endpoint_are_answered_as_described(fuzzed: Any) -> None:
    fuzz(fuzzed, max_examples=40)
