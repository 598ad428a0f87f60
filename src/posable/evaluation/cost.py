"""What a picture costs: parameters, arithmetic, seconds and memory, for a whole picture and for each further pose."""

from __future__ import annotations

import multiprocessing
import os
import re
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from posable.batch import PoseCondition
from posable.evaluation.evaluated_model import EvaluatedModel
from posable.models.generator import Generator
from posable.pose.pose import PoseBatch
from posable.zoo.checkpoint import load_checkpoint

_WARM_UP = 3
_RUNS = 15
_PATIENCE_SECONDS = 20.0
"""Slow models are timed fewer than `_RUNS` times, three at least."""
_MEGA = 1e6
_DISTURBED = 1.5


@dataclass(frozen=True)
class Cost:
    """Of one picture, batch 1, in the frame that the network draws in; for baselines at the protocol's size."""

    parameters: int
    frame: str
    gflops_source: float | None
    """Additions and multiplications to encode a source, in GFLOPs; None for baselines."""
    gflops_pose: float | None
    """The same for each pose of an encoded source."""
    seconds_picture: float
    """Median: source and pose in, picture out."""
    seconds_pose: float
    """Median for a further pose of a source that is encoded already."""
    runs: int
    """That the medians are of, after a warm-up."""
    peak_megabytes: float | None
    """Most memory that loading the model and drawing one picture took; None where that cannot be told."""
    weights_megabytes: float | None
    load_per_core: float | None
    """Programs that wanted each core while this was timed, this one among them; well above 1 means that the seconds are
    longer than they need be. None where the system does not tell."""

    @property
    def was_disturbed(self) -> bool:
        return self.load_per_core is not None and self.load_per_core > _DISTURBED


def cost_of(model: EvaluatedModel, condition: PoseCondition) -> Cost:
    """Times the model on the first picture of `condition`, which is on the model's device."""
    generator = model.generator
    if generator is None:
        picture, runs = _median(lambda: model.draw(condition), condition.source_image.device)
        size = f"{condition.source_image.shape[-2]}x{condition.source_image.shape[-1]}"
        return Cost(0, size, None, None, picture, picture, runs, None, None, _load_per_core())
    given = _at_own_size(generator, condition)
    device = given.source_image.device
    source = (given.source_image, given.source_pose, given.source_parsing)
    with torch.inference_mode():
        encoded = generator.encode(*source)
        picture, runs = _median(lambda: generator.render(generator.encode(*source), given.target_pose), device)
        pose, _ = _median(lambda: generator.render(encoded, given.target_pose), device)
    encoding, rendering = flops(generator, given)
    weights = sum(tensor.numel() * tensor.element_size() for tensor in generator.state_dict().values())
    return Cost(
        parameters=model.parameters,
        frame=str(generator.size),
        gflops_source=round(encoding / 1e9, 3),
        gflops_pose=round(rendering / 1e9, 3),
        seconds_picture=picture,
        seconds_pose=pose,
        runs=runs,
        peak_megabytes=_peak_megabytes(model, given, device),
        weights_megabytes=round(weights / _MEGA, 2),
        load_per_core=_load_per_core(),
    )


def _load_per_core() -> float | None:
    if not hasattr(os, "getloadavg"):
        return None
    return round(os.getloadavg()[0] / (os.cpu_count() or 1), 2)


def _first(poses: PoseBatch) -> PoseBatch:
    return PoseBatch(poses.keypoints[:1], poses.visible[:1], poses.size)


def _at_own_size(generator: Generator[Any], condition: PoseCondition) -> PoseCondition:
    """The first of the condition, at the network's size: not what is drawn matters here, only how much work it is."""
    size = generator.size
    parsing = condition.source_parsing
    resize = torch.nn.functional.interpolate
    return PoseCondition(
        source_image=resize(condition.source_image[:1], size=tuple(size), mode="bilinear", align_corners=False),
        source_pose=_first(condition.source_pose).resize(size),
        target_pose=_first(condition.target_pose).resize(size),
        source_parsing=None
        if parsing is None
        else resize(parsing[:1, None].float(), size=tuple(size), mode="nearest-exact")[:, 0].to(torch.uint8),
    )


# Not inference_mode: there the counter cannot look into spectrally normed layers.
@torch.no_grad()
@sdpa_kernel(SDPBackend.MATH)  # torch counts no fused attention on the CPU
def flops(generator: Generator[Any], condition: PoseCondition) -> tuple[int, int]:
    """FLOPs (an addition or a multiplication is one) of encoding the source, and of rendering one pose."""
    with FlopCounterMode(display=False) as encoding:
        encoded = generator.encode(condition.source_image, condition.source_pose, condition.source_parsing)
    with FlopCounterMode(display=False) as rendering:
        generator.render(encoded, condition.target_pose)
    return encoding.get_total_flops(), rendering.get_total_flops()


def _median(draw: Callable[[], Any], device: torch.device) -> tuple[float, int]:
    """Seconds, and of how many runs."""
    for _ in range(_WARM_UP):
        draw()
    seconds: list[float] = []
    while len(seconds) < 3 or (len(seconds) < _RUNS and sum(seconds) < _PATIENCE_SECONDS):
        _wait(device)
        start = time.perf_counter()
        draw()
        _wait(device)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds), len(seconds)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _peak_megabytes(model: EvaluatedModel, condition: PoseCondition, device: torch.device) -> float | None:
    assert model.generator is not None
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        with torch.inference_mode():
            model.generator(condition)
        return round(torch.cuda.max_memory_allocated(device) / _MEGA, 1)
    if device.type != "cpu" or sys.platform == "win32" or model.folder is None:
        return None
    # In a process of its own: this one has held other models, and a peak never goes down.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        try:
            return pool.submit(_peak_in_this_process, str(model.folder), condition, torch.get_num_threads()).result()
        except BrokenProcessPool:
            return None


def _peak_in_this_process(folder: str, condition: PoseCondition, threads: int) -> float:
    """Megabytes that loading and drawing add to what the libraries take."""
    torch.set_num_threads(threads)
    before = _peak_bytes()
    generator = load_checkpoint(folder)
    with torch.inference_mode():
        generator(condition)
    return round((_peak_bytes() - before) / _MEGA, 1)


def _peak_bytes() -> int:
    """The most memory that this process has held so far."""
    status = Path("/proc/self/status")
    if status.is_file():
        # getrusage would tell the peak of the parent here, which a child inherits.
        found = re.search(r"^VmHWM:\s+(\d+) kB$", status.read_text(), re.MULTILINE)
        assert found is not None, "Linux tells a process's peak"
        return int(found[1]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
