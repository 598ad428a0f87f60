"""The part warp on a drawn figure, where the right answer is known."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from posable.baselines.part_warp import filled_in, warp_parts
from posable.imaging.image import to_tensor
from posable.imaging.size import Size
from posable.pose.pose import OPENPOSE_18, Pose

SIZE = Size(256, 176)
STANDING = {
    "nose": (80, 42), "neck": (80, 62), "right_eye": (77, 39), "left_eye": (83, 39), "right_ear": (72, 41),
    "left_ear": (88, 41), "right_shoulder": (64, 64), "right_elbow": (54, 92), "right_wrist": (48, 118),
    "left_shoulder": (96, 64), "left_elbow": (106, 92), "left_wrist": (112, 118), "right_hip": (70, 120),
    "right_knee": (68, 164), "right_ankle": (66, 206), "left_hip": (90, 120), "left_knee": (92, 164),
    "left_ankle": (94, 206),
}  # fmt: skip
LIMB_COLOURS = {
    ("right_shoulder", "right_wrist"): "#c03030", ("left_shoulder", "left_wrist"): "#30a030",
    ("right_hip", "right_ankle"): "#202080", ("left_hip", "left_ankle"): "#806020",
}  # fmt: skip


def moved(points: dict[str, tuple[float, float]], dx: float, dy: float) -> dict[str, tuple[float, float]]:
    return {name: (x + dx, y + dy) for name, (x, y) in points.items()}


def figure(points: dict[str, tuple[float, float]]) -> Tensor:
    """A person of a few flat colours on a grey wall."""
    picture = Image.new("RGB", (SIZE.width, SIZE.height), "#b0b0b0")
    draw = ImageDraw.Draw(picture)
    for (start, end), colour in LIMB_COLOURS.items():
        joint = end.replace("wrist", "elbow").replace("ankle", "knee")
        (x0, y0), (x1, y1) = points[joint], points[end]
        tip = (x1 + 0.4 * (x1 - x0), y1 + 0.4 * (y1 - y0))  # a hand or a foot
        draw.line([points[start], points[joint], tip], fill=colour, width=12, joint="curve")
    x, y = points["neck"]
    draw.rectangle([x - 18, y, x + 18, y + 62], fill="#d0a000")
    draw.ellipse([x - 12, y - 36, x + 12, y - 4], fill="#f0c8a0")
    return to_tensor(picture)


def pose(points: dict[str, tuple[float, float]]) -> Pose:
    return Pose.from_named(points, SIZE)


def test_the_same_pose_leaves_the_picture_as_it_is() -> None:
    source = figure(STANDING)
    warped = warp_parts(source, pose(STANDING), pose(STANDING))
    assert float((warped.image - source).abs().mean()) < 0.01
    inside = warped.mask[0] > 0.9
    assert float((warped.image - source).abs().amax(dim=0)[inside].quantile(0.99)) < 0.05


@pytest.mark.parametrize(("dx", "dy"), [(18, 0), (-15, 12)])
def test_a_moved_pose_moves_the_person_and_not_the_wall(dx: int, dy: int) -> None:
    target = figure(moved(STANDING, dx, dy))
    source = figure(STANDING)
    warped = warp_parts(source, pose(STANDING), pose(moved(STANDING, dx, dy)))
    assert float((warped.image - target).abs().mean()) < 0.02
    assert float((source - target).abs().mean()) > 0.05


def test_a_raised_arm_is_drawn_where_the_target_pose_has_it() -> None:
    raised = dict(STANDING) | {"left_elbow": (118, 44), "left_wrist": (130, 22)}
    warped = warp_parts(figure(STANDING), pose(STANDING), pose(raised))
    green = to_tensor(Image.new("RGB", (1, 1), LIMB_COLOURS["left_shoulder", "left_wrist"]))[:, 0, 0]
    for x, y in [(124, 33), (118, 46)]:
        assert float((warped.image[:, y, x] - green).abs().max()) < 0.1
    hanging = warped.image[:, 105, 109]
    assert float((hanging - to_tensor(Image.new("RGB", (1, 1), "#b0b0b0"))[:, 0, 0]).abs().max()) < 0.1


def test_the_mask_covers_the_moved_person() -> None:
    target = figure(moved(STANDING, 10, 5))
    truth = (target - figure(STANDING)[:, :1, :1]).abs().amax(dim=0) > 0.1
    mask = warp_parts(figure(STANDING), pose(STANDING), pose(moved(STANDING, 10, 5))).mask[0] > 0.5
    assert float((mask & truth).sum() / (mask | truth).sum()) > 0.9


def test_a_hidden_arm_is_taken_from_the_other_side() -> None:
    one_armed = {name: xy for name, xy in STANDING.items() if name not in ("left_elbow", "left_wrist")}
    warped = warp_parts(figure(STANDING), pose(one_armed), pose(STANDING))
    red = to_tensor(Image.new("RGB", (1, 1), LIMB_COLOURS["right_shoulder", "right_wrist"]))[:, 0, 0]
    assert float((warped.image[:, 105, 109] - red).abs().max()) < 0.1


def test_a_pose_without_a_trunk_gives_the_source_back() -> None:
    only_ankle = Pose.from_named({"left_ankle": (90, 200)}, SIZE)
    warped = warp_parts(figure(STANDING), pose(STANDING), only_ankle)
    assert torch.equal(warped.image, figure(STANDING))
    assert float(warped.mask.max()) == 0.0


def test_filling_in_continues_a_gradient_and_keeps_what_is_known() -> None:
    ramp = torch.linspace(-1, 1, 64)[None, None, :].expand(3, 48, 64).contiguous()
    known = torch.ones(1, 48, 64, dtype=torch.bool)
    known[:, 16:32, 24:40] = False
    filled = filled_in(torch.where(known, ramp, torch.nan).nan_to_num(5.0), known)
    assert torch.equal(filled[:, known[0]], ramp[:, known[0]])
    np.testing.assert_allclose(filled.numpy(), ramp.numpy(), atol=0.2)


def test_every_named_keypoint_of_the_drawing_is_one_of_the_skeleton() -> None:
    assert set(STANDING) == set(OPENPOSE_18.keypoints)
