"""`Body`: the parametric body as it was fitted to one person in one picture."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from posable.body.kinematics import CAMERA_DISTANCE, Kinematics, forward_kinematics, keypoints_of, rotation_of
from posable.body.reduced import GIRTHS, NUM_JOINTS, NUM_SHAPE, reduced_body
from posable.errors import PoseError, SizeError
from posable.imaging.size import Size
from posable.pose.pose import Pose


@dataclass(frozen=True, kw_only=True, eq=False)
class Body:
    """A person's shape, joint rotations and camera, all float64 and read-only.

    Camera axes: x to the right of the picture, y away from the camera, z up, metres, the root (between the hips) at the
    origin. Somebody who faces the camera has the person's left at the picture's right, as the rest pose has.
    """

    shape: npt.NDArray[np.float64]
    """(23,): 10 principal components, then the fractions by which STRETCHES are longer than the mean body's."""
    girth: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(len(GIRTHS)))
    """(7,), the fractions by which GIRTHS are thicker; keypoints do not tell them, `fit_girth` does."""
    rotations: npt.NDArray[np.float64]
    """(24, 3, 3) local rotations in the world axes of the rest pose; the root's takes the person to camera axes."""
    scale: float
    """Px per metre at the root."""
    offset: tuple[float, float]
    """Where the root is in the picture, x and y in px."""
    size: Size
    """Of the picture."""
    distance: float = CAMERA_DISTANCE
    """Metres from the camera to the root."""
    observed: npt.NDArray[np.bool_]
    """(24,): which joints' rotations the keypoints tell; the others are calm guesses."""
    cost: float
    """How badly body and keypoints agree, and how unusual the pose is: squared standard deviations, 0 is best."""
    reprojection_px: float
    """Mean distance between the visible keypoints and the body's."""

    def __post_init__(self) -> None:
        for name, shape, kind in (
            ("shape", (NUM_SHAPE,), np.float64),
            ("girth", (len(GIRTHS),), np.float64),
            ("rotations", (NUM_JOINTS, 3, 3), np.float64),
            ("observed", (NUM_JOINTS,), np.bool_),
        ):
            array = np.array(getattr(self, name), dtype=kind)
            if array.shape != shape or not np.isfinite(array).all():
                raise PoseError(f"a body's {name} must be finite and of shape {shape}; these are of {array.shape}.")
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        object.__setattr__(self, "size", Size(*self.size))
        object.__setattr__(self, "offset", (float(self.offset[0]), float(self.offset[1])))

    @cached_property
    def rest_vertices(self) -> npt.NDArray[np.float32]:
        """(v, 3) metres, in the rest pose and its axes."""
        return reduced_body().rest_vertices(self.shape, self.girth)

    @cached_property
    def joint_transforms(self) -> npt.NDArray[np.float64]:
        """(24, 3, 4), affine maps from rest points to camera axes."""
        return self._posed.transforms()[0]

    @cached_property
    def joints(self) -> npt.NDArray[np.float64]:
        """(24, 3) metres in camera axes."""
        return self._posed.joints[0]

    @cached_property
    def vertices(self) -> npt.NDArray[np.float32]:
        """(v, 3) metres in camera axes."""
        blended = reduced_body().skin_weights @ self.joint_transforms.reshape(NUM_JOINTS, 12).astype(np.float32)
        blended = blended.reshape(-1, 3, 4)
        return np.einsum("vij,vj->vi", blended[:, :, :3], self.rest_vertices) + blended[:, :, 3]

    @cached_property
    def screen_vertices(self) -> npt.NDArray[np.float32]:
        """(v, 3): x and y in px, and the distance from the camera's plane in metres."""
        return self.project(self.vertices)

    @cached_property
    def keypoints_3d(self) -> npt.NDArray[np.float64]:
        """(18, 3) OpenPose keypoints, metres in camera axes."""
        return keypoints_of(self._posed, self.shape[None])[0]

    @cached_property
    def keypoints(self) -> npt.NDArray[np.float32]:
        """(18, 2) OpenPose keypoints in px, those of hidden limbs as well."""
        return self.project(self.keypoints_3d)[:, :2].astype(np.float32)

    @property
    def pose(self) -> Pose:
        """The body's keypoints as a pose; those outside the frame are hidden."""
        return Pose(self.keypoints, np.ones(len(self.keypoints), np.bool_), self.size).within_frame()

    @property
    def facing_degrees(self) -> float:
        """Which way the hips face, -180 to 180: 0 is the camera, positive the picture's right."""
        front = -self.rotations[0][:, 1]
        return float(np.rad2deg(np.arctan2(front[0], -front[1])))

    def project(self, points: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """Points (..., 3), metres in camera axes, as x and y in px and the distance from the camera's plane in metres.

        Nothing comes nearer to the camera than a tenth of its distance.
        """
        depth = np.maximum(points[..., 1] + self.distance, 0.1 * self.distance)
        nearness = self.scale * self.distance / depth
        x, y = self.offset[0] + nearness * points[..., 0], self.offset[1] - nearness * points[..., 2]
        return np.stack([x, y, depth], -1).astype(np.float32)

    def resized(self, size: Size) -> Body:
        """The body in the same picture scaled to another size of about the same proportions."""
        size = Size(*size)
        factor = size.height / self.size.height
        if factor <= 0 or abs(self.size.width * factor - size.width) > max(1.5, 0.01 * size.width):
            raise SizeError(
                f"a body in a frame of {self.size} does not fit one of {size}, which has other proportions; "
                "place it there with `moved`."
            )
        return self.moved(factor, (0.0, 0.0), size)

    def moved(self, factor: float, shift: tuple[float, float], size: Size) -> Body:
        """The body in a frame of `size` where what was at p is at factor * p + shift, px: a crop, a letterbox."""
        offset = (factor * self.offset[0] + shift[0], factor * self.offset[1] + shift[1])
        return replace(
            self, scale=self.scale * factor, offset=offset, size=size, reprojection_px=self.reprojection_px * factor
        )

    def turned(self, degrees: float) -> Body:
        """The body after the camera has walked around it: positive turns the person's front to the picture's right.

        It turns about the vertical through its hips, which stay where they are in the picture.
        """
        turn = rotation_of(np.array([0.0, 0.0, np.deg2rad(degrees)]))
        rotations = self.rotations.copy()
        rotations[0] = turn @ rotations[0]
        return replace(self, rotations=rotations)

    def with_shape_of(self, other: Body) -> Body:
        """The pose and the camera of this body, the shape and girth of the other."""
        return replace(self, shape=other.shape, girth=other.girth)

    @cached_property
    def _posed(self) -> Kinematics:
        return forward_kinematics(self.rotations[None], reduced_body().rest_heads(self.shape)[None])
