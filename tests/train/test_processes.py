"""The command line in a group of two processes learns what one process with the doubled batch does."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from posable.train.run_state import saved_states

COMMAND = [sys.executable, str(Path(__file__).with_name("toy_runs.py")), "train", "dptn.toy", "--device", "cpu"]


def run_training(run: Path, pairs_per_batch: int, processes: int) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        group = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1]), "OMP_NUM_THREADS": "1"}
    ranks = [{"RANK": str(r), "LOCAL_RANK": str(r), "WORLD_SIZE": str(processes)} for r in range(processes)]
    started = [
        subprocess.Popen(
            [*COMMAND, "--batch", str(pairs_per_batch), "--keep", "99", "--out", str(run)],
            env={**os.environ, **(group | rank if processes > 1 else {"OMP_NUM_THREADS": "1"})},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in ranks
    ]
    for process in started:
        _, error = process.communicate(timeout=280)
        assert process.returncode == 0, error


def test_two_processes_learn_what_one_with_the_doubled_batch_does(tmp_path: Path) -> None:
    run_training(tmp_path / "one", pairs_per_batch=4, processes=1)
    run_training(tmp_path / "two", pairs_per_batch=2, processes=2)
    one, two = ([*logged(tmp_path / name)] for name in ("one", "two"))
    assert len(one) == len(two) == 9
    # Adversarial training enlarges rounding errors: it is a millionth at first and shows in the losses after 40 pairs.
    for line, other in zip(one[:5], two[:5], strict=True):
        for name, value in line["training"].items():
            assert abs(value - other["training"][name]) < 1e-3 + 0.01 * value, (line["pairs"], name)
    # Adam makes small steps of what rounding leaves of gradients that are zero, so its running means of gradients are
    # compared, early on, rather than weights.
    early, others = (mean_gradients(tmp_path / name) for name in ("one", "two"))
    assert (early - others).norm() < 0.005 * early.norm()


def logged(run: Path) -> Iterator[dict[str, Any]]:
    return map(json.loads, (run / "log.jsonl").read_text().splitlines())


def mean_gradients(run: Path) -> torch.Tensor:
    state = torch.load(saved_states(run)[0] / "state.pt", weights_only=True)
    assert state["step"] == 2
    optimisers = (state["stage_state"][who]["state"].values() for who in ("generator", "discriminators"))
    return torch.cat([of["exp_avg"].flatten() for states in optimisers for of in states])
