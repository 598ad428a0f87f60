from pathlib import Path

import numpy as np
import torch
from PIL import Image

from posable.detect.u2netp import INPUT_PIXELS, shipped_u2net
from posable.imaging.image import to_tensor

RECORDED = Path(__file__).parent / "u2netp_on_astronaut.npy"


def test_it_answers_as_its_published_onnx_file(astronaut: Image.Image) -> None:
    """Recorded from onnxruntime by scripts/bake_detector_models.py: every eighth pixel of the answer."""
    small = astronaut.resize((INPUT_PIXELS, INPUT_PIXELS), Image.Resampling.BILINEAR)
    x = torch.from_numpy(np.asarray(small, np.float32) / 255).permute(2, 0, 1)[None]
    mean, deviation = (torch.tensor(v).view(1, 3, 1, 1) for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    found = shipped_u2net().saliency((x - mean) / deviation)[0, 0, ::8, ::8].numpy()
    recorded = np.load(RECORDED)
    assert np.ptp(recorded) > 0.9
    assert np.abs(found - recorded).max() < 1e-3


def test_a_dim_picture_looks_as_a_bright_one(astronaut: Image.Image) -> None:
    bright = to_tensor(astronaut.resize((160, 160)))[None]
    dim = (bright + 1) * 0.4 - 1
    assert torch.allclose(shipped_u2net()(bright), shipped_u2net()(dim), atol=1e-3)
