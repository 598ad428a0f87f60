"""The application: endpoints, page, errors as JSON, and what OpenAPI says of them."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request, Security
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from posable.errors import PosableError
from posable.studio.http_errors import HttpError, body_of, headers_of, http_error_of
from posable.studio.middleware import AccessControl, BodyReader, RequestMetrics
from posable.studio.routes_about import about, about_for_all
from posable.studio.routes_drawing import drawing
from posable.studio.routes_editing import editing
from posable.studio.routes_insight import insight
from posable.studio.service import Service
from posable.studio.settings import Settings
from posable.version import __version__

PAGE_FOLDER = Path(__file__).parent / "page"
_DESCRIPTION = """\
Puts a photographed person into other poses. Send a picture to `/v1/sources` once, then draw it in as many poses as
wanted; or do it in one request with `/v1/transfer`. Errors are `{"error": {"code", "message"}}`, where the message is
the library's own sentence. Pictures stay in memory and are forgotten; nothing is written to disk."""
# For the description alone: the middleware has checked the key before a route is looked for.
_KEY = HTTPBearer(auto_error=False, description="The key that the service was started with.")
_CODES = {400: "bad_request", 404: "not_found", 405: "method"}


def create_app(settings: Settings | None = None) -> FastAPI:
    """The studio as an ASGI application; the model is loaded when it starts.

    Raises CheckpointError for a model that is not there, and InputError.
    """
    service = Service(settings or Settings())

    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncGenerator[None]:
        service.start()
        yield
        await service.stop()

    app = FastAPI(
        title="posable",
        version=__version__,
        description=_DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        openapi_url="/v1/openapi.json",
        docs_url=None,  # its scripts would come from another site
        redoc_url=None,
        lifespan=life,
    )
    app.state.service = service
    key_wanted = [Security(_KEY)] if service.settings.api_key else []
    app.include_router(about_for_all)
    app.include_router(about, dependencies=key_wanted)
    app.include_router(drawing, dependencies=key_wanted)
    app.include_router(editing, dependencies=key_wanted)
    app.include_router(insight, dependencies=key_wanted)
    app.mount("/", StaticFiles(directory=PAGE_FOLDER, html=True), name="page")
    # The last one added is the outermost.
    app.add_middleware(BodyReader, limits=service.limits)
    app.add_middleware(AccessControl, settings=service.settings)
    app.add_middleware(RequestMetrics, metrics=service.metrics)
    _install_error_handlers(app)
    return app


def _install_error_handlers(app: FastAPI) -> None:
    def to_response(error: HttpError) -> JSONResponse:
        return JSONResponse(body_of(error), error.status, headers_of(error))

    async def on_error(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, PosableError)
        return to_response(http_error_of(error))

    async def on_invalid(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return to_response(HttpError(422, "invalid", _sentence(error)))

    async def on_http(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        code = _CODES.get(error.status_code, "http")
        response = to_response(HttpError(error.status_code, code, f"{error.detail}."))
        response.headers.update(error.headers or {})
        return response

    async def on_bug(_request: Request, error: Exception) -> JSONResponse:
        logging.getLogger("posable.studio").error("a request failed", exc_info=error)
        return to_response(HttpError(500, "bug", "something failed inside the service, which is a bug; see its log."))

    app.add_exception_handler(PosableError, on_error)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(Exception, on_bug)


def _sentence(error: RequestValidationError) -> str:
    """The first complaint of pydantic, with the place it is about."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"][1:]) or "the body"
    return f"{place}: {first['msg'][:1].lower()}{first['msg'][1:]}; /v1/openapi.json says what is right."
