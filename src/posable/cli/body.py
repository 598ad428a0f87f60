"""What `posable detect` does with a fitted body: draws it, writes it, and says how well it fits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from posable.body.drawing import draw_body
from posable.body.files import write_body
from posable.body.fit import fit_body
from posable.body.outline import fit_girth
from posable.detect import Detection
from posable.imaging.image import save_image


def fit_and_write(found: Detection, picture: Image.Image, overlay: Path | None, out: Path | None) -> dict[str, Any]:
    """Fits the body, draws it over the picture and writes it where asked; what to report of it."""
    body = fit_body(found.pose, depth=found.depth, depth_weight=found.depth_weight)
    mask = found.mask()
    if mask is not None:
        body = fit_girth(body, mask)
    if overlay is not None:
        save_image(draw_body(body, picture), overlay)
    if out is not None:
        write_body(body, out)
    return {
        "body_cost": round(body.cost, 1),
        "body_misses_px": round(body.reprojection_px, 2),
        "facing_degrees": round(body.facing_degrees),
    }
