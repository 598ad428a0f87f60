"""`posable garment`, `texture`, `paint`, `parse` and `explain`: what else can be done with a person in a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from posable.cli.terminal import PICTURE_SUFFIXES, check_outputs, report, tell
from posable.defaults import DEFAULT_MODEL
from posable.errors import InputError

if TYPE_CHECKING:
    from PIL import Image

    from posable.detect import Detection
    from posable.pose.pose import Pose
    from posable.transfer.background import BackgroundKind
    from posable.transfer.encoded_source import EncodedSource
    from posable.transfer.pipeline import PoseTransfer

Source = Annotated[Path, typer.Argument(metavar="SOURCE", help="Picture of the person.", show_default=False)]
Out = Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="Picture to write.", show_default=False)]
TargetPose = Annotated[
    str | None, typer.Option("--pose", metavar="POSE", help="Draw in this pose; else as it is.", show_default=False)
]
SourcePose = Annotated[
    str | None, typer.Option(metavar="POSE", help="Pose of the source; else detected.", show_default=False)
]
Mask = Annotated[
    Path | None, typer.Option(metavar="FILE", help="In place of a region: white on black.", show_default=False)
]
Region = Annotated[
    str, typer.Option(metavar="NAME", help="upper (if not given), lower, dress, hair, ...", show_default=False)
]
Strength = Annotated[
    float, typer.Option(metavar="S", help="0 changes nothing, 1 (if not given) all.", show_default=False)
]
BackgroundOption = Annotated[
    str | None,
    typer.Option("--background", metavar="B", help="keep, drawn, plain, transparent, or FILE.", show_default=False),
]
NoRetarget = Annotated[bool, typer.Option("--no-retarget", help="Don't fit the pose to the person.")]
SizeOption = Annotated[
    str | None, typer.Option("--size", metavar="HxW", help="Working size: 256x176 or 512x352.", show_default=False)
]
Model = Annotated[str, typer.Option(metavar="NAME", help="Shipped model (puppet) or model folder.", show_default=False)]
Device = Annotated[
    str | None, typer.Option(metavar="NAME", help="cuda, mps or cpu; else the fastest.", show_default=False)
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def garment(
    source: Source,
    reference: Annotated[
        Path, typer.Option("--from", metavar="FILE", help="Picture with the garment.", show_default=False)
    ],
    out: Out,
    region: Region = "upper",
    mask: Mask = None,
    pose: TargetPose = None,
    strength: Strength = 1.0,
    source_pose: SourcePose = None,
    reference_pose: Annotated[
        str | None, typer.Option(metavar="POSE", help="Pose in the other picture.", show_default=False)
    ] = None,
    background: BackgroundOption = None,
    no_retarget: NoRetarget = False,
    size: SizeOption = None,
    model: Model = DEFAULT_MODEL,
    device: Device = None,
    json: Json = False,
) -> None:
    """Give the person of SOURCE a garment from another picture."""
    from posable.transfer.pipeline import PoseTransfer

    check_outputs([out], inputs=[source, reference, mask, pose, source_pose, reference_pose])
    given, behind = _Given(size, pose, source_pose, no_retarget), _background(background)
    person, wearer = given.person(source), given.other_person(reference, reference_pose)
    what = _region(region, mask)
    pipe = PoseTransfer.from_pretrained(model, device=device, tell=tell)
    picture = given.encoded(pipe, person).dressed_from(
        given.encoded(pipe, wearer),
        what,
        given.target(person.picture),
        strength=strength,
        retarget=not no_retarget,
        background=behind,
    )
    _save(picture, out)
    report({"written": [str(out)], "region": region if mask is None else str(mask), "strength": strength}, json)


def texture(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", hidden=True)],
    pattern: Annotated[
        str,
        typer.Option("--from", metavar="PATTERN", help="A picture, or plaid, dots, denim, ...", show_default=False),
    ],
    out: Out,
    region: Region = "upper",
    mask: Mask = None,
    pose: TargetPose = None,
    scale: Annotated[float, typer.Option(metavar="S", help="Makes the pattern larger.", show_default=False)] = 1.0,
    strength: Strength = 1.0,
    seed: Annotated[int, typer.Option(metavar="N", help="Chooses a named pattern's colours.", show_default=False)] = 0,
    dtd: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="The DTD textures; then name a class.", show_default=False)
    ] = None,
    source_pose: SourcePose = None,
    background: BackgroundOption = None,
    no_retarget: NoRetarget = False,
    size: SizeOption = None,
    model: Model = DEFAULT_MODEL,
    device: Device = None,
    json: Json = False,
) -> None:
    """Give a garment in SOURCE, the picture of a person, another pattern."""
    from posable.transfer.patterns import find_pattern
    from posable.transfer.pipeline import PoseTransfer

    check_outputs([out], inputs=[source, pattern, mask, pose, source_pose])
    find_pattern(pattern, dtd, seed)
    given, behind = _Given(size, pose, source_pose, no_retarget), _background(background)
    person, what = given.person(source), _region(region, mask)
    pipe = PoseTransfer.from_pretrained(model, device=device, tell=tell)
    edited = given.encoded(pipe, person).textured(pattern, what, scale=scale, strength=strength, seed=seed, dtd=dtd)
    target = given.target(person.picture)
    if target is None:
        picture = edited.as_photographed(background=behind)
    else:
        picture = edited.render(target, retarget=not no_retarget, background=behind)
    _save(picture, out)
    report({"written": [str(out)], "region": region if mask is None else str(mask), "strength": strength}, json)


def paint(
    source: Source,
    parsing: Annotated[
        Path, typer.Option("--parsing", metavar="FILE", help="Map to paint into (.png).", show_default=False)
    ],
    out: Out,
    pose: TargetPose = None,
    source_pose: SourcePose = None,
    background: BackgroundOption = None,
    no_retarget: NoRetarget = False,
    size: SizeOption = None,
    model: Model = DEFAULT_MODEL,
    device: Device = None,
    json: Json = False,
) -> None:
    """Paint the person of SOURCE into an edited parsing map (pise, tfjr).

    The map is an indexed PNG of SOURCE's size with LIP-20 classes, as
    'posable parse' writes it.
    """
    from posable.parsing.given import read_labels
    from posable.transfer.pipeline import PoseTransfer

    check_outputs([out], inputs=[source, parsing, pose, source_pose])
    given, behind = _Given(size, pose, source_pose, no_retarget), _background(background)
    regions, person = read_labels(parsing), given.person(source)
    pipe = PoseTransfer.from_pretrained(model, device=device, tell=tell)
    target = given.target(person.picture)
    painted = given.encoded(pipe, person).painted(regions, target, retarget=not no_retarget, background=behind)
    _save(painted, out)
    report({"written": [str(out)], "parsing": str(parsing)}, json)


def parse(
    source: Source,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE", help="Indexed picture (.png).", show_default=False)
    ],
    pose: TargetPose = None,
    legend: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What its values mean (.json); else beside it.", show_default=False),
    ] = None,
    overlay: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also lay the colours over it.", show_default=False)
    ] = None,
    source_pose: SourcePose = None,
    no_retarget: NoRetarget = False,
    size: SizeOption = None,
    model: Model = DEFAULT_MODEL,
    device: Device = None,
    json: Json = False,
) -> None:
    """Find which garment or body part each pixel shows (LIP-20)."""
    from posable.files import write_atomically
    from posable.transfer.pipeline import PoseTransfer

    beside = legend or out.with_suffix(".json")
    inputs = [source, pose, source_pose]
    check_outputs([out], (".png",), inputs=inputs)
    check_outputs([beside], (".json",), inputs=inputs)
    if overlay is not None:
        check_outputs([overlay], inputs=[*inputs, out])
    given = _Given(size, pose, source_pose, no_retarget)
    person = given.person(source)
    pipe = PoseTransfer.from_pretrained(model, device=device, tell=tell)
    encoded = given.encoded(pipe, person)
    target = given.target(person.picture)
    found = encoded.parsed(target, retarget=not no_retarget)
    found.save(out)
    with write_atomically(beside) as temporary:
        temporary.write_text(_as_json(found.legend()), encoding="utf-8")
    written = [str(out), str(beside)]
    if overlay is not None:
        shown = encoded.picture if target is None else encoded.render(target, retarget=not no_retarget)
        _save(found.over(shown), overlay)
        written.append(str(overlay))
    report({"written": written, "classes_found": ", ".join(found.shown()) or "none"}, json)


def explain(
    source: Source,
    pose: Annotated[str, typer.Option(metavar="POSE", help="Pose to draw.", show_default=False)],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", metavar="PATH", help="Sheet to write, or a folder for all.", show_default=False),
    ],
    source_pose: SourcePose = None,
    no_retarget: NoRetarget = False,
    size: SizeOption = None,
    model: Model = DEFAULT_MODEL,
    device: Device = None,
    json: Json = False,
) -> None:
    """Draw where each part of the result came from.

    weave: the source in colours, the result in the colours of where it was copied from, and what was painted.
    """
    from posable.transfer.pipeline import PoseTransfer
    from posable.transfer.sheet import explain_sheet

    into_folder = out.suffix.lower() not in PICTURE_SUFFIXES
    if into_folder:
        _check_folder(out)
    else:
        check_outputs([out], inputs=[source, pose, source_pose])
    given = _Given(size, pose, source_pose, no_retarget)
    person = given.person(source)
    target = given.target(person.picture)
    assert target is not None, "the option is required"
    pipe = PoseTransfer.from_pretrained(model, device=device, tell=tell)
    pictures = given.encoded(pipe, person).explain(target, retarget=not no_retarget)
    sheet = explain_sheet(pictures)
    if not into_folder:
        _save(sheet, out)
        report({"written": [str(out)], "pictures": ", ".join(pictures)}, json)
        return
    out.mkdir(exist_ok=True)
    written: list[str] = []
    for name, picture in {"sheet": sheet, **pictures}.items():
        _save(picture, out / f"{name}.png")
        written.append(str(out / f"{name}.png"))
    report({"written": written}, json)


class _Person(NamedTuple):
    """A picture that was read, who is in it, and what errors call it."""

    picture: Image.Image
    pose: Pose | Detection
    name: str


class _Given:
    """Options that all four commands share; everything that was given is read before the model is."""

    def __init__(self, size: str | None, pose: str | None, source_pose: str | None, no_retarget: bool) -> None:
        from posable.imaging.size import Size

        self.size = Size.parse(size) if size else None
        self.pose, self.source_pose, self.no_retarget = pose, source_pose, no_retarget

    def person(self, path: Path) -> _Person:
        """The source's picture and the pose of the person in it."""
        return self.other_person(path, self.source_pose)

    def other_person(self, path: Path, pose: str | None) -> _Person:
        from posable.imaging.image import read_image, size_of
        from posable.transfer.pose_lookup import find_pose, resolve_pose

        picture = read_image(path)
        if pose is None:
            return _Person(picture, find_pose(picture, f"'{path}'", tell=tell), f"'{path}'")
        return _Person(picture, resolve_pose(pose, size_of(picture), tell), f"'{path}'")

    def target(self, picture: Image.Image) -> Pose | None:
        from posable.imaging.image import size_of
        from posable.transfer.pose_lookup import resolve_pose

        if self.pose is None:
            return None
        return resolve_pose(self.pose, size_of(picture) if self.no_retarget else None, tell)

    def encoded(self, pipe: PoseTransfer, person: _Person) -> EncodedSource:
        return pipe.encode(person.picture, source_pose=person.pose, size=self.size, name=person.name)


def _background(given: str | None) -> BackgroundKind | Image.Image | None:
    from posable.transfer.background import checked_background

    return checked_background(given)


def _region(region: str, mask: Path | None) -> str | Image.Image:
    from posable.imaging.image import read_image
    from posable.transfer.regions import region_classes

    if mask is not None:
        return read_image(mask)
    region_classes(region)
    return region


def _save(picture: Image.Image, path: Path) -> None:
    from posable.imaging.image import save_image

    save_image(picture, path)


def _check_folder(path: Path) -> None:
    if path.suffix and not path.is_dir():
        raise InputError(
            f"cannot write '{path}'; end the name in {' or '.join(PICTURE_SUFFIXES)}, or give a folder's name."
        )
    if path.exists() and not path.is_dir():
        raise InputError(f"cannot write into '{path}', because it is a file; give the name of a folder.")
    if not path.parent.is_dir():
        raise InputError(f"cannot make '{path}', because the folder '{path.parent}' does not exist; make it first.")


def _as_json(value: Any) -> str:
    from json import dumps

    return dumps(value, indent=2) + "\n"
