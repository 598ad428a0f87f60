"""RTMPose through the package rtmlib (an extra, `posable[rtmlib]`): better in crowds and back views, larger files.

rtmlib fetches its own models when it is first used, from OpenMMLab's server or its mirror.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from posable.detect.detection import Detection, MessageCallback, area
from posable.errors import DownloadError, MissingExtraError, NoPersonError
from posable.imaging.size import Size
from posable.pose.formats import COCO_CONFIDENCE, coco_17_to_18
from posable.pose.pose import Pose

_FEWEST_KEYPOINTS = 3


def detect(image: Image.Image, progress: MessageCallback | None = None) -> Detection:
    """The largest person in an RGB picture; raises NoPersonError, DownloadError, MissingExtraError."""
    body = _body(progress)
    blue_green_red = np.ascontiguousarray(np.asarray(image)[..., ::-1])
    keypoints, scores = body(blue_green_red)
    return largest_person(np.asarray(keypoints), np.asarray(scores), Size(image.height, image.width))


def largest_person(
    keypoints: npt.NDArray[Any], scores: npt.NDArray[Any], size: Size, least_score: float = COCO_CONFIDENCE
) -> Detection:
    """The detection in rtmlib's output: COCO keypoints (n, 17, 2), as indices of pixels, and scores (n, 17).

    rtmlib looks at the whole picture when it finds no box, so that nobody shows only in the scores. The box goes around
    the visible keypoints, a tenth wider on each side. Raises NoPersonError.
    """
    people: list[Detection] = []
    for points, confidence in zip(keypoints, scores, strict=True):
        in_order, known = coco_17_to_18(points.astype(np.float64) + 0.5, confidence >= least_score)
        pose = Pose(in_order.astype(np.float32), known, size).crop(0, 0, size)
        if int(pose.visible.sum()) >= _FEWEST_KEYPOINTS:
            trust = float(np.clip(confidence[confidence >= least_score].mean(), 0, 1))
            people.append(Detection(pose, _box(pose), trust, people_found=0))
    if not people:
        raise NoPersonError(
            f"found no person in the picture ({size}); give one that shows a person clearly, crop it around the "
            "person, or give the pose as a file."
        )
    largest = max(people, key=lambda person: area(person.box))
    return Detection(largest.pose, largest.box, largest.score, len(people))


def _box(pose: Pose) -> tuple[float, float, float, float]:
    seen = pose.keypoints[pose.visible].astype(np.float64)
    margin = 0.1 * np.ptp(seen, axis=0)
    frame = [pose.size.width, pose.size.height]
    left, top = np.clip(seen.min(axis=0) - margin, 0, frame).tolist()
    right, bottom = np.clip(seen.max(axis=0) + margin, 0, frame).tolist()
    return left, top, right, bottom


def _body(progress: MessageCallback | None) -> Any:
    try:
        import rtmlib  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise MissingExtraError(
            f"the detector 'rtmlib' needs an optional package ({error}); run 'pip install posable[rtmlib]', or use the "
            "detector 'blazepose'."
        ) from None
    if progress is not None:
        progress("Loading RTMPose; rtmlib fetches its models (about 150 MB) when it is first used ...")
    return _load(rtmlib.Body)


@lru_cache(maxsize=1)
def _load(body_class: Any) -> Any:
    try:
        return body_class(mode="balanced", to_openpose=False, backend="onnxruntime", device="cpu")
    except OSError as error:
        raise DownloadError(
            f"rtmlib could not fetch its models ({error}); connect to the internet and try again, or use the detector "
            "'blazepose'."
        ) from None
