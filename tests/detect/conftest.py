"""Photographs that packages bring along, and the real networks (skipped where their files cannot be had)."""

import numpy as np
import pytest
from PIL import Image

from posable.detect import blazepose, fetch_models
from posable.errors import DownloadError


@pytest.fixture(scope="session")
def networks() -> blazepose.BlazePose:
    try:
        fetch_models()
    except DownloadError as error:
        pytest.skip(f"the model files cannot be had here: {error}")
    return blazepose.load()


@pytest.fixture(scope="session")
def astronaut() -> Image.Image:
    """A woman, half length, facing the camera; 512x512."""
    data = pytest.importorskip("skimage.data")
    return Image.fromarray(np.asarray(data.astronaut()))


@pytest.fixture(scope="session")
def grace_hopper() -> Image.Image:
    """A woman, head and shoulders, facing the camera; 512 wide, 600 high."""
    cbook = pytest.importorskip("matplotlib.cbook")
    return Image.open(cbook.get_sample_data("grace_hopper.jpg")).convert("RGB")
