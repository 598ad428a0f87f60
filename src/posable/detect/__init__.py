"""From a photo to a pose: `detect_pose`, and `person_mask`; models are loaded when first used."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
from PIL import Image

from posable.detect import blazepose, rtmlib_adapter
from posable.detect.detection import Detection, MessageCallback
from posable.detect.face import FaceLandmarks, face_landmarks
from posable.detect.hands import HandLandmarks, Hands, hand_landmarks
from posable.detect.matting import matte
from posable.errors import ImageError, InputError
from posable.imaging.image import to_rgb

__all__ = [
    "DETECTORS",
    "Detection",
    "FaceLandmarks",
    "HandLandmarks",
    "Hands",
    "MessageCallback",
    "detect_pose",
    "face_landmarks",
    "hand_landmarks",
    "matte",
    "person_mask",
]

DETECTORS: Mapping[str, Callable[[Image.Image, MessageCallback | None], Detection]] = {
    "blazepose": blazepose.detect,
    "rtmlib": rtmlib_adapter.detect,
}


def detect_pose(
    image: Image.Image | npt.NDArray[np.uint8], detector: str = "blazepose", *, progress: MessageCallback | None = None
) -> Detection:
    """The pose of the largest person in a picture: PIL, or uint8 (h, w, 3) RGB.

    `progress` is told when rtmlib fetches its models. Raises NoPersonError when nobody is found, DownloadError when
    those models cannot be had, MissingExtraError when the detector's package is not installed, and InputError when
    there is no such detector.
    """
    if detector not in DETECTORS:
        raise InputError(f"there is no detector '{detector}'; choose one of {', '.join(DETECTORS)}.")
    return DETECTORS[detector](as_picture(image), progress)


def person_mask(image: Image.Image | npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Float32 (h, w) in [0, 1], high on the largest person in a picture (PIL, or uint8 (h, w, 3) RGB).

    It is the mask that BlazePose's landmark network draws besides the landmarks, 256 px over the person's region; all 0
    when nobody is found. `matte` is slower and exact. Raises MissingExtraError as `detect_pose`.
    """
    return blazepose.mask(as_picture(image))


def as_picture(image: Image.Image | npt.NDArray[np.uint8]) -> Image.Image:
    """A picture, PIL or uint8 (h, w, 3) RGB, as PIL RGB; raises ImageError for any other array."""
    if isinstance(image, Image.Image):
        return to_rgb(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ImageError(f"the array is {image.dtype} of shape {image.shape}; give uint8 of shape (h, w, 3), RGB.")
    return Image.fromarray(image)
