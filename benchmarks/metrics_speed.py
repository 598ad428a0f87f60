"""How fast are the metrics of 1,000 pairs, against scikit-image in a plain loop over pictures, in one run?

    python benchmarks/metrics_speed.py                # 1,000 pairs of 256x176, about a minute on one core
    python benchmarks/metrics_speed.py --pairs 100

Both sides get the same pairs in memory: pictures of synthetic test people as truth, the same with noise and a shift as
generated. The loop does what the field's scripts do: one picture at a time, scikit-image for SSIM and PSNR, NumPy for
masks and parsing maps. Its numbers are checked against ours. Loop and metrics take turns batch by batch, so that other
work on the machine slows both alike, and both use one core. Compiling, done once on a machine, is not counted.
"""

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from posable.batch import collate
from posable.evaluation.pairs import open_pairs
from posable.evaluation.protocol import PEOPLE_1
from posable.files import cache_folder
from posable.imaging.size import Size
from posable.metrics.judged import JudgedPictures, Metric
from posable.metrics.mask_metrics import ParsingIou, mask_iou_metric
from posable.metrics.mask_ssim import limb_mask, mask_ssim_metric
from posable.metrics.pixel_metrics import psnr_metric, ssim_metric
from posable.metrics.ssim import GAUSSIAN, UNIFORM
from posable.pose.pose import PoseBatch
from run_record import ProgressCallback, progress_bars, step, write_record

SIZE = Size(256, 176)
BATCH = 10
DISTINCT = 50
"""Different pairs; they are repeated to the number asked for."""
AGREE = 1e-4
GAUSSIAN_SETTINGS = {
    "channel_axis": 2,
    "data_range": 255,
    "gaussian_weights": True,
    "sigma": 1.5,
    "use_sample_covariance": False,
}

Pictures = NDArray[np.uint8]


@dataclass
class Row:
    """One group of metrics, both ways; seconds for all pairs so far."""

    name: str
    metrics: list[Metric]
    loop: Callable[[JudgedPictures, int], tuple[float, ...]]
    """The same metrics of picture `i` of a batch, as a plain script takes them."""
    values: list[tuple[float, ...]] = field(default_factory=list)
    loop_seconds: float = 0.0
    loop_cpu_seconds: float = 0.0
    our_seconds: float = 0.0
    our_cpu_seconds: float = 0.0

    def measure(self, pictures: JudgedPictures) -> None:
        """One batch, first by the loop and then by the metrics, so that both meet the same load of the machine."""
        wall, cpu = time.perf_counter(), time.process_time()
        self.values += [self.loop(pictures, i) for i in range(len(pictures))]
        middle_wall, middle_cpu = time.perf_counter(), time.process_time()
        fresh = replace(pictures)
        for metric in self.metrics:
            metric.update(fresh)
        self.loop_seconds += middle_wall - wall
        self.loop_cpu_seconds += middle_cpu - cpu
        self.our_seconds += time.perf_counter() - middle_wall
        self.our_cpu_seconds += time.process_time() - middle_cpu

    def largest_difference(self) -> float:
        """Between the loop's values and ours, over all pairs."""
        ours = np.array([metric.result().per_pair for metric in self.metrics]).T
        return float(np.abs(ours - np.array(self.values)).max())

    def record(self) -> dict[str, float | str]:
        return {
            "metrics": self.name,
            "loop_seconds": round(self.loop_seconds, 3),
            "our_seconds": round(self.our_seconds, 3),
            "ratio": round(self.loop_seconds / self.our_seconds, 2),
            "cpu_ratio": round(self.loop_cpu_seconds / self.our_cpu_seconds, 2),
            "largest_difference": self.largest_difference(),
        }


def made_pairs(count: int, workers: int, progress: ProgressCallback) -> list[JudgedPictures]:
    """`count` pairs in batches, on the CPU."""
    pairs = open_pairs(PEOPLE_1.with_pairs(DISTINCT), None, cache_folder())
    pairs.prepare(workers, lambda _what, done, in_all: progress(done, in_all))
    shown = collate([pairs[i] for i in range(DISTINCT)])
    truth, mask = shown.target_image.add(1).mul(127.5).round().to(torch.uint8), shown.target_alpha
    assert mask is not None, "people-1 knows where the person is"
    noise = 20 * torch.randn(truth.shape, generator=torch.Generator().manual_seed(0))
    generated = (truth.roll(3, dims=3) + noise).clamp(0, 255).round().to(torch.uint8)
    # Parsing maps of twelve classes that follow the pictures' brightness: only their areas matter here.
    parsing = (truth.float().mean(dim=1) / 22).to(torch.uint8) * (mask[:, 0] > 0.5)
    poses = shown.condition.target_pose
    batches: list[JudgedPictures] = []
    for start in range(0, count, BATCH):
        chosen = torch.arange(start, min(start + BATCH, count)) % DISTINCT
        batches.append(
            JudgedPictures(
                generated=generated[chosen],
                truth=truth[chosen],
                target_pose=PoseBatch(poses.keypoints[chosen], poses.visible[chosen], SIZE),
                mask=mask[chosen],
                predicted_mask=mask.roll(3, dims=3)[chosen],
                parsing=parsing[chosen],
                predicted_parsing=parsing.roll(3, dims=2)[chosen],
            )
        )
    return batches


