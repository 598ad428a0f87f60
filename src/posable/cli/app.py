"""The command line: arguments to calls, nothing else. `posable COMMAND --help` says what each command takes."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from posable.cli.convert import convert
from posable.cli.cutout import cutout
from posable.cli.data import data_app
from posable.cli.edit import explain, garment, paint, parse, texture
from posable.cli.evaluate import benchmark, evaluate
from posable.cli.models import models
from posable.cli.people import people_app
from posable.cli.studio import studio
from posable.cli.terminal import check_outputs, report, tell
from posable.cli.train import train
from posable.cli.weights import weights_app
from posable.defaults import DEFAULT_MODEL
from posable.errors import ConfigError, PosableError
from posable.version import __version__


class _Commands(TyperGroup):
    """Turns what a user can cause into one sentence on standard error and exit code 2; bugs keep their traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except PosableError as error:
            tell(str(error))
        except BrokenPipeError:
            raise
        except OSError as error:
            tell(f"{error.strerror or error}: '{error.filename}'" if error.filename else str(error))
        raise typer.Exit(2)


app = typer.Typer(
    cls=_Commands,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)
app.add_typer(people_app, name="people")
app.add_typer(data_app, name="data")
# Two are left out of the list, which must fit a screen: whoever needs `weights` is sent here by what lacks them, and
# whoever has an author's checkpoint by README.md.
app.add_typer(weights_app, name="weights", hidden=True)
app.command(hidden=True)(convert)
app.command()(studio)
app.command()(train)
app.command()(evaluate)
app.command()(benchmark)
app.command()(models)
app.command()(garment)
app.command()(texture)
# Of pise and tfjr alone, whose weights do not ship.
app.command(hidden=True)(paint)
app.command()(parse)
app.command()(explain)
app.command()(cutout)

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Model = Annotated[str, typer.Option(metavar="NAME", help="Shipped model (puppet) or model folder.", show_default=False)]
Device = Annotated[
    str | None, typer.Option(metavar="NAME", help="cuda, mps or cpu; else the fastest.", show_default=False)
]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"posable {__version__}")
        raise typer.Exit


@app.callback()
def posable(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Put a photographed person into another pose."""


@app.command(epilog="A POSE is a pose file, a photo, or a name that 'posable poses' lists.")
def transfer(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="Picture of the person.", show_default=False)],
    out: Annotated[
        list[Path],
        typer.Option("--out", "-o", metavar="FILE", help="Picture to write; may repeat.", show_default=False),
    ],
    pose: Annotated[
        list[str] | None, typer.Option(metavar="POSE", help="Pose to draw; may repeat.", show_default=False)
    ] = None,
    turn: Annotated[
        list[float] | None, typer.Option(metavar="DEG", help="Walk the camera around; may repeat.", show_default=False)
    ] = None,
    also: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="The same person, another photo.", show_default=False)
    ] = None,
    sequence: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Many poses: a JSON list, or a folder.", show_default=False)
    ] = None,
    source_pose: Annotated[
        str | None, typer.Option(metavar="POSE", help="Pose of the source; else detected.", show_default=False)
    ] = None,
    size: Annotated[
        str | None, typer.Option(metavar="HxW", help="Working size: 256x176 or 512x352.", show_default=False)
    ] = None,
    background: Annotated[
        str | None,
        typer.Option(metavar="B", help="keep (if not given), drawn, plain, transparent, or FILE.", show_default=False),
    ] = None,
    no_retarget: Annotated[bool, typer.Option("--no-retarget", help="Don't fit the pose to the person.")] = False,
    seconds: Annotated[float, typer.Option(metavar="S", help="Time per picture, animated.", min=0.02, max=60)] = 0.5,
    model: Model = DEFAULT_MODEL,
    device: Device = None,
    json: Json = False,
) -> None:
    """Draw the person of SOURCE in one or many poses (.webp, .gif: moving)."""
    from posable.cli.transfer import Request, run_transfer

    request = Request(
        source=source,
        poses=tuple(pose or ()),
        turns=tuple(turn or ()),
        also=tuple(also or ()),
        sequence=sequence,
        out=tuple(out),
        source_pose=source_pose,
        size=size,
        background=background,
        retarget=not no_retarget,
        seconds_per_picture=seconds,
        model=model,
        device=device,
    )
    report(run_transfer(request), json)


@app.command()
def detect(
    photo: Annotated[Path, typer.Argument(metavar="PHOTO", help="Picture of a person.", show_default=False)],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE", help="Pose file to write (.json).", show_default=False)
    ],
    overlay: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also draw the pose over the photo.", show_default=False)
    ] = None,
    body: Annotated[bool, typer.Option("--body", help="Draw the fitted 3D body instead.")] = False,
    body_out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the body: .json, .obj or .glb.", show_default=False)
    ] = None,
    detector: Annotated[str, typer.Option(metavar="NAME", help="blazepose, or rtmlib (an extra).")] = "blazepose",
    json: Json = False,
) -> None:
    """Find the pose of the largest person in PHOTO."""
    check_outputs([out], (".json",), inputs=[photo])
    if overlay is not None:
        check_outputs([overlay], inputs=[photo, out])
    elif body:
        raise ConfigError("--body draws into the picture that --overlay names; add --overlay FILE.")
    if body_out is not None:
        check_outputs([body_out], (".json", ".obj", ".glb"), inputs=[photo, out, *([overlay] if overlay else [])])
    from posable.imaging.image import read_image, save_image
    from posable.pose.drawing import draw_skeleton
    from posable.pose.files import write_pose
    from posable.transfer.pose_lookup import find_pose

    picture = read_image(photo)
    found = find_pose(picture, f"'{photo}'", detector=detector, tell=tell)
    write_pose(found.pose, out)
    result: dict[str, Any] = {
        "written": [str(path) for path in (out, overlay, body_out) if path is not None],
        "keypoints_found": int(found.pose.visible.sum()),
        "people_found": found.people_found,
        "score": round(found.score, 3),
    }
    if body or body_out is not None:
        from posable.cli.body import fit_and_write

        result |= fit_and_write(found, picture, overlay if body else None, body_out)
    if overlay is not None and not body:
        save_image(draw_skeleton(found.pose, picture), overlay)
    report(result, json)


@app.command()
def poses(
    sheet: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw them all into a picture.", show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """List the shipped poses."""
    if sheet is not None:
        check_outputs([sheet])
    from posable.imaging.image import save_image
    from posable.pose.drawing import draw_sheet
    from posable.pose.library import shipped_poses

    known = shipped_poses()
    result: dict[str, Any] = {"poses": list(known)}
    if sheet is not None:
        save_image(draw_sheet(known), sheet)
        result["written"] = [str(sheet)]
    report(result, json)


def main() -> None:
    """The console script."""
    start = time.monotonic()
    try:
        app()
    except KeyboardInterrupt:
        tell(f"stopped after {time.monotonic() - start:.0f} s; nothing half-written is left.")
        sys.exit(130)
