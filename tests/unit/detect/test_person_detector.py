import numpy as np
import pytest

from posable.detect.person_detector import (
    Candidates,
    anchors,
    decode,
    intersection_over_union,
    suppress,
)


def test_there_are_2254_anchors_in_five_maps() -> None:
    assert anchors().shape == (2254, 2)
    assert 2254 == 2 * 28 * 28 + 2 * 14 * 14 + 6 * 7 * 7
    assert np.allclose(anchors()[[0, 1]], 0.5 / 28)
    assert np.allclose(anchors()[2], [1.5 / 28, 0.5 / 28])
    assert np.allclose(anchors()[-1], 6.5 / 7)


def test_a_box_and_its_points_are_relative_to_their_anchor() -> None:
    raw = np.zeros((2254, 12), np.float32)
    logits = np.full((2254, 1), -20, np.float32)
    raw[100] = [22.4, 0, 44.8, 22.4, 0, 22.4, 0, -22.4, 0, 0, 0, 0]
    logits[100] = 2
    found = decode(raw, logits, threshold=0.5)
    x, y = anchors()[100]
    assert found.scores == pytest.approx([1 / (1 + np.exp(-2))])
    assert np.allclose(found.boxes, [[x, y - 0.05, x + 0.2, y + 0.05]])
    assert np.allclose(found.points[0, :2], [[x, y + 0.1], [x, y - 0.1]])


def test_huge_logits_do_not_overflow() -> None:
    logits = np.full(2254, -1e30, np.float32)
    logits[7] = 1e30
    with np.errstate(all="raise"):
        assert decode(np.zeros((2254, 12), np.float32), logits, 0.5).scores == pytest.approx([1.0])


def test_candidates_come_best_first() -> None:
    logits = np.random.default_rng(0).normal(size=2254).astype(np.float32)
    scores = decode(np.zeros((2254, 12), np.float32), logits, 0.5).scores
    assert len(scores) == (logits >= 0).sum()
    assert (np.diff(scores) <= 0).all()


def test_overlapping_candidates_become_their_weighted_mean() -> None:
    boxes = np.array([[0.0, 0.0, 1.0, 1.0], [0.1, 0.0, 1.1, 1.0], [3.0, 3.0, 4.0, 4.0]])
    points = np.arange(24, dtype=float).reshape(3, 4, 2)
    merged = suppress(Candidates(boxes, np.array([0.9, 0.6, 0.5]), points))
    assert np.allclose(merged.boxes[0], [0.04, 0, 1.04, 1])
    assert np.allclose(merged.points[0], 0.6 * points[0] + 0.4 * points[1])
    assert np.allclose(merged.boxes[1], boxes[2])
    assert merged.scores.tolist() == [0.9, 0.5]


def test_nobody_stays_nobody() -> None:
    merged = suppress(decode(np.zeros((2254, 12), np.float32), np.full(2254, -5, np.float32), 0.5))
    assert merged.boxes.shape == (0, 4)
    assert merged.points.shape == (0, 4, 2)


def test_overlap_is_measured_as_intersection_over_union() -> None:
    box = np.array([0.0, 0.0, 2.0, 2.0])
    others = np.array([[0.0, 0.0, 2.0, 2.0], [1.0, 0.0, 3.0, 2.0], [5.0, 5.0, 6.0, 6.0], [0.0, 0.0, 0.0, 0.0]])
    assert np.allclose(intersection_over_union(box, others), [1, 1 / 3, 0, 0])
