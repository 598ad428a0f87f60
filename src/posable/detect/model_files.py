"""The model files that ship with the package: their names, and where they lie."""

from __future__ import annotations

from pathlib import Path

from posable.errors import CheckpointError

DETECTOR_FILE = "pose_detection.tflite"
LANDMARK_FILE = "pose_landmark_full.tflite"
FACE_FILE = "face_landmark.tflite"
HAND_FILE = "hand_landmark_full.tflite"
SALIENCY_FILE = "u2netp.safetensors"

FOLDER = Path(__file__).parent / "models"


def model_path(name: str) -> Path:
    """The file of that name; raises CheckpointError when the package lacks it."""
    path = FOLDER / name
    if not path.is_file():
        raise CheckpointError(f"'{path}' is missing; install posable again.")
    return path
