"""mask-SSIM (Ma et al., 2017): SSIM of pictures whose background, beyond the target pose's limbs, is made black.

The background is equal then, and counts as 1: mask-SSIM is high by its nature and not comparable with SSIM. Where the
data has person masks, `ssim_in_mask` says more.
"""

import dataclasses

import torch
from torch import Tensor
from torch.nn import functional

from posable.metrics.judged import JudgedPictures, PerPairMetric
from posable.metrics.pixel_metrics import LEVELS
from posable.metrics.ssim import GAUSSIAN_OF_PREDICTION, SsimForm, ssim
from posable.pose import PoseBatch
from posable.pose_maps import limb_distances, limbs_visible

_LIMB_RADIUS_PX = 4.0
_CLOSING_PX = 5


def limb_mask(pose: PoseBatch) -> Tensor:
    """Bool (n, 1, h, w): at most 4 px from a limb with both ends visible, then closed with a square of 5 px.

    Made for pictures of 128x64. A pose without a visible limb gives an empty mask.
    """
    near = (limb_distances(pose) <= _LIMB_RADIUS_PX) & limbs_visible(pose)[..., None, None]
    limbs = near.any(dim=1, keepdim=True).float()
    # Closed beyond the edge too, so that limbs at the edge are not worn away.
    wide = functional.pad(limbs, (_CLOSING_PX,) * 4)
    dilated = functional.max_pool2d(wide, _CLOSING_PX, 1, _CLOSING_PX // 2)
    closed = -functional.max_pool2d(-dilated, _CLOSING_PX, 1, _CLOSING_PX // 2)
    return closed[..., _CLOSING_PX:-_CLOSING_PX, _CLOSING_PX:-_CLOSING_PX] > 0


def mask_ssim_metric(form: SsimForm = GAUSSIAN_OF_PREDICTION) -> PerPairMetric:
    """mask-SSIM in the form that PATN's and DPTN's tables of Market-1501 use, or another; higher is better.

    A pair whose pose shows no limb has no value.
    """

    def measure(pictures: JudgedPictures) -> Tensor:
        mask = limb_mask(pictures.target_pose)
        similarity = ssim(pictures.generated * mask, pictures.truth * mask, form, LEVELS).double()
        return torch.where(mask.flatten(1).any(dim=1), similarity, torch.nan)

    settings = {**dataclasses.asdict(form), "limb_radius_px": _LIMB_RADIUS_PX, "closing_px": _CLOSING_PX}
    return PerPairMetric("mask_ssim", measure, settings, higher_is_better=True)
