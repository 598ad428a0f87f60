"""Requests whose pictures stay in memory, and whose content type is checked before the body is looked at.

Starlette spools the files of a form to disk above 1 MB; what people send here must not lie in a temporary folder.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import aclosing
from typing import Any

from fastapi import Request, Response, params
from fastapi.routing import APIRoute
from starlette.datastructures import FormData
from starlette.formparsers import MultiPartException, MultiPartParser

from posable.studio.http_errors import HttpError

_MOST_FILES, _MOST_FIELDS = 64, 32
_LONGEST_FIELD = 1_000_000


class _MemoryParser(MultiPartParser):
    spool_max_size = 2**40


class _MemoryRequest(Request):
    async def form(self, **_limits: Any) -> FormData:  # type: ignore[override]
        if self._form is None:
            async with aclosing(self.stream()) as stream:
                parser = _MemoryParser(
                    self.headers,
                    stream,
                    max_files=_MOST_FILES,
                    max_fields=_MOST_FIELDS,
                    max_part_size=_LONGEST_FIELD,
                )
                try:
                    self._form = await parser.parse()
                except MultiPartException as error:
                    raise HttpError(400, "form", f"the form cannot be read: {error.message}") from None
        return self._form


class ServiceRoute(APIRoute):
    """A route that refuses (415) bodies of another content type than its own, and reads forms into memory."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()
        expected = None
        if self.body_field is not None:
            is_form = isinstance(self.body_field.field_info, params.Form)
            expected = "multipart/form-data" if is_form else "application/json"

        async def checked(request: Request) -> Response:
            given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            if expected is not None and given != expected:
                named = f"'{given}'" if given else "not named"
                raise HttpError(415, "content_type", f"the body's content type is {named}; send {expected}.")
            return await handler(_MemoryRequest(request.scope, request.receive))

        return checked
