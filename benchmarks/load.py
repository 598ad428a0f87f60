"""How the studio's service holds under load: 32 clients at once for a minute; latencies, errors, memory.

    python benchmarks/load.py                          # dragging: transfers of held sources, 256 px previews
    python benchmarks/load.py --mix all                # full pictures, sequences, edits and new sources among them
    python benchmarks/load.py --clients 8 --seconds 10

Starts `posable studio` on a free port of this machine and stops it again. Every client adds a source of its own and
asks for one thing after the other without a pause. A refusal (429) is waited out as its Retry-After says, and counted;
any other answer than the one that is due is an error, and the script ends with 1 when there was one.
"""

import argparse
import os
import random
import re
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import numpy as np

from run_record import REPOSITORY, progress_bars, write_record

PICTURE = (REPOSITORY / "examples" / "person.png").read_bytes()
POSE = (REPOSITORY / "examples" / "person.json").read_text()
PATIENCE_SECONDS = 120.0
MIXES: dict[str, dict[str, float]] = {
    "drag": {"preview": 1.0},
    "all": {
        "preview": 0.70,
        "picture": 0.10,
        "new source": 0.04,
        "one request": 0.04,
        "sequence": 0.02,
        "texture": 0.04,
        "parse": 0.02,
        "explain": 0.04,
    },
}


@dataclass
class Tally:
    """What all clients saw; change it under `lock`."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    refused: int = 0
    errors: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass
class Client:
    """One user of the service; `run` asks until `over` is set."""

    http: httpx2.Client
    rng: random.Random
    poses: list[str]
    source: str = ""

    def run(self, mix: dict[str, float], tally: Tally, over: threading.Event) -> None:
        kinds, shares = list(mix), list(mix.values())
        try:
            self.ask("new source", tally, over)
            while not over.is_set():
                self.ask(self.rng.choices(kinds, shares)[0], tally, over)
        except (httpx2.HTTPError, KeyError, ValueError) as error:
            with tally.lock:
                tally.errors.append(f"{type(error).__name__}: {error}")

    def ask(self, kind: str, tally: Tally, over: threading.Event) -> None:
        while True:
            started = time.perf_counter()
            answer = KINDS[kind](self)
            took = time.perf_counter() - started
            refused = answer.status_code == 429 and "retry-after" in answer.headers
            with tally.lock:
                tally.refused += refused
                if answer.is_success:
                    tally.seconds[kind].append(took)
                elif not refused:
                    tally.errors.append(f"{kind}: {answer.status_code} {answer.text[:200]}")
            if not refused or over.wait(float(answer.headers["retry-after"])):
                return

    def send(self, what: str, body: dict[str, Any]) -> httpx2.Response:
        body = {"pose": self.rng.choice(self.poses), **body}
        return self.http.post(f"/v1/sources/{self.source}/{what}", json=body)

    def form(self, path: str, fields: dict[str, str]) -> httpx2.Response:
        return self.http.post(path, files={"picture": ("person.png", PICTURE)}, data=fields)

    def add_source(self) -> httpx2.Response:
        answer = self.form("/v1/sources", {"pose": POSE})
        if answer.is_success:
            self.source = answer.json()["id"]
        return answer

    def one_request(self) -> httpx2.Response:
        return self.form("/v1/transfer", {"pose": self.rng.choice(self.poses), "source_pose": POSE})

    def sequence(self) -> httpx2.Response:
        body = {"poses": self.rng.choices(self.poses, k=8), "max_side": 256}
        return self.http.post(f"/v1/sources/{self.source}/sequence", json=body)

    def texture(self) -> httpx2.Response:
        fields = {"pattern_name": "plaid", "pose": self.rng.choice(self.poses), "max_side": "256"}
        form = {name: (None, value) for name, value in fields.items()}
        return self.http.post(f"/v1/sources/{self.source}/texture", files=form)


KINDS: dict[str, Callable[[Client], httpx2.Response]] = {
    "preview": lambda client: client.send("transfer", {"max_side": 256, "format": "jpeg"}),
    "picture": lambda client: client.send("transfer", {"background": "keep"}),
    "new source": Client.add_source,
    "one request": Client.one_request,
    "sequence": Client.sequence,
    "texture": Client.texture,
    "parse": lambda client: client.send("parse", {"max_side": 256}),
    "explain": lambda client: client.send("explain", {"max_side": 256}),
}


@contextmanager
def service(model: str) -> Iterator[str]:
    """The URL of a service of our own, ready."""
    command = [sys.executable, "-m", "posable", "studio", "--port", "0", "--no-open", "--model", model]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        url = process.stdout.readline().removeprefix("studio: ").strip()
        while httpx2.get(f"{url}v1/health").status_code == 503:
            time.sleep(0.2)
        yield url
        process.terminate()
        if process.wait(60) != 0:
            sys.exit("the service did not stop cleanly")
    finally:
        process.kill()
        process.wait()


def counters(url: str) -> dict[str, float]:
    """The service's own, without those that have labels."""
    lines = httpx2.get(f"{url}v1/metrics", timeout=PATIENCE_SECONDS).text.splitlines()
    return {name: float(value) for name, value in (line.split() for line in lines if re.match(r"\w+ \S+$", line))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--mix", choices=list(MIXES), default="drag")
    parser.add_argument("--model", default="weave")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "load.json")
    options = parser.parse_args()

    tally, over = Tally(), threading.Event()
    with service(options.model) as url, progress_bars() as bars:
        poses = [one["name"] for one in httpx2.get(f"{url}v1/poses").json()["poses"]]
        at_rest = counters(url)
        started = time.perf_counter()
        threads: list[threading.Thread] = []
        for number in range(options.clients):
            client = Client(httpx2.Client(base_url=url, timeout=PATIENCE_SECONDS), random.Random(number), poses)
            threads.append(threading.Thread(target=client.run, args=(MIXES[options.mix], tally, over), daemon=True))
            threads[-1].start()
        memory: list[float] = []
        bar = bars.add_task(f"{options.clients} clients", total=round(options.seconds))
        while (passed := time.perf_counter() - started) < options.seconds:
            bars.update(bar, completed=round(passed))
            over.wait(1)
            memory.append(counters(url)["process_resident_memory_bytes"])
        over.set()
        for thread in threads:
            thread.join(PATIENCE_SECONDS)
        wall = time.perf_counter() - started
        end = counters(url)

    rows = [row(kind, tally.seconds[kind]) for kind in KINDS if tally.seconds[kind]]
    batches = end["posable_batch_size_count"] - at_rest["posable_batch_size_count"]
    # Whatever grows for ever grows in the second half too; the first half fills caches.
    half = len(memory) // 2
    result = {
        "clients": options.clients,
        "mix": options.mix,
        "seconds": round(wall, 1),
        "answers": sum(entry["answers"] for entry in rows),
        "answers_per_second": round(sum(entry["answers"] for entry in rows) / wall, 1),
        "errors": tally.errors[:20],
        "refusals_waited_out": tally.refused,
        "mean_batch": round(end["posable_batch_size_sum"] / batches, 2) if batches else None,
        "memory_mb": {
            "at_rest": megabytes(at_rest["process_resident_memory_bytes"]),
            "peak_of_first_half": megabytes(max(memory[:half], default=0)),
            "peak_of_second_half": megabytes(max(memory[half:], default=0)),
            "at_end": megabytes(end["process_resident_memory_bytes"]),
        },
        "load_average_at_end": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
        "latencies": rows,
    }
    print(table(result))
    write_record(options.out, {"benchmark": "load", "model": options.model, **result})
    print(f"written: {options.out}")
    sys.exit(1 if tally.errors else 0)


