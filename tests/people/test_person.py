"""Whole people: the same for the same seed, sound meshes, clothes that lie outside the body."""

from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np
import pytest
from scipy.spatial import KDTree

from posable.body.geometry import rotation
from posable.body.mesh_editing import vertex_normals
from posable.body.model import body_model
from posable.body.skinning import forward_kinematics, linear_blend_skinning
from posable.errors import ConfigError
from posable.parsing.lip_labels import Lip
from posable.people.head.face import face_model
from posable.people.mesh import PersonMesh
from posable.people.person import Person, _Concern, make_person
from posable.people.splits import FIRST_TRAINING_SEED, TEST_SEEDS, VALIDATION_SEEDS
from posable.people.wardrobe.materials import Cloth, Hair, Shoe, Skin

SEEDS = range(16)


@pytest.fixture(scope="module")
def people() -> list[Person]:
    return [make_person(seed) for seed in SEEDS]


def arrays(mesh: PersonMesh) -> dict[str, np.ndarray]:
    values = {field.name: getattr(mesh, field.name) for field in dataclasses.fields(mesh)}
    return {name: value for name, value in values.items() if isinstance(value, np.ndarray)}


def test_the_same_seed_gives_the_same_bytes(people):
    again = make_person(5)
    assert again.description == people[5].description
    for name, values in arrays(again.mesh).items():
        assert values.tobytes() == arrays(people[5].mesh)[name].tobytes(), name
    for one, other in zip(again.mesh.materials, people[5].mesh.materials, strict=True):
        assert type(one) is type(other)
        if isinstance(one, Cloth):
            assert one.tile.tobytes() == other.tile.tobytes()


def test_people_do_not_depend_on_who_was_made_before(people):
    alone = make_person(SEEDS[-1])
    np.testing.assert_array_equal(alone.mesh.rest, people[-1].mesh.rest)


def test_different_seeds_give_different_people(people):
    bodies = {person.mesh.bone_heads.tobytes() for person in people}
    worn = [
        next(index for index, garment in enumerate(person.mesh.garments) if garment in ("top", "dress"))
        for person in people
    ]
    tiles = [person.mesh.materials[index].tile.tobytes() for person, index in zip(people, worn, strict=True)]
    assert len(bodies) == len(people)
    assert len(set(tiles)) == len(people)


def test_meshes_are_sound(people):
    for person in people:
        mesh = person.mesh
        count = len(mesh.rest)
        for name, values in arrays(mesh).items():
            assert values.dtype != np.float64, name
            assert np.isfinite(values).all(), name
        assert mesh.faces.min() == 0
        assert mesh.faces.max() == count - 1
        assert len(mesh.skin_weights) == len(mesh.template) == count
        assert mesh.face_uv.shape == (len(mesh.faces), 3, 2)
        np.testing.assert_allclose(mesh.skin_weights.sum(1), 1, atol=1e-4)
        assert mesh.face_material.max() == len(mesh.materials) - 1
        assert set(np.unique(mesh.face_segment)) <= set(range(12))
        corners = mesh.rest[mesh.faces]
        doubled_area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
        assert (doubled_area < 1e-10).mean() < 0.01
        assert len(mesh.faces) < 42000
        assert 1.3 < np.ptp(mesh.rest[:, 2]) < 2.2


def test_charts_are_continuous_inside_triangles(people):
    """A seam that was not unwrapped would lay a whole turn, 0.3 m and more, into over 2 % of triangles."""
    for person in people:
        for index, material in enumerate(person.mesh.materials):
            if isinstance(material, Cloth | Hair):
                uv = person.mesh.face_uv[person.mesh.face_material == index]
                assert (np.ptp(uv, axis=1) > 0.25).any(1).mean() < 0.005


def test_garments_lie_outside_the_body(people):
    """Cloth against the nearest point of the whole skin, hidden parts included, along its normal."""
    body = body_model()
    for person in people[:6]:
        mesh = person.mesh
        wears = [i for i, m in enumerate(mesh.materials) if isinstance(m, Cloth | Shoe)]
        cloth = np.unique(mesh.faces[np.isin(mesh.face_material, wears)])[::7]
        skin = make_bare_skin(person)
        normals = vertex_normals(skin, body.skin_faces)
        near = KDTree(skin).query(mesh.rest[cloth])[1]
        height = ((mesh.rest[cloth] - skin[near]) * normals[near]).sum(1)
        assert np.quantile(height, 0.02) > -0.004, person.seed
        assert height.mean() > 0.003


