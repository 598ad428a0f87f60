"""SSIM against scikit-image as the witness."""

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity
from torch import Tensor

from posable.errors import SizeError
from posable.metrics.ssim import ssim, ssim_in_box, ssim_map


def pictures(seed: int, height: int = 64, width: int = 44) -> tuple[Tensor, Tensor]:
    """A smooth random picture and a noisy copy, in [-1, 1]."""
    rng = np.random.default_rng(seed)
    coarse = torch.from_numpy(rng.uniform(-1, 1, (2, 3, height // 4, width // 4)).astype(np.float32))
    image = torch.nn.functional.interpolate(coarse, size=(height, width), mode="bilinear")
    noise = torch.from_numpy(rng.normal(0, 0.2, image.shape).astype(np.float32))
    return image, (image + noise).clamp(-1, 1)


def witness(image: Tensor, other: Tensor, full: bool = False):
    """scikit-image's SSIM of one picture (3, h, w), in double precision."""
    return structural_similarity(
        image.double().numpy(), other.double().numpy(), channel_axis=0, data_range=2.0, gaussian_weights=True,
        sigma=1.5, use_sample_covariance=False, full=full,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_equals_scikit_image(seed: int) -> None:
    image, other = pictures(seed)
    expected = [witness(a, b) for a, b in zip(image, other, strict=True)]
    np.testing.assert_allclose(ssim(image, other).numpy(), expected, atol=1e-4)


def test_map_and_box_equal_scikit_image_up_to_the_edge() -> None:
    image, other = pictures(7)
    full = np.stack([witness(a, b, full=True)[1].mean(axis=0) for a, b in zip(image, other, strict=True)])
    np.testing.assert_allclose(ssim_map(image, other).numpy(), full, atol=1e-4)
    boxes = torch.tensor([[0, 0, 20, 30], [13, 40, 44, 64]])
    expected = [full[0, 0:30, 0:20].mean(), full[1, 40:64, 13:44].mean()]
    np.testing.assert_allclose(ssim_in_box(image, other, boxes).numpy(), expected, atol=1e-4)


def test_flat_pictures_give_the_formula() -> None:
    """Without variance only luminance is left: (2ab + C1) / (a^2 + b^2 + C1), C1 = (0.01 x 2)^2."""
    a, b = 0.5, -0.25
    expected = (2 * a * b + 4e-4) / (a * a + b * b + 4e-4)
    value = ssim(torch.full((1, 3, 32, 32), a), torch.full((1, 3, 32, 32), b))
    assert float(value) == pytest.approx(expected, abs=1e-4)


def test_equal_pictures_have_similarity_one() -> None:
    image, _ = pictures(3)
    torch.testing.assert_close(ssim(image, image), torch.ones(2))
    torch.testing.assert_close(ssim_in_box(image, image, torch.tensor([[3, 4, 30, 50]] * 2)), torch.ones(2))


def test_what_lies_far_outside_the_box_does_not_matter() -> None:
    image, other = pictures(5)
    changed = other.clone()
    changed[:, :, 40:] = 0.0
    boxes = torch.tensor([[0, 0, 44, 34]] * 2)
    torch.testing.assert_close(ssim_in_box(image, other, boxes), ssim_in_box(image, changed, boxes))


def test_pictures_of_two_sizes_or_too_small_are_refused() -> None:
    with pytest.raises(SizeError, match="one shape"):
        ssim(torch.zeros(1, 3, 20, 20), torch.zeros(1, 3, 20, 21))
    with pytest.raises(SizeError, match="11 px"):
        ssim(torch.zeros(1, 3, 10, 20), torch.zeros(1, 3, 10, 20))
