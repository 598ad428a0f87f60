"""From a photo and a pose to a parsing map, by the small network that ships with the package."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file
from scipy.ndimage import label
from torch import Tensor
from torch.nn import functional

from posable.detect.edges import UNLIKELY, sharpened
from posable.detect.parsing_network import FRAME, ParsingNetwork, pose_maps
from posable.detect.window import person_window
from posable.errors import CheckpointError
from posable.imaging.frame import Frame, Window
from posable.imaging.image import size_of, to_tensor
from posable.imaging.size import Size
from posable.parsing.result import ParsingResult
from posable.parsing.schemes import LIP_20
from posable.pose.pose import OPENPOSE_18, Pose, PoseBatch

__all__ = ["ParsingNetwork", "ParsingResult", "look", "parse"]

LARGEST_SIDE_PX = 1024
"""Larger pictures are looked at in this size; the labels come in the picture's own."""
_REACH = 5
"""How far beyond the window borders are drawn, in the radii of the filter, which works twice over, in steps of 2 px."""
_UNSURE = 0.7
"""Share of the background above which a pixel does not join two pieces of a person."""
WEIGHTS = Path(__file__).parent.parent / "weights" / "parser.safetensors"
_MIRRORED = (*range(14), 15, 14, 17, 16, 19, 18)
"""The LIP-20 class of a class in the mirrored picture."""


@cache
def shipped_parser() -> ParsingNetwork:
    """The network that ships with the package, on the CPU; raises CheckpointError when its weights are damaged."""
    try:
        tensors = load_file(WEIGHTS)
    except (OSError, SafetensorError):
        raise CheckpointError(f"'{WEIGHTS}' is missing or damaged; install posable again.") from None
    network = ParsingNetwork()
    network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    return network.eval().requires_grad_(False)


def parse(picture: Image.Image, pose: Pose, network: ParsingNetwork | None = None) -> ParsingResult:
    """What each pixel of `picture` shows of the person who has `pose`; everybody else is background.

    The pose is in the picture's frame. LIP-20 classes, with probabilities; the picture itself says where exactly the
    borders run. Without a `network` the shipped one is used.
    """
    size = size_of(picture)
    shrink = min(1.0, LARGEST_SIDE_PX / max(size))
    working = Size(max(1, round(size.height * shrink)), max(1, round(size.width * shrink)))
    image = to_tensor(picture.resize((working.width, working.height)) if working != size else picture)[None]
    there = pose.resize(working)
    frame = _frame_around(there)
    shares = _shares(network or shipped_parser(), frame.image(image), _in_frame(there, frame))
    likely = _likely(shares)
    radius_px = max(2, round(frame.window.height / 100))
    part = _around(frame.window, working, _REACH * radius_px)
    left, top, width, height = (int(side) for side in part)
    near = np.s_[..., top : top + height, left : left + width]
    seen = _seen_from(frame, part).mask_back(_with_rest(shares, likely))
    seen[:, 0] += (1 - seen.sum(1)).clamp_min(0)
    found = sharpened(seen[:, :-1], image[near], radius_px)
    found = _without_strays(found[0], there.crop(left, top, Size(height, width)))
    whole = torch.zeros(len(LIP_20), *working)
    whole[0] = 1
    for share, value in zip(found, likely, strict=True):
        whole[value][near] = share
    return ParsingResult(_most_likely(whole, size), probabilities=whole.numpy())


def _likely(shares: Tensor) -> list[int]:
    """The classes (1, 20, h, w) that are likely somewhere, and the background; most pictures show a few."""
    anywhere = shares.amax((0, 2, 3)) > UNLIKELY
    anywhere[0] = True
    return anywhere.nonzero()[:, 0].tolist()


def _with_rest(shares: Tensor, likely: list[int]) -> Tensor:
    """The shares of some classes, and the sum of the others."""
    return torch.cat([shares[:, likely], 1 - shares[:, likely].sum(1, keepdim=True)], 1)


