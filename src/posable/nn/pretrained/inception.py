"""Inception-v3 (Szegedy et al., 2016) up to its pooled features, in the two forms that Fréchet distances are taken on.

Both have the state-dict keys of the published files. The network that FID was defined with (Heusel et al., 2017) was
trained in TensorFlow, whose average pooling does not count the padding, and its last block pools by maximum; the
network of torchvision counts the padding and pools by average throughout. Their features, and so their distances, are
not comparable.
"""

import os
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from posable.nn.pretrained.published_weights import load_published

NUM_FEATURES = 2048
INPUT_PX = 299
_NORM_EPSILON = 1e-3

Pool = Callable[[Tensor], Tensor]
_average_all = partial(functional.avg_pool2d, kernel_size=3, stride=1, padding=1)
_average_inside = partial(functional.avg_pool2d, kernel_size=3, stride=1, padding=1, count_include_pad=False)
_maximum = partial(functional.max_pool2d, kernel_size=3, stride=1, padding=1)
_halving = partial(functional.max_pool2d, kernel_size=3, stride=2)


class _Conv(nn.Module):
    """Convolution, batch norm, ReLU; the padding keeps the size unless `valid`."""

    def __init__(self, i: int, o: int, kernel: int | tuple[int, int], stride: int = 1, valid: bool = False) -> None:
        super().__init__()
        rows, columns = (kernel, kernel) if isinstance(kernel, int) else kernel
        padding = (0, 0) if valid else (rows // 2, columns // 2)
        self.conv = nn.Conv2d(i, o, (rows, columns), stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(o, eps=_NORM_EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.bn(self.conv(x)))

    def fold(self) -> None:
        if isinstance(self.bn, nn.BatchNorm2d):
            self.conv = fuse_conv_bn_eval(self.conv, self.bn).requires_grad_(False)
            self.bn = nn.Identity()


class _MixedA(nn.Module):
    def __init__(self, i: int, pooled: int, pool: Pool) -> None:
        super().__init__()
        self.branch1x1 = _Conv(i, 64, 1)
        self.branch5x5_1 = _Conv(i, 48, 1)
        self.branch5x5_2 = _Conv(48, 64, 5)
        self.branch3x3dbl_1 = _Conv(i, 64, 1)
        self.branch3x3dbl_2 = _Conv(64, 96, 3)
        self.branch3x3dbl_3 = _Conv(96, 96, 3)
        self.branch_pool = _Conv(i, pooled, 1)
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        five = self.branch5x5_2(self.branch5x5_1(x))
        three = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch1x1(x), five, three, self.branch_pool(self.pool(x))], dim=1)


class _MixedB(nn.Module):
    def __init__(self, i: int) -> None:
        super().__init__()
        self.branch3x3 = _Conv(i, 384, 3, stride=2, valid=True)
        self.branch3x3dbl_1 = _Conv(i, 64, 1)
        self.branch3x3dbl_2 = _Conv(64, 96, 3)
        self.branch3x3dbl_3 = _Conv(96, 96, 3, stride=2, valid=True)

    def forward(self, x: Tensor) -> Tensor:
        three = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), three, _halving(x)], dim=1)


class _MixedC(nn.Module):
    def __init__(self, i: int, c: int, pool: Pool) -> None:
        super().__init__()
        self.branch1x1 = _Conv(i, 192, 1)
        self.branch7x7_1 = _Conv(i, c, 1)
        self.branch7x7_2 = _Conv(c, c, (1, 7))
        self.branch7x7_3 = _Conv(c, 192, (7, 1))
        self.branch7x7dbl_1 = _Conv(i, c, 1)
        self.branch7x7dbl_2 = _Conv(c, c, (7, 1))
        self.branch7x7dbl_3 = _Conv(c, c, (1, 7))
        self.branch7x7dbl_4 = _Conv(c, c, (7, 1))
        self.branch7x7dbl_5 = _Conv(c, 192, (1, 7))
        self.branch_pool = _Conv(i, 192, 1)
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        seven = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        twice = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        twice = self.branch7x7dbl_5(self.branch7x7dbl_4(twice))
        return torch.cat([self.branch1x1(x), seven, twice, self.branch_pool(self.pool(x))], dim=1)


