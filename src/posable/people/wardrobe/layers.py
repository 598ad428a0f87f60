"""Layers of a person: pieces of surface with their own material, cut from the body and its helper meshes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from posable.body.geometry import arctan2, cos, normalize, sin, smoothstep
from posable.body.mesh_editing import clip_faces, compact, neighbour_mean, smooth, vertex_normals
from posable.body.model import BodyModel, Shape, body_model
from posable.parsing.lip_labels import Lip
from posable.people.wardrobe.draping import Drape
from posable.people.wardrobe.materials import Material

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]

TILE_METRES = 0.4
"""Cloth patterns and wrinkles repeat after this length."""
TORSO_RADIUS = 2 * TILE_METRES / (2 * np.pi)
LEG_RADIUS = ARM_RADIUS = TILE_METRES / (2 * np.pi)
"""Metres that turn angles around a part into chart coordinates; whole tiles around, or the back would show a seam."""
HEAD_RADIUS = 0.09


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer:
    """One piece with one material; fields as in PersonMesh."""

    rest: FloatArray
    template: FloatArray
    skin_weights: csr_matrix
    faces: IntArray
    face_uv: FloatArray
    face_label: NDArray[np.uint8]
    face_segment: NDArray[np.int8]
    material: Material
    garment: str
    """A name out of mesh.GARMENTS."""
    drape: Drape | None = None
    """The part that hangs free of the body, if any."""


@dataclass(frozen=True, eq=False)
class Dummy:
    """The undressed person that garments are fitted on."""

    body: BodyModel
    shape: Shape
    normals: FloatArray
    """(n, 3) of all asset vertices."""

    @classmethod
    def of(cls, body: BodyModel, shape: Shape) -> Dummy:
        faces = np.concatenate([body.skin_faces, body.eye_faces, *body.helper_faces.values()])
        return cls(body, shape, vertex_normals(shape.rest, faces))

    def outward(self, vertices: IntArray) -> FloatArray:
        """Where cloth stands off the body (m, 3): along the normals, but level around hips and belly, as hems are."""
        template, arm = self.body.template[vertices], self.body.regions.arm[vertices]
        z = template[:, 2]
        level = smoothstep(0.0, 0.04, z) * smoothstep(0.34, 0.2, z) * smoothstep(0.4, 0.2, arm)
        normals = self.normals[vertices].copy()
        normals[:, 2] *= 1 - np.float32(0.9) * level
        return normalize(normals)


@dataclass(frozen=True, kw_only=True, eq=False)
class Cutout:
    """How to cut a garment from a helper mesh; per-vertex arrays run over all asset vertices."""

    helper: str
    keep: Sequence[FloatArray]
    """Signed fields (n,); cloth is where all are >= 0."""
    offset: FloatArray
    """(n,) metres away from the skin."""
    smoothing: int
    least_offset: FloatArray | float
    """Metres, (n,) or one for all, that hold after smoothing, as `most_offset` does."""
    chart: str
    """"torso" (with sleeves) or "leg"."""
    most_offset: FloatArray | float = 0.06
    reshape: Callable[[FloatArray, IntArray], FloatArray] | None = None
    """Last change of positions (m, 3), given the asset vertices (m,)."""


def cut_garment(
    dummy: Dummy, cutout: Cutout, material: Material, label: int, garment: str, more: Sequence[FloatArray] = ()
) -> Layer:
    """The garment as a layer over the dummy; `garment` is a name out of mesh.GARMENTS, `more` adds to the cutout's
    fields."""
    keep = [*cutout.keep, *more]
    body, regions = dummy.body, dummy.body.regions
    vertices, faces, _ = _helper_mesh(cutout.helper)
    distance = smoothed_distance(dummy, cutout)[vertices]
    points = (dummy.shape.rest[vertices] + dummy.outward(vertices) * distance[:, None]).astype(np.float32)
    if cutout.reshape is not None:
        points = cutout.reshape(points, vertices)
    angle, radius = {
        "torso": (regions.torso_angle, TORSO_RADIUS),
        "leg": (regions.leg_angle, LEG_RADIUS),
    }[cutout.chart]
    template = body.template[vertices]
    columns = [points, template, _direction(angle[vertices]), _direction(regions.arm_angle[vertices])]
    scalars = [regions.arm, regions.arm_distance, regions.segment.astype(np.float32), *keep]
    values = np.concatenate([*columns, np.stack([field[vertices] for field in scalars], 1)], 1).astype(np.float32)
    weights = body.skin_weights[vertices]
    first_field = values.shape[1] - len(keep)
    for column in range(first_field, values.shape[1]):
        if (values[:, column] < 0).any():
            cut = clip_faces(faces, values[:, column])
            faces, weights = cut.faces, cut.matrix(len(values)) @ weights
            values = cut.interpolate(values)

    corners = values[faces]
    uv = np.stack([_unwrap(corners[..., 6], corners[..., 7], radius), corners[..., 5]], -1)
    arm, arm_distance, segment = corners[..., 10], corners[..., 11], corners[..., 12]
    if cutout.chart == "torso":
        sleeve = arm.mean(1) > 0.5
        around = _unwrap(corners[sleeve][..., 8], corners[sleeve][..., 9], ARM_RADIUS)
        uv[sleeve] = np.stack([around, 0.56 - arm_distance[sleeve]], -1)
    labels = np.full(len(faces), label, np.uint8)
    if label == Lip.LEFT_SHOE:
        labels[corners[..., 3].mean(1) <= 0] = Lip.RIGHT_SHOE
    return Layer(
        rest=np.ascontiguousarray(values[:, :3]),
        template=np.ascontiguousarray(values[:, 3:6]),
        skin_weights=weights,
        faces=faces,
        face_uv=uv.astype(np.float32),
        face_label=labels,
        face_segment=np.round(np.median(segment, 1)).astype(np.int8),
        material=material,
        garment=garment,
    )


def skin_layer(
    dummy: Dummy,
    faces: IntArray,
    material: Material,
    label: int | None = None,
    uv: FloatArray | None = None,
    garment: str = "skin",
) -> Layer:
    """A part of the body itself; `label` None means bare skin's own classes, `uv` (n, 2) are chart coordinates."""
    body = dummy.body
    vertices, local = compact(faces)
    labels = np.median(body.regions.skin_label[faces], 1).round() if label is None else np.full(len(faces), label)
    chart = np.zeros((len(body.template), 2), np.float32) if uv is None else uv
    return Layer(
        rest=dummy.shape.rest[vertices],
        template=body.template[vertices],
        skin_weights=body.skin_weights[vertices],
        faces=local,
        face_uv=chart[faces].astype(np.float32),
        face_label=labels.astype(np.uint8),
        face_segment=np.round(np.median(body.regions.segment[faces], 1)).astype(np.int8),
        material=material,
        garment=garment,
    )


