"""BlazePose's second stage, decoded: the landmarks of one person and, from them, the pose."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from posable.detect.region import Region
from posable.imaging.size import Size
from posable.pose.formats import MEDIAPIPE_VISIBILITY, mediapipe_33_to_18
from posable.pose.pose import OPENPOSE_18, Pose

INPUT_PIXELS = 256
"""Side of the square picture that the landmark network takes, RGB in [0, 1]."""

NUM_LANDMARKS = 39
"""33 on the body, then 6 that only help to place the next region: the first is its centre, the second on its rim."""

BODY_LANDMARKS = 33

_REGION_CENTER, _REGION_RIM = 33, 34
_ENLARGEMENT = 1.25
_HEATMAP_WINDOW = 7
_LEAST_PEAK = 0.5
_TORSO_PER_NECK, _RADIUS_PER_NECK = 2.1, 4.0
"""From neck to hips, and from hips to above the head, in distances from nose to neck, of an upright adult."""


@dataclass(frozen=True, eq=False)
class Landmarks:
    """What the network says of one region of a picture.

    points (39, 2) in picture px; visibility (39,), the probability that a landmark is in the picture and not hidden;
    score in [0, 1], that the region shows a person at all; mask (256, 256) in [0, 1], the person in the region's frame;
    world (39, 3), the landmarks in space as the network imagines them: metres from the middle of the hips, to the
    picture's right, down, and away from the camera.
    """

    points: npt.NDArray[np.float64]
    visibility: npt.NDArray[np.float64]
    score: float
    mask: npt.NDArray[np.float32]
    world: npt.NDArray[np.float64]
    region: Region

    def scaled(self, factor: float) -> Landmarks:
        """What would be said of the same picture brought to `factor` times its size."""
        x, y = self.region.center
        region = replace(self.region, center=(x * factor, y * factor), side=self.region.side * factor)
        return replace(self, points=self.points * factor, region=region)

    def better_region(self) -> Region:
        """The region of the same person as these landmarks see it; a second look there is more exact."""
        return region_around(self.points[_REGION_CENTER], self.points[_REGION_RIM])

    def pose(self, size: Size) -> Pose:
        """The visible keypoints in a picture of this size; those outside its frame are hidden.

        BlazePose has no neck: it is put half-way between the shoulders.
        """
        visible = self.visibility[:BODY_LANDMARKS] >= MEDIAPIPE_VISIBILITY
        points, known = mediapipe_33_to_18(self.points[:BODY_LANDMARKS], visible)
        return Pose(points.astype(np.float32), known, size).crop(0, 0, size)

    def world_keypoints(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """The 18 keypoints in space (18, 3), as `world`, and how visible each is (18,), in [0, 1]."""
        everything = np.ones(BODY_LANDMARKS, np.bool_)
        points, _ = mediapipe_33_to_18(self.world[:BODY_LANDMARKS], everything)
        visibility, _ = mediapipe_33_to_18(self.visibility[:BODY_LANDMARKS], everything)
        return points, visibility

    def whole_mask(self, size: Size) -> npt.NDArray[np.float32]:
        """The mask (h, w) in the frame of a picture of this size."""
        return self.region.paste(self.mask, size)

    def box(self, size: Size) -> tuple[float, float, float, float]:
        """(left, top, right, bottom) of the person in px, from the mask, within a picture of this size."""
        rows, columns = np.nonzero(_largest_part(self.mask >= 0.5))
        outline = self.region.to_image((np.stack([columns, rows], axis=-1) + 0.5) / self.mask.shape[0])
        within = np.clip(np.concatenate([outline, self._body()]), 0, [size.width, size.height])
        left, top = within.min(axis=0).tolist()
        right, bottom = within.max(axis=0).tolist()
        return left, top, right, bottom

    def _body(self) -> npt.NDArray[np.float64]:
        return self.points[:BODY_LANDMARKS][self.visibility[:BODY_LANDMARKS] >= MEDIAPIPE_VISIBILITY]


def decode(
    raw: npt.NDArray[np.float32],
    heatmaps: npt.NDArray[np.float32],
    score: float,
    mask: npt.NDArray[np.float32],
    world: npt.NDArray[np.float32],
    region: Region,
) -> Landmarks:
    """The landmarks in the network's output.

    `raw` (195,) has x, y and depth in px of the region and the logits of visibility and presence per landmark;
    `heatmaps` (64, 64, 39) are logits, and so is `mask` (256, 256); `world` (117,) is in metres, in the region's frame.
    """
    assert raw.shape == (5 * NUM_LANDMARKS,), f"not the landmark network's output: {raw.shape}"
    table = raw.reshape(NUM_LANDMARKS, 5)
    unit = refine_by_heatmaps(table[:, :2].astype(np.float64) / INPUT_PIXELS, heatmaps)
    return Landmarks(
        points=region.to_image(unit),
        visibility=sigmoid(table[:, 3]),
        score=score,
        mask=sigmoid(mask).astype(np.float32),
        world=region.turned_to_image(world.reshape(NUM_LANDMARKS, 3)),
        region=region,
    )


def refine_by_heatmaps(unit: npt.NDArray[np.float64], heatmaps: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Moves each regressed point (n, 2) to the centre of mass of its heatmap (h, w, n) in the 7x7 cells around it.

    Points are in unit coordinates. Those outside the map, and those without a peak above 0.5 in the window, stay.
    """
    height, width, count = heatmaps.shape
    reach = np.arange(_HEATMAP_WINDOW) - _HEATMAP_WINDOW // 2
    cells = np.floor(np.nan_to_num(unit) * [width, height])
    inside = np.all((cells >= 0) & (cells < np.array([width, height])), axis=1)
    center = np.where(inside[:, None], cells, 0).astype(int)
    columns, rows = center[:, 0, None, None] + reach, center[:, 1, None, None] + reach[:, None]
    within = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    logits = heatmaps[np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1), np.arange(count)[:, None, None]]
    weights = np.where(within, sigmoid(logits), 0)
    total = np.maximum(weights.sum(axis=(1, 2)), 1e-12)
    # Cell c stands for position c / width, not its middle: so the network was trained, and mirrored pictures agree.
    x = (weights * columns).sum(axis=(1, 2)) / total / width
    y = (weights * rows).sum(axis=(1, 2)) / total / height
    trusted = inside & (weights.max(axis=(1, 2)) >= _LEAST_PEAK)
    return np.where(trusted[:, None], np.stack([x, y], axis=-1), unit)


