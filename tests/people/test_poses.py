"""Sampled poses: on the floor, clear of the body, varied, within what joints can do."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from posable.body.geometry import length, rotation
from posable.body.model import body_model
from posable.body.skinning import forward_kinematics, linear_blend_skinning
from posable.people import Person, make_person
from posable.people.posing.arms import ARM_PAIRS
from posable.people.posing.figure import Figure, PosedFigure
from posable.people.posing.legs import LEG_KINDS, UPRIGHT, sample_stance
from posable.people.posing.limbs import (
    ELBOW_LIMIT,
    HAND_SHAPES,
    ArmTarget,
    FootTarget,
    angle_between,
    bend_arm,
    place_leg,
    reach,
    swing,
    twist_angle,
)
from posable.people.posing.sampling import SampledPose, sample_pose

DRAWS = 160


@pytest.fixture(scope="module")
def person() -> Person:
    return make_person(3)


@pytest.fixture(scope="module")
def figure(person: Person) -> Figure:
    return Figure.of(person.mesh)


@pytest.fixture(scope="module")
def poses(figure: Figure) -> list[SampledPose]:
    return [sample_pose(figure, np.random.default_rng([5, draw])) for draw in range(DRAWS)]


@pytest.fixture(scope="module")
def posed(figure: Figure, poses: list[SampledPose]) -> list[PosedFigure]:
    return [figure.posed(pose.rotations) for pose in poses]


def joint(posed: PosedFigure, name: str) -> np.ndarray:
    return posed.joints[posed.index[name]]


def skinned(person: Person, pose: SampledPose) -> np.ndarray:
    body, mesh = body_model(), person.mesh
    bones = forward_kinematics(body.bone_names, body.parents, mesh.bone_heads, pose.rotations)
    return linear_blend_skinning(mesh.rest, mesh.skin_weights, bones)


def test_a_seed_gives_the_same_pose(figure, poses):
    again = sample_pose(figure, np.random.default_rng([5, 7]))
    assert again.arms == poses[7].arms
    for bone, turn in again.rotations.items():
        assert np.array_equal(turn, poses[7].rotations[bone])


def test_rotations_are_rotations_of_known_bones(poses):
    names = set(body_model().bone_names)
    for pose in poses:
        assert set(pose.rotations) <= names
        turns = np.stack(list(pose.rotations.values()))
        assert np.allclose(turns @ turns.transpose(0, 2, 1), np.eye(3), atol=1e-4)
        assert np.allclose(np.linalg.det(turns), 1, atol=1e-4)


def test_most_people_stand_or_walk_and_every_kind_occurs(figure):
    kinds = LEG_KINDS["fashion"]
    assert sum(kinds.values()) == pytest.approx(1)
    assert sum(LEG_KINDS["market"].values()) == pytest.approx(1)
    assert 0.65 <= sum(kinds[kind] for kind in UPRIGHT) <= 0.78
    assert {"sit", "squat", "kneel", "dance", "run", "jump"} <= set(kinds)
    assert ("cross_under", "cross_over") in {(left, right) for left, right, _ in ARM_PAIRS}


def test_samples_cover_the_distribution(poses):
    legs = Counter(pose.legs for pose in poses)
    assert set(legs) == set(LEG_KINDS["fashion"])
    assert 0.55 < sum(pose.upright for pose in poses) / DRAWS < 0.85
    assert len({kind for pose in poses for kind in pose.arms}) > 20


def test_poses_of_one_kind_differ_continuously(posed, poses):
    hands = np.stack(
        [joint(p, "wrist.L") for p, pose in zip(posed, poses, strict=True) if pose.arms[0] in ("down", "relax")]
    )
    assert len(hands) > 5
    apart = np.linalg.norm(hands[:, None] - hands[None], axis=-1)[~np.eye(len(hands), dtype=bool)]
    assert apart.min() > 0.0005
    assert hands.std(0).max() > 0.03


def test_street_people_are_upright_and_mostly_walk(figure):
    legs = Counter(sample_pose(figure, np.random.default_rng([6, k]), "market").legs for k in range(60))
    assert set(legs) <= set(LEG_KINDS["market"])
    assert legs["walk"] > 20


def test_arms_and_hands_do_not_cut_into_the_body(posed):
    depths = np.array([each.arm_depth() for each in posed])
    assert np.mean(depths > 0.0) < 0.2
    assert np.mean(depths > 0.015) < 0.06
    assert np.percentile(depths, 99) < 0.05


def test_legs_do_not_cut_into_each_other(posed):
    depths = np.array([each.leg_depth() for each in posed])
    assert np.mean(depths > 0.0) < 0.08
    assert depths.max() < 0.05


def test_a_hand_put_into_the_torso_is_noticed(figure):
    through = bend_arm(figure.heads, "L", ArmTarget(np.array([0.1, 0.1, -1.0]), np.array([-1.0, 0.1, -0.1])))
    assert figure.posed({}).arm_depth() < 0
    assert figure.posed(through).arm_depth() > 0.03


def test_elbows_and_knees_bend_the_right_way_and_not_too_far(posed):
    for each in posed:
        for side in ("L", "R"):
            upper = joint(each, f"lowerarm01.{side}") - joint(each, f"upperarm01.{side}")
            lower = joint(each, f"wrist.{side}") - joint(each, f"lowerarm01.{side}")
            assert angle_between(upper, lower) < ELBOW_LIMIT + 8
            thigh = joint(each, f"lowerleg01.{side}") - joint(each, f"upperleg01.{side}")
            shin = joint(each, f"foot.{side}") - joint(each, f"lowerleg01.{side}")
            hinge = each.transforms[each.index[f"upperleg01.{side}"], :, 0]
            assert np.dot(np.cross(thigh, shin), hinge) / (length(thigh) * length(shin)) > -0.12


@pytest.mark.parametrize("kind", UPRIGHT)
def test_feet_that_carry_stand_on_one_floor(person, figure, kind):
    """Soles, not ankles: the lowest points of both feet, dressed, are level where both are on the floor."""
    mesh = person.mesh
    soles = {side: np.unique(mesh.faces[mesh.face_segment == segment]) for side, segment in (("L", 10), ("R", 11))}
    for draw in range(6):
        stance = sample_stance(figure, kind, 0.0, np.random.default_rng([8, draw]))
        vertices = skinned(person, SampledPose(stance.rotations, kind, ("down", "down")))
        lowest = [float(vertices[indices, 2].min()) for indices in soles.values()]
        assert min(lowest) - vertices[:, 2].min() < 0.02
        if kind in ("stand", "wide", "contrapposto"):
            assert abs(lowest[0] - lowest[1]) < 0.025, (draw, lowest)


def test_only_jumpers_and_runners_leave_the_floor(poses):
    for pose in poses:
        assert pose.airborne == 0 or pose.legs in ("run", "jump")
        assert (pose.seat is not None) == (pose.legs == "sit")
    assert any(pose.airborne > 0.1 for pose in poses)


def test_crossed_forearms_cross_before_the_chest(figure, monkeypatch):
    crossing = 0
    monkeypatch.setattr("posable.people.posing.arms.ARM_PAIRS", (("cross_under", "cross_over", 1.0),))
    for draw in range(12):
        pose = sample_pose(figure, np.random.default_rng([9, draw]))
        if set(pose.arms) != {"cross_under", "cross_over"} or not pose.upright:
            continue
        each = figure.posed(pose.rotations)
        chest = each.to_rest(np.stack([joint(each, f"wrist.{side}") for side in ("L", "R")]), "spine01")
        assert chest[0, 0] < chest[1, 0]
        assert (chest[:, 1] < figure.heads["spine01"][1]).all()
        assert each.arm_depth() < 0.035
        crossing += 1
    assert crossing >= 4


@pytest.mark.parametrize("shape", sorted(HAND_SHAPES))
def test_fingers_bend_towards_the_palm(figure, shape):
    """A left hand with the palm to the floor: bent fingertips come below a flat hand's, and fists come back."""
    down = ArmTarget(np.array([1.0, 0, 0]), np.array([1.0, 0, 0]), np.array([0, 0, -1.0]), None, shape)
    flat = ArmTarget(down.upper, down.lower, down.palm, None, "flat")
    tips, flat_tips = (
        joint(figure.posed(bend_arm(figure.heads, "L", target)), "finger3-3.L") for target in (down, flat)
    )
    if HAND_SHAPES[shape][0][1] > HAND_SHAPES["flat"][0][1] + 5 and shape != "fist":
        assert tips[2] < flat_tips[2] - 0.003
    if shape == "fist":
        assert tips[0] < flat_tips[0] - 0.015


