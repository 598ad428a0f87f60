"""Every family as a tiny untrained network, and random people of its size, for the tests of this folder."""

from typing import Any

import torch
from torch import Tensor

from posable.batch import PersonPair, PoseCondition
from posable.imaging.size import Size
from posable.models import FAMILIES
from posable.models.generator import Generator
from posable.nn.perceptual_features import FeatureMaps, PerceptualFeatures
from posable.pose.pose import PoseBatch

SIZE = Size(64, 48)
CONFIGS = {name: family.tiny for name, family in FAMILIES.items()}


def network(config: Any, seed: int = 0, noisier: float = 0.05) -> Any:
    """The untrained generator of a config, in evaluation mode. Weights that learn are moved by `noisier` times normal
    noise: layers that begin small or at zero would hide mistakes."""
    torch.manual_seed(seed)
    (entry,) = (entry for entry in FAMILIES.values() if entry.config is type(config))
    generator = entry.generator(config)
    for parameter in (p for p in generator.parameters() if p.requires_grad):
        parameter.data.add_(noisier * torch.randn(parameter.shape))
    return generator.eval()


def noise(*shape: int, seed: int = 0) -> Tensor:
    """Evenly distributed in [-1, 1]."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def poses(n: int, seed: int, hidden: float = 0.0) -> PoseBatch:
    """Keypoints anywhere in the picture, a share of them hidden."""
    rng = torch.Generator().manual_seed(seed)
    xy = torch.rand(n, 18, 2, generator=rng) * torch.tensor([SIZE.width, SIZE.height])
    return PoseBatch(xy, torch.rand(n, 18, generator=rng) >= hidden, SIZE)


def parsing(n: int, seed: int = 0) -> Tensor:
    """Blocks of 8x8 in LIP-20 labels."""
    rng = torch.Generator().manual_seed(seed)
    coarse = torch.randint(0, 20, (n, 8, 6), generator=rng, dtype=torch.uint8)
    return coarse.repeat_interleave(8, 1).repeat_interleave(8, 2)


def pair(n: int = 2, hidden: float = 0.0) -> PersonPair:
    condition = PoseCondition(
        source_image=noise(n, 3, *SIZE),
        source_pose=poses(n, 1, hidden),
        target_pose=poses(n, 2, hidden),
        source_parsing=parsing(n),
    )
    return PersonPair(condition=condition, target_image=noise(n, 3, *SIZE, seed=3), target_parsing=parsing(n, 4))


def encoded(generator: Generator[Any], condition: PoseCondition) -> Any:
    return generator.encode(condition.source_image, condition.source_pose, condition.source_parsing)


class ColorFeatures(PerceptualFeatures):
    """The picture itself, to test objectives without a trained network."""

    name = "colours"

    def forward(self, image: Tensor) -> FeatureMaps:
        return FeatureMaps((image,), (image,), image, image)