def _around(window: Window, picture: Size, margin: int) -> Window:
    """The window with a margin, in whole px, within the picture; left and top are even, for the filter's half size."""
    left, top = (max(0, (int(np.floor(side)) - margin) // 2 * 2) for side in (window.left, window.top))
    right = min(picture.width, int(np.ceil(window.left + window.width)) + margin)
    bottom = min(picture.height, int(np.ceil(window.top + window.height)) + margin)
    return Window(left, top, max(1, right - left), max(1, bottom - top))


def _seen_from(frame: Frame, part: Window) -> Frame:
    """The frame, of a part of its picture."""
    left, top, width, height = frame.window
    within = Window(left - part.left, top - part.top, width, height)
    return Frame.sampled(Size(int(part.height), int(part.width)), within, frame.size)


def look(picture: Image.Image, pose: Pose) -> Float[Tensor, "1 20 h w"]:
    """A quick look, for the few painted pixels of a drawing: shares of the LIP-20 classes as the shipped network sees
    them, neither in the mirror image too nor drawn to the picture's borders. Otherwise as `parse`, at most
    `LARGEST_SIDE_PX` large."""
    frame = _frame_around(pose)
    with torch.inference_mode():
        seen = frame.image(to_tensor(picture)[None])
        shares = torch.softmax(shipped_parser()(seen, pose_maps(_in_frame(pose, frame))), 1)
        return _background(frame.mask_back(shares))


def _most_likely(shares: Tensor, size: Size) -> npt.NDArray[np.uint8]:
    """The class with the largest share at each pixel of a picture of `size`; class by class, to spare memory."""
    if tuple(shares.shape[-2:]) == tuple(size):
        shown = [value for value, share in enumerate(shares) if float(share.amax()) > 0]
        return np.array(shown, np.uint8)[shares[shown].argmax(0).numpy()]
    best, labels = torch.full(tuple(size), -1.0), torch.zeros(tuple(size), dtype=torch.uint8)
    for value, share in enumerate(shares):
        if float(share.amax()) > 0:
            large = functional.interpolate(share[None, None], tuple(size), mode="bilinear", align_corners=False)[0, 0]
            labels[large > best] = value
            best = torch.maximum(best, large)
    return labels.numpy()


def _frame_around(pose: Pose) -> Frame:
    """Where the network looks: a window around the person, in the picture that the pose is of."""
    return Frame.sampled(pose.size, person_window(pose.keypoints, pose.visible, pose.size, FRAME), FRAME)


def _in_frame(pose: Pose, frame: Frame) -> PoseBatch:
    points = frame.points(pose.keypoints)
    inside = ((points >= 0) & (points <= [FRAME.width, FRAME.height])).all(-1)
    return PoseBatch.from_poses([Pose(points, pose.visible & inside, FRAME)])


def _shares(network: ParsingNetwork, image: Tensor, pose: PoseBatch) -> Tensor:
    """Class shares (1, 20, h, w): the mean of what is found in the picture and in its mirror image."""
    both = torch.cat([image, image.flip(-1)])
    mirror = list(OPENPOSE_18.mirror)
    flipped = pose.keypoints[:, mirror] * pose.keypoints.new_tensor([-1, 1]) + pose.keypoints.new_tensor(
        [pose.size.width, 0]
    )
    poses = PoseBatch(
        torch.cat([pose.keypoints, flipped]), torch.cat([pose.visible, pose.visible[:, mirror]]), pose.size
    )
    with torch.inference_mode():
        scores = network(both, pose_maps(poses))
        shares = torch.softmax(scores, 1)
        return (shares[:1] + shares[1:, list(_MIRRORED)].flip(-1)) / 2


def _without_strays(shares: Tensor, pose: Pose) -> Tensor:
    """Only what hangs together with a joint, or is the largest piece, is the person: flags and other people are not."""
    person = (shares[0] < _UNSURE).numpy()
    found: Any = label(person)
    pieces, count = found
    if count < 2:
        return shares
    kept = {int(np.bincount(pieces[person]).argmax())}
    for x, y in pose.keypoints[pose.visible]:
        column, row = min(int(x), person.shape[1] - 1), min(int(y), person.shape[0] - 1)
        kept.add(int(pieces[row, column]))
    stray = torch.from_numpy(person & ~np.isin(pieces, list(kept - {0})))
    result = torch.where(stray, 0.0, shares)
    result[0] = torch.where(stray, 1.0, result[0])
    return result


def _background(shares: Tensor) -> Tensor:
    """What lies outside of the window, where all shares are 0, is background."""
    shares = shares.clone()
    shares[:, 0] += (1 - shares.sum(1)).clamp_min(0)
    return shares
