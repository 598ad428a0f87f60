"""VGG19 has the published entries and gives the activations that a plain walk through its layers gives."""

from pathlib import Path

import pytest
import torch
from torch import nn

from posable.errors import CheckpointError
from posable.nn.perceptual_features import EfficientNetFeatures, Vgg19Features, perceptual_features
from posable.nn.pretrained.vgg19 import LAYERS, Vgg19, imagenet_normalised, load_vgg19

# As torchvision counts VGG19's layers: convolutions, each followed by a ReLU, and a pooling ("M") after each stage.
LAYOUT = [64, 64, "M", 128, 128, "M", 256, 256, 256, 256, "M", 512, 512, 512, 512, "M", 512, 512, 512, 512, "M"]


def listed_layers() -> nn.Sequential:
    layers, inputs = [], 3
    for width in LAYOUT:
        layers += [nn.MaxPool2d(2)] if width == "M" else [nn.Conv2d(inputs, width, 3, padding=1), nn.ReLU()]
        inputs = inputs if width == "M" else width
    return nn.Sequential(*layers)


@pytest.fixture(scope="module")
def network() -> Vgg19:
    torch.manual_seed(0)
    return Vgg19().eval()


def picture(height: int = 32, width: int = 32) -> torch.Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_the_entries_are_the_published_ones(network: Vgg19) -> None:
    listed = {f"features.{key}": value.shape for key, value in listed_layers().state_dict().items()}
    assert {key: value.shape for key, value in network.state_dict().items()} == listed
    assert sum(p.numel() for p in network.parameters()) == 20_024_384


@torch.inference_mode()
def test_the_activations_are_those_of_the_listed_layers(network: Vgg19) -> None:
    layers = listed_layers()
    layers.load_state_dict({k.removeprefix("features."): v for k, v in network.state_dict().items()})
    x, activations = picture(), []
    for layer in layers:
        x = layer(x)
        if isinstance(layer, nn.ReLU):
            activations.append(x)
    found = network(picture(), LAYERS)
    assert list(found) == list(LAYERS)
    for got, want in zip(found.values(), activations, strict=True):
        torch.testing.assert_close(got, want)


@torch.inference_mode()
def test_only_the_layers_that_are_asked_for_come_back(network: Vgg19) -> None:
    found = network(picture(), ("relu3_1", "relu1_2"))
    assert {name: value.shape for name, value in found.items()} == {
        "relu1_2": (1, 64, 32, 32),
        "relu3_1": (1, 256, 8, 8),
    }


def test_imagenet_s_mean_colour_becomes_zero() -> None:
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1) * 2 - 1
    assert imagenet_normalised(mean).abs().max() < 1e-6
    white = imagenet_normalised(torch.ones(1, 3, 1, 1)).flatten()
    torch.testing.assert_close(white, (1 - torch.tensor([0.485, 0.456, 0.406])) / torch.tensor([0.229, 0.224, 0.225]))


def test_weights_are_read_from_a_file_with_or_without_the_classifier(network: Vgg19, tmp_path: Path) -> None:
    torch.save(network.state_dict() | {"classifier.0.bias": torch.zeros(3)}, tmp_path / "vgg.pth")
    loaded = load_vgg19(tmp_path / "vgg.pth")
    assert torch.equal(loaded.features["34"].weight, network.features["34"].weight)


def test_a_file_that_is_not_vgg19_is_refused_by_name(tmp_path: Path) -> None:
    torch.save({"features.0.weight": torch.zeros(64, 3, 5, 5)}, tmp_path / "other.pth")
    (tmp_path / "broken.pth").write_bytes(b"no weights at all")
    for name in ("other.pth", "broken.pth", "missing.pth"):
        with pytest.raises(CheckpointError, match=name):
            load_vgg19(tmp_path / name)


def test_only_the_picture_learns_from_the_features(network: Vgg19) -> None:
    for features in (Vgg19Features(network), EfficientNetFeatures()):
        image = picture().requires_grad_()
        maps = features(image)
        (maps.content[-1].sum() + maps.style[0].sum()).backward()
        assert image.grad.abs().max() > 0
        assert all(not p.requires_grad for p in features.parameters())


@torch.inference_mode()
def test_both_kinds_of_features_match_places_at_a_quarter_and_an_eighth(network: Vgg19) -> None:
    for features in (Vgg19Features(network), EfficientNetFeatures()):
        maps = features(picture(64, 48))
        assert maps.quarter.shape[-2:] == (16, 12)
        assert maps.eighth.shape[-2:] == (8, 6)


def test_without_vgg_s_weights_the_other_network_is_taken_and_says_so() -> None:
    assert perceptual_features(None).name == "efficientnet-lite0"
