"""Which status code and code word each error has over HTTP; the sentence is the error's own."""

from __future__ import annotations

import math

from posable.errors import (
    CheckpointError,
    ConfigError,
    DetectionError,
    DownloadError,
    ImageError,
    ImageTooLargeError,
    InputError,
    MissingExtraError,
    NoPersonError,
    NotAnImageError,
    PosableError,
    PoseError,
    SizeError,
)

_LONGEST_MESSAGE = 600


class HttpError(PosableError):
    """The service will not do it, or not now. `retry_after` is in seconds."""

    def __init__(self, status: int, code: str, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.retry_after = status, code, retry_after


# The first class that fits counts, so a subclass stands before its parent.
_KINDS: tuple[tuple[type[PosableError], int, str], ...] = (
    (ImageTooLargeError, 413, "image_too_large"),
    (NotAnImageError, 415, "not_an_image"),
    (ImageError, 422, "image"),
    (PoseError, 422, "pose"),
    (SizeError, 422, "size"),
    (ConfigError, 422, "config"),
    (InputError, 422, "input"),
    (NoPersonError, 422, "no_person"),
    (DetectionError, 422, "detection"),
    (CheckpointError, 503, "model"),
    (DownloadError, 503, "download"),
    (MissingExtraError, 503, "missing_package"),
)


def http_error_of(error: PosableError) -> HttpError:
    """What an error of the library is over HTTP."""
    if isinstance(error, HttpError):
        return error
    for kind, status, code in _KINDS:
        if isinstance(error, kind):
            return HttpError(status, code, str(error))
    return HttpError(500, "failed", str(error))


def body_of(error: HttpError) -> dict[str, dict[str, str]]:
    """The JSON of an error; what cannot be written as UTF-8 (half a surrogate pair that was sent) becomes '?'."""
    message = str(error).encode("utf-8", "replace").decode("utf-8")
    if len(message) > _LONGEST_MESSAGE:
        message = message[: _LONGEST_MESSAGE - 4] + " ..."
    return {"error": {"code": error.code, "message": message}}


def headers_of(error: HttpError) -> dict[str, str]:
    headers = {} if error.retry_after is None else {"Retry-After": str(max(1, math.ceil(error.retry_after)))}
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return headers
