"""Bodies in files: our own JSON, written and read; meshes for other programs (.obj, .glb), written.

The JSON has "posable_body": 1, "size": [height, width], "camera" (px_per_metre, root_px and metres from the root),
"shape" (components; stretches and girths by name), "joints" (rotation vectors in radians by name), "observed" (names),
"cost" and "reprojection_px". The meshes are in metres, y up, with the camera on the side of +z; the .glb is rigged: its
24 joints can be turned.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from posable.body.fitted import Body
from posable.body.kinematics import quaternion_of, rotation_of, vector_of
from posable.body.mesh_editing import vertex_normals
from posable.body.reduced import GIRTHS, JOINTS, NUM_COMPONENTS, PARENTS, STRETCHES, reduced_body
from posable.errors import InputError, PoseError
from posable.files import write_atomically
from posable.imaging.size import Size

MAX_BODY_MEGABYTES = 1
_TO_Y_UP = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
_FLOAT, _BYTE, _SHORT = 5126, 5121, 5123
_SKIN = {"baseColorFactor": [0.8, 0.7, 0.62, 1], "metallicFactor": 0, "roughnessFactor": 0.8}
_VERTEX_DATA, _INDEX_DATA = 34962, 34963


def write_body(body: Body, path: str | os.PathLike[str]) -> None:
    """Writes a body as .json, .obj or .glb, whole or not at all.

    Raises InputError for another suffix, or when the place cannot be written.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in _WRITERS:
        raise InputError(f"'{path}' should end in {', '.join(list(_WRITERS)[:-1])} or .glb; give such a name.")
    with write_atomically(path) as temporary:
        temporary.write_bytes(_WRITERS[suffix](body))


def read_body(path: str | os.PathLike[str]) -> Body:
    """The body in a .json file that `write_body` wrote; raises PoseError for anything else."""
    path = Path(path)
    try:
        if path.stat().st_size > MAX_BODY_MEGABYTES * 1_000_000:
            raise PoseError(f"'{path}' is larger than {MAX_BODY_MEGABYTES} MB, too much for a body; check the name.")
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PoseError(f"'{path}' cannot be read ({error.strerror}); check the name of the body's file.") from None
    except (ValueError, RecursionError):
        raise PoseError(f"'{path}' is no JSON, so it is no body; give a file that 'posable detect' wrote.") from None
    return body_from_json(data, f"'{path}'")


def body_to_json(body: Body) -> dict[str, Any]:
    """A body as plain values."""
    stretches = zip(STRETCHES, body.shape[NUM_COMPONENTS:].tolist(), strict=True)
    vectors = vector_of(body.rotations)
    return {
        "posable_body": 1,
        "size": list(body.size),
        "camera": {
            "px_per_metre": _rounded(body.scale),
            "root_px": [_rounded(value) for value in body.offset],
            "metres": _rounded(body.distance),
        },
        "shape": {
            "components": [_rounded(value) for value in body.shape[:NUM_COMPONENTS].tolist()],
            "stretches": {name: _rounded(value) for name, value in stretches},
            "girths": {name: _rounded(value) for name, value in zip(GIRTHS, body.girth.tolist(), strict=True)},
        },
        "joints": {
            name: [_rounded(value) for value in row] for name, row in zip(JOINTS, vectors.tolist(), strict=True)
        },
        "observed": [name for name, seen in zip(JOINTS, body.observed.tolist(), strict=True) if seen],
        "cost": _rounded(body.cost),
        "reprojection_px": _rounded(body.reprojection_px),
    }


def body_from_json(data: object, origin: str) -> Body:
    """The inverse of `body_to_json`; raises PoseError that begins with `origin`."""
    if not isinstance(data, Mapping) or "posable_body" not in data:
        raise PoseError(f"{origin} is no body, which has \"posable_body\": 1; give a file that 'posable detect' wrote.")
    fields = cast("Mapping[str, Any]", data)
    if fields["posable_body"] is True or fields["posable_body"] != 1:
        raise PoseError(f"{origin} has posable_body version {fields['posable_body']!r}, but only 1 is known.")
    try:
        height, width = (int(side) for side in fields["size"])
        camera, shape = fields["camera"], fields["shape"]
        stretches = [shape["stretches"][name] for name in STRETCHES]
        girth = np.array([shape["girths"][name] for name in GIRTHS], np.float64)
        vectors = np.array([fields["joints"][name] for name in JOINTS], np.float64)
        observed = set(fields["observed"])
        numbers = [camera["px_per_metre"], camera["metres"], *camera["root_px"], fields["cost"]]
        values = [float(value) for value in (*numbers, fields["reprojection_px"])]
        coefficients = np.array([*shape["components"], *stretches], np.float64)
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise PoseError(f"{origin} is an incomplete body ({error!r}); write it again with 'posable detect'.") from None
    within = vectors.shape == (len(JOINTS), 3) and len(values) == 6 and min(height, width) >= 1
    if not within or not np.isfinite(values).all() or not np.isfinite(vectors).all() or min(values[:2]) <= 0:
        raise PoseError(f"{origin} has numbers that no body has; write it again with 'posable detect'.")
    return Body(
        shape=coefficients,
        girth=girth,
        rotations=rotation_of(vectors),
        scale=values[0],
        distance=values[1],
        offset=(values[2], values[3]),
        cost=values[4],
        reprojection_px=values[5],
        size=Size(height, width),
        observed=np.array([name in observed for name in JOINTS]),
    )


