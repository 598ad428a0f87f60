"""Glasses and bags: where they sit, in the rest pose and in drawn ones."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.spatial import KDTree

from posable.body.mesh_editing import vertex_normals
from posable.body.model import body_model
from posable.body.skinning import forward_kinematics, linear_blend_skinning
from posable.parsing.lip_labels import Lip
from posable.people.head.face import face_model
from posable.people.person import Person, make_person
from posable.people.posing.figure import Figure
from posable.people.posing.sampling import sample_pose
from posable.people.wardrobe import bags
from posable.people.wardrobe.bags import carry_bag, rounded_box
from posable.people.wardrobe.glasses import wear_glasses
from posable.people.wardrobe.hats import choose_hat
from posable.people.wardrobe.layers import Dummy, Layer
from posable.people.wardrobe.pendants import hang


@pytest.fixture(scope="module")
def dummies() -> list[Dummy]:
    body = body_model()
    found: list[Dummy] = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        shape = body.shape(rng.normal(0, 0.8, len(body.shape_basis)))
        found.append(Dummy.of(body, face_model().vary(shape, rng)))
    return found


def glasses_on(dummy: Dummy, kind: str, first_seed: int) -> list[Layer]:
    for seed in range(first_seed, first_seed + 200):
        found, layers = wear_glasses(dummy, np.random.default_rng(seed))
        if found == kind:
            return layers
    raise AssertionError(f"no {kind} glasses were drawn")


@pytest.mark.parametrize("kind", ["clear", "sun"])
def test_glasses_sit_before_the_eyes_and_on_the_ears(kind, dummies):
    body = body_model()
    for number, dummy in enumerate(dummies):
        frame = glasses_on(dummy, kind, 100 * number)[0].rest
        eyes = dummy.shape.rest[np.unique(body.eye_faces)]
        for side in (-1, 1):
            eye = eyes[eyes[:, 0] * side > 0]
            rim = frame[(frame[:, 0] * side > 0) & (frame[:, 1] < eye[:, 1].min() + 0.005)]
            assert len(rim) > 40
            assert rim[:, 2].min() < eye[:, 2].mean() < rim[:, 2].max()
            assert (rim[:, 0] * side).min() < (eye[:, 0] * side).mean() < (rim[:, 0] * side).max()
            assert eye[:, 1].min() - rim[:, 1].min() < 0.035
        ears = dummy.shape.rest[np.flatnonzero(np.abs(body.template[:, 0]) > 0.079)]
        ears = ears[ears[:, 2] > eyes[:, 2].mean() - 0.05]
        assert KDTree(ears).query(frame[frame[:, 1] > eyes[:, 1].max() + 0.05])[0].min() < 0.012


def test_lenses_hide_the_eyes_and_glasses_are_labelled(dummies):
    for dummy in dummies:
        frame, lenses = glasses_on(dummy, "sun", 0)
        eyes = dummy.shape.rest[np.unique(dummy.body.eye_faces)]
        assert lenses.rest[:, 1].max() < eyes[:, 1].min() + 0.012
        assert lenses.rest[:, 1].mean() < eyes[:, 1].min() - 0.004
        assert set(frame.face_label) | set(lenses.face_label) == {Lip.SUNGLASSES}
        assert {frame.garment, lenses.garment} == {"glasses"}


def bag_of(kind: str, dummy: Dummy, monkeypatch: pytest.MonkeyPatch, seed: int = 0) -> bags.Bag:
    monkeypatch.setattr(bags, "_FEMALE_SHARES", {kind: 1.0})
    return carry_bag(dummy, [], True, np.random.default_rng(seed))


def heights_over_skin(dummy: Dummy, points: np.ndarray) -> np.ndarray:
    used = np.unique(dummy.body.skin_faces)
    normals = vertex_normals(dummy.shape.rest, dummy.body.skin_faces)[used]
    skin = dummy.shape.rest[used]
    near = KDTree(skin).query(points)[1]
    return ((points - skin[near]) * normals[near]).sum(1)


def test_straps_lie_on_the_trunk(dummies, monkeypatch):
    """A taut strap bridges hollows but is nowhere inside, touches often, and runs from shoulder to hip."""
    for number, dummy in enumerate(dummies):
        strap = bag_of("crossbody", dummy, monkeypatch, number).layers[0]
        middle = strap.rest.reshape(-1, 5, 3)[:, 2]
        height = heights_over_skin(dummy, middle)
        assert height.min() > -0.004
        assert (height < 0.012).mean() > 0.3
        assert height.max() < 0.09
        assert np.ptp(middle[:, 2]) > 0.33
        weights = strap.skin_weights.toarray()
        arms = [k for k, name in enumerate(dummy.body.bone_names) if name.startswith(("lowerarm", "wrist"))]
        assert weights[:, arms].max() < 0.05


def test_backpacks_lie_on_the_back_with_straps_over_both_shoulders(dummies, monkeypatch):
    for number, dummy in enumerate(dummies):
        bag = bag_of("backpack", dummy, monkeypatch, number)
        box, straps = bag.layers[0], bag.layers[2:]
        trunk = dummy.shape.rest[np.unique(dummy.body.skin_faces)]
        behind = trunk[(np.abs(trunk[:, 0]) < 0.1) & (np.abs(trunk[:, 2] - box.rest[:, 2].mean()) < 0.1)]
        assert -0.04 < box.rest[:, 1].min() - behind[:, 1].max() < 0.03
        assert len(straps) == 4
        shoulders = dummy.shape.heads[dummy.body.bone_names.index("clavicle.L"), 2]
        assert sum(strap.rest[:, 2].max() > shoulders for strap in straps) == 2
        assert {np.sign(strap.rest[:, 0].mean()) for strap in straps} == {-1.0, 1.0}


def test_bags_are_no_lip_class_but_have_a_garment_name(dummies, monkeypatch):
    for kind in ("crossbody", "backpack", "handbag"):
        for layer in bag_of(kind, dummies[0], monkeypatch).layers:
            assert set(layer.face_label) == {0}
            assert layer.garment == "bag"


def test_boxes_are_closed_and_face_outwards():
    points, faces, _ = rounded_box(np.array([0.1, 0.05, 0.2]))
    assert ((vertex_normals(points.astype(np.float32), faces) * points).sum(1) > -1e-6).all()
    np.testing.assert_allclose(np.abs(points).max(0), [0.1, 0.05, 0.2], rtol=0.02)


@pytest.fixture(scope="module")
def carrier() -> Person:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bags, "_FEMALE_SHARES", {"handbag": 1.0})
        patch.setattr(bags, "_MALE_SHARES", {"handbag": 1.0})
        return make_person(5)


def posed_with_bag(person: Person, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Posed vertices, which are the bag's, which are the trunk's, and the bones."""
    body, mesh = body_model(), person.mesh
    assert mesh.pendant is not None
    pose = sample_pose(Figure.of(mesh), np.random.default_rng(seed))
    bones = forward_kinematics(body.bone_names, body.parents, mesh.bone_heads, pose.rotations)
    posed = linear_blend_skinning(mesh.rest, csr_matrix(mesh.skin_weights), bones)
    is_bag = (np.array(mesh.garments) == "bag")[mesh.face_material]
    carried, trunk = np.zeros((2, len(mesh.rest)), bool)
    carried[mesh.faces[is_bag]] = True
    trunk[mesh.faces[~is_bag & np.isin(mesh.face_segment, (0, 6, 7, 8, 9))]] = True
    return hang(mesh.pendant, carried, trunk, mesh.rest, posed, bones), carried, trunk, bones


