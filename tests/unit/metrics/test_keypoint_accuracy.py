"""Keypoint accuracy: what counts, what is near, and what the share is taken over."""

import math

import numpy as np

from posable.metrics.keypoint_accuracy import KeypointScore, keypoint_score, near

TARGET = np.array([[10, 10], [20, 10], [30, 10], [40, 10]], np.float32)
EVERY = np.ones(4, np.bool_)


def test_near_means_within_a_tenth_of_the_height_and_visible() -> None:
    found = TARGET + np.array([[6, 8], [0, 10.01], [0, 0], [3, 0]], np.float32)
    visible = np.array([True, True, False, True])
    assert near(found, visible, TARGET, height=100).tolist() == [True, False, False, True]


def test_only_visible_keypoints_found_in_the_true_picture_count() -> None:
    score = keypoint_score(
        in_generated=np.array([True, False, True, True]),
        in_true=np.array([True, True, False, True]),
        visible=np.array([True, True, True, False]),
    )
    assert score == KeypointScore(found=1, counted=2)
    assert score.accuracy == 0.5


def test_the_true_picture_scores_one_and_an_empty_picture_zero() -> None:
    in_true = near(TARGET + 3, EVERY, TARGET, height=100)
    assert keypoint_score(in_true, in_true, EVERY).accuracy == 1.0
    assert keypoint_score(~EVERY, in_true, EVERY).accuracy == 0.0


def test_no_counted_keypoint_gives_no_number() -> None:
    assert math.isnan(keypoint_score(EVERY, ~EVERY, EVERY).accuracy)
