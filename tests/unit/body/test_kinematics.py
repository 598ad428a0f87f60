"""The reduced body's kinematics, against the renderer's skinning, formulas and finite differences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.transform import Rotation

from posable.body import skinning
from posable.body.kinematics import (
    derivatives_by_shape,
    derivatives_by_turn,
    forward_kinematics,
    keypoints_of,
    left_jacobian,
    orthonormal,
    quaternion_of,
    rotation_of,
    vector_of,
)
from posable.body.model import body_model
from posable.body.reduced import (
    JOINTS,
    NUM_COMPONENTS,
    NUM_JOINTS,
    NUM_SHAPE,
    PARENTS,
    STRETCHES,
    merged_rotations,
    reduced_body,
)
from posable.people.labels import openpose_keypoints

vectors = arrays(np.float64, 3, elements=st.floats(-1.7, 1.7))


def some_rotations(count: int, seed: int = 0) -> np.ndarray:
    return rotation_of(np.random.default_rng(seed).normal(size=(count, NUM_JOINTS, 3)) * 0.5)


def some_shapes(count: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, NUM_SHAPE)) * reduced_body().spread


@given(vectors)
def test_a_rotation_vector_survives_the_way_to_a_matrix_and_back(vector):
    matrix = rotation_of(vector)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(vector_of(matrix), vector, atol=1e-7)


@given(st.sampled_from(np.eye(3).tolist()), st.floats(3.0, np.pi))
def test_half_turns_have_a_vector_too(axis, angle):
    matrix = rotation_of(np.array(axis) * angle)
    np.testing.assert_allclose(rotation_of(vector_of(matrix)), matrix, atol=1e-7)


def test_quaternions_are_those_of_scipy():
    rotations = some_rotations(5)[:, :4].reshape(-1, 3, 3)
    theirs = np.roll(Rotation.from_matrix(rotations).as_quat(), 1, axis=-1)
    np.testing.assert_allclose(quaternion_of(rotations), theirs * np.sign(theirs[:, :1]), atol=1e-9)


@given(vectors, vectors)
def test_the_left_jacobian_is_the_derivative_of_the_rotation(vector, direction):
    step = 1e-6
    moved = rotation_of(vector + step * direction)
    predicted = rotation_of(step * (left_jacobian(vector) @ direction)) @ rotation_of(vector)
    np.testing.assert_allclose(moved, predicted, atol=1e-11)


def test_the_nearest_rotation_of_a_rotation_is_itself():
    rotations = some_rotations(3)
    np.testing.assert_allclose(orthonormal(rotations), rotations, atol=1e-12)
    assert np.linalg.det(orthonormal(-rotations)).min() > 0


def test_joints_move_as_the_renderer_moves_bones():
    rotations, shapes = some_rotations(2), some_shapes(2)
    heads = reduced_body().rest_heads(shapes)
    ours = forward_kinematics(rotations, heads)
    for body in range(2):
        by_name = dict(zip(JOINTS, rotations[body].astype(np.float32), strict=True))
        parents = np.array(PARENTS, np.int16)
        theirs = skinning.forward_kinematics(JOINTS, parents, heads[body].astype(np.float32), by_name)
        posed = np.einsum("jab,jb->ja", theirs[:, :, :3], heads[body]) + theirs[:, :, 3]
        np.testing.assert_allclose(ours.joints[body], posed - posed[0], atol=2e-6)
        np.testing.assert_allclose(ours.turns[body], theirs[:, :, :3], atol=2e-6)


def test_keypoints_are_those_of_the_full_body_in_the_same_pose():
    model, reduced = body_model(), reduced_body()
    names = [name for name in JOINTS if not name.startswith(("wrist", "foot"))]
    chosen = dict(zip(JOINTS, some_rotations(1, seed=3)[0].astype(np.float32), strict=True))
    rotations = {name: chosen[name] for name in names}
    mean = model.shape(np.zeros(len(model.shape_basis)))
    bones = skinning.forward_kinematics(model.bone_names, model.parents, mean.heads, rotations)
    vertices = skinning.linear_blend_skinning(mean.rest, model.skin_weights, bones)
    truth = openpose_keypoints(np.stack([shares @ vertices[where] for where, shares in model.keypoints]))
    root = bones[0, :, :3] @ mean.heads[0] + bones[0, :, 3]
    ours = forward_kinematics(merged_rotations(rotations)[None], reduced.heads[None])
    np.testing.assert_allclose(keypoints_of(ours, np.zeros((1, NUM_SHAPE)))[0], truth - root, atol=2e-3)


def test_bones_in_a_row_turn_as_one():
    first, second = rotation_of(np.array([[0.2, 0, 0], [0, 0.3, 0]]))
    merged = merged_rotations({"upperarm01.L": first, "upperarm02.L": second, "finger1-1.L": first})
    np.testing.assert_allclose(merged[JOINTS.index("upperarm01.L")], first @ second)
    assert (merged[JOINTS.index("wrist.L")] == np.eye(3)).all()


def test_derivatives_by_turn_are_the_finite_differences():
    rotations, shapes = some_rotations(2), some_shapes(2)
    heads = reduced_body().rest_heads(shapes)
    posed = forward_kinematics(rotations, heads)
    joints = np.arange(NUM_JOINTS)
    rows = derivatives_by_turn(posed, shapes, joints)
    for joint in (0, 3, 8, 11, 12, 18, 19):
        for axis in range(3):
            # A small turn in camera axes, after the joint's own one and all its parents'.
            parent = posed.turns[:, PARENTS[joint]] if joint else np.tile(np.eye(3), (2, 1, 1))
            turn = rotation_of(np.eye(3)[axis] * 1e-6)
            moved = rotations.copy()
            moved[:, joint] = parent.transpose(0, 2, 1) @ turn @ parent @ rotations[:, joint]
            after = keypoints_of(forward_kinematics(moved, heads), shapes)
            numeric = (after - keypoints_of(posed, shapes)) / 1e-6
            np.testing.assert_allclose(rows[:, joint, :, :, axis], numeric, atol=1e-5)


def test_derivatives_by_shape_are_the_finite_differences():
    rotations, shapes = some_rotations(2), some_shapes(2)
    posed = forward_kinematics(rotations, reduced_body().rest_heads(shapes))
    rows = derivatives_by_shape(posed)
    for coefficient in range(NUM_SHAPE):
        moved = shapes.copy()
        moved[:, coefficient] += 1e-5
        after = keypoints_of(forward_kinematics(rotations, reduced_body().rest_heads(moved)), moved)
        np.testing.assert_allclose(rows[..., coefficient], (after - keypoints_of(posed, shapes)) / 1e-5, atol=1e-7)


@pytest.mark.parametrize("name", ["upper_arm.L", "thigh.R", "trunk", "head_size"])
def test_a_stretch_lengthens_what_it_names(name):
    body = reduced_body()
    shape = np.zeros(NUM_SHAPE)
    shape[NUM_COMPONENTS + STRETCHES.index(name)] = 0.1
    heads = body.rest_heads(shape)

    def length(points, start, end):
        return np.linalg.norm(points[JOINTS.index(end)] - points[JOINTS.index(start)])

    grown = {"upper_arm.L": ("upperarm01.L", "lowerarm01.L"), "thigh.R": ("upperleg01.R", "lowerleg01.R")}
    if name in grown:
        assert length(heads, *grown[name]) == pytest.approx(1.1 * length(body.heads, *grown[name]))
        other = [bone.replace(name[-1], "LR"["RL".index(name[-1])]) for bone in grown[name]]
        assert length(heads, *other) == pytest.approx(length(body.heads, *other))
    elif name == "trunk":
        rise = heads[JOINTS.index("neck01"), 2] - body.heads[JOINTS.index("neck01"), 2]
        assert rise == pytest.approx(0.1 * (body.heads[JOINTS.index("neck01"), 2] - body.heads[0, 2]))
    else:
        skull = body.skin_weights[:, JOINTS.index("head")] > 0.99
        grown_by = np.ptp(body.rest_vertices(shape, np.zeros(7))[skull], axis=0) / np.ptp(body.vertices[skull], axis=0)
        np.testing.assert_allclose(grown_by, 1.1, atol=1e-3)


@settings(max_examples=20)
@given(arrays(np.float64, NUM_SHAPE, elements=st.floats(-1, 1)))
def test_the_mean_body_is_symmetric_and_so_are_its_stretches(coefficients):
    shape = np.zeros(NUM_SHAPE)
    shape[NUM_COMPONENTS:] = coefficients[NUM_COMPONENTS:] * reduced_body().spread[NUM_COMPONENTS:]
    swapped = shape.copy()
    for index, name in enumerate(STRETCHES):
        if "." in name:
            other = STRETCHES.index(name[:-1] + {"L": "R", "R": "L"}[name[-1]])
            swapped[NUM_COMPONENTS + other] = shape[NUM_COMPONENTS + index]
    mirror = [
        JOINTS.index(name[:-1] + {"L": "R", "R": "L"}[name[-1]]) if "." in name else index
        for index, name in enumerate(JOINTS)
    ]
    ours = reduced_body().rest_heads(shape)
    np.testing.assert_allclose(ours, reduced_body().rest_heads(swapped)[mirror] * [-1, 1, 1], atol=3e-3)
