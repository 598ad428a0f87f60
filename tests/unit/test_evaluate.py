"""The evaluation on drawn figures: perfect, wrong and absent answers get the numbers that they must get."""

import json
from typing import NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from posable import baselines
from posable.batch import PoseCondition
from posable.data.fixed_pairs import FixedPairs
from posable.errors import NoPersonError
from posable.evaluate import COLUMNS, evaluate, markdown_table
from posable.image import to_tensor
from posable.keypoint_judge import KeypointJudge
from posable.metrics.bootstrap import mean_interval
from posable.metrics.perceptual import StageFeatures
from posable.pose import OPENPOSE_18, Pose
from posable.size import Size

SIZE = Size(96, 64)
COUNT = 6


class Answer(NamedTuple):
    image: Tensor
    mask: Tensor | None


def figure(x: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A striped box of a person at `x`, its keypoints down the middle with labels 0, 1 and 2, and its coverage."""
    picture = Image.new("RGB", (SIZE.width, SIZE.height), "#90a0b0")
    draw = ImageDraw.Draw(picture)
    for row in range(16, 80, 8):
        draw.rectangle([x - 8, row, x + 7, row + 7], fill="#d02020" if row % 16 else "#20d0d0")
    keypoints = np.zeros((len(OPENPOSE_18.keypoints), 3), np.float32)
    keypoints[:, 0], keypoints[:, 1], keypoints[:, 2] = x, np.linspace(18, 78, len(keypoints)), 2
    keypoints[3, 2], keypoints[4] = 1, 0
    alpha = np.zeros(SIZE, np.uint8)
    alpha[16:80, int(x) - 8 : int(x) + 8] = 255
    return np.asarray(picture), keypoints, alpha


@pytest.fixture(scope="module")
def pairs() -> FixedPairs:
    sources = [figure(20 + i) for i in range(COUNT)]
    targets = [figure(40 - i) for i in range(COUNT)]
    return FixedPairs(
        seeds=tuple(range(COUNT)),
        source_image=np.stack([image for image, _, _ in sources]),
        source_keypoints=np.stack([keypoints for _, keypoints, _ in sources]),
        target_image=np.stack([image for image, _, _ in targets]),
        target_keypoints=np.stack([keypoints for _, keypoints, _ in targets]),
        target_alpha=np.stack([alpha for _, _, alpha in targets]),
    )


@pytest.fixture(scope="module")
def features() -> StageFeatures:
    return StageFeatures()


def find_stripes(picture: Image.Image) -> Pose:
    """A detector for the figures above: it finds the keypoints from where the stripes are."""
    pixels = np.asarray(picture, np.int16)
    coloured = (np.abs(pixels - [144, 160, 176]).sum(axis=-1) > 60).any(axis=0).nonzero()[0]
    if not len(coloured):
        raise NoPersonError("nobody")
    _, keypoints, _ = figure(float(coloured.mean()) + 0.5)
    return Pose(keypoints[:, :2], np.ones(len(keypoints), np.bool_), SIZE)


def truth_of(pairs: FixedPairs):
    """A generator that cheats: it looks the truth up by the target pose."""

    def draw(condition: PoseCondition) -> Answer:
        chosen = [
            next(i for i in range(len(pairs)) if pairs.target_pose(i) == condition.target_pose[k])
            for k in range(len(condition.target_pose))
        ]
        truth = pairs.batch(chosen)
        return Answer(truth.target_image, truth.target_alpha)

    return draw


def test_the_truth_itself_gets_full_marks(pairs: FixedPairs, features: StageFeatures) -> None:
    judge = KeypointJudge(pairs, find_stripes)
    report = evaluate(truth_of(pairs), pairs, "truth", features=features, judge=judge, batch_size=4)
    means = {column: report.interval(column).mean for column in COLUMNS}
    assert means == pytest.approx(
        {"ssim_in_box": 1, "ssim": 1, "perceptual": 0, "mask_iou": 1, "keypoints": 1}, abs=1e-5
    )


def test_copying_the_source_is_worse_in_every_column(pairs: FixedPairs, features: StageFeatures) -> None:
    judge = KeypointJudge(pairs, find_stripes)
    copy = evaluate(baselines.copy_source, pairs, "copy", features=features, judge=judge)
    truth = evaluate(truth_of(pairs), pairs, "truth", features=features, judge=judge)
    for column in ("ssim_in_box", "ssim", "perceptual", "keypoints"):
        assert truth.gain_over(copy, column).low > 0, column
        assert copy.gain_over(truth, column).high < 0, column
    assert np.isnan(copy.interval("mask_iou").mean)


def test_keypoints_are_found_exactly_where_the_figure_stands_near_enough(pairs: FixedPairs) -> None:
    """A tenth of the person's 64 px allows 6.4 px."""
    judge = KeypointJudge(pairs, find_stripes)
    for offset, found in [(0, 16), (6, 16), (7, 0)]:
        image, _, _ = figure(40 + offset)
        score = judge.score(0, Image.fromarray(image))
        assert (score.found, score.counted) == (found, 16)


def test_a_picture_of_nobody_finds_no_keypoint(pairs: FixedPairs) -> None:
    score = KeypointJudge(pairs, find_stripes).score(0, Image.new("RGB", (SIZE.width, SIZE.height), "#90a0b0"))
    assert (score.found, score.counted) == (0, 16)


def test_keypoints_that_the_detector_misses_in_the_truth_do_not_count(pairs: FixedPairs) -> None:
    def half_blind(picture: Image.Image) -> Pose:
        pose = find_stripes(picture)
        return Pose(pose.keypoints, np.arange(18) < 9, SIZE)

    judge = KeypointJudge(pairs, half_blind)
    image, _, _ = figure(40)
    assert judge.score(0, Image.fromarray(image)).counted == 7
    assert judge.look_at_true_pictures() == pytest.approx(7 / 16)


def test_batches_and_progress_do_not_change_the_numbers(pairs: FixedPairs, features: StageFeatures) -> None:
    told: list[tuple[int, int]] = []
    one = evaluate(baselines.copy_source, pairs, "a", features=features, batch_size=1)
    four = evaluate(
        baselines.copy_source, pairs, "b", features=features, batch_size=4, progress=lambda *step: told.append(step)
    )
    np.testing.assert_allclose(one.values["perceptual"], four.values["perceptual"], rtol=1e-4)
    assert one.values["ssim"] == pytest.approx(four.values["ssim"], abs=1e-6)
    assert told == [(4, 6), (6, 6)]


def test_pictures_are_compared_as_eight_bits(pairs: FixedPairs, features: StageFeatures) -> None:
    def slightly_off(condition: PoseCondition) -> Answer:
        exact = truth_of(pairs)(condition)
        return Answer(exact.image + 0.003, exact.mask)

    report = evaluate(slightly_off, pairs, "rounded", features=features)
    assert report.interval("perceptual").mean == 0.0


def test_a_report_becomes_json_and_a_table(pairs: FixedPairs, features: StageFeatures) -> None:
    report = evaluate(baselines.copy_source, pairs, "copy", features=features)
    stored = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert stored["mean_low_high"]["ssim"][0] == pytest.approx(report.interval("ssim").mean, abs=1e-6)
    assert stored["mean_low_high"]["mask_iou"] == [None, None, None]
    assert len(stored["values"]["ssim"]) == COUNT
    heading, _, row = markdown_table([report]).splitlines()
    assert heading.count("|") == row.count("|")
    assert row.startswith("| copy | ")


def test_a_mean_is_weighted_and_its_interval_is_the_same_every_time() -> None:
    values, weights = np.array([0.2, 0.8, np.nan, 0.5]), np.array([1.0, 3.0, 5.0, 0.0])
    interval = mean_interval(values, weights)
    assert interval.mean == pytest.approx((0.2 + 3 * 0.8) / 4)
    assert interval.low <= interval.mean <= interval.high
    assert interval == mean_interval(values, weights)


def test_a_bootstrap_interval_has_the_width_that_statistics_expects() -> None:
    values = np.random.default_rng(0).normal(0, 1, 400)
    interval = mean_interval(values)
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * values.std() / np.sqrt(400), rel=0.1)


def test_an_item_is_a_pair_of_one_in_the_range_of_tensors(pairs: FixedPairs) -> None:
    pair = pairs[2]
    assert pair.target_image.shape == (1, 3, *SIZE)
    torch.testing.assert_close(pair.target_image[0], to_tensor(pairs.target_image[2]))
    assert pair.condition.target_pose.visible[0].tolist() == [i != 4 for i in range(18)]
    assert pairs.target_visible[2].tolist() == [i not in (3, 4) for i in range(18)]
    assert len(pairs[1:4]) == 3
