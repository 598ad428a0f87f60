"""Masks, parsing maps and keypoints against plain NumPy."""

import math

import numpy as np
import pytest
import torch
from judged_pictures import ellipses, judged, levels, poses
from PIL import Image
from scipy import ndimage
from skimage.metrics import structural_similarity

from posable.errors import NoPersonError
from posable.imaging.size import Size
from posable.metrics.keypoint_metrics import SharedDetector, keypoints_found_metric, pck_metric
from posable.metrics.mask_metrics import ParsingIou, mask_iou_metric
from posable.metrics.mask_ssim import limb_mask, mask_ssim_metric
from posable.metrics.ssim import GAUSSIAN
from posable.parsing.schemes import LIP_20
from posable.pose.pose import OPENPOSE_18, Pose, PoseBatch

H, W, N = 64, 44, 3


def parsing(seed: int, n: int = N, classes: int = 6) -> torch.Tensor:
    coarse = torch.randint(0, classes, (n, 8, 4), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)
    return coarse.repeat_interleave(8, 1).repeat_interleave(11, 2)


def test_parsing_iou_equals_numpy_class_by_class() -> None:
    truth, predicted = parsing(0), parsing(1)
    metric = ParsingIou()
    for i in range(N):
        metric.update(judged(n=1, parsing=truth[i : i + 1], predicted_parsing=predicted[i : i + 1]))
    result = metric.result()

    def iou(a: np.ndarray, b: np.ndarray) -> dict[int, float]:
        present = np.union1d(a, b)
        return {int(c): float(((a == c) & (b == c)).sum() / ((a == c) | (b == c)).sum()) for c in present}

    expected = iou(truth.numpy(), predicted.numpy())
    assert result.value == pytest.approx(np.mean(list(expected.values())))
    for value, name in enumerate(LIP_20.classes):
        if value in expected:
            assert result.parts[name] == pytest.approx(expected[value])
        else:
            assert math.isnan(result.parts[name])
    one_by_one = [np.mean(list(iou(a, b).values())) for a, b in zip(truth.numpy(), predicted.numpy(), strict=True)]
    np.testing.assert_allclose(result.per_pair, one_by_one, atol=1e-6)


def test_equal_parsing_maps_score_one_and_disjoint_ones_zero() -> None:
    truth = parsing(0)
    for predicted, expected in ((truth, 1.0), (truth + 10, 0.0)):
        metric = ParsingIou()
        metric.update(judged(parsing=truth, predicted_parsing=predicted))
        assert metric.result().value == expected


def test_mask_iou_equals_numpy() -> None:
    truth, predicted = ellipses(N, H, W), ellipses(N, H, W).roll(5, dims=3)
    metric = mask_iou_metric()
    metric.update(judged(mask=truth, predicted_mask=predicted))
    a, b = truth.numpy() > 0.5, predicted.numpy() > 0.5
    expected = (a & b).sum(axis=(1, 2, 3)) / (a | b).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(metric.result().per_pair, expected, atol=1e-6)


def test_what_neither_model_nor_data_give_is_absent_with_the_reason() -> None:
    cases = [
        (mask_iou_metric(), {}, "the model gives no mask"),
        (mask_iou_metric(), {"predicted_mask": ellipses(N, H, W), "mask": None}, "no person masks"),
        (ParsingIou(), {"parsing": parsing(0)}, "the model gives no parsing map"),
        (ParsingIou(), {"predicted_parsing": parsing(0)}, "no parsing maps"),
    ]
    for metric, parts, reason in cases:
        metric.update(judged(**parts))
        assert reason in metric.result().absent


def line_pose(start: tuple[float, float], end: tuple[float, float]) -> PoseBatch:
    """Neck and right shoulder alone: one limb."""
    points = {"neck": start, "right_shoulder": end}
    return PoseBatch.from_poses([Pose.from_named(points, Size(H, W))])


def test_the_limb_mask_is_all_within_4_px_of_the_limb_closed() -> None:
    mask = limb_mask(line_pose((10.5, 20.5), (30.5, 40.5)))[0, 0].numpy()
    ys, xs = np.mgrid[:H, :W]
    along = np.clip(((xs - 10) + (ys - 20)) / 40, 0, 1)
    near = np.hypot(xs - 10 - 20 * along, ys - 20 - 20 * along) <= 4
    np.testing.assert_array_equal(mask, ndimage.binary_closing(np.pad(near, 9), np.ones((5, 5)))[9:-9, 9:-9])