def test_arms_are_mirror_images(figure):
    target = ArmTarget(np.array([0.6, -0.5, -0.4]), np.array([-0.2, -0.9, 0.5]), np.array([0, 1.0, 0]), None, "hold")
    left, right = (figure.posed(bend_arm(figure.heads, side, target)) for side in ("L", "R"))
    for bone in ("lowerarm01", "wrist", "finger2-3", "finger5-3", "finger1-3"):
        mirrored = joint(right, f"{bone}.R") * [-1, 1, 1]
        assert np.allclose(joint(left, f"{bone}.L"), mirrored, atol=0.004)


def test_a_placed_foot_is_where_it_was_asked(figure):
    foot = FootTarget(0.15, 0.2, toe_out=0, heel=0)
    each = figure.posed(place_leg(figure.heads, "L", foot, np.eye(3, dtype=np.float32), 0.8))
    root = figure.heads["root"]
    ankle = joint(each, "foot.L") - [root[0], root[1], root[2] - 0.8]
    sole = figure.heads["toe2-1.L"][2] - 0.012
    assert np.allclose(ankle, [0.15, -0.2, figure.heads["foot.L"][2] - sole], atol=0.012)


def test_reach_ends_at_the_target_and_keeps_lengths():
    upper, lower = reach([0, 0, 0], [0.1, -0.3, 0.2], 0.3, 0.25, [0, 0, 1])
    assert np.allclose(0.3 * upper + 0.25 * lower, [0.1, -0.3, 0.2], atol=1e-5)
    far, straight = reach([0, 0, 0], [0, 0, 5], 0.3, 0.25, [1, 0, 0])
    assert angle_between(far, straight) < 6