def make_bare_skin(person: Person) -> np.ndarray:
    """All skin vertices of a person: the body whose joints are the person's, with the person's face."""
    body = body_model()
    points = body.shape_basis.reshape(len(body.shape_basis), -1, 3)[:, -len(body.bone_names) :]
    mean = body.shape_mean.reshape(-1, 3)[-len(body.bone_names) :]
    coefficients = np.linalg.lstsq(
        points.reshape(len(points), -1).T.astype(float), (person.mesh.bone_heads - mean).ravel(), rcond=None
    )[0]
    face_rng = np.random.default_rng([person.seed, _Concern.FACE])
    return face_model().vary(body.shape(coefficients), face_rng).rest[: body.skin_faces.max() + 1]


def test_every_person_wears_a_top_a_bottom_and_shoes(people):
    for person in people:
        labels = set(np.unique(person.mesh.face_label))
        assert {Lip.FACE, Lip.LEFT_SHOE, Lip.RIGHT_SHOE} <= labels
        assert Lip.DRESS in labels or (Lip.UPPER_CLOTHES in labels and labels & {Lip.PANTS, Lip.SKIRT})


def test_left_shoes_are_on_the_left(people):
    mesh = people[0].mesh
    centers = mesh.rest[mesh.faces].mean(1)
    assert (centers[mesh.face_label == Lip.LEFT_SHOE, 0] > 0).all()
    assert (centers[mesh.face_label == Lip.RIGHT_SHOE, 0] < 0).all()


def test_hidden_skin_is_left_out(people):
    body = body_model()
    for person in people:
        skin = [i for i, m in enumerate(person.mesh.materials) if isinstance(m, Skin)]
        assert np.isin(person.mesh.face_material, skin).sum() < 0.9 * len(body.skin_faces)


def test_keypoints_move_as_the_vertices_they_average():
    """The regressors were condensed to one point per bone; skinning all vertices is the witness."""
    body, person = body_model(), make_person(1)
    rotations = {"upperarm01.L": rotation((0, 1, 0), 50), "neck01": rotation((0, 0, 1), 20)}
    bones = forward_kinematics(body.bone_names, body.parents, person.mesh.bone_heads, rotations)
    skin = make_bare_skin(person)
    for (vertices, weights), regressor in zip(body.keypoints, person.mesh.keypoint_regressors, strict=True):
        if vertices.max() >= len(skin):
            continue
        dense = body.skin_weights[vertices].toarray()
        expected = weights @ linear_blend_skinning(skin[vertices], dense, bones)
        found = regressor.weights @ linear_blend_skinning(regressor.rest, regressor.skin_weights, bones)
        np.testing.assert_allclose(found, expected, atol=2e-3)


def test_prints_stand_out_from_their_cloth():
    printed = []
    for seed in range(100, 130):
        for material in make_person(seed).mesh.materials:
            if isinstance(material, Cloth) and material.print is not None:
                rgba = material.print.rgba
                assert rgba.shape == (128, 128, 4)
                assert 0.04 < rgba[..., 3].mean() < 0.95
                printed.append(np.abs(rgba[rgba[..., 3] > 0.9][:, :3].mean(0) - material.tile.mean((0, 1))).sum())
    assert len(printed) >= 4
    assert np.median(printed) > 0.4


def test_outfits_vary():
    descriptions = [make_person(seed).description for seed in range(200, 260)]
    kinds = Counter(str(description["kind"]) for description in descriptions)
    assert set(kinds) == {"dress", "skirt", "trousers"}
    assert 15 <= sum(bool(description["female"]) for description in descriptions) <= 45
    assert len({description["hair"] for description in descriptions}) >= 6
    assert len({description["top"] for description in descriptions}) >= 6


def test_negative_seeds_are_refused():
    with pytest.raises(ConfigError, match="seed is -1"):
        make_person(-1)


def test_splits_share_no_seed():
    assert not set(TEST_SEEDS) & set(VALIDATION_SEEDS)
    assert max(TEST_SEEDS) < min(VALIDATION_SEEDS) <= max(VALIDATION_SEEDS) < FIRST_TRAINING_SEED
