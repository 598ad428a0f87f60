"""The command line of training, killed and asked to stop at random moments, ends with the straight run's weights."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from toy_runs import toy_recipe
from typer.testing import CliRunner

from posable.cli.app import app
from posable.cli.train import stop_signals
from posable.train.loop import train
from posable.train.run_state import saved_states

COMMAND = [sys.executable, str(Path(__file__).with_name("toy_runs.py")), "train", "dptn.toy", "--device", "cpu"]
WEIGHTS = Path("checkpoint") / "model.safetensors"


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder, threads = tmp_path_factory.mktemp("straight"), torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        train(toy_recipe(), folder, folder, device=torch.device("cpu"))
    finally:
        torch.set_num_threads(threads)
    return (folder / WEIGHTS).read_bytes()


def start(run: Path) -> subprocess.Popen[str]:
    command = [*COMMAND, "--out", str(run), "--resume"]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})


def steps_saved(run: Path) -> int:
    return max((int(path.name) for path in saved_states(run)), default=0)


def interrupt(run: Path, how: signal.Signals, after_steps: int, seconds: float) -> tuple[int, str]:
    """Starts or resumes the run, sends the signal so long after `after_steps` steps were saved; gives its exit code and
    what it told."""
    # A run that has not come to its first step yet takes a signal as any program does.
    wanted = max(after_steps, steps_saved(run) + 1) if after_steps else 0
    process = start(run)
    deadline = time.monotonic() + 240
    while steps_saved(run) < wanted and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(seconds)
    process.send_signal(how)
    _, told = process.communicate(timeout=240)
    return process.returncode, told


def test_killed_and_resumed_runs_end_with_the_weights_of_the_straight_one(straight: bytes, tmp_path: Path) -> None:
    moments = random.Random(5)
    for after_steps in (4, 8):
        code, told = interrupt(tmp_path, signal.SIGKILL, after_steps, moments.uniform(0, 0.05))
        assert code == -signal.SIGKILL, told
    code, told = interrupt(tmp_path, signal.SIGINT, 12, 0.0)
    assert code == 130, told
    last = told.splitlines()[-1]
    assert "of stage" in last
    assert last.endswith(f"go on with `posable train dptn.toy --device cpu --out {tmp_path} --resume`.")
    process = start(tmp_path)
    _, told = process.communicate(timeout=240)
    assert process.returncode == 0, told
    assert (tmp_path / WEIGHTS).read_bytes() == straight
    assert not [path for path in tmp_path.rglob("*") if path.suffix == ".tmp" or path.name.startswith(".")]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_ten_kills_at_any_moment_change_nothing(straight: bytes, tmp_path: Path, seed: int) -> None:
    moments = random.Random(seed)
    for _ in range(10):
        code, told = interrupt(tmp_path, signal.SIGKILL, 0, moments.uniform(0, 8))
        assert code in (0, -signal.SIGKILL), told
    process = start(tmp_path)
    _, told = process.communicate(timeout=240)
    assert process.returncode == 0, told
    assert (tmp_path / WEIGHTS).read_bytes() == straight


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_is_noted_once_and_obeyed_at_once_the_second_time(number: signal.Signals, code: int) -> None:
    before = signal.getsignal(number)
    with stop_signals() as stop:
        assert not stop.wanted()
        signal.raise_signal(number)
        assert stop.wanted()
        assert stop.exit_code == code
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    assert signal.getsignal(number) == before


def test_a_folder_that_holds_a_run_is_refused_without_resume(tmp_path: Path) -> None:
    (tmp_path / "states").mkdir()
    done = CliRunner().invoke(app, ["train", "dptn.tiny", "--out", str(tmp_path)])
    assert done.exit_code == 2
    assert "holds a run already; add --resume to go on with it, or give another --out." in done.stderr
