"""Our AlexNet, VGG16, VGG19 and Inception have the published entries and compute what the architectures say."""

from pathlib import Path

import pytest
import torch
from published_keys import INCEPTION_PARAMETERS_WITHOUT_CLASSIFIER, PARAMETERS_OF_FEATURES, convolutional
from published_keys import inception as inception_entries
from torch import Tensor, nn
from torch.nn import functional

from posable.errors import CheckpointError
from posable.nn.pretrained.imagenet_trunks import AlexNet, Vgg16
from posable.nn.pretrained.inception import (
    Inception,
    fid_inception,
    fold_norms,
    inception_input,
    load_inception,
    torchvision_inception,
)
from posable.nn.pretrained.published_weights import load_published
from posable.nn.pretrained.vgg19 import Vgg19

TRUNKS = {"alexnet": AlexNet, "vgg16": Vgg16, "vgg19": Vgg19}
LISTED = {
    # Convolutions by their width, ReLUs, and poolings by kernel and stride, in the published order.
    "alexnet": [64, "R", (3, 2), 192, "R", (3, 2), 384, "R", 256, "R", 256, "R"],
    "vgg16": [
        *(64, "R", 64, "R", (2, 2), 128, "R", 128, "R", (2, 2), 256, "R", 256, "R", 256, "R", (2, 2)),
        *(512, "R", 512, "R", 512, "R", (2, 2), 512, "R", 512, "R", 512, "R"),
    ],
}
ENDS = {"alexnet": (1, 4, 7, 9, 11), "vgg16": (3, 8, 15, 22, 29)}
"""The layers that LPIPS looks at, counted as published."""


def seeded(network: nn.Module) -> nn.Module:
    """Weights of a size that keeps activations alive, and norms that do something; the same for everybody."""
    rng = torch.Generator().manual_seed(0)
    for name, value in network.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        drawn = torch.randn(value.shape, generator=rng)
        if value.ndim > 1:
            value.copy_(drawn * (2 / value[0].numel()) ** 0.5)
        elif name.endswith("var"):
            value.copy_(0.9 + 0.2 * drawn.abs())
        else:
            value.copy_(0.1 * drawn + name.endswith("weight"))
    return network.eval()


@pytest.fixture(scope="module")
def inception() -> Inception:
    network = seeded(fid_inception())
    assert isinstance(network, Inception)
    return network


@pytest.mark.parametrize("name", TRUNKS)
def test_a_trunk_has_the_published_entries(name: str) -> None:
    network = TRUNKS[name]()
    assert {key: tuple(value.shape) for key, value in network.state_dict().items()} == convolutional(name)
    assert sum(p.numel() for p in network.parameters()) == PARAMETERS_OF_FEATURES[name]


@pytest.mark.parametrize("name", LISTED)
@torch.inference_mode()
def test_a_trunk_gives_what_a_walk_through_the_published_list_gives(name: str) -> None:
    network = seeded(TRUNKS[name]())
    weights, x, expected = (
        network.state_dict(),
        torch.randn(1, 3, 64, 48, generator=torch.Generator().manual_seed(1)),
        [],
    )
    stride, padding = (4, 2) if name == "alexnet" else (1, 1)
    image = x
    for index, layer in enumerate(LISTED[name]):
        if layer == "R":
            x = functional.relu(x)
        elif isinstance(layer, tuple):
            x = functional.max_pool2d(x, *layer)
        else:
            weight = weights[f"features.{index}.weight"]
            first = index == 0
            same = padding if first else weight.shape[-1] // 2
            x = functional.conv2d(x, weight, weights[f"features.{index}.bias"], stride if first else 1, same)
            assert x.shape[1] == layer
        if index in ENDS[name]:
            expected.append(x)
    for got, want in zip(network(image), expected, strict=True):
        torch.testing.assert_close(got, want)


def test_inception_has_the_published_entries(inception: Inception) -> None:
    shapes = {key: tuple(value.shape) for key, value in inception.state_dict().items() if "num_batches" not in key}
    assert shapes == inception_entries()
    assert sum(p.numel() for p in inception.parameters()) == INCEPTION_PARAMETERS_WITHOUT_CLASSIFIER


