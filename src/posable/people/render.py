"""Views of a person: a random pose, camera and picture with every label, decided by the person's seed alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from posable.body.geometry import FloatArray, normalize, product
from posable.body.model import body_model
from posable.body.rasterize import Fragments, IntArray, rasterize
from posable.body.skinning import forward_kinematics, linear_blend_skinning
from posable.errors import ConfigError, SizeError
from posable.imaging.size import Size
from posable.people.head.expression import ExpressionBasis, expression_basis, sample_expression
from posable.people.labels import keypoint_visibility, openpose_keypoints
from posable.people.mesh import PersonMesh
from posable.people.person import Person
from posable.people.posing.figure import Figure
from posable.people.posing.sampling import SampledPose, sample_pose
from posable.people.scene.background import draw_background
from posable.people.scene.camera import Camera, sample_camera
from posable.people.scene.scene import STYLES, Scene, Style, sample_scene
from posable.people.scene.seat import Seat, hide_behind, place_seat
from posable.people.scene.shading import ambient_occlusion, shade
from posable.people.scene.shadow import shadow_map
from posable.people.wardrobe.draping import drape
from posable.people.wardrobe.pendants import hang

SUPERSAMPLING = 2
"""Samples per pixel along each side."""
SENSOR_NOISE = 0.006
"""Standard deviation of the pictures' noise; colours are in [0, 1]."""
SMALLEST_SIDE, LARGEST_SIDE = 16, 2048
PAN_METRES = 3.0
"""How far along its backdrop a person is photographed from view to view."""
_SCENE, _VIEW, _NOISE, _SEAT = 1, 2, 3, 4


@dataclass(frozen=True, eq=False)
class View:
    """A picture of a person and its exact labels; (h, w) arrays are sampled at the pixel centres (j + 0.5, i + 0.5)."""

    image: npt.NDArray[np.uint8]
    """(h, w, 3) RGB."""
    background: npt.NDArray[np.uint8]
    """(h, w, 3), the same picture without the person but with the person's shadow and the same noise."""
    alpha: FloatArray
    """(h, w), the person's share of the pixel; image - (1 - alpha) * background is the person, premultiplied."""
    parsing: npt.NDArray[np.uint8]
    """(h, w), LIP-20 classes."""
    garments: npt.NDArray[np.uint8]
    """(h, w), 0 for nothing and k + 1 for piece k of `PersonMesh.garments`: each garment has a number of its own."""
    depth: FloatArray
    """(h, w), metres along the optical axis; inf off the person."""
    keypoints: FloatArray
    """(18, 3), OpenPose order: x, y in pixels and 0 out of frame, 1 hidden by the own body, 2 visible."""
    size: Size
    faces: IntArray
    """(f, 3), the person's triangles."""
    face_ids: IntArray
    """(h, w), the triangle seen; -1 off the person."""
    barycentrics: FloatArray
    """(h, w, 3), where on the triangle."""
    screen_vertices: FloatArray
    """(v, 3), x and y in pixels and depth in metres of the person's vertices."""
    seed: int
    index: int
    camera: Camera
    pose: SampledPose


@dataclass(frozen=True, eq=False)
class _Stage:
    """What all views of a person share."""

    person: Person
    figure: Figure
    sits: IntArray
    """Vertices of bare and tightly dressed hips and thighs: what a seat bears."""
    studio: Scene | None
    """None when every view has a scene of its own."""
    face_sums: csr_matrix
    """(v, f), adds up the faces around each vertex."""
    skin_weights: csr_matrix
    """(v, bones)."""
    face: ExpressionBasis
    carriage: tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]
    """(v,) each: what is carried by hand, and trunk and legs, which it must clear."""
    style: Style


def render_views(person: Person, count: int | Sequence[int], size: Size, style: Style = "fashion") -> list[View]:
    """The first `count` views of a person, or those with the given indices.

    View k shows the same scene whatever `count` and `size` are.

    `style` chooses what is likely: "fashion" is posing in a studio and elsewhere, cropped at will; "market" is whole
    pedestrians in clutter and poor light, to be seen small. Raises ConfigError for a negative count or an unknown
    style and SizeError for sides out of 16 to 2048 pixels.
    """
    indices = range(count) if isinstance(count, int) else count
    if (isinstance(count, int) and count < 0) or any(index < 0 for index in indices):
        raise ConfigError(f"count is {count}; give 0 or more views, or indices from 0 upwards.")
    if style not in STYLES:
        raise ConfigError(f"style is '{style}'; give one of {', '.join(STYLES)}.")
    check_size(size)
    stage = _set_stage(person, style)
    return [_render_view(stage, index, Size(*size)) for index in indices]


