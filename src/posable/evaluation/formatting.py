"""How measures are called and written, on the terminal and on pages alike."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from posable.evaluation.judging import Measured
from posable.evaluation.protocol import Measure


class _Words(NamedTuple):
    name: str
    digits: int
    about: str


_METRICS = {
    "ssim": _Words("SSIM", 3, "Gaussian window, fixed data range"),
    "ssim_gaussian_of_prediction": _Words("SSIM", 4, "Gaussian window, data range of the prediction"),
    "ssim_uniform_51": _Words("SSIM", 4, "uniform window of 51 px"),
    "ms_ssim": _Words("MS-SSIM", 4, "five scales"),
    "psnr": _Words("PSNR", 2, "decibels"),
    "mask_ssim": _Words("mask-SSIM", 4, "inside the limbs' polygons"),
    "lpips": _Words("LPIPS", 4, "AlexNet, heads v0.1"),
    "lpips_vgg": _Words("LPIPS (VGG16)", 4, "VGG16, heads v0.1"),
    "fid": _Words("FID", 3, "FID's own Inception"),
    "fid_torchvision": _Words("FID (torchvision)", 3, "Inception-v3 of torchvision, as the published scripts have it"),
    "kid": _Words("KID", 4, "FID's own Inception"),
    "pd_efflite0": _Words("Perceptual distance", 3, "EfficientNet-Lite0; not LPIPS"),
    "fd_efflite0": _Words("Fréchet distance", 1, "EfficientNet-Lite0; not FID"),
    "mask_iou": _Words("Mask IoU", 3, "the model's own mask against the true one"),
    "parsing_iou": _Words("Parsing IoU", 3, "the model's own parsing map against the true one"),
    "keypoints_found": _Words("Keypoints found", 3, "by BlazePose, of those that it finds in the truth"),
    "pck": _Words("PCK@0.1", 3, "BlazePose, of all keypoints in the frame"),
}
_REGIONS = {"whole": "whole picture", "box": "person's box", "mask": "person's pixels"}


def name_of(measure: Measure) -> str:
    """As a table names it: SSIM, person's box."""
    words = _METRICS.get(measure.metric)
    name = words.name if words else measure.metric
    if measure.on_canvas:
        return f"{name}, white canvas"
    regional = measure.region != "whole" or measure.metric in ("ssim", "psnr", "pd_efflite0", "lpips", "lpips_vgg")
    return f"{name}, {_REGIONS[measure.region]}" if regional else name


def about_of(measure: Measure) -> str:
    """What form of the metric it is, in a few words."""
    words = _METRICS.get(measure.metric)
    return words.about if words else ""


def value_of(one: Measured) -> str:
    """The value, or "absent"."""
    return "absent" if one.value is None else number(one.value, one.measure)


def interval_of(one: Measured) -> str:
    """LOW to HIGH, or nothing."""
    if one.low is None or one.high is None:
        return ""
    return f"{number(one.low, one.measure)} to {number(one.high, one.measure)}"


def number(value: float, measure: Measure) -> str:
    """With the digits that the metric is written with."""
    words = _METRICS.get(measure.metric)
    if math.isnan(value):
        return "none"
    return "∞" if math.isinf(value) else f"{value:.{words.digits if words else 4}f}"


def absences(measured: Sequence[Measured]) -> dict[str, list[str]]:
    """The names of absent measures, by the reason: what lacks the same thing stands together."""
    by_reason: dict[str, list[str]] = {}
    for one in measured:
        if one.absent is not None:
            by_reason.setdefault(one.absent, []).append(name_of(one.measure))
    return by_reason


def absences_of_rows(rows: Mapping[str, Sequence[Measured]]) -> dict[str, list[str]]:
    """`absences` of several models: a measure that only some lack comes with their names."""
    lacking: dict[tuple[str, str], list[str]] = {}
    for row, measured in rows.items():
        for reason, names in absences(measured).items():
            for name in names:
                lacking.setdefault((reason, name), []).append(row)
    by_reason: dict[str, list[str]] = {}
    for (reason, name), found in lacking.items():
        told = name if len(found) == len(rows) else f"{name} of {', '.join(found)}"
        by_reason.setdefault(reason, []).append(told)
    return by_reason


def omissions_of_rows(rows: Mapping[str, Sequence[Measured]]) -> list[str]:
    """A sentence for each measure that is not of all drawn pairs, with the models, the count and the reason."""
    lacking: dict[tuple[str, int, str], list[str]] = {}
    for row, measured in rows.items():
        for one in measured:
            for reason, count in one.left_out.items() if one.absent is None else ():
                lacking.setdefault((name_of(one.measure), count, reason), []).append(row)
    return [
        f"{name} of {', '.join(found)} is not of {count:,} drawn pairs: {reason}"
        for (name, count, reason), found in lacking.items()
    ]


def arrow(one: Measured) -> str:
    """Which way is better."""
    return "↑" if one.higher_is_better else "↓"
