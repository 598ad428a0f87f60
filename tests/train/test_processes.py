"""Training in several processes learns what one process with the whole batch does."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import torch

from posable.models.weave import WeaveConfig, WeaveGenerator
from posable.train.run_state import saved_states

WORKER = Path(__file__).with_name("train_in_a_group.py")


def run_training(run: Path, cache: Path, people_per_step: int, processes: int) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    common |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    started = [
        subprocess.Popen(
            [sys.executable, str(WORKER), str(run), str(cache), str(people_per_step)],
            env=os.environ
            | ({} if processes == 1 else {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(processes)})
            | {
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": str(port),
                "ACCELERATE_USE_CPU": "true",
                "OMP_NUM_THREADS": "1",
            },
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(processes)
    ]
    for process in started:
        _, error = process.communicate(timeout=300)
        assert process.returncode == 0, error


def group_of(rank: int, processes: int) -> dict[str, str]:
    """What torchrun tells a process."""
    return {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(processes)}


def test_two_processes_learn_what_one_with_the_doubled_batch_does(tmp_path: Path) -> None:
    run_training(tmp_path / "one", tmp_path / "cache", people_per_step=2, processes=1)
    run_training(tmp_path / "two", tmp_path / "cache", people_per_step=1, processes=2)
    one, two = (torch.load(saved_states(tmp_path / n)[-1] / "state.pt", weights_only=True) for n in ("one", "two"))
    assert one["steps_in_all"] == two["steps_in_all"] == 4
    logs = [json.loads((tmp_path / n / "log.jsonl").read_text().splitlines()[-1]) for n in ("one", "two")]
    assert abs(logs[0]["training"]["l1"] - logs[1]["training"]["l1"]) < 2e-4
    # Adam turns rounding of gradients near zero into small steps, so weights are compared by the way they went.
    torch.manual_seed(0)
    config = {name: value for name, value in json.loads(one["recipe"])["config"].items() if name != "kind"}
    start = flat(WeaveGenerator(WeaveConfig(**config)).state_dict())
    way, difference = flat(one["generator"]) - start, flat(two["generator"]) - flat(one["generator"])
    assert way.norm() > 0.5
    assert difference.norm() < 0.02 * way.norm()


def flat(state: dict[str, torch.Tensor]) -> torch.Tensor:
    return torch.cat([value.flatten() for value in state.values()])