def test_carried_bags_hang_below_hand_or_elbow_and_hold_together(carrier):
    mesh = carrier.mesh
    assert mesh.pendant is not None
    for seed in range(12):
        posed, carried, _, bones = posed_with_bag(carrier, seed)
        bag, rest = posed[carried], mesh.rest[carried]
        anchors = [
            bones[bone, :, :3] @ point + bones[bone, :, 3]
            for bone, point in ((mesh.pendant.wrist, mesh.pendant.grip), (mesh.pendant.forearm, mesh.pendant.crook))
        ]
        assert min(np.linalg.norm(bag - anchor, axis=1).min() for anchor in anchors) < 0.06
        assert bag[:, 2].min() >= posed[~carried, 2].min() - 1e-4
        size, rest_size = (np.linalg.norm(points - points[0], axis=1) for points in (bag, rest))
        np.testing.assert_allclose(size, rest_size, atol=1e-4)


def test_carried_bags_clear_trunk_and_legs(carrier):
    """In most poses nothing of the body is inside the bag; nowhere is much of it."""
    inside: list[float] = []
    for seed in range(24):
        posed, carried, trunk, _ = posed_with_bag(carrier, seed)
        box = np.flatnonzero(carried)[: 13 * 25]
        centre = posed[box].mean(0)
        near = posed[trunk][np.linalg.norm(posed[trunk] - centre, axis=1) < 0.05]
        inside.append(float(len(near) > 0))
    assert np.mean(inside) < 0.15


def test_nobody_but_carriers_has_a_pendant():
    for seed in range(8):
        person = make_person(seed)
        assert (person.mesh.pendant is not None) == (person.description["bag"] == "handbag")


def test_things_are_worn_now_and_then(dummies):
    hats = [choose_hat(np.random.default_rng(seed)) for seed in range(60)]
    carried = [carry_bag(dummies[0], [], bool(seed % 2), np.random.default_rng(seed)).kind for seed in range(60)]
    assert 3 <= sum(hat is not None for hat in hats) <= 18
    assert 6 <= sum(kind != "none" for kind in carried) <= 26
    assert len(set(carried)) >= 3


def test_pendants_do_not_change_the_rest_of_the_body(carrier):
    posed, carried, _, bones = posed_with_bag(carrier, 3)
    without = dataclasses.replace(carrier.mesh, pendant=None)
    plain = linear_blend_skinning(without.rest, csr_matrix(without.skin_weights), bones)
    np.testing.assert_array_equal(posed[~carried], plain[~carried])
