"""A run that is killed or that fills the disk loses nothing that was finished, and the next one goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from posable.errors import InputError
from posable.imaging.size import Size
from posable.people import make_dataset
from posable.people.io.folder_lock import only_writer

SIZE = Size(64, 44)
PEOPLE, VIEWS, SEED = 4, 1, 30
COMMAND = ["people", "make", "--people", str(PEOPLE), "--views", str(VIEWS), "--size", str(SIZE), "--seed", str(SEED)]
RUN = "import sys; from posable.cli.app import main; sys.exit(main())"
LIMITED = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}));" + RUN

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits of POSIX")


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """What an undisturbed run writes."""
    return make_dataset(tmp_path_factory.mktemp("people") / "whole", PEOPLE, VIEWS, SIZE, SEED)


def contents(folder: Path) -> dict[str, bytes]:
    """All files but the lock."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != ".posable-lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def finished(folder: Path) -> list[Path]:
    return sorted((folder / "people").glob("*.json"))


def start(out: Path, *more: str, code: str = RUN) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-c", code, *COMMAND[:2], str(out), *COMMAND[2:], *more]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@posix_only
def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(whole, tmp_path):
    out = tmp_path / "set"
    run = start(out, "--workers", "2")
    deadline = time.monotonic() + 60
    while not finished(out):
        assert time.monotonic() < deadline
        assert run.poll() is None
        time.sleep(0.005)
    run.send_signal(signal.SIGKILL)
    run.communicate()
    wait_until_nobody_writes(out)
    kept = {path: path.stat().st_mtime_ns for path in finished(out)}
    assert 0 < len(kept) < PEOPLE
    for path in kept:
        json.loads(path.read_text())
    # What a killed run may leave: a file that was being written, under its temporary name.
    (out / "images" / ".30_0.0123abcd.png").write_bytes(b"half")
    make_dataset(out, PEOPLE, VIEWS, SIZE, SEED)
    assert contents(out) == contents(whole)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


def wait_until_nobody_writes(out: Path) -> None:
    """Workers of a killed run end by themselves."""
    deadline, before = time.monotonic() + 20, None
    while (now := contents(out).keys()) != before:
        assert time.monotonic() < deadline
        before = now
        time.sleep(0.3)


def test_a_finished_person_who_lost_a_file_is_made_again(whole, tmp_path):
    out = make_dataset(tmp_path / "set", 2, VIEWS, SIZE, SEED)
    (out / "depth" / "30_0.png").unlink()
    (out / "mask" / "31_0.png").write_bytes(b"")
    told: list[tuple[int, int]] = []
    make_dataset(out, 2, VIEWS, SIZE, SEED, progress=lambda *state: told.append(state))
    assert told[0] == (0, 2)
    for name in ("depth/30_0.png", "mask/31_0.png"):
        assert (out / name).read_bytes() == (whole / name).read_bytes()


def test_a_folder_is_extended_to_more_people(whole, tmp_path):
    make_dataset(tmp_path / "set", 2, VIEWS, SIZE, SEED)
    told: list[tuple[int, int]] = []
    out = make_dataset(tmp_path / "set", PEOPLE, VIEWS, SIZE, SEED, progress=lambda *state: told.append(state))
    assert told[0] == (2, PEOPLE)
    assert contents(out) == contents(whole)
    make_dataset(out, 1, VIEWS, SIZE, SEED)
    assert contents(out) == contents(whole), "asking for fewer takes nobody away"


@posix_only
def test_a_disk_that_fills_up_is_told_and_loses_nothing(whole, tmp_path):
    out = make_dataset(tmp_path / "set", 1, VIEWS, SIZE, SEED)
    # No file may grow beyond this: pictures do not fit, as on a disk that is full.
    run = start(out, "--workers", "2", code=LIMITED.format(limit=2000))
    _, told = run.communicate(timeout=100)
    assert run.returncode == 2
    assert "Traceback" not in told
    assert f"the disk takes no more of '{out}' (File too large); 1 of 4 people are finished and kept" in told
    assert "make room, then run the same command again" in told
    assert [path.name for path in finished(out)] == ["30.json"]
    assert not [name for name in contents(out) if Path(name).name.startswith(".")]
    make_dataset(out, PEOPLE, VIEWS, SIZE, SEED)
    assert contents(out) == contents(whole)


@posix_only
def test_a_small_disk_is_filled_and_enlarged(whole, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=80k", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("this user may not mount a small tmpfs")
    try:
        with pytest.raises(InputError, match=r"takes no more .*No space left on device.* of 4 people are finished"):
            make_dataset(disk / "set", PEOPLE, VIEWS, SIZE, SEED)
        kept = [path.name for path in finished(disk / "set")]
        assert 0 < len(kept) < PEOPLE
        assert not [name for name in contents(disk / "set") if Path(name).name.startswith(".")]
        subprocess.run(["mount", "-o", "remount,size=4m", disk], check=True)
        told: list[tuple[int, int]] = []
        make_dataset(disk / "set", PEOPLE, VIEWS, SIZE, SEED, progress=lambda *state: told.append(state))
        assert told[0] == (len(kept), PEOPLE)
        assert contents(disk / "set") == contents(whole)
    finally:
        subprocess.run(["umount", disk], check=False)


def test_two_runs_do_not_write_to_one_folder_at_once(tmp_path):
    with only_writer(tmp_path), pytest.raises(InputError, match="another run is writing to"):
        make_dataset(tmp_path, 1, 1, SIZE, SEED)
    make_dataset(tmp_path, 1, 1, SIZE, SEED)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_closed_folder_is_told(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="cannot make folders in"):
        make_dataset(tmp_path / "set", 1, 1, SIZE, SEED)
