"""What numbers are made with: the code's commit, installed packages' versions, the device's name."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch


def commit() -> str | None:
    """The commit of the source tree that posable runs from; None for an installed package."""
    here = Path(__file__).parent
    try:
        found = subprocess.run(["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return found.stdout.strip() if found.returncode == 0 else None


def package_versions(packages: Iterable[str]) -> dict[str, str]:
    """Those of `packages` that are installed, with their versions."""
    return {package: found for package in packages if (found := _version(package)) is not None}


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