def rgb(pictures: JudgedPictures, i: int) -> tuple[Pictures, Pictures]:
    """Generated and true picture `i`, (h, w, 3)."""
    generated, truth = (part[i].permute(1, 2, 0).numpy() for part in (pictures.generated, pictures.truth))
    return np.ascontiguousarray(generated), np.ascontiguousarray(truth)


def loop_ssim(pictures: JudgedPictures, i: int) -> tuple[float, ...]:
    generated, truth = rgb(pictures, i)
    whole, full = structural_similarity(truth, generated, full=True, **GAUSSIAN_SETTINGS)
    weights = pictures.mask[i, 0].numpy()
    return float(whole), float(np.average(full.mean(axis=2), weights=weights))


def loop_uniform(pictures: JudgedPictures, i: int) -> tuple[float, ...]:
    generated, truth = rgb(pictures, i)
    return (float(structural_similarity(truth, generated, channel_axis=2, data_range=255)),)


def loop_psnr(pictures: JudgedPictures, i: int) -> tuple[float, ...]:
    generated, truth = rgb(pictures, i)
    return (float(peak_signal_noise_ratio(truth, generated, data_range=255)),)


def loop_mask_ssim(pictures: JudgedPictures, i: int) -> tuple[float, ...]:
    """The mask is drawn by our code on both sides; scikit-image has none."""
    mask = limb_mask(PoseBatch.from_poses([pictures.target_pose[i]]))[0, 0].numpy()[..., None]
    generated, truth = rgb(pictures, i)
    return (float(structural_similarity(truth * mask, generated * mask, **GAUSSIAN_SETTINGS)),)


def loop_mask_iou(pictures: JudgedPictures, i: int) -> tuple[float, ...]:
    return (iou(pictures.predicted_mask[i].numpy() > 0.5, pictures.mask[i].numpy() > 0.5),)


def loop_parsing_iou(pictures: JudgedPictures, i: int) -> tuple[float, ...]:
    a, b = pictures.predicted_parsing[i].numpy(), pictures.parsing[i].numpy()
    return (float(np.mean([iou(a == c, b == c) for c in range(20) if (a == c).any() or (b == c).any()])),)


def iou(mask: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return float((mask & other).sum() / (mask | other).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2, help="processes that render the people the first time")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "metrics_speed.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = [
        Row("SSIM, whole and on the person", [ssim_metric(), ssim_metric(region="mask")], loop_ssim),
        Row("SSIM, uniform window", [ssim_metric("ssim_uniform", UNIFORM)], loop_uniform),
        Row("PSNR", [psnr_metric()], loop_psnr),
        Row("mask-SSIM", [mask_ssim_metric(GAUSSIAN)], loop_mask_ssim),
        Row("mask IoU", [mask_iou_metric()], loop_mask_iou),
        Row("parsing IoU", [ParsingIou()], loop_parsing_iou),
    ]
    with progress_bars() as bars:
        batches = made_pairs(options.pairs, options.workers, step(bars, "render test people"))
        ssim_metric().update(batches[0])
        for row in rows:
            tell = step(bars, row.name)
            for done, pictures in enumerate(batches, 1):
                row.measure(pictures)
                tell(done, len(batches))
    everything = Row("all together", [], loop_psnr)
    for row in rows:
        assert row.largest_difference() < AGREE, f"{row.name} differs by {row.largest_difference()}"
        everything.loop_seconds += row.loop_seconds
        everything.our_seconds += row.our_seconds
    ratio = everything.loop_seconds / everything.our_seconds
    records = [row.record() for row in rows]
    print(f"{options.pairs} pairs of {SIZE}, one core; seconds\n")
    print("| metrics | loop over pictures | posable | times as fast | by CPU time | largest difference |")
    print("|---|---|---|---|---|---|")
    for r in records:
        cells = (r["metrics"], r["loop_seconds"], r["our_seconds"], r["ratio"], r["cpu_ratio"])
        print("| " + " | ".join(map(str, cells)) + f" | {r['largest_difference']:.1e} |")
    print(f"| **all together** | {everything.loop_seconds:.3f} | {everything.our_seconds:.3f} | **{ratio:.2f}** | | |")
    record = {"benchmark": "metrics_speed", "pairs": options.pairs, "size": str(SIZE), "batch": BATCH, "rows": records}
    write_record(options.out, {**record, "ratio": round(ratio, 2), "load_average_at_end": list(os.getloadavg())})


if __name__ == "__main__":
    main()
