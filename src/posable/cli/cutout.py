"""`posable cutout`: the person of a photo as a transparent picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from posable.cli.terminal import check_outputs, report, tell


def cutout(
    photo: Annotated[Path, typer.Argument(metavar="PHOTO", help="Picture of a person.", show_default=False)],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE", help="Picture to write (.png, .webp).", show_default=False)
    ],
    source_pose: Annotated[
        str | None, typer.Option(metavar="POSE", help="Pose of the person; else detected.", show_default=False)
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Cut the largest person out of PHOTO, onto a transparent ground."""
    check_outputs([out], (".png", ".webp"), inputs=[photo, source_pose])
    from posable.detect.cutout import cut_out
    from posable.imaging.image import alpha_of, read_layer, save_image, size_of, to_rgb
    from posable.transfer.pose_lookup import find_pose, resolve_pose

    layer = read_layer(photo)
    found: dict[str, Any] = {}
    if alpha_of(layer) is not None:
        tell(f"'{photo}' is transparent itself; its own outline is kept.")
    elif source_pose is not None:
        pose = resolve_pose(source_pose, size_of(layer), tell)
        layer = cut_out(to_rgb(layer), pose)
        found = {"keypoints_found": int(pose.visible.sum())}
    else:
        person = find_pose(layer, f"'{photo}'", tell=tell)
        layer = cut_out(layer, person.pose, person.landmarks)
        found = {
            "keypoints_found": int(person.pose.visible.sum()),
            "people_found": person.people_found,
            "score": round(person.score, 3),
        }
    save_image(layer, out)
    alpha = layer.getchannel("A")
    opaque = sum(level * count for level, count in enumerate(alpha.histogram())) / (255 * layer.width * layer.height)
    box = dict(zip(("left", "top", "right", "bottom"), alpha.getbbox() or (0, 0, 0, 0), strict=True))
    report({"written": [str(out)], **found, **box, "share": round(opaque, 4)}, json)
