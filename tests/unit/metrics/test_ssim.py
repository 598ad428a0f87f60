"""SSIM of float pictures against scikit-image and the formula; test_pixel_metrics.py has the forms that tables use."""

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity
from torch import Tensor

from posable.errors import SizeError
from posable.metrics.ssim import ssim, ssim_map


def pictures(seed: int, height: int = 64, width: int = 44) -> tuple[Tensor, Tensor]:
    """A smooth random picture and a noisy copy, in [0, 1]."""
    rng = np.random.default_rng(seed)
    coarse = torch.from_numpy(rng.uniform(0, 1, (2, 3, height // 4, width // 4)).astype(np.float32))
    image = torch.nn.functional.interpolate(coarse, size=(height, width), mode="bilinear")
    noise = torch.from_numpy(rng.normal(0, 0.1, image.shape).astype(np.float32))
    return image, (image + noise).clamp(0, 1)


def witness(image: Tensor, other: Tensor, full: bool = False):
    """scikit-image's SSIM of one picture (3, h, w), in double precision."""
    return structural_similarity(
        image.double().numpy(), other.double().numpy(), channel_axis=0, data_range=1.0, gaussian_weights=True,
        sigma=1.5, use_sample_covariance=False, full=full,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_equals_scikit_image(seed: int) -> None:
    image, other = pictures(seed)
    expected = [witness(a, b) for a, b in zip(image, other, strict=True)]
    np.testing.assert_allclose(ssim(image, other, data_range=1.0).numpy(), expected, atol=1e-4)


def test_the_map_equals_scikit_image_up_to_the_edge() -> None:
    image, other = pictures(7)
    full = np.stack([witness(a, b, full=True)[1].mean(axis=0) for a, b in zip(image, other, strict=True)])
    np.testing.assert_allclose(ssim_map(image, other, data_range=1.0).numpy(), full, atol=1e-4)


def test_levels_and_their_shares_of_255_give_one_number() -> None:
    image, other = (picture.mul(255).round() for picture in pictures(5))
    torch.testing.assert_close(ssim(image, other), ssim(image / 255, other / 255, data_range=1.0), atol=1e-5, rtol=0)


def test_flat_pictures_give_the_formula() -> None:
    """Without variance only luminance is left: (2ab + C1) / (a^2 + b^2 + C1), C1 = 0.01^2."""
    a, b = 0.5, 0.25
    expected = (2 * a * b + 1e-4) / (a * a + b * b + 1e-4)
    value = ssim(torch.full((1, 3, 32, 32), a), torch.full((1, 3, 32, 32), b), data_range=1.0)
    assert float(value) == pytest.approx(expected, abs=1e-4)


def test_gradients_flow_to_both_pictures() -> None:
    image, other = (picture.requires_grad_() for picture in pictures(3))
    ssim(image, other, data_range=1.0).sum().backward()
    assert float(image.grad.abs().sum()) > 0
    assert float(other.grad.abs().sum()) > 0


def test_pictures_of_two_sizes_or_too_small_are_refused() -> None:
    with pytest.raises(SizeError, match="one shape"):
        ssim(torch.zeros(1, 3, 20, 20), torch.zeros(1, 3, 20, 21))
    with pytest.raises(SizeError, match="11 px"):
        ssim(torch.zeros(1, 3, 10, 20), torch.zeros(1, 3, 10, 20))
