"""Binding the service to an address and running it until it is told to stop."""

from __future__ import annotations

import ipaddress
import signal
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

import uvicorn

from posable.errors import InputError
from posable.studio.app import create_app
from posable.studio.settings import LOOPBACK_HOSTS, Settings

_CONNECTIONS = 256


class _Server(uvicorn.Server):
    """Tells the service when the process is asked to stop, so that it refuses new work while it finishes the old."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None], on_stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready, self._on_stop = on_ready, on_stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.should_exit:
            self._on_ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._on_stop()
        super().handle_exit(sig, frame)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    if host in LOOPBACK_HOSTS:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def bound_socket(host: str, port: int) -> socket.socket:
    """A listening socket (port 0: any free one); raises InputError when the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except (OSError, OverflowError) as error:
        listening.close()
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"cannot listen on {host}, port {port} ({reason}); choose another with --port, or 0 for any free one."
        ) from None
    return listening


def serve(settings: Settings, host: str, port: int, on_ready: Callable[[str], None]) -> None:
    """Runs until SIGINT or SIGTERM; `on_ready` is told the URL once requests are taken. What is being answered then
    is finished, for as long as one request may take. Raises InputError and CheckpointError before it listens."""
    app = create_app(settings)
    listening = bound_socket(host, port)
    shown_host = f"[{host}]" if ":" in host else host
    url = f"http://{shown_host}:{listening.getsockname()[1]}/"
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=round(settings.limits.seconds),
        ws="none",
    )
    server = _Server(config, lambda: on_ready(url), app.state.service.refuse_new_work)
    with listening, _signals_handled():
        server.run(sockets=[listening])


@contextmanager
def _signals_handled() -> Generator[None]:
    """uvicorn raises the signal that stopped it once more when it is done; being asked to stop is no failure."""
    kinds = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(kind, lambda *_: None) for kind in kinds]
    try:
        yield
    finally:
        for kind, handler in zip(kinds, before, strict=True):
            signal.signal(kind, handler)