def test_mask_ssim_is_scikit_image_s_ssim_of_the_blackened_pictures() -> None:
    pictures = judged()
    mask = limb_mask(pictures.target_pose).numpy()
    expected = [
        structural_similarity(
            truth * m, generated * m, channel_axis=0, data_range=255, gaussian_weights=True, sigma=1.5,
            use_sample_covariance=False,
        )
        for truth, generated, m in zip(pictures.truth.numpy(), pictures.generated.numpy(), mask, strict=True)
    ]  # fmt: skip
    metric = mask_ssim_metric(GAUSSIAN)
    metric.update(pictures)
    np.testing.assert_allclose(metric.result().per_pair, expected, atol=1e-6)


def test_a_pose_without_limbs_has_no_mask_ssim() -> None:
    hidden = Pose(np.zeros((len(OPENPOSE_18.keypoints), 2)), np.zeros(len(OPENPOSE_18.keypoints)), Size(H, W))
    metric = mask_ssim_metric()
    metric.update(judged(n=1, target_pose=PoseBatch.from_poses([hidden])))
    assert metric.result().pairs_without_value == 1


class Finds:
    """A detector that knows what to find in which picture, and counts how often it is asked."""

    def __init__(self) -> None:
        self.known: dict[bytes, Pose] = {}
        self.asked = 0

    def teach(self, pictures: torch.Tensor, found: list[Pose | None]) -> None:
        for picture, pose in zip(pictures, found, strict=True):
            if pose is not None:
                self.known[picture.permute(1, 2, 0).numpy().tobytes()] = pose

    def __call__(self, picture: Image.Image) -> Pose:
        self.asked += 1
        pose = self.known.get(np.asarray(picture).tobytes())
        if pose is None:
            raise NoPersonError("nobody")
        return pose


def moved(pose: Pose, by: np.ndarray, visible: np.ndarray | None = None) -> Pose:
    return Pose(pose.keypoints + by, pose.visible if visible is None else visible, pose.size)


def test_keypoints_found_and_pck_equal_counting_by_hand() -> None:
    pictures = judged(n=3)
    targets = [pictures.target_pose[i] for i in range(3)]
    count = len(OPENPOSE_18.keypoints)
    rng = np.random.default_rng(0)
    offsets = rng.normal(0, 5, (2, 3, count, 2)).astype(np.float32)
    seen = rng.random((2, 3, count)) < 0.8
    finder = Finds()
    finder.teach(pictures.truth, [moved(t, o, s) for t, o, s in zip(targets, offsets[0], seen[0], strict=True)])
    generated = [moved(t, o, s) for t, o, s in zip(targets, offsets[1], seen[1], strict=True)]
    finder.teach(pictures.generated, [generated[0], None, generated[2]])
    detector = SharedDetector(finder, "taught")
    metrics = keypoints_found_metric(detector), pck_metric(detector, alpha=0.2)
    for metric in metrics:
        metric.update(pictures)
    assert finder.asked == 6

    found = total = near = 0
    for i in range(3):
        rows, columns = np.nonzero(pictures.mask[i, 0].numpy() > 0.5)
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        distance = np.linalg.norm(offsets[:, i], axis=-1)
        in_truth = seen[0, i] & (distance[0] <= 0.1 * height)
        hit = seen[1, i] & (i != 1)
        found += (in_truth & hit & (distance[1] <= 0.1 * height)).sum()
        total += in_truth.sum()
        near += (hit & (distance[1] <= 0.2 * max(height, width))).sum()
    assert metrics[0].result().value == pytest.approx(found / total)
    assert metrics[0].result().weights is not None
    assert metrics[1].result().value == pytest.approx(near / (3 * count))


def test_without_a_mask_the_pose_tells_the_person_s_size() -> None:
    pictures = judged(n=1, mask=None)
    target = pictures.target_pose[0]
    height = float(np.ptp(target.keypoints[:, 1]))
    for share, expected in ((0.09, 1.0), (0.11, 0.0)):
        finder = Finds()
        finder.teach(pictures.truth, [target])
        finder.teach(pictures.generated, [moved(target, np.float32([0, share * height]))])
        metric = keypoints_found_metric(SharedDetector(finder, "taught"))
        metric.update(pictures)
        assert metric.result().value == expected


def test_a_truth_in_which_nobody_is_found_counts_nothing() -> None:
    metric = keypoints_found_metric(SharedDetector(Finds(), "blind"))
    metric.update(judged())
    assert metric.result().pairs_without_value == 3
    assert math.isnan(metric.result().value)


def test_every_pose_stays_with_its_picture() -> None:
    finder, pictures = Finds(), levels(0, 3)
    finder.teach(pictures, [poses(3, H, W)[i] for i in range(3)])
    detector = SharedDetector(finder, "taught")
    assert all(detector.find(pictures[i]) == poses(3, H, W)[i] for i in (2, 0, 1, 0))
    assert finder.asked == 3