def check_size(size: Size, multiple: int = 1) -> None:
    """Raises SizeError unless both sides of a view are from 16 to 2048 pixels and divisible by `multiple`."""
    if not all(SMALLEST_SIDE <= side <= LARGEST_SIDE and side % multiple == 0 for side in size):
        divisible = f", divisible by {multiple}" if multiple > 1 else ""
        limits = f"from {SMALLEST_SIDE} to {LARGEST_SIDE} pixels{divisible}"
        raise SizeError(f"views of {Size(*size)} were asked for; give sides {limits}.")


def _set_stage(person: Person, style: Style) -> _Stage:
    mesh = person.mesh
    face_count = len(mesh.faces)
    columns = np.repeat(np.arange(face_count, dtype=np.int32), 3)
    ones = np.ones(3 * face_count, np.float32)
    face_sums = csr_matrix((ones, (mesh.faces.ravel(), columns)), (len(mesh.rest), face_count))
    # Street cameras see somebody in one place after the other; a photographer stays.
    studio = None if style == "market" else sample_scene(np.random.default_rng([person.seed, _SCENE]), style)
    return _Stage(
        person,
        Figure.of(mesh),
        _sitting_vertices(mesh),
        studio,
        face_sums,
        csr_matrix(mesh.skin_weights),
        expression_basis(mesh.template),
        _carriage(mesh),
        style,
    )


def _sitting_vertices(mesh: PersonMesh) -> IntArray:
    loose = np.isin(
        np.array(mesh.garments), ("skirt", "dress", "coat", "jacket", "top", "bag", "scarf", "belt", "hair")
    )
    bears = np.isin(mesh.face_segment, (0, 6, 7)) & ~loose[mesh.face_material]
    return np.unique(mesh.faces[bears] if bears.any() else mesh.faces).astype(np.int32)


def _carriage(mesh: PersonMesh) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    is_bag = (np.array(mesh.garments) == "bag")[mesh.face_material]
    carried, trunk = np.zeros((2, len(mesh.rest)), bool)
    carried[mesh.faces[is_bag]] = True
    trunk[mesh.faces[~is_bag & np.isin(mesh.face_segment, (0, 6, 7, 8, 9))]] = True
    return carried, trunk


def _render_view(stage: _Stage, index: int, size: Size) -> View:
    person, mesh = stage.person, stage.person.mesh
    rng = np.random.default_rng([person.seed, _VIEW, index])
    body = body_model()
    pose = sample_pose(stage.figure, rng, stage.style)
    bones = forward_kinematics(body.bone_names, body.parents, mesh.bone_heads, pose.rotations)
    vertices = linear_blend_skinning(stage.face.apply(mesh.rest, sample_expression(rng)), stage.skin_weights, bones)
    vertices = drape(mesh.drapes, vertices, mesh.bone_heads, bones)
    if mesh.pendant is not None:
        vertices = hang(mesh.pendant, *stage.carriage, mesh.rest, vertices, bones)
    camera = sample_camera(vertices, size, pose, rng, stage.style)
    seat = None
    if pose.seat is not None:
        seat_rng = np.random.default_rng([person.seed, _SEAT])
        seat = place_seat(camera, mesh.bone_heads[0], pose.seat, vertices[stage.sits], seat_rng)

    vertices = camera.turn(vertices)
    screen_vertices = camera.project(vertices)
    labels = rasterize(screen_vertices, mesh.faces, size)
    samples = rasterize(
        screen_vertices * np.array([SUPERSAMPLING, SUPERSAMPLING, 1], np.float32),
        mesh.faces,
        Size(size.height * SUPERSAMPLING, size.width * SUPERSAMPLING),
    )
    place_rng = np.random.default_rng([person.seed, _SCENE, index])
    scene = stage.studio or sample_scene(place_rng, stage.style)
    pan = float(place_rng.uniform(-0.5, 0.5)) * PAN_METRES
    if seat is not None:
        labels = hide_behind(labels, seat.fragments(camera))
        samples = hide_behind(samples, seat.fragments(camera, SUPERSAMPLING))
    person_color, alpha, background = _draw(stage, scene, pan, seat, camera, vertices, labels, samples)
    noise = np.random.default_rng([person.seed, _NOISE, index, *size]).normal(0, SENSOR_NOISE, (*size, 3))
    noise = noise.astype(np.float32)
    return View(
        image=_quantize(person_color + (1 - alpha[..., None]) * background + noise),
        background=_quantize(background + noise),
        alpha=alpha,
        parsing=np.where(labels.face_ids >= 0, mesh.face_label[labels.face_ids], np.uint8(0)),
        garments=np.where(labels.face_ids >= 0, mesh.face_material[labels.face_ids] + 1, 0).astype(np.uint8),
        depth=labels.depth,
        keypoints=_keypoints(mesh, bones, camera, samples),
        size=size,
        faces=mesh.faces,
        face_ids=labels.face_ids,
        barycentrics=labels.barycentrics,
        screen_vertices=screen_vertices,
        seed=person.seed,
        index=index,
        camera=camera,
        pose=pose,
    )


