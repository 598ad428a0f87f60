"""What tests of several folders need: a small untrained model on disk, and the example pictures."""

import os
from pathlib import Path

import pytest
import torch

from posable.models.weave import WeaveConfig, WeaveGenerator
from posable.zoo.checkpoint import save_checkpoint

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an untrained weave of 64x48; its zero-initialised heads are made to do something."""
    rng = torch.Generator().manual_seed(1)
    generator = WeaveGenerator(
        WeaveConfig(height=64, width=48, channels=8, fine_channels=8, match_channels=8, num_heads=2)
    )
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=rng) * 0.1)
    return save_checkpoint(tmp_path_factory.mktemp("models") / "tiny", generator, {"licence": "Apache-2.0"})


@pytest.fixture(scope="session")
def examples() -> Path:
    return REPOSITORY / "examples"


@pytest.fixture(scope="session", autouse=True)
def _wide_terminal() -> None:
    """Help texts are tested at 80 columns, whatever the terminal of the person who runs the tests."""
    os.environ["COLUMNS"] = "80"
