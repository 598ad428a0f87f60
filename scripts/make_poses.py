"""Makes the shipped poses: src/posable/pose/library/*.json, keypoints of a synthetic person,
posed and turned as listed here.

    python scripts/make_poses.py [--sheet poses.png]

Each pose is the `draw`-th sample of the people's own pose sampler that has the wanted legs and arms, so it lies in the
domain that models are trained on. Keypoints of the face that the head hides are left out, as detectors leave them out.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posable.body.geometry import FloatArray, rotation
from posable.body.model import body_model
from posable.body.rasterize import rasterize
from posable.body.skinning import forward_kinematics, linear_blend_skinning
from posable.imaging.image import save_image
from posable.imaging.size import Size
from posable.people import Person, make_person
from posable.people.labels import keypoint_visibility, openpose_keypoints
from posable.people.posing.figure import Figure
from posable.people.posing.sampling import SampledPose, sample_pose
from posable.people.scene.camera import Camera
from posable.people.wardrobe.materials import Hair
from posable.pose.drawing import draw_sheet
from posable.pose.files import write_pose
from posable.pose.pose import OPENPOSE_18, Pose

FOLDER = Path(__file__).parents[1] / "src" / "posable" / "pose" / "library"
SIZE = Size(256, 176)
PERSON_SEED = 2003
CAMERA_METRES = 4.2
ELEVATION_DEGREES = 2.0
MARGIN = 1.14


@dataclass(frozen=True)
class Wanted:
    """Kinds of the people's pose sampler; the left arm first; yaw in degrees, positive to the person's left."""

    legs: str
    arms: tuple[str, str]
    yaw: float
    draw: int = 0


WANTED = {
    "stand-front": Wanted("stand", ("down", "down"), 0, draw=1),
    "stand-left": Wanted("stand", ("relax", "relax"), -85),
    "stand-right": Wanted("stand", ("relax", "relax"), 85, draw=1),
    "stand-back": Wanted("stand", ("down", "down"), 180, draw=1),
    "three-quarter-left": Wanted("contrapposto", ("relax", "relax"), -40),
    "three-quarter-right": Wanted("contrapposto", ("pocket", "relax"), 40),
    "walk-front": Wanted("walk", ("swing_front", "swing_back"), -8, draw=3),
    "walk-left": Wanted("walk", ("swing_back", "swing_front"), -75),
    "walk-right": Wanted("walk", ("swing_front", "swing_back"), 75, draw=1),
    "hands-on-hips": Wanted("stand", ("hip", "hip"), 0),
    "hands-in-pockets": Wanted("contrapposto", ("pocket", "pocket"), 12),
    "arms-up": Wanted("stand", ("raise", "raise"), 0),
    "arms-out": Wanted("wide", ("sideways", "sideways"), 0),
    "arms-crossed": Wanted("stand", ("cross_under", "cross_over"), -10),
    "wave": Wanted("contrapposto", ("wave", "relax"), 0),
    "hand-on-head": Wanted("contrapposto", ("head", "hip"), -15),
    "reach": Wanted("stand", ("front", "down"), -55),
    "step": Wanted("step", ("relax", "relax"), -30),
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the shipped poses.")
    parser.add_argument("--sheet", type=Path, help="also draw all poses on this picture")
    arguments = parser.parse_args()
    person = make_person(PERSON_SEED)
    poses = {name: make_pose(person, wanted) for name, wanted in WANTED.items()}
    for name, pose in poses.items():
        write_pose(pose, FOLDER / f"{name}.json")
    if arguments.sheet:
        save_image(draw_sheet(poses, columns=6), arguments.sheet)
    print(f"{len(poses)} poses in {FOLDER}")


def make_pose(person: Person, wanted: Wanted) -> Pose:
    body, mesh = body_model(), person.mesh
    bones = forward_kinematics(body.bone_names, body.parents, mesh.bone_heads, _sampled(person, wanted).rotations)
    vertices = linear_blend_skinning(mesh.rest, mesh.skin_weights, bones)
    camera = _camera(vertices, wanted.yaw)
    regressed = [
        keypoint.weights @ linear_blend_skinning(keypoint.rest, keypoint.skin_weights, bones)
        for keypoint in mesh.keypoint_regressors
    ]
    keypoints = camera.project(camera.turn(openpose_keypoints(np.stack(regressed))))
    # Without the hair, which would hide the ears of people seen from behind.
    bare = np.array([not isinstance(material, Hair) for material in mesh.materials])[mesh.face_material]
    fragments = rasterize(camera.project(camera.turn(vertices)), mesh.faces[bare], SIZE)
    marks = keypoint_visibility(keypoints, fragments, mesh.face_segment[bare])
    face = np.array([name.endswith(("nose", "eye", "ear")) for name in OPENPOSE_18.keypoints])
    return Pose.checked(keypoints[:, :2], np.where(face, marks == 2, marks > 0), SIZE, origin="the synthetic person")


def _sampled(person: Person, wanted: Wanted) -> SampledPose:
    figure = Figure.of(person.mesh)
    found = 0
    for trial in range(100_000):
        pose = sample_pose(figure, np.random.default_rng([PERSON_SEED, trial]))
        if (pose.legs, pose.arms) == (wanted.legs, wanted.arms):
            found += 1
            if found > wanted.draw:
                return pose
    raise SystemExit(f"no sample has {wanted.legs} legs and {wanted.arms} arms")


def _camera(vertices: FloatArray, yaw: float) -> Camera:
    """In front of the whole person, a little above the middle."""
    turned = vertices @ rotation((0, 0, 1), yaw).T
    low, high = turned.min(0), turned.max(0)
    extent = (high - low) * MARGIN
    return Camera(
        yaw=yaw,
        crop="full",
        axes=rotation((1, 0, 0), ELEVATION_DEGREES),
        centre=((low + high) / 2).astype(np.float32),
        distance=CAMERA_METRES,
        focal_px=float(min(SIZE.height / extent[2], SIZE.width / extent[0]) * CAMERA_METRES),
        size=SIZE,
        ground=float(low[2]),
    )


if __name__ == "__main__":
    main()
