"""Where a rendered person's keypoints are in space: the ground truth for everything that lifts poses from pictures."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from posable.body.geometry import product, rotation
from posable.body.model import body_model
from posable.body.skinning import forward_kinematics, linear_blend_skinning
from posable.people.labels import openpose_keypoints
from posable.people.person import Person
from posable.people.render import View


def keypoints_in_space(person: Person, view: View) -> npt.NDArray[np.float32]:
    """(18, 3) of a view of a person: x to the right of the picture, y away from the camera, z up, metres.

    The origin is the point that the camera looks at; hidden keypoints and those out of the frame are given as well.
    """
    body, mesh = body_model(), person.mesh
    bones = forward_kinematics(body.bone_names, body.parents, mesh.bone_heads, view.pose.rotations)
    points = [
        product(regressor.weights, linear_blend_skinning(regressor.rest, regressor.skin_weights, bones))
        for regressor in mesh.keypoint_regressors
    ]
    scene = view.camera.turn(openpose_keypoints(np.stack(points)))
    return product(scene - view.camera.centre, view.camera.axes.T)


def root_in_camera(view: View) -> npt.NDArray[np.float32]:
    """The rotation (3, 3) from a person's rest axes to those of `keypoints_in_space`."""
    turned = product(rotation((0, 0, 1), view.camera.yaw), view.pose.rotations.get("root", np.eye(3)))
    return product(view.camera.axes, turned)
