"""The camera that looks at a standing person: a pinhole on a small arc, framed on the whole body or its upper part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from posable.body.geometry import FloatArray, product, rotation
from posable.imaging.size import Size
from posable.people.posing.sampling import SampledPose
from posable.people.scene.scene import Style

CROPS: dict[str, float] = {"full": 0.0, "knee": 0.28, "hip": 0.5}
"""Share of the person's height that is cut off at the bottom."""
_CROP_ODDS: dict[Style, tuple[float, ...]] = {"fashion": (0.6, 0.2, 0.2), "market": (1, 0, 0)}
_NEAR_FRONT_ODDS = 0.3


@dataclass(frozen=True)
class Camera:
    """A pinhole camera that a person, turned by `yaw` about the vertical axis, stands in front of.

    In its own axes x goes to the right of the picture, y away from the camera, z up. The scene's axes are the
    person's before the turn: the camera stands on the -y side.
    """

    yaw: float
    """Degrees by which the person is turned; 0 faces the camera, positive turns to the person's left."""
    crop: str
    axes: FloatArray
    """(3, 3), rotation from scene axes to camera axes."""
    centre: FloatArray
    """(3,), the scene point in the middle of the picture, metres."""
    distance: float
    """Metres from the camera to `centre`."""
    focal_px: float
    size: Size
    ground: float
    """Height of the floor in the scene, metres."""

    @property
    def position(self) -> FloatArray:
        """(3,), the camera in the scene, metres."""
        return self.centre - product([0, self.distance, 0], self.axes)

    @property
    def pixels_per_metre(self) -> float:
        """At the distance of `centre`."""
        return self.focal_px / self.distance

    def turn(self, points: FloatArray) -> FloatArray:
        """Points (..., 3) of the person in scene axes."""
        return product(points, rotation((0, 0, 1), self.yaw).T)

    def project(self, scene_points: FloatArray) -> FloatArray:
        """Scene points (n, 3) as x and y in pixels (the top-left pixel's centre is 0.5, 0.5) and depth in metres."""
        local = product(scene_points - self.centre, self.axes.T)
        depth = local[:, 1] + np.float32(self.distance)
        scale = np.float32(self.focal_px) / depth
        x = np.float32(self.size.width / 2) + local[:, 0] * scale
        y = np.float32(self.size.height / 2) - local[:, 2] * scale
        return np.stack([x, y, depth], 1)

    def rays(self) -> FloatArray:
        """Directions (h, w, 3) in scene axes through the pixel centres; one unit along the optical axis."""
        x = (np.arange(self.size.width, dtype=np.float32) + 0.5 - self.size.width / 2) / self.focal_px
        z = -(np.arange(self.size.height, dtype=np.float32) + 0.5 - self.size.height / 2) / self.focal_px
        across, up = np.meshgrid(x, z)
        return product(np.stack([across, np.ones_like(across), up], -1), self.axes)


def sample_camera(
    person_vertices: FloatArray, size: Size, pose: SampledPose, rng: np.random.Generator, style: Style
) -> Camera:
    """A camera that frames the person (v, 3); the draws do not depend on `size`."""
    yaw = float(rng.normal(0, 20) if rng.random() < _NEAR_FRONT_ODDS else rng.uniform(-180, 180))
    crop = str(rng.choice(list(CROPS), p=_CROP_ODDS[style]))
    distance, elevation, roll = rng.uniform(3.2, 5.5), rng.uniform(-3, 9), rng.normal(0, 0.8)
    margin, sideways = rng.uniform(1.06, 1.2), rng.normal(0, 0.015)

    if not pose.upright:
        crop = "full"
    turned = product(person_vertices, rotation((0, 0, 1), yaw).T)
    low, high = turned.min(0), turned.max(0)
    bottom = low[2] + CROPS[crop] * (high[2] - low[2])
    seen_height, seen_width = (high[2] - bottom) * margin, (high[0] - low[0]) * 1.08
    centre = np.array([(low[0] + high[0]) / 2 + sideways, (low[1] + high[1]) / 2, (high[2] + bottom) / 2], np.float32)
    return Camera(
        yaw=yaw,
        crop=crop,
        axes=product(rotation((0, 1, 0), roll), rotation((1, 0, 0), elevation)),
        centre=centre,
        distance=float(distance),
        focal_px=float(min(size.height / seen_height, size.width / seen_width) * distance),
        size=size,
        ground=float(low[2]) - pose.airborne,
    )
