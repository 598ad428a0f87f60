"""Training pairs a second through posable's loop, beside a plain eager loop over the same network, losses and batches.

    python benchmarks/training_speed.py                                    # dptn.small, a minute of each
    python benchmarks/training_speed.py --recipe dptn.people --batch 2 --seconds 300

Both loops run in one process and take turns of a few steps, so that whatever else the machine does hits both alike. The
plain loop is what one writes by hand: read the batch, draw, step of the discriminator, step of the generator (the
discriminator frozen), losses as numbers. posable's loop also keeps the moving average, watches the losses, reports its
progress, and can be resumed. Its batches are read ahead, so the first steps of each turn, whose batches were read
during the other's turn, are not counted.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from posable.data.rendered_pairs import PEOPLE_PER_SHARD
from posable.errors import TrainingStoppedError
from posable.files import cache_folder
from posable.models import FAMILIES
from posable.recipes import RECIPES
from posable.train.loop import train
from posable.train.people_batches import PeoplePairs
from posable.train.recipe import Recipe, Stage, in_batches_of
from posable.train.session import TrainingProgress
from posable.transfer.pipeline import choose_device
from run_record import progress_bars, step, write_record

STEPS_A_TURN = 8
UNCOUNTED = 3
"""Steps at the beginning of a turn: as many batches as are read ahead, and one."""

LEAST_ROUNDS = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="dptn.small", choices=sorted(RECIPES))
    parser.add_argument("--batch", type=int, help="pairs at once; else the recipe's")
    parser.add_argument("--seconds", type=float, default=120, help="for both loops together")
    parser.add_argument("--device", help="cuda, mps or cpu; else the fastest")
    parser.add_argument("--cache", type=Path, default=cache_folder() / "rendered", help="of rendered people")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "training_speed.json")
    options = parser.parse_args()
    device = choose_device(options.device)
    recipe = endless(RECIPES[options.recipe](), options.batch)
    with progress_bars() as bars, tempfile.TemporaryDirectory() as folder, suppress(TrainingStoppedError):
        turns = Turns(recipe, options.cache, device, options.seconds, step(bars, "seconds"))
        train(
            recipe,
            Path(folder),
            options.cache,
            device=device,
            precision="fp32",
            tell=turns,
            stop_wanted=turns.over,
        )
    result = turns.result()
    print(table(recipe, result))
    write_record(options.out, {"benchmark": "training-speed", "recipe": recipe.name, "device": str(device), **result})
    print(f"\nwritten: {options.out}")


def endless(recipe: Recipe, batch: int | None) -> Recipe:
    """The recipe's last stage on one shard of people, without an end, and without stops for samples."""
    recipe = recipe if batch is None else in_batches_of(recipe, batch)
    stage = recipe.stages[-1]
    if isinstance(stage.data, PeoplePairs):
        people = replace(stage.data.people, people=min(stage.data.people.people, PEOPLE_PER_SHARD))
        stage = replace(stage, data=replace(stage.data, people=people))
    never = 1 << 40
    return replace(recipe, stages=(replace(stage, pairs=never),), save_every_pairs=never, sample_every_pairs=never)


