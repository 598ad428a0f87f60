"""The files that ship: they are the published ones, they are named where they must be, and nothing is fetched."""

import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import posable
from posable.detect import model_files
from posable.detect.model_files import FOLDER, model_path
from posable.errors import CheckpointError

EXAMPLES = Path(__file__).parents[3] / "examples"
FILES = sorted(path.name for path in FOLDER.iterdir() if path.suffix in (".tflite", ".safetensors"))
MOST_BYTES = 60 * 10**6


def test_every_name_in_the_code_is_a_file_and_every_file_has_a_name() -> None:
    names = {value for name, value in vars(model_files).items() if name.endswith("_FILE")}
    assert names == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_the_one_that_the_readme_describes(name: str) -> None:
    table = (FOLDER / "README.md").read_text(encoding="utf-8")
    row = next(line for line in table.splitlines() if line.startswith(f"| `{name}`"))
    (digest,) = re.findall(r"[0-9a-f]{64}", row)
    assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == digest
    assert f"{(FOLDER / name).stat().st_size:,}" in row
    assert "Apache-2.0" in row


@pytest.mark.parametrize("name", FILES)
def test_the_notice_names_a_file(name: str) -> None:
    assert name in (FOLDER / "NOTICE").read_text(encoding="utf-8")


def test_all_weights_that_ship_stay_small() -> None:
    package = Path(posable.__file__).parent
    shipped = [path for path in package.rglob("*") if path.suffix in (".tflite", ".safetensors")]
    assert 0 < sum(path.stat().st_size for path in shipped) < MOST_BYTES


def test_a_file_that_is_missing_is_named() -> None:
    with pytest.raises(CheckpointError, match=r"pose_detection_of_others.tflite' is missing; install posable again"):
        model_path("pose_detection_of_others.tflite")


def test_the_first_photograph_connects_nowhere_and_starts_no_program(networks: object) -> None:
    code = f"""
import sys
def hook(event, arguments):
    if event in ("socket.connect", "subprocess.Popen", "os.system"):
        raise AssertionError(event)
sys.addaudithook(hook)
from PIL import Image
from posable.detect import detect_pose
print(detect_pose(Image.open({str(EXAMPLES / "astronaut.png")!r})).people_found)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.stdout.strip() == "1", run.stderr
