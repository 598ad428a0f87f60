"""Light on the person: soft key light with shadows, ambient light with occlusion, highlights."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from posable.body.geometry import FloatArray, normalize, product
from posable.people.mesh import PersonMesh
from posable.people.scene.albedo import albedo
from posable.people.scene.camera import Camera
from posable.people.scene.scene import Scene
from posable.people.scene.shadow import ShadowMap
from posable.people.wardrobe.materials import Eye, Hair, Skin

_BUMP_STRENGTH = np.float32(1.6)


def shade(
    mesh: PersonMesh,
    faces: np.ndarray,
    barycentrics: FloatArray,
    attributes: FloatArray,
    occlusion: FloatArray,
    camera: Camera,
    scene: Scene,
    shadows: ShadowMap,
    samples_per_metre: float,
) -> FloatArray:
    """Tone-mapped RGB (n, 3) in [0, 1] of n samples on `faces` (n,) at `barycentrics` (n, 3).

    `attributes` (v, 9) are the vertices' scene normals, scene positions and template positions; `occlusion` (n,) is
    how much ambient light neighbouring surfaces take away.
    """
    blended = np.einsum("nkc,nk->nc", attributes[mesh.faces[faces]], barycentrics)
    normal, position, template = normalize(blended[:, :3]), blended[:, 3:6], blended[:, 6:9]
    to_camera = normalize(camera.position - position)
    inside = np.einsum("nc,nc->n", normal, to_camera) < 0
    normal[inside] *= -1

    surface = albedo(mesh, faces, barycentrics, template, samples_per_metre)
    normal = _bumped(normal, surface.bump)
    is_hair = _has_material(mesh, Hair)[mesh.face_material[faces]]
    is_soft = _has_material(mesh, (Skin, Eye))[mesh.face_material[faces]]

    light = scene.light
    facing_light = product(normal, light.direction)
    # Light wraps around skin, which scatters it, and not around cloth.
    diffuse = np.clip(np.where(is_soft, (facing_light + 0.25) / 1.25, facing_light), 0, 1)
    lit = 1 - np.float32(0.75) * shadows.occlusion(position + normal * np.float32(0.02), 0.018)
    halfway = normalize(light.direction + to_camera)
    shine = _shine(np.clip(np.einsum("nc,nc->n", normal, halfway), 0, 1), is_hair)
    ambient = light.ambient * (0.82 + 0.18 * normal[:, 2]) * (1 + 0.12 * np.clip(-normal[:, 1], 0, 1))
    open_sky = 1 - occlusion
    amount = (ambient * open_sky)[:, None] * light.ambient_color
    amount += (light.key * diffuse * lit * (0.35 + 0.65 * open_sky))[:, None] * light.key_color
    if light.rim:
        # Light from behind grazes the outline: strong where the surface turns away from the camera.
        grazing = 1 - np.clip(np.einsum("nc,nc->n", normal, to_camera), 0, 1)
        amount += (light.rim * np.clip(product(normal, light.rim_direction), 0, 1) * (0.3 + 0.7 * grazing))[:, None]
    color = surface.color * amount + (shine * surface.specular * lit * np.float32(0.5))[:, None]
    color[inside & ~is_hair] *= np.float32(0.55)
    return tone_map(color * np.float32(light.exposure))


def _shine(cosine: FloatArray, is_hair: np.ndarray) -> FloatArray:
    """The cosine to the 14th power on hair, to the 24th elsewhere: products, as processors differ in their powers."""
    second = cosine * cosine
    fourth = second * second
    eighth = fourth * fourth
    return eighth * np.where(is_hair, fourth * second, eighth * eighth)


def tone_map(color: FloatArray) -> FloatArray:
    """Colours with highlights above 0.85 compressed, clipped to [0, 1]."""
    color = np.clip(color, 0, 1.4)
    return np.minimum(color / (1 + np.maximum(color - 0.85, 0) * 0.55), 1).astype(np.float32)


def ambient_occlusion(depth: FloatArray, pixels_per_metre: float) -> FloatArray:
    """Where the surface lies behind its surroundings, in [0, 0.5]; `depth` (h, w) in metres, inf off the person."""
    on_person = np.isfinite(depth)
    weight = on_person.astype(np.float32)
    filled = np.where(on_person, depth, np.float32(0))
    occlusion = np.zeros_like(filled)
    for radius_metres, strength in ((0.012, 9.0), (0.035, 3.5)):
        sigma = radius_metres * pixels_per_metre
        around = gaussian_filter(filled, sigma, truncate=2.5)
        around /= np.maximum(gaussian_filter(weight, sigma, truncate=2.5), np.float32(1e-3))
        occlusion += np.clip((filled - around - np.float32(0.004)) * np.float32(strength), 0, 0.35) * weight
    return np.minimum(occlusion, np.float32(0.5))


def _bumped(normal: FloatArray, bump: FloatArray) -> FloatArray:
    across = normalize(np.stack([-normal[:, 1], normal[:, 0], np.zeros_like(normal[:, 0])], 1))
    up = np.cross(normal, across)
    return normalize(normal + (bump[:, :1] * across + bump[:, 1:] * up) * _BUMP_STRENGTH)


def _has_material(mesh: PersonMesh, kinds: type | tuple[type, ...]) -> np.ndarray:
    return np.array([isinstance(material, kinds) for material in mesh.materials])