class Turns:
    """Hears of each step of posable's loop, and gives the plain loop a turn after every few."""

    def __init__(
        self, recipe: Recipe, cache: Path, device: torch.device, seconds: float, tell: Callable[[int, int], None]
    ) -> None:
        self.recipe, self.seconds, self.tell = recipe, seconds, tell
        self.make_plain = partial(plain_loop, recipe, recipe.stages[-1], cache, device)
        self.plain: Iterator[dict[str, float]] | None = None
        self.ours: list[float] = []
        self.rounds: list[tuple[float, float]] = []
        self.seconds_of_turns = self.waited = 0.0
        self.start = self.last = time.perf_counter()

    def __call__(self, now: TrainingProgress) -> None:
        if now.unit != "pairs":
            self.start = self.last = time.perf_counter()
            return
        moment = time.perf_counter()
        self.ours.append(moment - self.last)
        self.waited = now.waiting * (moment - self.start)
        if len(self.ours) == STEPS_A_TURN:
            self.plain = self.plain or self.make_plain()
            others: list[float] = []
            for _ in range(STEPS_A_TURN):
                before = time.perf_counter()
                next(self.plain)
                others.append(time.perf_counter() - before)
            self.rounds.append((statistics.median(self.ours[UNCOUNTED:]), statistics.median(others[UNCOUNTED:])))
            self.ours = []
            self.seconds_of_turns += time.perf_counter() - moment
            self.tell(int(min(self.seconds, time.perf_counter() - self.start)), int(self.seconds))
        self.last = time.perf_counter()

    def over(self) -> bool:
        return time.perf_counter() - self.start > self.seconds and len(self.rounds) >= LEAST_ROUNDS

    def result(self) -> dict[str, Any]:
        """The first round warms up. The ratio is the median over rounds, with the middle half of them beside it."""
        rounds = self.rounds[1:]
        pairs = self.recipe.stages[-1].data.pairs_per_batch
        ratios = [plain / ours for ours, plain in rounds]
        low, middle, high = statistics.quantiles(ratios, n=4)
        return {
            "pairs_per_batch": pairs,
            "rounds": len(rounds),
            "posable_pairs_per_second": pairs / statistics.median(ours for ours, _ in rounds),
            "plain_pairs_per_second": pairs / statistics.median(plain for _, plain in rounds),
            "ratio": middle,
            "ratio_middle_half": [low, high],
            "waiting_for_data": self.waited / (self.last - self.start - self.seconds_of_turns),
        }


def plain_loop(recipe: Recipe, stage: Stage, cache: Path, device: torch.device) -> Iterator[dict[str, float]]:
    """A step each time it is asked."""
    torch.manual_seed(recipe.seed)
    generator = FAMILIES[recipe.family].generator(recipe.config).to(device).train()
    objective = stage.objective.build(recipe.config).to(device).train()
    discriminator_parameters = [p for p in objective.parameters() if p.requires_grad]
    adam = torch.optim.Adam(generator.parameters(), stage.generator.learning_rate, stage.generator.betas)
    judge = stage.discriminators
    judging = torch.optim.Adam(discriminator_parameters, judge.learning_rate, judge.betas) if judge else None
    data = stage.data.open(cache, recipe.seed)
    position = 0
    while True:
        batch = data.batch(position).to(device)
        drawn = objective.draw(generator, batch)
        losses: dict[str, torch.Tensor] = {}
        if judging is not None:
            losses |= objective.discriminator_losses(drawn, batch, position)
            judging.zero_grad()
            sum(losses.values()).backward()
            judging.step()
        for parameter in discriminator_parameters:
            parameter.requires_grad_(False)
        wanted = objective.generator_losses(generator, drawn, batch)
        adam.zero_grad()
        sum(wanted.values()).backward()
        adam.step()
        for parameter in discriminator_parameters:
            parameter.requires_grad_(True)
        position += 1
        yield {name: value.item() for name, value in (losses | wanted).items()}


def table(recipe: Recipe, result: dict[str, Any]) -> str:
    low, high = result["ratio_middle_half"]
    return "\n".join(
        [
            f"{recipe.name}, batches of {result['pairs_per_batch']}, {result['rounds']} rounds",
            "",
            "| loop | pairs/s |",
            "|---|---|",
            f"| posable | {result['posable_pairs_per_second']:.2f} |",
            f"| plain eager | {result['plain_pairs_per_second']:.2f} |",
            "",
            f"ratio {result['ratio']:.3f} (middle half of the rounds {low:.3f} to {high:.3f}); "
            f"waiting for data {result['waiting_for_data']:.1%} of posable's time",
        ]
    )


if __name__ == "__main__":
    main()