def _largest_part(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """The mask's largest connected part, without the specks around it."""
    parts, count = ndimage.label(mask)  # pyright: ignore[reportGeneralTypeIssues]
    if count <= 1:
        return mask
    return parts == 1 + np.bincount(parts.ravel())[1:].argmax()


def region_around(center: npt.ArrayLike, rim: npt.ArrayLike) -> Region:
    """Where to look for the landmarks of a person with this middle of the hips and this point above the head."""
    return Region.from_alignment(center, rim, _ENLARGEMENT)


def region_of_pose(pose: Pose) -> Region:
    """Where to look for the landmarks of a person whose pose is about this one.

    It stands on the hips when they are visible; else where they should be below a visible nose and neck; else it is an
    upright square around the keypoints. Raises ValueError when no keypoint is visible.
    """
    seen = pose.keypoints[pose.visible].astype(np.float64)
    if not len(seen):
        raise ValueError("a pose without visible keypoints has no region")
    right_hip, left_hip, neck, nose = (OPENPOSE_18.index(name) for name in ("right_hip", "left_hip", "neck", "nose"))
    points = pose.keypoints.astype(np.float64)
    if pose.visible[[right_hip, left_hip, neck]].all():
        hips = (points[right_hip] + points[left_hip]) / 2
        up = points[neck] - hips
        # The keypoints end at the eyes and the ankles; the person does not.
        radius = 1.1 * float(np.linalg.norm(seen - hips, axis=1).max())
    elif pose.visible[[neck, nose]].all():
        up = points[nose] - points[neck]
        hips = points[neck] - _TORSO_PER_NECK * up
        radius = _RADIUS_PER_NECK * float(np.linalg.norm(up))
    else:
        hips = (seen.min(axis=0) + seen.max(axis=0)) / 2
        up = np.array([0.0, -1.0])
        radius = 0.75 * float(np.ptp(seen, axis=0).max())
    length = float(np.linalg.norm(up))
    up = up / length if length > 0 else np.array([0.0, -1.0])
    return region_around(hips, hips + up * max(radius, 1.0))


def sigmoid(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    return 1 / (1 + np.exp(-np.clip(logits, -80, 80), dtype=np.float64))