def conv(network: Inception, name: str, x: Tensor) -> Tensor:
    """One layer by its published name, from its entries alone, as same-size convolution with stride 1."""
    entries = {key.rpartition(".")[2]: v for key, v in network.state_dict().items() if key.startswith(f"{name}.bn.")}
    weight = network.state_dict()[f"{name}.conv.weight"]
    x = functional.conv2d(x, weight, padding=(weight.shape[2] // 2, weight.shape[3] // 2))
    x = functional.batch_norm(
        x, entries["running_mean"], entries["running_var"], entries["weight"], entries["bias"], eps=1e-3
    )
    return functional.relu(x)


@torch.inference_mode()
def test_fid_s_pooling_leaves_the_padding_out_and_its_last_block_takes_the_maximum(inception: Inception) -> None:
    other = torchvision_inception().eval()
    other.load_state_dict(inception.state_dict())
    rng = torch.Generator().manual_seed(2)
    early, late = torch.rand(1, 192, 7, 7, generator=rng), torch.rand(1, 2048, 5, 5, generator=rng)
    cells = functional.avg_pool2d(functional.pad(torch.ones(1, 1, 7, 7), (1, 1, 1, 1)), 3, 1)
    padded = functional.avg_pool2d(functional.pad(early, (1, 1, 1, 1)), 3, 1)
    for network, pooled in ((inception, padded / cells), (other, padded)):
        want = conv(network, "Mixed_5b.branch_pool", pooled)
        torch.testing.assert_close(network.Mixed_5b(early)[:, -32:], want, atol=1e-5, rtol=1e-5)
    largest = functional.max_pool2d(late, 3, 1, 1)
    average = functional.avg_pool2d(functional.pad(late, (1, 1, 1, 1)), 3, 1)
    for network, pooled in ((inception, largest), (other, average)):
        want = conv(network, "Mixed_7c.branch_pool", pooled)
        torch.testing.assert_close(network.Mixed_7c(late)[:, -192:], want, atol=1e-5, rtol=1e-5)


@torch.inference_mode()
def test_the_branches_come_in_the_published_order(inception: Inception) -> None:
    x = torch.rand(1, 768, 6, 5, generator=torch.Generator().manual_seed(3))
    out = inception.Mixed_6b(x)
    assert out.shape == (1, 768, 6, 5)
    name = "Mixed_6b.branch7x7"
    seven = conv(inception, f"{name}_3", conv(inception, f"{name}_2", conv(inception, f"{name}_1", x)))
    torch.testing.assert_close(out[:, :192], conv(inception, "Mixed_6b.branch1x1", x), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(out[:, 192:384], seven, atol=1e-5, rtol=1e-5)
    x = torch.rand(1, 1280, 3, 3, generator=torch.Generator().manual_seed(4))
    once = conv(inception, "Mixed_7b.branch3x3_1", x)
    sides = torch.cat([conv(inception, f"Mixed_7b.branch3x3_2{side}", once) for side in "ab"], dim=1)
    torch.testing.assert_close(inception.Mixed_7b(x)[:, 320:1088], sides, atol=1e-5, rtol=1e-5)


@torch.inference_mode()
def test_the_published_input_size_gives_2048_features_and_folding_changes_nothing(inception: Inception) -> None:
    levels = torch.randint(0, 256, (1, 3, 256, 176), generator=torch.Generator().manual_seed(5), dtype=torch.uint8)
    image = inception_input(levels)
    assert image.shape == (1, 3, 299, 299)
    assert float(image.min()) >= -1
    assert float(image.max()) <= 1
    plain = inception(image)
    assert plain.shape == (1, 2048)
    copy = fid_inception().eval()
    copy.load_state_dict(inception.state_dict())
    torch.testing.assert_close(fold_norms(copy)(image), plain, atol=1e-4, rtol=1e-4)


def test_a_published_file_loads_with_its_classifiers_and_without_counters(inception: Inception, tmp_path: Path) -> None:
    entries = {key: value for key, value in inception.state_dict().items() if "num_batches" not in key}
    torch.save(entries | {"fc.weight": torch.zeros(1008, 2048), "AuxLogits.fc.bias": torch.zeros(1000)}, tmp_path / "a")
    loaded = load_inception(fid_inception, tmp_path / "a")
    assert not any(p.requires_grad for p in loaded.parameters())


def test_a_file_of_something_else_is_refused_by_name(tmp_path: Path) -> None:
    torch.save({"features.0.weight": torch.zeros(64, 3, 5, 5)}, tmp_path / "other.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    (tmp_path / "broken.pth").write_bytes(b"no weights at all")
    for name in ("other.pth", "list.pth", "broken.pth", "missing.pth"):
        with pytest.raises(CheckpointError, match=name):
            load_published(AlexNet, tmp_path / name, "AlexNet")
