"""SSIM and PSNR of judged pictures against scikit-image, whole, in the box and on the person."""

import math

import numpy as np
import pytest
import torch
from judged_pictures import ellipses, judged, levels
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from posable.errors import SizeError
from posable.metrics.judged import JudgedPictures, MetricResult
from posable.metrics.mask_iou import person_boxes
from posable.metrics.mask_ssim import mask_ssim_metric
from posable.metrics.pixel_metrics import psnr_metric, ssim_metric
from posable.metrics.ssim import GAUSSIAN, GAUSSIAN_OF_PREDICTION, UNIFORM, UNIFORM_51, SsimForm, ssim_map

WITNESS_SETTINGS = {
    GAUSSIAN: {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False},
    GAUSSIAN_OF_PREDICTION: {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False},
    UNIFORM: {},
    UNIFORM_51: {"win_size": 51},
}


def witness(pictures: JudgedPictures, form: SsimForm, full: bool = False):
    """scikit-image's SSIM of each pair, in double precision."""
    pairs = zip(pictures.generated.numpy(), pictures.truth.numpy(), strict=True)
    values = []
    for generated, truth in pairs:
        data_range = float(generated.max()) - float(generated.min()) if form.range_of_prediction else 255.0
        values.append(
            structural_similarity(
                truth, generated, channel_axis=0, data_range=data_range, full=full, **WITNESS_SETTINGS[form]
            )
        )
    return np.stack([value[1].mean(axis=0) for value in values]) if full else np.array(values)


@pytest.mark.parametrize("form", [GAUSSIAN, GAUSSIAN_OF_PREDICTION, UNIFORM, UNIFORM_51], ids=str)
def test_ssim_in_every_form_equals_scikit_image(form: SsimForm) -> None:
    pictures = judged(height=72, width=56)
    metric = ssim_metric("ssim", form)
    metric.update(pictures)
    np.testing.assert_allclose(metric.result().per_pair, witness(pictures, form), atol=1e-6)


@pytest.mark.parametrize("form", [GAUSSIAN, UNIFORM], ids=str)
def test_ssim_in_a_region_is_the_mean_of_scikit_image_s_map_there(form: SsimForm) -> None:
    pictures = judged()
    full, mask = witness(pictures, form, full=True), pictures.mask.numpy()[:, 0]
    for region in ("box", "mask"):
        metric = ssim_metric("ssim", form, region)
        metric.update(pictures)
        if region == "mask":
            expected = [np.average(one, weights=weights) for one, weights in zip(full, mask, strict=True)]
        else:
            boxes = person_boxes(pictures.mask >= 0.5).tolist()
            expected = [
                one[top:bottom, left:right].mean() for one, (left, top, right, bottom) in zip(full, boxes, strict=True)
            ]
        assert metric.name == f"ssim_in_{region}"
        np.testing.assert_allclose(metric.result().per_pair, expected, atol=1e-6)


@pytest.mark.parametrize("form", [GAUSSIAN, GAUSSIAN_OF_PREDICTION, UNIFORM, UNIFORM_51], ids=str)
@pytest.mark.parametrize(("height", "width"), [(51, 51), (73, 64)])
def test_compiled_and_not_compiled_ssim_are_one(form: SsimForm, height: int, width: int) -> None:
    image, other = levels(0, 2, height, width), levels(1, 2, height, width)
    compiled, plain = ssim_map(image, other, form, 255.0), ssim_map(image.float(), other.float(), form, 255.0)
    np.testing.assert_allclose(compiled.numpy(), plain.numpy(), atol=1e-4)
    np.testing.assert_allclose(compiled.mean(dim=(1, 2)).numpy(), plain.mean(dim=(1, 2)).numpy(), atol=1e-6)


def test_without_numba_ssim_still_equals_scikit_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("posable.metrics.ssim.find_spec", lambda _: None)
    pictures = judged()
    metric = ssim_metric()
    metric.update(pictures)
    np.testing.assert_allclose(metric.result().per_pair, witness(pictures, GAUSSIAN), atol=1e-6)


def test_psnr_equals_scikit_image() -> None:
    pictures = judged()
    metric = psnr_metric()
    metric.update(pictures)
    expected = [
        peak_signal_noise_ratio(truth, generated, data_range=255)
        for generated, truth in zip(pictures.generated.numpy(), pictures.truth.numpy(), strict=True)
    ]
    np.testing.assert_allclose(metric.result().per_pair, expected, atol=1e-4)
    assert metric.result().value == pytest.approx(np.mean(expected), abs=1e-4)