@lru_cache(maxsize=4)
def _helper_mesh(name: str) -> tuple[IntArray, IntArray, csr_matrix]:
    """Asset vertices of a helper mesh, triangles numbered over them, and its neighbour_mean."""
    vertices, faces = compact(body_model().helper_faces[name])
    return vertices, faces, neighbour_mean(faces, len(vertices))


@lru_cache(maxsize=8)
def smoothed_distance(dummy: Dummy, cutout: Cutout) -> FloatArray:
    """Metres (n,) that the cloth stands off the helper mesh, along its normals; 0 off the helper.

    Only the normal part of the smoothing is kept: sideways drift would bend stripes and fray hems.
    """
    vertices, _, means = _helper_mesh(cutout.helper)
    normals, start = dummy.outward(vertices), dummy.shape.rest[vertices]
    wanted = cutout.offset[vertices]
    if cutout.smoothing:
        pushed = (start + normals * wanted[:, None]).astype(np.float32)
        smoothed = smooth(pushed, means, cutout.smoothing)
        wanted = ((smoothed - start) * normals).sum(1)
    count = len(dummy.body.template)
    least, most = (np.broadcast_to(limit, count)[vertices] for limit in (cutout.least_offset, cutout.most_offset))
    distance = np.zeros(count, np.float32)
    distance[vertices] = np.clip(wanted, least, most)
    return distance


def _direction(angle: FloatArray) -> FloatArray:
    """(n, 2) unit vectors: unlike angles, they can be averaged across the seam."""
    return np.stack([cos(angle), sin(angle)], 1)


def _unwrap(cosine: FloatArray, sine: FloatArray, radius: float) -> FloatArray:
    """Chart coordinates (f, 3) of the corners' directions, continuous inside each triangle."""
    angle = arctan2(sine, cosine)
    behind = angle.max(1, keepdims=True) - angle > np.pi
    return np.where(behind, angle + 2 * np.pi, angle) * np.float32(radius)
