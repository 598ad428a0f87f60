"""MS-SSIM against its definition in SciPy, and the perceptual distance against its definition in NumPy."""

import numpy as np
import pytest
import torch
from judged_pictures import ellipses, judged, levels
from numpy.typing import NDArray
from scipy import ndimage

from posable.imaging.image import to_tensor
from posable.metrics.ms_ssim import SCALE_WEIGHTS, ms_ssim_metric
from posable.metrics.pd_efflite0 import pd_efflite0_metric
from posable.nn.pretrained.efficientnet_lite0 import StageFeatures


def terms(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[float, float]:
    """The means of SSIM and of its contrast-structure part over all windows inside, of one colour."""

    def blurred(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return ndimage.gaussian_filter(x, 1.5, truncate=3.5)[5:-5, 5:-5]

    mean_a, mean_b = blurred(a), blurred(b)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    contrast = (2 * (blurred(a * b) - mean_a * mean_b) + c2) / (
        blurred(a * a) - mean_a**2 + blurred(b * b) - mean_b**2 + c2
    )
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    return float((luminance * contrast).mean()), float(contrast.mean())


def halved(x: NDArray[np.float64]) -> NDArray[np.float64]:
    h, w = x.shape[0] // 2 * 2, x.shape[1] // 2 * 2
    return x[:h, :w].reshape(h // 2, 2, w // 2, 2).mean(axis=(1, 3))


def witness(generated: NDArray[np.uint8], truth: NDArray[np.uint8]) -> float:
    """Mean over colours at each scale, then the product over scales by weight."""
    pairs = [(g.astype(float), t.astype(float)) for g, t in zip(generated, truth, strict=True)]
    value = 1.0
    for scale, weight in enumerate(SCALE_WEIGHTS):
        found = np.mean([terms(g, t) for g, t in pairs], axis=0)
        value *= found[0 if scale == len(SCALE_WEIGHTS) - 1 else 1] ** weight
        pairs = [(halved(g), halved(t)) for g, t in pairs]
    return value


def test_ms_ssim_equals_its_definition() -> None:
    pictures = judged(n=2, height=192, width=176)
    near = (pictures.truth * 0.7 + pictures.generated * 0.3).to(torch.uint8)
    pictures = judged(n=2, height=192, width=176, generated=near)
    metric = ms_ssim_metric()
    metric.update(pictures)
    expected = [witness(g, t) for g, t in zip(pictures.generated.numpy(), pictures.truth.numpy(), strict=True)]
    np.testing.assert_allclose(metric.result().per_pair, expected, atol=1e-5)


def test_ms_ssim_of_small_pictures_is_absent_with_the_reason() -> None:
    metric = ms_ssim_metric()
    metric.update(judged(n=1, height=256, width=175))
    assert "needs 176 px a side" in metric.result().absent


@pytest.fixture(scope="module")
def features() -> StageFeatures:
    return StageFeatures()


def squared_distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of unit vectors along the channels, the mean over places: (n,)."""
    a, b = (x / np.linalg.norm(x, axis=1, keepdims=True).clip(1e-12) for x in (a, b))
    return ((a - b) ** 2).sum(axis=1).mean(axis=(1, 2))


@torch.inference_mode()
def test_pd_of_whole_pictures_is_its_definition_in_numpy(features: StageFeatures) -> None:
    pictures = judged(n=2)
    metric = pd_efflite0_metric(features=features)
    metric.update(pictures)
    signed = [
        torch.stack([to_tensor(p.permute(1, 2, 0).numpy()) for p in q]) for q in (pictures.generated, pictures.truth)
    ]
    stages = zip(*(features(image) for image in signed), strict=True)
    expected = np.mean([squared_distance(*(part.double().numpy() for part in pair)) for pair in stages], axis=0)
    np.testing.assert_allclose(metric.result().per_pair, expected, atol=1e-5)
    assert metric.name == "pd_efflite0"


def test_pd_in_the_mask_sees_the_person_more_than_what_is_around(features: StageFeatures) -> None:
    mask = (ellipses(2, 128, 96) >= 0.5).float()
    truth, other = levels(1, 2, 128, 96), levels(7, 2, 128, 96)
    values = []
    for generated in (torch.where(mask.bool(), other, truth), torch.where(mask.bool(), truth, other)):
        metric = pd_efflite0_metric("mask", features)
        metric.update(judged(n=2, height=128, width=96, truth=truth, generated=generated, mask=mask))
        values.append(metric.result().value)
    assert values[0] > 1.5 * values[1]


def test_pd_of_a_pair_with_an_empty_mask_has_no_value(features: StageFeatures) -> None:
    mask = ellipses(3, 64, 44)
    mask[2] = 0
    metric = pd_efflite0_metric("mask", features)
    metric.update(judged(mask=mask))
    assert metric.result().pairs_without_value == 1
