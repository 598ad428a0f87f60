"""`posable studio`: the page and the HTTP API on this machine."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from posable.cli.terminal import tell
from posable.defaults import DEFAULT_MODEL
from posable.errors import InputError, MissingExtraError

_KEY_VARIABLE = "POSABLE_API_KEY"


def studio(
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="N", help="Port; 0 takes a free one.", min=0, max=65535)] = 8000,
    model: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Shipped model or model folder; may repeat.", show_default=False),
    ] = None,
    device: Annotated[
        str | None, typer.Option(metavar="NAME", help="cuda, mps or cpu; else the fastest.", show_default=False)
    ] = None,
    dtd: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Offer the DTD textures, too.", show_default=False)
    ] = None,
    open_page: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the browser.")] = True,
    api_key: Annotated[
        str | None,
        typer.Option(metavar="KEY", envvar=_KEY_VARIABLE, help="Requests must bring this key.", show_default=False),
    ] = None,
    public: Annotated[bool, typer.Option("--public", help="Allow an address others can reach.")] = False,
) -> None:
    """Start the studio: a page to drag poses on, and the HTTP API under /v1.

    Stop it with Ctrl-C. Pictures stay in memory and are never written to disk.
    """
    try:
        from posable.studio.server import is_loopback, serve
    except ImportError as error:
        raise MissingExtraError(
            f"the studio needs packages that are not installed ({error.name}); run 'pip install posable[studio]'."
        ) from None
    from posable.studio.settings import LOOPBACK_HOSTS, Settings

    local = is_loopback(host)
    if not local and not public:
        raise InputError(f"others could reach {host}; add --public if you want that, and think of --api-key KEY.")
    if not local and api_key is None:
        tell(f"anybody who reaches {host} can use this service; give --api-key KEY to change that.")
    settings = Settings(
        models=tuple(model or (DEFAULT_MODEL,)),
        device=device,
        dtd=dtd,
        api_key=api_key,
        hosts=(*LOOPBACK_HOSTS, host.lower()) if local else None,
    )

    def on_ready(url: str) -> None:
        typer.echo(f"studio: {url}")
        if open_page:
            webbrowser.open(url)

    serve(settings, host, port, on_ready)
    tell("the studio has stopped.")
