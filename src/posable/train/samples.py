"""Sheets of sample pictures, to look at while training goes on."""

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from posable.files import write_atomically
from posable.image import to_pil
from posable.models.weave import WeaveRendering
from posable.train.weave_objective import TrainingBatch


def sample_sheet(batch: TrainingBatch, rendering: WeaveRendering, path: Path, columns: int = 12) -> None:
    """Rows: source, truth, generated, person mask, visibility; one column a pair."""
    gray = lambda x: x.expand(-1, 3, -1, -1) * 2 - 1  # noqa: E731
    rows = [
        batch.sources[batch.source],
        batch.truth.image,
        rendering.image,
        gray(rendering.mask),
        gray(rendering.visibility * rendering.mask),
    ]
    sheet: Tensor = torch.cat([torch.cat(list(row[:columns]), 2) for row in rows], 1)
    picture: Image.Image = to_pil(sheet.clamp(-1, 1))
    with write_atomically(path) as temporary:
        picture.save(temporary)