def test_twist_is_what_is_left_without_the_swing():
    axis = np.array([0.3, -0.5, 0.8])
    turn = swing(axis, [1, 0, 0]) @ rotation(axis, 35)
    assert twist_angle(turn, axis) == pytest.approx(35, abs=0.01)


def test_bent_limbs_keep_their_volume(person):
    """Skinning must not collapse elbows, knees or shoulders: triangles there keep most of their area."""
    mesh = person.mesh
    figure = Figure.of(mesh)
    raised = ArmTarget(np.array([0.3, -0.1, 1.0]), np.array([-0.7, -0.3, 0.7]), None, None)
    stance = sample_stance(figure, "squat", 0.0, np.random.default_rng(2))
    turns = stance.rotations | bend_arm(figure.heads, "L", raised) | bend_arm(figure.heads, "R", raised)
    vertices = skinned(person, SampledPose(turns, "squat", ("raise", "raise")))

    def areas(points: np.ndarray) -> np.ndarray:
        a, b, c = (points[mesh.faces[:, k]] for k in range(3))
        return np.linalg.norm(np.cross(b - a, c - a), axis=1)

    before, after = areas(mesh.rest), areas(vertices)
    for segment in range(2, 10):
        part = mesh.face_segment == segment
        assert 0.75 < after[part].sum() / before[part].sum() < 1.35
