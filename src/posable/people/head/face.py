"""The face asset: facial actions, face shapes and teeth that go with the body asset. See assets/README.md."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from posable.body.geometry import smoothstep
from posable.body.model import Shape, body_model
from posable.parsing.lip_labels import Lip
from posable.people.wardrobe.layers import Dummy, Layer
from posable.people.wardrobe.materials import Flat

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]

_ENAMEL = np.array([0.86, 0.83, 0.77], np.float32)
_INTO_MOUTH = np.array([0, 0.003, 0], np.float32)
"""Metres: keeps teeth behind lips of any shape."""
_SHAPE_SPREAD = 0.26
_SHAPE_LIMIT = 0.6
_SENSITIVE = ("eyes-eye-scale", "eyes-eye-trans", "ears-ear-wing", "mouth-trans", "eyebrows-angle", "mouth-angles")
"""Shapes that look odd at full strength: half of it is the limit."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FaceModel:
    """Offsets in metres on the template's face; a actions, s shapes with two ends each."""

    action_names: tuple[str, ...]
    action_vertices: IntArray
    """(m,) asset vertices that actions move."""
    actions: FloatArray
    """(a, m, 3) offsets at full strength."""
    shape_names: tuple[str, ...]
    shape_vertices: IntArray
    shapes: FloatArray
    """(s, 2, k, 3): bigger, up or out; and smaller, down or in."""
    teeth: FloatArray
    """(t, 3) template points, both rows."""
    teeth_faces: IntArray
    teeth_actions: FloatArray
    """(a, t, 3)."""
    inside_mouth: FloatArray
    """(n,) asset vertices, in [0, 1]."""

    def vary(self, shape: Shape, rng: np.random.Generator) -> Shape:
        """The body with a face of its own."""
        strength = np.clip(rng.normal(0, _SHAPE_SPREAD, len(self.shape_names)), -_SHAPE_LIMIT, _SHAPE_LIMIT)
        strength *= np.where(np.isin(self.shape_names, _SENSITIVE), 0.5, 1)
        age = shape.phenotype["age"]
        strength[self.shape_names.index("head-age")] = np.clip((age - 0.72) * 3.5 + rng.normal(0, 0.15), -0.3, 0.8)
        strength = strength.astype(np.float32)
        both = np.stack([np.maximum(strength, 0), np.maximum(-strength, 0)], 1).ravel()
        ends = self.shapes.reshape(len(both), -1, 3)
        rest = shape.rest.copy()
        # One after the other: the order in which BLAS adds depends on the processor.
        for end in np.flatnonzero(both):
            rest[self.shape_vertices] += both[end] * ends[end]
        return Shape(rest, shape.heads, shape.phenotype)


@lru_cache(maxsize=1)
def face_model() -> FaceModel:
    """The face asset, read once."""
    with files("posable.body").joinpath("assets/face.npz").open("rb") as stream, np.load(stream) as stored:
        arrays = {name: stored[name] for name in stored.files}
    step = arrays["metres_per_step"]
    actions, shapes = (arrays[f"{kind}_steps"] * step for kind in ("actions", "shapes"))
    names = tuple(map(str, arrays["shape_names"]))
    # Some of MakeHuman's face shapes reach, faintly, down to the arms.
    above_shoulders = smoothstep(0.52, 0.6, body_model().template[arrays["shapes_vertices"], 2])
    rows = ("upper_teeth", "lower_teeth")
    faces = [arrays[f"{row}_faces"].astype(np.int32) for row in rows]
    return FaceModel(
        action_names=tuple(map(str, arrays["action_names"])),
        action_vertices=arrays["actions_vertices"].astype(np.int32),
        actions=actions.astype(np.float32),
        shape_names=names,
        shape_vertices=arrays["shapes_vertices"].astype(np.int32),
        shapes=(shapes * above_shoulders[:, None]).astype(np.float32).reshape(len(names), 2, -1, 3),
        teeth=np.concatenate([arrays[row] for row in rows]),
        teeth_faces=np.concatenate([faces[0], faces[1] + len(arrays[rows[0]])]),
        teeth_actions=np.concatenate([arrays[f"{row}_actions"] for row in rows], 1).astype(np.float32),
        inside_mouth=arrays["inside_mouth_mask"] / np.float32(255),
    )


def teeth_layer(dummy: Dummy) -> Layer:
    """Both rows of teeth, fitted to the person's mouth."""
    model, body = face_model(), dummy.body
    mouth = np.flatnonzero(body.lips > 0.3)
    points = _affine_fit(body.template[mouth], dummy.shape.rest[mouth], model.teeth) + _INTO_MOUTH
    head = np.full(len(points), body.bone_names.index("head"))
    weights = csr_matrix((np.ones(len(points), np.float32), (np.arange(len(points)), head)), (len(points), 104))
    count = len(model.teeth_faces)
    return Layer(
        rest=points,
        template=model.teeth,
        skin_weights=weights,
        faces=model.teeth_faces,
        face_uv=np.zeros((count, 3, 2), np.float32),
        face_label=np.full(count, Lip.FACE, np.uint8),
        face_segment=np.ones(count, np.int8),
        material=Flat(_ENAMEL),
        garment="skin",
    )


def _affine_fit(start: FloatArray, end: FloatArray, points: FloatArray) -> FloatArray:
    """`points` (k, 3) moved by shift and scale per axis, as `start` (n, 3) moves best to `end`."""
    centre, target = start.mean(0), end.mean(0)
    scale = ((start - centre) * (end - target)).sum(0) / ((start - centre) ** 2).sum(0)
    return ((points - centre) * scale + target).astype(np.float32)