def row(kind: str, seconds: list[float]) -> dict[str, Any]:
    p50, p95 = np.percentile(seconds, [50, 95])
    return {
        "request": kind,
        "answers": len(seconds),
        "p50_ms": round(p50 * 1000),
        "p95_ms": round(p95 * 1000),
        "max_ms": round(max(seconds) * 1000),
    }


def megabytes(count: float) -> int:
    return round(count / 1e6)


def table(result: dict[str, Any]) -> str:
    memory = result["memory_mb"]
    lines = [
        "| request | answers | p50 ms | p95 ms | max ms |",
        "|---|---|---|---|---|",
        *(
            f"| {one['request']} | {one['answers']} | {one['p50_ms']} | {one['p95_ms']} | {one['max_ms']} |"
            for one in result["latencies"]
        ),
        "",
        f"{result['clients']} clients for {result['seconds']} s: {result['answers_per_second']} answers a second, "
        f"{len(result['errors'])} errors, {result['refusals_waited_out']} refusals waited out, "
        f"mean batch {result['mean_batch']}.",
        f"Memory: {memory['at_rest']} MB at rest, peak {memory['peak_of_first_half']} MB in the first half and "
        f"{memory['peak_of_second_half']} MB in the second, {memory['at_end']} MB at the end.",
    ]
    return "\n".join([*lines, *(f"error: {error}" for error in result["errors"])])


if __name__ == "__main__":
    main()
