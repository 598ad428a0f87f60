"""The fit's normal equations and priors, against finite differences."""

import numpy as np
import pytest

from posable.body.kinematics import forward_kinematics, keypoints_of, project, rotation_of
from posable.body.reduced import JOINTS, NUM_JOINTS, NUM_SHAPE, reduced_body
from posable.body.refine import NUM_PARAMETERS, Observation, Start, _Problem, hinge_bends, refine


def start_and_observation(count: int = 2, seed: int = 0) -> tuple[Start, Observation]:
    rng = np.random.default_rng(seed)
    rotations = rotation_of(rng.normal(size=(count, NUM_JOINTS, 3)) * 0.4)
    start = Start(
        rotations=rotations,
        scale=rng.uniform(90, 130, count),
        offset=rng.normal(100, 5, (count, 2)),
        shape=rng.normal(size=(count, NUM_SHAPE)) * 0.3 * reduced_body().spread,
    )
    seen = rng.random(18) < 0.8
    observed = Observation(
        points=rng.normal(100, 40, (18, 2)),
        seen=seen,
        depth=rng.normal(0, 0.2, 18),
        depth_weight=np.where(rng.random(18) < 0.5, 8.0, 0.0),
        lean=np.full(18, 0.03),
    )
    return start, observed


def test_the_gradient_is_the_finite_difference_of_the_cost():
    start, observed = start_and_observation()
    problem = _Problem(start, observed, shape_freedom=1.0)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(2, NUM_PARAMETERS)) * 0.2
    x[:, 0], x[:, 1:3] = np.log(start.scale) + 0.1, start.offset
    _, gradient = problem.normal_equations(problem.at(x))
    numeric = np.zeros_like(gradient)
    for parameter in range(NUM_PARAMETERS):
        step = np.zeros_like(x)
        step[:, parameter] = 1e-5
        numeric[:, parameter] = (problem.at(x + step).cost - problem.at(x - step).cost) / 2e-5
    # `normal_equations` halves both sides.
    np.testing.assert_allclose(2 * gradient, numeric, rtol=1e-4, atol=1e-3 * np.abs(numeric).max())
    np.testing.assert_allclose(2 * gradient, numeric, atol=2e-5 * np.abs(numeric).max())


def test_the_matrix_is_symmetric_and_positive():
    start, observed = start_and_observation()
    problem = _Problem(start, observed, shape_freedom=1.0)
    x = np.zeros((2, NUM_PARAMETERS))
    x[:, 0], x[:, 1:3] = np.log(start.scale), start.offset
    matrix, _ = problem.normal_equations(problem.at(x))
    np.testing.assert_allclose(matrix, matrix.transpose(0, 2, 1), rtol=1e-9)
    assert np.linalg.eigvalsh(matrix).min() > -1e-6


def test_steps_never_make_it_worse_and_go_on_from_where_they_were():
    start, observed = start_and_observation()
    costs = [refine(start, observed, shape_freedom=1.0, iterations=count).cost for count in (1, 3, 8)]
    assert (costs[1] <= costs[0]).all()
    assert (costs[2] <= costs[1]).all()
    first = refine(start, observed, shape_freedom=1.0, iterations=3)
    further = refine(start, observed, shape_freedom=1.0, iterations=5, begin=first.x)
    assert (further.cost <= first.cost).all()


def test_hypotheses_are_fitted_each_for_itself():
    start, observed = start_and_observation()
    both = refine(start, observed, shape_freedom=1.0, iterations=1)
    alone = refine(start.only(1), observed, shape_freedom=1.0, iterations=1)
    np.testing.assert_allclose(both.rotations[1], alone.rotations[0], atol=1e-9)


def test_a_shape_without_freedom_stays():
    start, observed = start_and_observation()
    fit = refine(start, observed, shape_freedom=0.0, iterations=5)
    np.testing.assert_allclose(fit.shape, start.shape, atol=1e-4)


def test_exact_keypoints_of_a_pose_nearby_are_met():
    start, _ = start_and_observation(1)
    near = start.rotations.copy()
    near[:, 11] = rotation_of(np.array([0.1, 0.2, -0.1])) @ near[:, 11]
    posed = forward_kinematics(near, reduced_body().rest_heads(start.shape))
    points = project(keypoints_of(posed, start.shape), start.scale, start.offset)[0]
    observed = Observation(
        points=points, seen=np.ones(18, bool), depth=np.zeros(18), depth_weight=np.zeros(18), lean=np.zeros(18)
    )
    fit = refine(start, observed, shape_freedom=1.0, iterations=12)
    shown = project(fit.keypoints, fit.scale, fit.offset)[0]
    assert np.linalg.norm(shown - points, axis=1).max() < 0.5


@pytest.mark.parametrize("bone", ["lowerarm01.L", "lowerarm01.R"])
def test_thehinge_bends_an_elbow_is_the_angle_between_its_bones(bone):
    heads = reduced_body().heads
    side = bone[-1]
    shoulder, elbow, wrist = (heads[JOINTS.index(f"{name}.{side}")] for name in ("upperarm01", "lowerarm01", "wrist"))
    hinge = np.cross(elbow - shoulder, wrist - elbow)
    hinge /= np.linalg.norm(hinge)
    rotations = np.tile(np.eye(3), (1, NUM_JOINTS, 1, 1))
    rotations[0, JOINTS.index(bone)] = rotation_of(0.6 * hinge)
    bent = rotation_of(0.6 * hinge) @ (wrist - elbow)
    upper = elbow - shoulder
    angle = np.arctan2(np.linalg.norm(np.cross(upper, bent)), upper @ bent)
    assert hinge_bends(rotations)[0, "LR".index(side)] == pytest.approx(angle, abs=1e-9)
