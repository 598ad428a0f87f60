"""Bodies in files: round trips, and the .glb read back by its specification."""

import json
import struct

import numpy as np
import pytest

from posable.body.files import body_from_json, body_to_json, read_body, write_body
from posable.body.fit import fit_body
from posable.body.fitted import Body
from posable.body.reduced import JOINTS, reduced_body
from posable.errors import InputError, PoseError
from posable.pose.library import shipped_pose


@pytest.fixture(scope="module")
def body() -> Body:
    return fit_body(shipped_pose("walk-left"))


def test_a_body_survives_json(body, tmp_path):
    write_body(body, tmp_path / "body.json")
    again = read_body(tmp_path / "body.json")
    np.testing.assert_allclose(again.screen_vertices, body.screen_vertices, atol=1e-3)
    assert again.size == body.size
    assert (again.observed == body.observed).all()
    assert body_to_json(again) == body_to_json(body)


def test_the_obj_holds_all_vertices_and_faces_with_y_up(body, tmp_path):
    write_body(body, tmp_path / "body.obj")
    lines = (tmp_path / "body.obj").read_text().splitlines()
    vertices = np.array([line.split()[1:] for line in lines if line.startswith("v ")], float)
    faces = np.array([line.split()[1:] for line in lines if line.startswith("f ")], int)
    x, y, z = body.vertices.T
    np.testing.assert_allclose(vertices, np.stack([x, z, -y], 1), atol=1e-5)
    np.testing.assert_array_equal(faces - 1, reduced_body().faces)


def test_the_glb_posed_by_its_own_skeleton_is_the_body(body, tmp_path):
    write_body(body, tmp_path / "body.glb")
    data = (tmp_path / "body.glb").read_bytes()
    magic, version, length, json_length, json_kind = struct.unpack("<4sIII4s", data[:20])
    assert (magic, version, length, json_kind) == (b"glTF", 2, len(data), b"JSON")
    document = json.loads(data[20 : 20 + json_length])
    binary = data[20 + json_length + 8 :]

    def read(number: int) -> np.ndarray:
        accessor = document["accessors"][number]
        view = document["bufferViews"][accessor["bufferView"]]
        kind = {5126: "<f4", 5121: "<u1", 5123: "<u2"}[accessor["componentType"]]
        width = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}[accessor["type"]]
        values = np.frombuffer(binary, kind, accessor["count"] * width, view["byteOffset"])
        assert view["byteOffset"] % 4 == 0
        return values.reshape(accessor["count"], width).astype(float)

    skin, nodes = document["skins"][0], document["nodes"]
    world: dict[int, np.ndarray] = {}

    def visit(number: int, parent: np.ndarray) -> None:
        x, y, z, w = nodes[number]["rotation"]
        matrix = np.eye(4)
        matrix[:3, :3] = [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
        matrix[:3, 3] = nodes[number]["translation"]
        world[number] = parent @ matrix
        for child in nodes[number].get("children", []):
            visit(child, world[number])

    visit(skin["skeleton"], np.eye(4))
    binds = read(skin["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1)
    matrices = np.stack([world[joint] for joint in skin["joints"]]) @ binds
    attributes = document["meshes"][0]["primitives"][0]["attributes"]
    rest, joints, weights = (read(attributes[name]) for name in ("POSITION", "JOINTS_0", "WEIGHTS_0"))
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-5)
    blended = np.einsum("vk,vkab->vab", weights, matrices[joints.astype(int)])
    posed = np.einsum("vab,vb->va", blended[:, :3, :3], rest) + blended[:, :3, 3]
    x, y, z = body.vertices.T
    # A vertex may hang on more than glTF's four joints; the rest is left out.
    apart = np.linalg.norm(posed - np.stack([x, z, -y], 1), axis=1)
    assert np.percentile(apart, 99) < 2e-3
    assert apart.max() < 0.02
    assert [node["name"] for node in nodes[: len(JOINTS)]] == list(JOINTS)
    faces = read(document["meshes"][0]["primitives"][0]["indices"]).astype(int).reshape(-1, 3)
    volume = np.linalg.det(posed[faces]).sum() / 6
    assert 0.04 < volume < 0.13, "in cubic metres; negative when faces look inwards"


def test_another_suffix_is_refused_with_the_known_ones(body, tmp_path):
    with pytest.raises(InputError, match=r"should end in \.json, \.obj or \.glb"):
        write_body(body, tmp_path / "body.fbx")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"posable_body": 2}, "version 2"),
        ({"joints": {}}, "incomplete"),
        ({"size": [0, 10]}, "no body has"),
        ({"cost": "much"}, "incomplete"),
        ({"camera": {"px_per_metre": -1, "root_px": [0, 0], "metres": 4.5}}, "no body has"),
        ({"camera": {"px_per_metre": float("nan"), "root_px": [0, 0], "metres": 4.5}}, "no body has"),
    ],
)
def test_what_is_no_body_is_refused_with_the_reason(body, change, message):
    with pytest.raises(PoseError, match=message):
        body_from_json(body_to_json(body) | change, "'x.json'")


def test_a_pose_file_is_no_body(tmp_path):
    (tmp_path / "x.json").write_text('{"posable_pose": 1}')
    with pytest.raises(PoseError, match="is no body"):
        read_body(tmp_path / "x.json")
    (tmp_path / "y.json").write_text("hello")
    with pytest.raises(PoseError, match="no JSON"):
        read_body(tmp_path / "y.json")
    with pytest.raises(PoseError, match="cannot be read"):
        read_body(tmp_path / "missing.json")