class _MixedD(nn.Module):
    def __init__(self, i: int) -> None:
        super().__init__()
        self.branch3x3_1 = _Conv(i, 192, 1)
        self.branch3x3_2 = _Conv(192, 320, 3, stride=2, valid=True)
        self.branch7x7x3_1 = _Conv(i, 192, 1)
        self.branch7x7x3_2 = _Conv(192, 192, (1, 7))
        self.branch7x7x3_3 = _Conv(192, 192, (7, 1))
        self.branch7x7x3_4 = _Conv(192, 192, 3, stride=2, valid=True)

    def forward(self, x: Tensor) -> Tensor:
        seven = self.branch7x7x3_4(self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x))))
        return torch.cat([self.branch3x3_2(self.branch3x3_1(x)), seven, _halving(x)], dim=1)


class _MixedE(nn.Module):
    def __init__(self, i: int, pool: Pool) -> None:
        super().__init__()
        self.branch1x1 = _Conv(i, 320, 1)
        self.branch3x3_1 = _Conv(i, 384, 1)
        self.branch3x3_2a = _Conv(384, 384, (1, 3))
        self.branch3x3_2b = _Conv(384, 384, (3, 1))
        self.branch3x3dbl_1 = _Conv(i, 448, 1)
        self.branch3x3dbl_2 = _Conv(448, 384, 3)
        self.branch3x3dbl_3a = _Conv(384, 384, (1, 3))
        self.branch3x3dbl_3b = _Conv(384, 384, (3, 1))
        self.branch_pool = _Conv(i, 192, 1)
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        once = self.branch3x3_1(x)
        twice = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        branches = [self.branch1x1(x), self.branch3x3_2a(once), self.branch3x3_2b(once)]
        branches += [self.branch3x3dbl_3a(twice), self.branch3x3dbl_3b(twice), self.branch_pool(self.pool(x))]
        return torch.cat(branches, dim=1)


class Inception(nn.Module):
    """Inception-v3 without its classifiers; `pool` is used in all blocks that keep the size but the last."""

    def __init__(self, pool: Pool, last_pool: Pool) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = _Conv(3, 32, 3, stride=2, valid=True)
        self.Conv2d_2a_3x3 = _Conv(32, 32, 3, valid=True)
        self.Conv2d_2b_3x3 = _Conv(32, 64, 3)
        self.Conv2d_3b_1x1 = _Conv(64, 80, 1)
        self.Conv2d_4a_3x3 = _Conv(80, 192, 3, valid=True)
        self.Mixed_5b = _MixedA(192, 32, pool)
        self.Mixed_5c = _MixedA(256, 64, pool)
        self.Mixed_5d = _MixedA(288, 64, pool)
        self.Mixed_6a = _MixedB(288)
        self.Mixed_6b = _MixedC(768, 128, pool)
        self.Mixed_6c = _MixedC(768, 160, pool)
        self.Mixed_6d = _MixedC(768, 160, pool)
        self.Mixed_6e = _MixedC(768, 192, pool)
        self.Mixed_7a = _MixedD(768)
        self.Mixed_7b = _MixedE(1280, pool)
        self.Mixed_7c = _MixedE(2048, last_pool)

    def forward(self, image: Tensor) -> Tensor:
        """Pooled features (n, 2048) of `image` (n, 3, 299, 299) in [-1, 1]."""
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(image)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(_halving(x)))
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(_halving(x))))
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))))
        return self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x))).mean(dim=(2, 3))


def fid_inception() -> Inception:
    """The network of FID, for the weights `fid-inception`; untrained."""
    return Inception(_average_inside, _maximum)


def torchvision_inception() -> Inception:
    """The network of torchvision, for the weights `inception`; untrained."""
    return Inception(_average_all, _average_all)


def load_inception(make: Callable[[], Inception], path: str | os.PathLike[str]) -> Inception:
    """The network with the published weights in `path`, norms merged into convolutions; raises CheckpointError."""
    return fold_norms(load_published(make, path, "Inception-v3"))


def fold_norms(network: Inception) -> Inception:
    """Merges each batch norm into its convolution, in place: the same numbers to rounding, fewer passes over memory."""
    for module in network.modules():
        if isinstance(module, _Conv):
            module.fold()
    return network


def inception_input(levels: Tensor) -> Tensor:
    """Pictures, uint8 (n, 3, h, w), as both networks take them: 299x299 by bilinear interpolation, in [-1, 1].

    Not antialiased, as in the tables that compare by it; larger pictures lose detail that a good resize would keep.
    """
    image = functional.interpolate(levels.float(), (INPUT_PX, INPUT_PX), mode="bilinear", align_corners=False)
    return image / 127.5 - 1