def _rounded(value: float) -> float:
    return float(f"{value:.7g}")


def _json(body: Body) -> bytes:
    return (json.dumps(body_to_json(body), indent=1) + "\n").encode()


def _obj(body: Body) -> bytes:
    lines = ["# posable: a fitted body in metres, y up, the camera on the side of +z"]
    points = body.vertices @ _TO_Y_UP.T
    lines += [f"v {x:.5f} {y:.5f} {z:.5f}" for x, y, z in points.tolist()]
    lines += [f"f {a} {b} {c}" for a, b, c in (reduced_body().faces + 1).tolist()]
    return ("\n".join(lines) + "\n").encode()


def _glb(body: Body) -> bytes:
    """A rigged mesh in binary glTF 2.0."""
    model = reduced_body()
    rest, heads = body.rest_vertices @ _TO_Y_UP.T, model.rest_heads(body.shape) @ _TO_Y_UP.T
    joints = np.argsort(-model.skin_weights, axis=1, kind="stable")[:, :4]
    weights = np.take_along_axis(model.skin_weights, joints, 1)
    binds = np.tile(np.eye(4), (len(JOINTS), 1, 1))
    binds[:, :3, 3] = -heads
    buffer = _Buffer()
    attributes = {
        "POSITION": buffer.add(rest.astype("<f4"), "VEC3", _FLOAT, _VERTEX_DATA, bounds=True),
        "NORMAL": buffer.add(
            vertex_normals(rest.astype(np.float32), model.faces).astype("<f4"), "VEC3", _FLOAT, _VERTEX_DATA
        ),
        "JOINTS_0": buffer.add(joints.astype("<u1"), "VEC4", _BYTE, _VERTEX_DATA),
        "WEIGHTS_0": buffer.add((weights / weights.sum(1, keepdims=True)).astype("<f4"), "VEC4", _FLOAT, _VERTEX_DATA),
    }
    indices = buffer.add(model.faces.astype("<u2").reshape(-1), "SCALAR", _SHORT, _INDEX_DATA)
    # glTF stores matrices column by column.
    inverse_binds = buffer.add(binds.transpose(0, 2, 1).astype("<f4"), "MAT4", _FLOAT, None)
    quaternions = quaternion_of(_TO_Y_UP @ body.rotations @ _TO_Y_UP.T)
    nodes: list[dict[str, Any]] = []
    for joint, (name, parent) in enumerate(zip(JOINTS, PARENTS, strict=True)):
        shift = heads[joint] - heads[parent] if parent >= 0 else np.zeros(3)
        node: dict[str, Any] = {"name": name, "translation": shift.tolist()}
        node["rotation"] = np.roll(quaternions[joint], -1).tolist()
        children = [child for child, its in enumerate(PARENTS) if its == joint]
        nodes.append(node | ({"children": children} if children else {}))
    nodes.append({"name": "body", "mesh": 0, "skin": 0})
    document = {
        "asset": {"version": "2.0", "generator": "posable"},
        "scene": 0,
        "scenes": [{"nodes": [0, len(JOINTS)]}],
        "nodes": nodes,
        "meshes": [{"primitives": [{"attributes": attributes, "indices": indices, "material": 0}]}],
        "materials": [
            {
                "pbrMetallicRoughness": {
                    "baseColorFactor": [0.8, 0.7, 0.62, 1],
                    "metallicFactor": 0,
                    "roughnessFactor": 0.8,
                }
            }
        ],
        "skins": [{"joints": list(range(len(JOINTS))), "inverseBindMatrices": inverse_binds, "skeleton": 0}],
        "buffers": [{"byteLength": len(buffer.data)}],
        "bufferViews": buffer.views,
        "accessors": buffer.accessors,
    }
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<II", len(text), 0x4E4F534A) + text
    chunks += struct.pack("<II", len(buffer.data), 0x004E4942) + bytes(buffer.data)
    return struct.pack("<III", 0x46546C67, 2, 12 + len(chunks)) + chunks


class _Buffer:
    """glTF's one buffer, with the views and accessors of what was put into it."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []

    def add(self, array: npt.NDArray[Any], kind: str, component: int, target: int | None, bounds: bool = False) -> int:
        """Puts an array (n, ...) in, at a multiple of four bytes, and gives the number of its accessor."""
        raw = array.tobytes()
        view = {"buffer": 0, "byteOffset": len(self.data), "byteLength": len(raw)}
        self.views.append(view if target is None else view | {"target": target})
        accessor = {"bufferView": len(self.views) - 1, "componentType": component, "count": len(array), "type": kind}
        if bounds:
            accessor |= {"min": array.min(0).tolist(), "max": array.max(0).tolist()}
        self.accessors.append(accessor)
        self.data += raw + b"\0" * (-len(raw) % 4)
        return len(self.accessors) - 1


_WRITERS: dict[str, Callable[[Body], bytes]] = {".json": _json, ".obj": _obj, ".glb": _glb}
