"""What the service allows and how it is started."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from posable.defaults import DEFAULT_MODEL
from posable.errors import ConfigError

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")
_MB = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one request, and all of them together, may cost."""

    body_bytes: int = 20 * _MB
    """Of one request; more is refused with 413."""
    bodies_bytes: int = 200 * _MB
    """Of all requests that are being received or answered; above it new ones are refused with 429."""
    pixels: int = 24_000_000
    """Of one picture that is sent; more is refused with 413."""
    side: int = 2048
    """Of a picture as the service keeps it, px; longer ones are brought down. The networks see 512x352 at most."""
    sequence_pixels: int = 64_000_000
    """Of all pictures of one sequence."""
    poses: int = 64
    """Of one sequence."""
    waiting: int = 64
    """Pieces of work in the queue; above it new ones are refused with 429."""
    batch: int = 8
    """Drawings in one call of the network."""
    seconds: float = 60.0
    """For receiving a request, and again for answering it; after it, 408 and 503."""
    sources: int = 64
    """Sources held; the one that was used longest ago gives way."""
    sources_bytes: int = 600 * _MB
    """Of all sources held: their pictures and what the networks made of them."""
    source_seconds: float = 3600.0
    """After which a source that nobody used is forgotten."""
    models: int = 3
    """Models loaded at a time."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value <= 0:
                raise ConfigError(f"the limit {name} is {value}; give a number above 0.")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a service is set up."""

    models: tuple[str, ...] = (DEFAULT_MODEL,)
    """Shipped models or model folders; the first is used when a request names none."""
    device: str | None = None
    dtd: str | os.PathLike[str] | None = None
    """The folder of the Describable Textures, whose classes are then patterns, too."""
    api_key: str | None = None
    """When given, every request under /v1 but health must bring it."""
    hosts: tuple[str, ...] | None = LOOPBACK_HOSTS
    """The names by which the service may be called (the Host header, without port); None allows all. On a loopback
    address the check keeps foreign pages from reaching the service through a name of theirs (DNS rebinding)."""
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if not self.models:
            raise ConfigError("the service has no model; name at least one, such as weave.")
        if self.api_key is not None and not (self.api_key.isascii() and self.api_key.isprintable() and self.api_key):
            raise ConfigError("the API key is empty or has characters that HTTP cannot carry; use plain ASCII.")
