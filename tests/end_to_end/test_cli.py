"""The commands do what their help says, write where they say, and speak to people and to programs."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner, Result

from posable import __version__
from posable.body.files import read_body
from posable.cli.app import app
from posable.pose.files import read_pose, write_pose
from posable.pose.library import shipped_poses


def every_command(group: Any, *before: str) -> Iterator[list[str]]:
    """The words of each command and group, hidden ones too."""
    yield list(before)
    for name, command in getattr(group, "commands", {}).items():
        yield from every_command(command, *before, name)


COMMANDS = list(every_command(typer.main.get_command(app)))


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result


def transfer(examples: Path, model: Path, *more: object) -> Result:
    source, pose = examples / "person.png", examples / "person.json"
    return run("transfer", source, "--source-pose", pose, "--model", model, *more)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_fits_a_screen_and_says_what_every_option_does(command: list[str]) -> None:
    lines = run(*command, "--help").stdout.splitlines()
    assert len(lines) <= 24
    assert max(len(line) for line in lines) <= 80
    assert lines[2].strip().endswith("."), "a sentence says what the command does"
    for line in lines:
        # A name too long for its column has its words on the next line.
        assert not re.fullmatch(r"  -\S+(, --\S+)?( [A-Zx]+)?", line), f"nothing is said of{line}"


def test_there_are_all_the_commands() -> None:
    """So that a walk that finds none cannot pass."""
    assert [] in COMMANDS
    assert len(COMMANDS) >= 20
    for words in (["transfer"], ["garment"], ["studio"], ["people", "make"], ["data", "inspect"]):
        assert words in COMMANDS


def test_the_version_is_printed() -> None:
    assert run("--version").stdout == f"posable {__version__}\n"


def test_transfer_writes_a_picture_of_the_sources_size_and_says_where(
    examples: Path, tiny_model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.png"
    result = transfer(examples, tiny_model, "--pose", "wave", "-o", out)
    assert f"written: {out}" in result.stdout.splitlines()
    assert Image.open(out).size == Image.open(examples / "person.png").size
    assert [path.name for path in tmp_path.iterdir()] == ["out.png"]


def test_transfer_reports_as_json_when_asked(examples: Path, tiny_model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jpg"
    told = json.loads(transfer(examples, tiny_model, "--pose", "wave", "-o", out, "--json").stdout)
    assert told["written"] == [str(out)]
    assert told["pictures"] == 1
    assert told["seconds"] >= told["seconds_drawing"] >= 0


def test_a_second_run_replaces_the_result(examples: Path, tiny_model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    transfer(examples, tiny_model, "--pose", "wave", "-o", out)
    first = out.read_bytes()
    transfer(examples, tiny_model, "--pose", "arms-up", "-o", out)
    assert out.read_bytes() != first


def test_many_poses_become_a_strip_and_an_animation(examples: Path, tiny_model: Path, tmp_path: Path) -> None:
    outs = [tmp_path / name for name in ("strip.png", "moving.webp", "moving.gif")]
    options = [part for out in outs for part in ("-o", out)]
    names = [part for name in ("wave", "arms-up", "walk-left") for part in ("--pose", name)]
    transfer(examples, tiny_model, *names, *options, "--seconds", "0.25")
    width, height = Image.open(examples / "person.png").size
    assert Image.open(outs[0]).size == (3 * width, height)
    for moving in outs[1:]:
        with Image.open(moving) as picture:
            assert (picture.size, picture.n_frames) == ((width, height), 3)
            picture.seek(1)
            picture.load()
            assert picture.info["duration"] == 250
            assert picture.info["loop"] == 0


@pytest.mark.parametrize("kind", ["list", "folder"])
def test_a_sequence_file_or_folder_gives_the_same_pictures_as_its_poses(
    kind: str, examples: Path, tiny_model: Path, tmp_path: Path
) -> None:
    chosen = ["arms-up", "wave"]
    (tmp_path / "poses").mkdir()
    for name in chosen:
        write_pose(shipped_poses()[name], tmp_path / "poses" / f"{name}.json")
    sequence = tmp_path / "poses"
    if kind == "list":
        sequence = tmp_path / "poses.json"
        texts = [(tmp_path / "poses" / f"{name}.json").read_text() for name in chosen]
        sequence.write_text(json.dumps([json.loads(text) for text in texts]))
    named, listed = tmp_path / "named.png", tmp_path / "listed.png"
    transfer(examples, tiny_model, "--pose", "arms-up", "--pose", "wave", "-o", named)
    transfer(examples, tiny_model, "--sequence", sequence, "-o", listed)
    assert named.read_bytes() == listed.read_bytes()


def test_poses_are_listed_and_drawn(tmp_path: Path) -> None:
    out = tmp_path / "poses.png"
    lines = run("poses", "--sheet", out).stdout.splitlines()
    assert len(shipped_poses()) >= 12
    assert lines == [*shipped_poses(), f"written: {out}"]
    Image.open(out).load()


def test_detect_writes_a_pose_and_an_overlay_of_a_photograph(examples: Path, tmp_path: Path) -> None:
    pose, overlay = tmp_path / "pose.json", tmp_path / "overlay.png"
    photo = examples / "astronaut.png"
    told = json.loads(run("detect", photo, "-o", pose, "--overlay", overlay, "--json").stdout)
    assert told["written"] == [str(pose), str(overlay)]
    assert told["people_found"] == 1
    found = read_pose(pose)
    assert int(found.visible.sum()) == told["keypoints_found"] >= 8
    assert Image.open(overlay).size == Image.open(photo).size
    nose = found.named()["nose"]
    assert abs(nose[0] - 222) < 15
    assert abs(nose[1] - 127) < 15


def test_detect_draws_and_writes_the_body_of_a_photograph(examples: Path, tmp_path: Path) -> None:
    pose, overlay, body = tmp_path / "pose.json", tmp_path / "overlay.png", tmp_path / "body.json"
    photo = examples / "astronaut.png"
    told = json.loads(
        run("detect", photo, "-o", pose, "--overlay", overlay, "--body", "--body-out", body, "--json").stdout
    )
    assert told["written"] == [str(pose), str(overlay), str(body)]
    assert abs(told["facing_degrees"]) < 60, "she faces the camera"
    fitted = read_body(body)
    assert fitted.size == read_pose(pose).size
    assert fitted.cost == pytest.approx(told["body_cost"], abs=0.06)
    drawn, plain = (np.asarray(Image.open(file).convert("RGB"), float) for file in (overlay, photo))
    assert 0.1 < (np.abs(drawn - plain).max(-1) > 8).mean() < 0.9


def test_a_body_has_to_be_drawn_into_something(examples: Path, tmp_path: Path) -> None:
    done = in_process("detect", str(examples / "astronaut.png"), "-o", str(tmp_path / "pose.json"), "--body")
    assert done.returncode == 2
    assert "add --overlay FILE" in done.stderr


def test_people_are_made(tmp_path: Path) -> None:
    out = tmp_path / "people"
    arguments = ["--people", 1, "--views", 2, "--size", "64x48", "--seed", 3, "--workers", 1]
    told = json.loads(run("people", "make", out, *arguments, "--json").stdout)
    assert told == {"written": [str(out)], "pictures": 2}
    assert len(list((out / "images").iterdir())) == 2


def test_recipes_are_listed() -> None:
    assert "weave" in run("train", "list").stdout.split()


def in_process(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from posable.cli.app import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"})


def test_the_console_script_ends_a_mistake_with_code_2_and_one_line() -> None:
    done = in_process("transfer", "gone.png", "--pose", "wave", "-o", "out.png")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == "posable: 'gone.png' does not exist; check the name of the picture.\n"


def test_help_does_not_wait_for_torch() -> None:
    code = "import sys; from posable.cli.app import app; print('torch' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
