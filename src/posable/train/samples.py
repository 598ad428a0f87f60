"""Sheets of sample pictures, to look at while training goes on."""

import torch
from PIL import Image
from torch import Tensor

from posable.batch import PersonPair
from posable.image import to_pil
from posable.models.generator import Rendering
from posable.parsing import PARSING_LABELS, palette
from posable.pose_maps import skeleton_image

COLUMNS = 12


def sample_sheet(pair: PersonPair, drawn: Rendering) -> Image.Image:
    """Rows: source, target pose, truth, generated, and what else the family draws (person mask, visibility, predicted
    parsing map); one column a pair."""
    rows = [pair.condition.source_image, skeleton_image(pair.condition.target_pose), pair.target_image, drawn.image]
    if drawn.mask is not None:
        rows.append(_grey(drawn.mask))
        if drawn.visibility is not None:
            rows.append(_grey(drawn.visibility * drawn.mask))
    if drawn.parsing is not None:
        rows.append(_colored(drawn.parsing))
    return to_pil(torch.cat([torch.cat(list(row[:COLUMNS]), 2) for row in rows], 1).clamp(-1, 1).cpu())


def _grey(share: Tensor) -> Tensor:
    return share.expand(-1, 3, -1, -1) * 2 - 1


def _colored(shares: Tensor) -> Tensor:
    labels = next(labels for labels in PARSING_LABELS.values() if len(labels.classes) == shares.shape[1])
    colors = torch.from_numpy(palette(labels)).to(shares.device).float() / 127.5 - 1
    return colors[shares.argmax(1)].permute(0, 3, 1, 2)