def _draw(
    stage: _Stage,
    scene: Scene,
    pan: float,
    seat: Seat | None,
    camera: Camera,
    vertices: FloatArray,
    labels: Fragments,
    samples: Fragments,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Premultiplied colour of the person (h, w, 3), coverage (h, w) and background (h, w, 3), all in [0, 1]."""
    mesh, size = stage.person.mesh, camera.size
    attributes = np.concatenate([_vertex_normals(vertices, mesh.faces, stage.face_sums), vertices, mesh.template], 1)
    solid, faces = vertices, mesh.faces
    if seat is not None:
        solid, faces = np.concatenate([solid, seat.vertices]), np.concatenate([faces, seat.faces + len(vertices)])
    shadows = shadow_map(solid, faces, scene.light.direction, scene.light.softness)
    rows, columns = np.nonzero(samples.face_ids >= 0)
    pixel = (rows // SUPERSAMPLING) * size.width + columns // SUPERSAMPLING
    color = shade(
        mesh,
        samples.face_ids[rows, columns],
        samples.barycentrics[rows, columns],
        attributes,
        ambient_occlusion(labels.depth, camera.pixels_per_metre).ravel()[pixel],
        camera,
        scene,
        shadows,
        camera.pixels_per_metre * SUPERSAMPLING,
    )
    pixels = size.height * size.width
    channels = [np.bincount(pixel, color[:, channel], pixels) for channel in range(3)]
    share = np.float32(1 / SUPERSAMPLING**2)
    person_color = (np.stack(channels, -1).reshape(*size, 3)).astype(np.float32) * share
    alpha = np.bincount(pixel, minlength=pixels).reshape(size).astype(np.float32) * share
    background = draw_background(camera, scene, pan, shadows, vertices)
    if seat is not None:
        background = seat.draw(
            background, seat.fragments(camera, SUPERSAMPLING), SUPERSAMPLING, camera, scene.light, shadows
        )
    return person_color, alpha, background


def _vertex_normals(vertices: FloatArray, faces: IntArray, face_sums: csr_matrix) -> FloatArray:
    # Coordinate by coordinate: several times faster than cross products of gathered triples.
    x, y, z = np.ascontiguousarray(vertices.T)[:, faces.T]
    ax, ay, az = x[1] - x[0], y[1] - y[0], z[1] - z[0]
    bx, by, bz = x[2] - x[0], y[2] - y[0], z[2] - z[0]
    return normalize(face_sums @ np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], 1))


def _keypoints(mesh: PersonMesh, bones: FloatArray, camera: Camera, samples: Fragments) -> FloatArray:
    points = [
        product(regressor.weights, linear_blend_skinning(regressor.rest, regressor.skin_weights, bones))
        for regressor in mesh.keypoint_regressors
    ]
    projected = camera.project(camera.turn(openpose_keypoints(np.stack(points))))
    in_samples = projected * np.array([SUPERSAMPLING, SUPERSAMPLING, 1], np.float32)
    marks = keypoint_visibility(in_samples, samples, mesh.face_segment)
    return np.concatenate([projected[:, :2], marks[:, None].astype(np.float32)], 1)


def _quantize(color: FloatArray) -> npt.NDArray[np.uint8]:
    return (np.clip(color, 0, 1) * 255 + 0.5).astype(np.uint8)
