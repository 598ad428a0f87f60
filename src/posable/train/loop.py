"""The training loop: renders what is missing, trains stage after stage, and can be stopped and resumed at any step.

A run folder holds `state.pt` (weights, their moving average, optimiser; ours, read with weights_only=True), `log.jsonl`
(one line a save, machine-readable), `samples/*.png` (validation people: source, truth, generated, mask, visibility) and
at the end `checkpoint/`. Each step's data and noise are a function of the recipe's seed and the step's number, so a
resumed run makes the same weights as an uninterrupted one.
"""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from posable import people
from posable.checkpoint import save_checkpoint
from posable.data.rendered_pairs import RenderedPairs, render_cache
from posable.errors import CheckpointError
from posable.files import write_atomically
from posable.metrics.perceptual import StageFeatures
from posable.models.weave import WeaveGenerator, WeaveRendering
from posable.train.augment import NO_AUGMENTATION
from posable.train.recipe import Recipe, Stage
from posable.train.samples import sample_sheet
from posable.train.weave_objective import TrainingBatch, coarse_losses, fine_losses, prepare

VALIDATION_GROUPS = 4


@dataclass(frozen=True)
class Progress:
    """What the loop tells its caller: `done` of `total` in `unit`, and the last mean losses."""

    stage: str
    unit: str
    done: int
    total: int
    losses: dict[str, float]


class Run:
    """The state of a run: everything that a resumed run needs."""

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        torch_rng = torch.random.get_rng_state()
        torch.manual_seed(recipe.seed)
        self.generator = WeaveGenerator(recipe.config).to(device)
        torch.random.set_rng_state(torch_rng)
        self.average = {k: v.detach().clone() for k, v in self.generator.state_dict().items()}
        self.stage = 0
        self.step = 0
        self.seconds = 0.0
        self.optimiser: torch.optim.Optimizer | None = None

    def state(self, recipe: Recipe) -> dict[str, Any]:
        return {
            "recipe": json.dumps(asdict(recipe)),
            "generator": self.generator.state_dict(),
            "average": self.average,
            "optimiser": self.optimiser.state_dict() if self.optimiser else None,
            "stage": self.stage,
            "step": self.step,
            "seconds": self.seconds,
        }

    def restore(self, state: dict[str, Any], recipe: Recipe, path: Path) -> None:
        if not _continues(json.loads(state["recipe"]), json.loads(json.dumps(asdict(recipe))), state["stage"]):
            raise CheckpointError(f"{path} belongs to a run of another recipe; give the run another folder.")
        self.generator.load_state_dict(state["generator"])
        self.average = state["average"]
        self.stage, self.step, self.seconds = state["stage"], state["step"], state["seconds"]
        if state["optimiser"] is not None:
            self.optimiser = make_optimiser(self.generator, recipe.stages[self.stage])
            self.optimiser.load_state_dict(state["optimiser"])


def _continues(before: dict[str, Any], now: dict[str, Any], stages_done: int) -> bool:
    """Whether a run of `before` may go on as `now`: they are equal, but for stages added behind a finished run."""
    finished = stages_done == len(before["stages"])
    added = {**now, "stages": now["stages"][:stages_done]} if finished else now
    return before == added


def train(
    recipe: Recipe,
    run_folder: Path,
    cache: Path,
    *,
    workers: int = 2,
    device: torch.device | None = None,
    tell: Callable[[Progress], None] = lambda _progress: None,
    stop_after_steps: int | None = None,
) -> WeaveGenerator:
    """Trains `recipe` in `run_folder` (resuming what is there) on people rendered into `cache`; returns the averaged
    generator and writes `run_folder/checkpoint`. Raises CheckpointError when the folder is another recipe's."""
    run_folder.mkdir(parents=True, exist_ok=True)
    state_file = run_folder / "state.pt"
    run = Run(recipe, device or torch.device("cpu"))
    if state_file.is_file():
        run.restore(torch.load(state_file, weights_only=True), recipe, state_file)
    while run.stage < len(recipe.stages):
        stage = recipe.stages[run.stage]
        _render(stage, recipe, cache, workers, tell)
        finished = _train_stage(run, stage, recipe, run_folder, cache, tell, stop_after_steps)
        if not finished:
            return run.generator
        run.stage, run.step, run.optimiser = run.stage + 1, 0, None
        _save(run, recipe, state_file)
    run.generator.load_state_dict(run.average)
    save_checkpoint(run_folder / "checkpoint", run.generator, provenance(recipe, run.seconds))
    return run.generator


def _render(stage: Stage, recipe: Recipe, cache: Path, workers: int, tell: Callable[[Progress], None]) -> None:
    for data in (stage.data, recipe.validation(stage)):
        render_cache(
            data, cache, workers, lambda done, total: tell(Progress(stage.name, "people rendered", done, total, {}))
        )


