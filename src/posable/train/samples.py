"""Sheets of sample pictures, to look at while training goes on."""

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from posable.batch import PersonPair
from posable.imaging.image import to_pil
from posable.models.generator import Rendering
from posable.parsing.schemes import PARSING_LABELS, palette
from posable.pose.maps import skeleton_image

COLUMNS = 12
_SMALLEST_HEIGHT = 96
"""Pictures lower than this are enlarged by whole factors."""
_CAPTION_WIDTH = 76
_PAPER, _INK = "white", "black"


def sample_sheet(pair: PersonPair, drawn: Rendering) -> Image.Image:
    """Rows: source, target pose, truth, generated, and what else the family draws (person mask, visibility, predicted
    parsing map), each with its name; one column a pair."""
    rows = {
        "source": pair.condition.source_image,
        "pose": skeleton_image(pair.condition.target_pose),
        "truth": pair.target_image,
        "generated": drawn.image,
    }
    if drawn.mask is not None:
        rows["mask"] = _grey(drawn.mask)
        if drawn.visibility is not None:
            rows["visibility"] = _grey(drawn.visibility * drawn.mask)
    if drawn.parsing is not None:
        rows["parsing"] = _colored(drawn.parsing)
    pictures = to_pil(torch.cat([torch.cat(list(row[:COLUMNS]), 2) for row in rows.values()], 1).clamp(-1, 1).cpu())
    factor = -(-_SMALLEST_HEIGHT // pair.target_image.shape[-2])
    pictures = pictures.resize((pictures.width * factor, pictures.height * factor), Image.Resampling.NEAREST)
    sheet = Image.new("RGB", (_CAPTION_WIDTH + pictures.width, pictures.height), _PAPER)
    sheet.paste(pictures, (_CAPTION_WIDTH, 0))
    pen, height = ImageDraw.Draw(sheet), pictures.height / len(rows)
    for index, name in enumerate(rows):
        pen.text((_CAPTION_WIDTH - 6, (index + 0.5) * height), name, fill=_INK, anchor="rm")
    return sheet


def _grey(share: Tensor) -> Tensor:
    return share.expand(-1, 3, -1, -1) * 2 - 1


def _colored(shares: Tensor) -> Tensor:
    labels = next(labels for labels in PARSING_LABELS.values() if len(labels.classes) == shares.shape[1])
    colors = torch.from_numpy(palette(labels)).to(shares.device).float() / 127.5 - 1
    return colors[shares.argmax(1)].permute(0, 3, 1, 2)
