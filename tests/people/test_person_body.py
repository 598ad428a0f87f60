"""The body asset: shapes, phenotypes, kinematics, skinning and regions."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import pytest

from posable.body.geometry import rotation
from posable.body.model import COCO_KEYPOINTS, body_model
from posable.body.skinning import forward_kinematics, linear_blend_skinning
from posable.parsing.lip_labels import Lip


@pytest.fixture(scope="module")
def baked() -> dict[str, np.ndarray]:
    with files("posable.body").joinpath("assets/body.npz").open("rb") as stream, np.load(stream) as stored:
        return {name: stored[name] for name in stored.files}


def keypoint(name: str, points: np.ndarray) -> np.ndarray:
    vertices, weights = body_model().keypoints[COCO_KEYPOINTS.index(name)]
    return weights @ points[vertices]


def test_phenotypes_are_read_off_the_bodies_that_anny_made(baked):
    """Errors over 100 adults whose phenotypes were given to anny; the ranges are 1, 0.33 and 0.5 wide."""
    names = list(baked["phenotype_names"])
    found = [body_model().phenotype(coefficients) for coefficients in baked["coefficients_of_samples"]]
    for name, tolerance in {"gender": 0.03, "age": 0.03, "height": 0.03, "african": 0.12, "asian": 0.12}.items():
        truth = baked["phenotypes_of_samples"][:, names.index(name)]
        assert np.abs([phenotype[name] for phenotype in found] - truth).max() < tolerance, name


def test_a_shape_has_the_phenotype_it_was_asked_for():
    for seed, wanted in enumerate(({"gender": 0.05, "age": 0.9}, {"gender": 0.95, "height": 0.3, "african": 0.8})):
        found = body_model().sample_shape(wanted, np.random.default_rng(seed)).phenotype
        assert {name: found[name] for name in wanted} == pytest.approx(wanted, abs=0.08)


def test_taller_people_are_taller():
    def height(wanted: float) -> float:
        rest = body_model().sample_shape({"gender": 0.5, "height": wanted}, np.random.default_rng(3)).rest
        return float(np.ptp(rest[:13380, 2]))

    assert height(0.25) < height(0.5) < height(0.75)
    assert 1.4 < height(0.25) < height(0.75) < 2.2


def test_bodies_have_two_similar_sides():
    rest = body_model().sample_shape({"gender": 0.1}, np.random.default_rng(0)).rest
    for part in ("shoulder", "hip", "knee", "ankle", "wrist"):
        left, right = keypoint(f"left_{part}", rest), keypoint(f"right_{part}", rest)
        assert left[0] > 0.03
        np.testing.assert_allclose(left, right * [-1, 1, 1], atol=0.005)
    assert keypoint("nose", rest)[1] < keypoint("left_ear", rest)[1], "the person does not face -y"
    assert keypoint("nose", rest)[2] > keypoint("left_knee", rest)[2] + 0.8


def test_skin_weights_sum_to_one():
    np.testing.assert_allclose(np.asarray(body_model().skin_weights.sum(1)), 1, atol=1e-5)


def test_no_rotation_leaves_the_rest_pose():
    body = body_model()
    bones = forward_kinematics(body.bone_names, body.parents, body.template_heads, {})
    moved = linear_blend_skinning(body.template, body.skin_weights.toarray(), bones)
    np.testing.assert_allclose(moved, body.template, atol=1e-5)


def test_turning_the_root_turns_everything_rigidly():
    body = body_model()
    turn = rotation((0.3, 1, 0.2), 40)
    bones = forward_kinematics(body.bone_names, body.parents, body.template_heads, {"root": turn})
    moved = linear_blend_skinning(body.template, body.skin_weights.toarray(), bones)
    root = body.template_heads[body.bone_names.index("root")]
    np.testing.assert_allclose(moved, (body.template - root) @ turn.T + root, atol=1e-4)


def test_bending_an_elbow_keeps_bone_lengths_and_moves_only_that_arm():
    body = body_model()
    rotations = {"lowerarm01.L": rotation((0, 1, 0), 70)}
    bones = forward_kinematics(body.bone_names, body.parents, body.template_heads, rotations)
    moved = linear_blend_skinning(body.template, body.skin_weights.toarray(), bones)
    shift = np.linalg.norm(moved - body.template, axis=1)
    assert np.linalg.norm(keypoint("left_wrist", moved) - keypoint("left_wrist", body.template)) > 0.15
    assert shift[(body.template[:, 0] < 0) | (body.regions.arm < 0.01)].max() < 1e-5
    elbow = body.template_heads[body.bone_names.index("lowerarm01.L")]
    wrist = np.flatnonzero(np.asarray(body.skin_weights[:, body.bone_names.index("wrist.L")].todense()).ravel() > 0.99)
    before, after = (np.linalg.norm(points[wrist] - elbow, axis=1) for points in (body.template, moved))
    np.testing.assert_allclose(after, before, atol=2e-3)


def test_regions_name_the_sides_as_the_person_would():
    body = body_model()
    skin = np.arange(13380)
    labels, x = body.regions.skin_label[skin], body.template[skin, 0]
    assert (x[(labels == Lip.LEFT_ARM) | (labels == Lip.LEFT_LEG)] > 0).all()
    assert (x[(labels == Lip.RIGHT_ARM) | (labels == Lip.RIGHT_LEG)] <= 0).all()
    assert (body.template[skin, 2][labels == Lip.FACE] > 0.4).all()
    assert set(np.unique(body.regions.segment[skin])) == set(range(12))


def test_lips_are_small_and_on_the_face():
    body = body_model()
    lips = body.template[body.lips > 0.5]
    assert 20 < len(lips) < 1000
    assert np.abs(lips[:, 0]).max() < 0.05
    assert (np.abs(lips[:, 2] - 0.655) < 0.05).all()