def test_psnr_in_the_mask_is_that_of_the_person_s_pixels_alone() -> None:
    hard = (ellipses(3, 64, 44) >= 0.5).float()
    pictures = judged(mask=hard)
    metric = psnr_metric("mask")
    metric.update(pictures)
    expected = [
        peak_signal_noise_ratio(truth[:, person], generated[:, person], data_range=255)
        for generated, truth, person in zip(
            pictures.generated.numpy(), pictures.truth.numpy(), hard[:, 0].bool().numpy(), strict=True
        )
    ]
    np.testing.assert_allclose(metric.result().per_pair, expected, atol=1e-4)


def test_what_happens_around_the_person_does_not_change_psnr_in_the_mask() -> None:
    mask = (ellipses(2, 64, 44) >= 0.5).float()
    pictures = judged(n=2, mask=mask)
    changed = torch.where(mask.bool(), pictures.generated, levels(9))
    inside, outside = psnr_metric("mask"), psnr_metric("mask")
    inside.update(pictures)
    outside.update(judged(n=2, mask=mask, generated=changed))
    assert inside.result().per_pair == outside.result().per_pair


def test_equal_pictures_have_similarity_one_and_no_error() -> None:
    truth = levels(1, 3)
    ssim, psnr = ssim_metric(), psnr_metric()
    for metric in (ssim, psnr):
        metric.update(judged(generated=truth))
    assert ssim.result().value == pytest.approx(1.0, abs=1e-6)
    assert psnr.result().value == math.inf


def test_batches_add_up_to_the_whole() -> None:
    first, second = judged(seed=3), judged(seed=5, n=2)
    together, alone = ssim_metric(), [ssim_metric(), ssim_metric()]
    for pictures, metric in zip((first, second), alone, strict=True):
        together.update(pictures)
        metric.update(pictures)
    assert together.result().per_pair == sum((metric.result().per_pair for metric in alone), ())


def test_a_pair_whose_mask_is_empty_has_no_value_and_is_counted() -> None:
    mask = ellipses(3, 64, 44)
    mask[1] = 0
    for metric in (ssim_metric(region="box"), psnr_metric("mask")):
        metric.update(judged(mask=mask))
        result = metric.result()
        assert [math.isnan(value) for value in result.per_pair] == [False, True, False]
        assert result.pairs_without_value == 1
        assert result.value == pytest.approx((result.per_pair[0] + result.per_pair[2]) / 2)


def test_without_masks_a_region_is_absent_with_the_reason() -> None:
    metric = ssim_metric(region="mask")
    metric.update(judged(mask=None))
    result = metric.result()
    assert (result.value, result.per_pair) == (None, None)
    assert "no person masks" in result.absent


def test_batches_without_masks_among_others_have_no_values() -> None:
    metric = ssim_metric(region="mask")
    metric.update(judged(mask=None))
    metric.update(judged())
    assert metric.result().pairs_without_value == 3
    assert len(metric.result().per_pair) == 6


def test_a_mean_by_weight_leaves_out_what_has_no_value() -> None:
    result = MetricResult.of_pairs((1.0, math.nan, 0.0, 5.0), {}, weights=(3.0, 2.0, 1.0, 0.0))
    assert result.value == pytest.approx(0.75)
    assert math.isnan(MetricResult.of_pairs((math.nan,), {}).value)


def test_a_flat_prediction_has_no_range_and_so_no_similarity() -> None:
    pictures = judged(n=1, generated=torch.full((1, 3, 64, 44), 90, dtype=torch.uint8))
    fixed, of_prediction = ssim_metric(), ssim_metric("ssim_of_prediction", GAUSSIAN_OF_PREDICTION)
    for metric in (fixed, of_prediction):
        metric.update(pictures)
    np.testing.assert_allclose(fixed.result().per_pair, witness(pictures, GAUSSIAN), atol=1e-6)
    assert of_prediction.result().pairs_without_value == 1


def test_pictures_smaller_than_the_window_have_no_ssim_and_the_reason_says_so() -> None:
    for metric, side in ((ssim_metric("ssim_51", UNIFORM_51), 51), (mask_ssim_metric(), 11)):
        metric.update(judged(height=side + 5, width=side - 1))
        assert f"needs {side} px a side" in metric.result().absent


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"generated": levels(0, 3).float()}, "generated is torch.float32"),
        ({"generated": levels(0, 2)}, "generated is"),
        ({"mask": torch.ones(3, 64, 44)}, "mask is"),
        ({"parsing": torch.zeros(3, 64, 40, dtype=torch.uint8)}, "parsing is"),
    ],
)
def test_parts_that_do_not_fit_are_refused_by_name(part: dict[str, torch.Tensor], message: str) -> None:
    with pytest.raises(SizeError, match=message):
        judged(**part)
