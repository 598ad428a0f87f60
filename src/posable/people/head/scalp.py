"""The template's head and shoulders as a surface for hair and hats, and its shape on a person."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from posable.body.geometry import exp
from posable.body.mesh_editing import vertex_normals
from posable.body.model import body_model
from posable.people.head.face import face_model
from posable.people.wardrobe.layers import Dummy

Array = NDArray[np.float64]
_CENTRE = np.array([0.0, -0.058, 0.765])
_RINGS, SECTORS = 27, 43
_LOWEST = 0.40


def unit(vectors: Array) -> Array:
    """Vectors (..., 3) at length 1."""
    return vectors / np.maximum(np.sqrt((vectors * vectors).sum(-1, keepdims=True)), 1e-9)


@dataclass(frozen=True, eq=False)
class Surface:
    """Points with outward normals, and heights over them."""

    points: Array
    normals: Array
    tree: KDTree

    def height(self, points: Array) -> tuple[Array, Array]:
        """Metres (n,) that points (n, 3) lie outside, and the normals (n, 3) there; smoothed over four neighbours."""
        distance, near = self.tree.query(points, k=4)
        weight = 1 / (np.asarray(distance) + 1e-3) ** 2
        weight /= weight.sum(1, keepdims=True)
        normals = self.normals[near]
        heights = ((points[:, None] - self.points[near]) * normals).sum(-1)
        return (weight * heights).sum(1), unit((weight[..., None] * normals).sum(1))


def surface(points: NDArray[np.floating], normals: NDArray[np.floating]) -> Surface:
    """The surface of points (n, 3) with normals (n, 3)."""
    wide = points.astype(np.float64)
    return Surface(wide, normals.astype(np.float64), KDTree(wide))


@lru_cache(maxsize=1)
def template_scalp() -> tuple[NDArray[np.int32], Surface]:
    """Asset vertices of head, neck and shoulders without ears and mouth, and their surface on the template."""
    body = body_model()
    skin = np.unique(body.skin_faces)
    x, y, z = np.abs(body.template[skin]).T
    y = body.template[skin, 1]
    ear = (x > 0.0765) & (z < 0.757) & (z > 0.68) & (y > -0.085) & (y < 0.005)
    inside = (face_model().inside_mouth[skin] > 0.3) | (body.lips[skin] > 0.5)
    socket = (np.abs(x - 0.031) < 0.02) & (np.abs(z - 0.7285) < 0.018) & (y < -0.08)
    kept = (body.template[skin, 2] > _LOWEST) & (body.regions.arm[skin] < 0.9) & ~ear & ~inside & ~socket
    normals = vertex_normals(body.template, body.skin_faces)
    chosen = skin[kept].astype(np.int32)
    return chosen, surface(body.template[chosen], normals[chosen])


@lru_cache(maxsize=1)
def scalp_grid() -> tuple[Array, Array, NDArray[np.int32]]:
    """Points (rings * SECTORS, 3) on the template's head by direction from its centre, normals, and triangles."""
    _, scalp = template_scalp()
    ring, sector = np.meshgrid(
        np.linspace(0, 0.78 * np.pi, _RINGS), np.linspace(-np.pi, np.pi, SECTORS, endpoint=False), indexing="ij"
    )
    direction = np.stack([np.sin(ring) * np.sin(sector), np.sin(ring) * np.cos(sector), np.cos(ring)], -1)
    direction = direction.reshape(-1, 3)
    radius = np.full(len(direction), 0.12)
    normals = direction
    for _ in range(12):
        height, normals = scalp.height(_CENTRE + direction * radius[:, None])
        slope = np.maximum((normals * direction).sum(1), 0.4)
        radius = np.clip(radius - 0.8 * height / slope, 0.03, 0.2)
    return _CENTRE + direction * radius[:, None], normals, _closed(grid_faces(_RINGS, SECTORS + 1))[:, ::-1]


def _closed(faces: NDArray[np.int32]) -> NDArray[np.int32]:
    """Faces of a grid whose last column is the first one again."""
    row, column = np.divmod(faces, SECTORS + 1)
    return (row * SECTORS + column % SECTORS).astype(np.int32)


def grid_faces(rows: int, columns: int) -> NDArray[np.int32]:
    """Triangles of a grid of points (rows * columns, 3)."""
    index = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    a, b, c, d = index[:-1, :-1].ravel(), index[1:, :-1].ravel(), index[1:, 1:].ravel(), index[:-1, 1:].ravel()
    return np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])


@dataclass(frozen=True, eq=False)
class HeadFit:
    """Takes points from the template's head to a person's."""

    affine: Array
    """(4, 3)."""
    rest: Array
    """(n, 3) what the affine map misses at the scalp's points."""

    @classmethod
    def of(cls, dummy: Dummy) -> HeadFit:
        vertices, scalp = template_scalp()
        on_head = dummy.body.regions.head[vertices] > 0.5
        target = dummy.shape.rest[vertices].astype(np.float64)
        start = _homogeneous(scalp.points)
        affine = np.linalg.lstsq(start[on_head], target[on_head], rcond=None)[0].astype(np.float64)
        return cls(affine, np.where(on_head[:, None], target - start @ affine, 0))

    def __call__(self, points: Array) -> Array:
        """Template points (n, 3) on the person: far from the head affine, near it true to the skin."""
        _, scalp = template_scalp()
        distance, near = scalp.tree.query(points, k=4)
        weight = 1 / (np.asarray(distance) + 2e-3) ** 2
        weight /= weight.sum(1, keepdims=True)
        correction = (weight[..., None] * self.rest[near]).sum(1)
        closeness = exp(-np.asarray(distance)[:, 0] / 0.12).astype(np.float64)
        return _homogeneous(points) @ self.affine + correction * closeness[:, None]


def _homogeneous(points: Array) -> Array:
    return np.concatenate([points, np.ones((len(points), 1))], 1)