def _train_stage(
    run: Run,
    stage: Stage,
    recipe: Recipe,
    run_folder: Path,
    cache: Path,
    tell: Callable[[Progress], None],
    stop_after_steps: int | None,
) -> bool:
    pairs = RenderedPairs(stage.data, cache)
    validation = RenderedPairs(recipe.validation(stage), cache)
    features = StageFeatures() if stage.perceptual_weight else None
    run.optimiser = run.optimiser or make_optimiser(run.generator, stage)
    sums: dict[str, float] = {}
    since = 0
    clock = time.monotonic()
    first = run.step
    while run.step < stage.steps:
        if stop_after_steps is not None and run.step - first >= stop_after_steps:
            _save(run, recipe, run_folder / "state.pt")
            return False
        losses, _ = _step(run, stage, recipe, pairs, features)
        run.step += 1
        since += 1
        for name, value in losses.items():
            sums[name] = sums.get(name, 0.0) + value
        means = {name: value / since for name, value in sums.items()}
        tell(Progress(stage.name, "pairs", run.step * stage.pairs_per_step, stage.pairs, means))
        last = run.step == stage.steps
        if last or _crosses(run.step, stage.pairs_per_step, recipe.save_every_pairs):
            run.seconds += time.monotonic() - clock
            sheet = last or _crosses(run.step, stage.pairs_per_step, recipe.sample_every_pairs)
            checked = _validate(run, stage, recipe, validation, run_folder / "samples" if sheet else None)
            _log(run_folder / "log.jsonl", run, stage, means, checked)
            _save(run, recipe, run_folder / "state.pt")
            sums, since, clock = {}, 0, time.monotonic()
    return True


def _step(
    run: Run, stage: Stage, recipe: Recipe, pairs: RenderedPairs, features: StageFeatures | None
) -> tuple[dict[str, float], WeaveRendering]:
    assert run.optimiser is not None
    group = pairs.group(run.step, recipe.seed + run.stage, stage.people_per_step, stage.views_per_person)
    rng = torch.Generator().manual_seed((recipe.seed * 64 + run.stage) * 10_000_019 + run.step)
    batch = prepare(group, stage.augmentation, rng)
    for parameters in run.optimiser.param_groups:
        parameters["lr"] = parameters["peak"] * _schedule(run.step * stage.pairs_per_step, stage)
    losses, rendering = _losses(run.generator, stage, batch, features)
    run.optimiser.zero_grad(set_to_none=True)
    torch.stack(list(losses.values())).sum().backward()
    nn.utils.clip_grad_norm_(run.generator.parameters(), 1.0)
    run.optimiser.step()
    decay = 0.5 ** (stage.pairs_per_step / recipe.ema_half_life_pairs)
    for name, value in run.generator.state_dict().items():
        run.average[name].lerp_(value, 1 - decay)
    return {name: float(value.detach()) for name, value in losses.items()}, rendering


def _losses(
    generator: WeaveGenerator, stage: Stage, batch: TrainingBatch, features: StageFeatures | None
) -> tuple[dict[str, Tensor], WeaveRendering]:
    if stage.level == "coarse":
        return coarse_losses(generator, batch)
    return fine_losses(generator, batch, features, stage.perceptual_weight)


def make_optimiser(generator: WeaveGenerator, stage: Stage) -> torch.optim.Optimizer:
    groups = [{"params": list(generator.coarse.parameters()), "peak": stage.coarse_learning_rate}]
    if stage.level == "fine":
        groups.append({"params": list(generator.fine.parameters()), "peak": stage.learning_rate})
    return torch.optim.AdamW(groups, lr=stage.learning_rate, betas=(0.9, 0.99), weight_decay=1e-4)


def _schedule(pairs: int, stage: Stage) -> float:
    """Linear warm-up, then a half cosine down to one hundredth of the peak."""
    warm = min(1.0, (pairs + 1) / stage.warmup_pairs)
    return warm * (0.505 + 0.495 * float(torch.cos(torch.tensor(torch.pi * pairs / stage.pairs))))


def _validate(
    run: Run, stage: Stage, recipe: Recipe, validation: RenderedPairs, samples: Path | None
) -> dict[str, float]:
    """Mean losses of the averaged weights on fixed validation pairs without augmentation; draws a sheet of samples."""
    averaged = WeaveGenerator(recipe.config)
    averaged.load_state_dict(run.average)
    totals: dict[str, float] = {}
    per_group = min(3, recipe.validation_people)
    for index in range(VALIDATION_GROUPS):
        batch = prepare(validation.group(index, 1, per_group, 2), NO_AUGMENTATION, torch.Generator().manual_seed(index))
        with torch.inference_mode():
            losses, rendering = _losses(averaged, stage, batch, None)
        for name, value in losses.items():
            totals[name] = totals.get(name, 0.0) + float(value) / VALIDATION_GROUPS
        if samples is not None and index == 0:
            samples.mkdir(exist_ok=True)
            name = f"{run.stage}-{stage.name}-{run.step * stage.pairs_per_step:07d}.png"
            sample_sheet(batch, rendering, samples / name)
    return totals


def _crosses(step: int, pairs_per_step: int, every: int) -> bool:
    return step * pairs_per_step // every > (step - 1) * pairs_per_step // every


def _log(path: Path, run: Run, stage: Stage, training: dict[str, float], validation: dict[str, float]) -> None:
    line = {
        "stage": stage.name,
        "pairs": run.step * stage.pairs_per_step,
        "seconds": round(run.seconds),
        "training": {k: round(v, 4) for k, v in training.items()},
        "validation": {k: round(v, 4) for k, v in validation.items()},
    }
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n")


def _save(run: Run, recipe: Recipe, path: Path) -> None:
    with write_atomically(path) as temporary:
        torch.save(run.state(recipe), temporary)


def provenance(recipe: Recipe, seconds: float) -> dict[str, Any]:
    """What the model card says of a finished run."""
    return {
        "recipe": recipe.name,
        "licence": "Apache-2.0",
        "people": f"posable.people, generator version {people.GENERATOR_VERSION}; no photographs",
        "stages": [asdict(stage) for stage in recipe.stages],
        "training_seconds": round(seconds),
        "seed": recipe.seed,
    }
