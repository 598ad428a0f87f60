"""Keypoints drawn as tensors for a network, and read back from them; batched, on the device of the poses.

All maps are in the frame of `pose.size`: resize the poses first for maps of another resolution. The pixel in row i
and column j has its centre at (j + 0.5, i + 0.5).
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from posable.imaging.size import Size
from posable.pose.pose import OPENPOSE_18, PoseBatch
from posable.pose.skeleton import PALETTE


def heatmaps(pose: PoseBatch, sigma_px: float) -> Tensor:
    """One Gaussian per keypoint, (n, 18, h, w), 1 at the keypoint itself; hidden keypoints give an empty map."""
    x, y = pose.keypoints.unbind(-1)
    columns, rows = _pixel_centres(pose)
    across = torch.exp(-((columns - x[..., None]) ** 2) / (2 * sigma_px**2))
    down = torch.exp(-((rows - y[..., None]) ** 2) / (2 * sigma_px**2)) * pose.visible[..., None]
    return down[..., :, None] * across[..., None, :]


def heatmaps_on_pixels(pose: PoseBatch, sigma_px: float) -> Float[Tensor, "n k h w"]:
    """Heatmaps whose peaks are on the centres of pixels, the fraction of a keypoint's pixel index cut off, as published
    networks of the field were trained on them."""
    on_pixels = PoseBatch((pose.keypoints - 0.5).trunc() + 0.5, pose.visible, pose.size)
    return heatmaps(on_pixels, sigma_px)


def bone_maps(pose: PoseBatch, sigma_px: float) -> Tensor:
    """One soft bar per limb, (n, 19, h, w): exp(-d^2 / 2 sigma^2) of the distance d to the segment between its ends.

    The limbs are in the skeleton's own order; a limb with a hidden end gives an empty map.
    """
    distance = limb_distances(pose)
    bars = torch.exp(-(distance**2) / (2 * sigma_px**2))
    return bars * limbs_visible(pose)[..., None, None]


def limb_distances(pose: PoseBatch) -> Tensor:
    """Distance in px of each pixel's centre to each limb's segment, (n, 19, h, w); meaningless for hidden limbs."""
    start, end = pose.keypoints[:, _STARTS], pose.keypoints[:, _ENDS]
    along = end - start
    columns, rows = _pixel_centres(pose)
    from_start_x = columns[None, :] - start[..., 0, None, None]
    from_start_y = rows[:, None] - start[..., 1, None, None]
    along_x, along_y = along[..., 0, None, None], along[..., 1, None, None]
    length_squared = (along_x**2 + along_y**2).clamp_min(1e-8)
    position = ((from_start_x * along_x + from_start_y * along_y) / length_squared).clamp(0, 1)
    return _length(from_start_x - position * along_x, from_start_y - position * along_y)


def _length(x: Tensor, y: Tensor) -> Tensor:
    # torch.hypot cannot be exported to ONNX.
    return (x * x + y * y).sqrt()


def limbs_visible(pose: PoseBatch) -> Tensor:
    """Bool (n, 19): both ends of the limb are visible."""
    return pose.visible[:, _STARTS] & pose.visible[:, _ENDS]


_STARTS = [start for start, _ in OPENPOSE_18.limbs]
_ENDS = [end for _, end in OPENPOSE_18.limbs]


_LIMB_ENDS = ("elbow", "wrist", "knee", "ankle")


def body_mask_logits(pose: PoseBatch, size: Size) -> Tensor:
    """Logits (n, 1, h, w) of a mask that the pose alone tells, in a frame of `size`: capsules around arms and legs with
    hands and feet, and a disc for the head. Lengths follow the torso's, or the shoulders' width where no hip is known.
    """
    small, index = pose.resize(size), OPENPOSE_18.index
    points, known = small.keypoints.clone(), small.visible
    for side in ("left", "right"):
        for joint, end, reach in (("elbow", "wrist", 0.7), ("knee", "ankle", 0.4)):
            start, tip = index(f"{side}_{joint}"), index(f"{side}_{end}")
            points[:, tip] += reach * (points[:, tip] - points[:, start])
    neck, hips = index("neck"), [index("left_hip"), index("right_hip")]
    torso = (points[:, hips] - points[:, neck, None]).norm(dim=-1)
    torso = torch.where(known[:, hips] & known[:, neck, None], torso, 0.0).amax(1)
    left, right = index("left_shoulder"), index("right_shoulder")
    shoulders = torch.where(known[:, left] & known[:, right], (points[:, left] - points[:, right]).norm(dim=-1), 0.0)
    torso = torch.where(torso > 0, torso, torch.where(shoulders > 0, 1.4 * shoulders, 0.25 * size.height))
    limbs = [i for i, (_, end) in enumerate(OPENPOSE_18.limbs) if OPENPOSE_18.keypoints[end].endswith(_LIMB_ENDS)]
    longer = PoseBatch(points, known, size)
    distance = torch.where(limbs_visible(longer)[..., None, None], limb_distances(longer), torch.inf)[:, limbs]
    limb = 0.12 * torso.view(-1, 1, 1, 1) - distance.amin(1, keepdim=True)
    face = [index(name) for name in ("nose", "left_eye", "right_eye", "left_ear", "right_ear")]
    seen = known[:, face].float()[..., None]
    centre = (points[:, face] * seen).sum(1) / seen.sum(1).clamp_min(1) - torso[:, None] * torch.tensor(
        [0, 0.08], device=torso.device
    )
    columns, rows = _pixel_centres(longer)
    from_centre = _length(columns[None, None] - centre[:, 0, None, None], rows[:, None] - centre[:, 1, None, None])
    head = 0.33 * torso.view(-1, 1, 1, 1) - from_centre[:, None]
    head = torch.where(seen.sum((1, 2)).view(-1, 1, 1, 1) > 0, head, -torch.inf)
    return 2 * torch.maximum(limb, head).clamp(min=-20)


def _pixel_centres(pose: PoseBatch) -> tuple[Tensor, Tensor]:
    """The x of all columns and the y of all rows."""
    columns = torch.arange(pose.size.width, device=pose.keypoints.device, dtype=pose.keypoints.dtype) + 0.5
    rows = torch.arange(pose.size.height, device=pose.keypoints.device, dtype=pose.keypoints.dtype) + 0.5
    return columns, rows


# The hues of OpenPose's drawing: one step around the colour circle per keypoint, and the same per limb.
def skeleton_image(pose: PoseBatch) -> Tensor:
    """A picture of the skeletons, (n, 3, h, w) in [-1, 1]: coloured limbs on black, lines h / 40 px wide."""
    radius = max(pose.size.height / 80, 0.75)
    coverage = (radius + 0.5 - limb_distances(pose)).clamp(0, 1) * limbs_visible(pose)[..., None, None]
    picture = coverage.new_zeros(len(pose), 3, *pose.size)
    for limb, color in enumerate(PALETTE):
        alpha = coverage[:, limb, None]
        picture = picture + alpha * (picture.new_tensor(color)[:, None, None] - picture)
    return picture * 2 - 1


def nted_skeleton(pose: PoseBatch) -> Tensor:
    """NTED's pose map, (n, 20, h, w) in [0, 1]: the drawing in RGB, then for 17 limbs the city-block distance to it.

    The drawing has discs of 4 px and ellipses of half-width 4 px at any size. A distance is a third of the pixels,
    in whole steps of 1/255; a limb with a hidden end is infinitely far and gives a map of ones.
    """
    ellipses = _nted_ellipses(pose)
    columns, rows = _pixel_centres(pose)
    # Published models were fed with keypoints cut to whole pixel indices.
    points = (pose.keypoints - 0.5).trunc() + 0.5
    distance = (columns[None, :] - points[..., 0, None, None]) ** 2 + (rows[:, None] - points[..., 1, None, None]) ** 2
    discs = (distance <= (_NTED_RADIUS_PX + 0.5) ** 2) & pose.visible[..., None, None]
    # Exporters take `len` for a constant, so that the graph would draw this many people only.
    picture = columns.new_zeros(pose.keypoints.shape[0], 3, *pose.size)
    for keypoint, color in enumerate(PALETTE):
        picture = torch.where(discs[:, keypoint, None], picture.new_tensor(color)[:, None, None], picture)
    for limb in range(_NTED_LIMBS):
        painted = 0.4 * picture + 0.6 * picture.new_tensor(PALETTE[limb])[:, None, None]
        picture = torch.where(ellipses[:, limb, None], painted, picture)
    steps = (_city_block_distance(ellipses, columns.dtype) / 3).clamp(0, 255).floor()
    return torch.cat([picture, steps / 255], dim=1)


_NTED_LIMBS = 17
_NTED_RADIUS_PX = 4


def _nted_ellipses(pose: PoseBatch) -> Tensor:
    """Bool (n, 17, h, w): the pixels of each limb's ellipse, which spans the limb."""
    points = (pose.keypoints - 0.5).trunc()
    start, end = points[:, _STARTS[:_NTED_LIMBS]], points[:, _ENDS[:_NTED_LIMBS]]
    centre = ((start + end) / 2).trunc() + 0.5
    along = end - start
    length = torch.linalg.vector_norm(along, dim=-1)
    angle = torch.atan2(along[..., 1], along[..., 0])
    columns, rows = _pixel_centres(pose)
    x, y = columns[None, :] - centre[..., 0, None, None], rows[:, None] - centre[..., 1, None, None]
    cos, sin = angle.cos()[..., None, None], angle.sin()[..., None, None]
    half_length = (length / 2).trunc()[..., None, None] + 0.5
    ellipses = ((x * cos + y * sin) / half_length) ** 2 + ((y * cos - x * sin) / (_NTED_RADIUS_PX + 0.5)) ** 2 <= 1
    return ellipses & limbs_visible(pose)[:, :_NTED_LIMBS, None, None]


def _city_block_distance(masks: Tensor, dtype: torch.dtype) -> Tensor:
    """Steps up, down and sideways from each pixel to the nearest one in the mask; infinite where it is empty."""
    distance = torch.where(masks, 0.0, torch.inf).to(dtype)
    for dim, sides in ((-1, (1, 1, 0, 0)), (-2, (0, 0, 1, 1))):
        # Paths of 1, 2, 4, ... steps either way add up to any length. A running minimum cannot be exported to ONNX.
        length, steps = masks.shape[dim], 1
        while steps < length:
            around = functional.pad(distance + steps, [steps * side for side in sides], value=torch.inf)
            nearer = torch.minimum(around.narrow(dim, 0, length), around.narrow(dim, 2 * steps, length))
            distance, steps = torch.minimum(distance, nearer), 2 * steps
    return distance
