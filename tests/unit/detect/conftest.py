"""Photographs in the public domain, and the networks that ship."""

from pathlib import Path

import pytest
from PIL import Image

from posable.detect import blazepose
from posable.imaging.image import read_image

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.fixture(scope="session")
def networks() -> blazepose.BlazePose:
    pytest.importorskip("ai_edge_litert", reason="LiteRT has no wheel for this machine")
    return blazepose.load()


@pytest.fixture(scope="session")
def astronaut() -> Image.Image:
    """A woman, half length, facing the camera; 512x512."""
    return read_image(EXAMPLES / "astronaut.png")


@pytest.fixture(scope="session")
def grace_hopper() -> Image.Image:
    """A woman, head and shoulders, facing the camera; 512 wide, 600 high."""
    return read_image(EXAMPLES / "grace_hopper.jpg")


@pytest.fixture(scope="session")
def rendered_person() -> Image.Image:
    """A rendered woman at full length, both hands hanging; 352 wide, 512 high."""
    return read_image(EXAMPLES / "person.png")
