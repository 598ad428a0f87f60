"""LPIPS against torchmetrics, whose networks are given our seeded weights because torchvision is not here."""

from pathlib import Path

import numpy as np
import pytest
import torch
from judged_pictures import ellipses, judged, levels
from torch import Tensor, nn

from posable.errors import SizeError
from posable.metrics.lpips import Lpips, Trunk, lpips_metric, published_heads
from posable.nn.pretrained.imagenet_trunks import AlexNet, Vgg16

# As torchvision counts the layers: convolutions (channels, kernel, stride, padding), ReLUs, poolings (kernel, stride).
_VGG = (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512)
LAYERS = {
    "alexnet": [
        *((64, 11, 4, 2), "R", (3, 2), (192, 5, 1, 2), "R", (3, 2)),
        *((384, 3, 1, 1), "R", (256, 3, 1, 1), "R", (256, 3, 1, 1), "R"),
    ],
    "vgg16": [layer for w in _VGG for layer in ([(2, 2)] if w == "M" else [(w, 3, 1, 1), "R"])],
}
NETWORKS = {"alexnet": AlexNet, "vgg16": Vgg16}


def trunk(name: Trunk) -> AlexNet | Vgg16:
    """Seeded weights that keep activations alive to the last layer."""
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        network = NETWORKS[name]()
        for convolution in network.features.values():
            fan_in = convolution.weight[0].numel()
            convolution.weight.normal_(0, (2 / fan_in) ** 0.5, generator=rng)
            convolution.bias.normal_(0, 0.05, generator=rng)
    return network


def listed(name: Trunk, network: nn.Module) -> nn.Sequential:
    layers: list[nn.Module] = []
    inputs = 3
    for layer in LAYERS[name]:
        if layer == "R":
            layers.append(nn.ReLU())
        elif len(layer) == 2:
            layers.append(nn.MaxPool2d(*layer))
        else:
            layers.append(nn.Conv2d(inputs, *layer))
            inputs = layer[0]
    found = nn.Sequential(*layers)
    found.load_state_dict({key.removeprefix("features."): value for key, value in network.state_dict().items()})
    return found


def signed(seed: int, n: int = 2) -> Tensor:
    return levels(seed, n, 64, 48) / 127.5 - 1


@pytest.mark.parametrize("name", ["alexnet", "vgg16"])
@torch.inference_mode()
def test_equals_torchmetrics_with_the_same_trunk(name: Trunk, monkeypatch: pytest.MonkeyPatch) -> None:
    from torchmetrics.functional.image import lpips as witness

    ours = Lpips(trunk(name), published_heads(name))
    sequential = listed(name, ours.trunk)
    monkeypatch.setattr(witness, "_get_tv_model_features", lambda *_: sequential)
    theirs = witness._LPIPS(net={"alexnet": "alex", "vgg16": "vgg"}[name])
    image, other = signed(1), signed(2)
    expected = theirs(image, other).flatten()
    assert float(expected.min()) > 0.05
    np.testing.assert_allclose(ours(image, other).numpy(), expected.numpy(), atol=1e-5)


@pytest.mark.parametrize("name", ["alexnet", "vgg16"])
def test_the_published_heads_fit_the_trunk_and_are_not_negative(name: Trunk) -> None:
    heads = published_heads(name)
    assert [head.shape[1] for head in heads] == list(NETWORKS[name].channels)
    assert min(float(head.min()) for head in heads) >= 0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    torch.save(trunk("alexnet").state_dict() | {"classifier.6.bias": torch.zeros(1000)}, tmp_path / "alexnet.pth")
    return tmp_path / "alexnet.pth"


def test_the_metric_reads_a_published_file_and_takes_the_mean_over_pairs(file: Path) -> None:
    metric = lpips_metric(weights=file)
    pictures = judged(n=2, height=64, width=48)
    metric.update(pictures)
    result = metric.result()
    with torch.inference_mode():
        expected = Lpips(trunk("alexnet"), published_heads("alexnet"))(
            pictures.generated / 127.5 - 1, pictures.truth / 127.5 - 1
        )
    assert metric.name == "lpips"
    np.testing.assert_allclose(result.per_pair, expected.numpy(), atol=1e-6)
    assert result.value == pytest.approx(float(expected.mean()))
    assert len(result.settings["sha256"]) == 64


def test_in_the_mask_only_the_person_counts(file: Path) -> None:
    mask = (ellipses(2, 128, 96) >= 0.5).float()
    truth = levels(1, 2, 128, 96)
    other = levels(7, 2, 128, 96)
    on_person = torch.where(mask.bool(), other, truth)
    elsewhere = torch.where(mask.bool(), truth, other)
    found = {}
    for name, generated in {"on": on_person, "elsewhere": elsewhere}.items():
        for region in ("mask", "whole"):
            metric = lpips_metric(region=region, weights=file)
            metric.update(judged(n=2, height=128, width=96, truth=truth, generated=generated, mask=mask))
            found[name, region] = metric.result().value
    assert found["on", "mask"] > 2 * found["elsewhere", "mask"]
    assert found["on", "whole"] < found["elsewhere", "whole"]


def test_a_mask_of_everything_is_the_whole_picture(file: Path) -> None:
    everything = torch.ones(2, 1, 64, 48)
    values = []
    for region in ("mask", "box", "whole"):
        metric = lpips_metric(region=region, weights=file)
        metric.update(judged(n=2, height=64, width=48, mask=everything))
        values.append(metric.result().value)
    assert values[0] == pytest.approx(values[2], abs=1e-6)
    assert values[1] == pytest.approx(values[2], abs=1e-6)


def test_without_weights_it_is_absent_and_names_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for name, fetched in (("alexnet", "alexnet"), ("vgg16", "vgg16")):
        metric = lpips_metric(name)
        metric.update(judged())
        assert metric.result().value is None
        assert f"posable weights fetch {fetched}" in metric.result().absent


def test_pictures_that_are_too_small_are_refused() -> None:
    distance = Lpips(trunk("alexnet"), published_heads("alexnet"))
    with pytest.raises(SizeError, match="31 px"):
        distance(torch.zeros(1, 3, 64, 30), torch.zeros(1, 3, 64, 30))
    assert distance(torch.zeros(1, 3, 31, 31), torch.zeros(1, 3, 31, 31)) == 0
