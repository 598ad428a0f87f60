"""mask-SSIM (Ma et al., 2017): SSIM of pictures whose background, beyond the target pose's limbs, is made black.

The background is equal then, and counts as 1: mask-SSIM is high by its nature and not comparable with SSIM. Where the
data has person masks, `ssim_in_mask` says more.
"""

import dataclasses

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from posable.metrics.judged import JudgedPictures, PerPairMetric
from posable.metrics.ssim import GAUSSIAN_OF_PREDICTION, SsimForm, ssim
from posable.pose.pose import OPENPOSE_18, Pose, PoseBatch

_LIMB_RADIUS_PX = 4.0
_CLOSING_PX = 5


def limb_mask(pose: PoseBatch) -> Tensor:
    """Bool (n, 1, h, w): at most 4 px from a limb with both ends visible, then closed with a square of 5 px.

    Made for pictures of 128x64. A pose without a visible limb gives an empty mask.
    """
    masks = np.stack([_closed(_near_limbs(pose[index])) for index in range(len(pose))])
    return torch.from_numpy(masks)[:, None].to(pose.keypoints.device)


def _near_limbs(pose: Pose) -> NDArray[np.bool_]:
    """(h, w), within reach of a limb. Looking at each limb in its own box alone is ten times as fast."""
    found = np.zeros(pose.size, np.bool_)
    reach = _LIMB_RADIUS_PX
    for start, end in OPENPOSE_18.limbs:
        if not (pose.visible[start] and pose.visible[end]):
            continue
        a, b = pose.keypoints[start].astype(np.float64), pose.keypoints[end].astype(np.float64)
        low = np.maximum(np.floor(np.minimum(a, b) - reach - 0.5), 0).astype(int)
        high = np.ceil(np.maximum(a, b) + reach + 0.5).astype(int)
        part = found[low[1] : high[1], low[0] : high[0]]
        from_a_y = (low[1] + 0.5 - a[1] + np.arange(part.shape[0]))[:, None]
        from_a_x = (low[0] + 0.5 - a[0] + np.arange(part.shape[1]))[None, :]
        along = b - a
        shared = along / max(float(along @ along), 1e-8)
        position = from_a_x * shared[0] + from_a_y * shared[1]
        np.maximum(position, 0, out=position)
        np.minimum(position, 1, out=position)
        part |= (from_a_x - position * along[0]) ** 2 + (from_a_y - position * along[1]) ** 2 <= reach**2
    return found


def _closed(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """`mask` (h, w) grown and shrunk again by a square; beyond the edge too, so that limbs there are not worn away."""
    return ~_grown(~_grown(np.pad(mask, _CLOSING_PX)))[_CLOSING_PX:-_CLOSING_PX, _CLOSING_PX:-_CLOSING_PX]


def _grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Every pixel set that has a set one within the square around it; both axes one after the other."""
    for _ in range(2):
        grown = mask.copy()
        for shift in range(1, _CLOSING_PX // 2 + 1):
            grown[shift:] |= mask[:-shift]
            grown[:-shift] |= mask[shift:]
        mask = grown.T
    return mask


def mask_ssim_metric(form: SsimForm = GAUSSIAN_OF_PREDICTION) -> PerPairMetric:
    """mask-SSIM in the form that PATN's and DPTN's tables of Market-1501 use, or another; higher is better.

    A pair whose pose shows no limb has no value.
    """

    def measure(pictures: JudgedPictures) -> Tensor | str:
        if reason := pictures.too_small_for(f"SSIM's window of {form.side_px} px", form.side_px):
            return reason
        mask = limb_mask(pictures.target_pose)
        similarity = ssim(pictures.generated * mask, pictures.truth * mask, form).double()
        return torch.where(mask.flatten(1).any(dim=1), similarity, torch.nan)

    settings = {**dataclasses.asdict(form), "limb_radius_px": _LIMB_RADIUS_PX, "closing_px": _CLOSING_PX}
    return PerPairMetric("mask_ssim", measure, settings, higher_is_better=True)
