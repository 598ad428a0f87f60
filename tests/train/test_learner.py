"""A step's gradients: several batches as one large batch; discriminators stand still while the generator learns."""

from contextlib import nullcontext
from dataclasses import replace

import torch
from toy_runs import NoisePairs, ToyObjective, toy_recipe

from posable.models.dptn import DptnGenerator
from posable.train.learner import Part, StageLearner, learning_rate
from posable.train.processes import Processes
from posable.train.recipe import Optimiser
from posable.train.run_state import RunState


def learner() -> StageLearner:
    recipe = toy_recipe()
    torch.manual_seed(0)
    generator = DptnGenerator(recipe.config).train()
    return StageLearner(RunState(generator, {}), recipe.stages[0], recipe, Processes.joined(torch.device("cpu")))


def parts(pairs_per_batch: int, count: int) -> list[Part]:
    data = NoisePairs(pairs_per_batch)
    return [Part(data.batch(position), nullcontext) for position in range(count)]


def gradients(stage: StageLearner) -> torch.Tensor:
    found = [p.grad for module in (stage.network, stage.objective) for p in module.parameters() if p.grad is not None]
    return torch.cat([gradient.flatten() for gradient in found])


def test_accumulated_batches_give_the_gradients_and_losses_of_one_large_batch() -> None:
    whole, split = learner(), learner()
    of_whole, of_split = whole.step(parts(8, 1), 0, 0), split.step(parts(2, 4), 0, 0)
    for name, value in of_whole.all.items():
        assert abs(value - of_split.all[name]) < 1e-5, name
    difference = (gradients(whole) - gradients(split)).norm()
    assert difference < 1e-4 * gradients(whole).norm()
    # One batch alone has other gradients: the comparison can fail.
    alone = learner()
    alone.step(parts(2, 1), 0, 0)
    assert (gradients(whole) - gradients(alone)).norm() > 0.05 * gradients(whole).norm()


def test_spectral_norms_move_once_a_step_however_many_batches_it_takes() -> None:
    whole, split = learner(), learner()
    whole.step(parts(8, 1), 0, 0)
    split.step(parts(2, 4), 0, 0)
    vectors = lambda stage: torch.cat([b.flatten() for b in stage.objective.discriminator.buffers()])  # noqa: E731
    start = vectors(learner())
    assert (vectors(whole) - start).norm() > 0.1
    torch.testing.assert_close(vectors(whole), vectors(split), atol=1e-4, rtol=0)


def test_spectral_norms_hold_the_discriminators_to_slope_one_while_they_learn() -> None:
    stage = learner()
    for step in range(30):
        stage.step(parts(4, 1), step, 4 * step)
    discriminator = stage.objective.discriminator.eval()
    for layer in discriminator.modules():
        if isinstance(layer, torch.nn.Conv2d):
            largest = torch.linalg.svdvals(layer.weight.detach().flatten(1))[0]
            assert abs(float(largest) - 1) < 0.05


def test_the_generators_step_leaves_no_gradient_in_the_discriminators(monkeypatch) -> None:
    seen: list[torch.Tensor | None] = []
    losses = ToyObjective.generator_losses

    def watched(self, generator, drawn, batch):
        found = losses(self, generator, drawn, batch)
        assert not any(p.requires_grad for p in self.discriminator.parameters())
        seen.append(found["adversarial"])
        return found

    monkeypatch.setattr(ToyObjective, "generator_losses", watched)
    stage = learner()
    stage.step(parts(2, 1), 0, 0)
    assert seen
    assert all(p.requires_grad for p in stage.objective.discriminator.parameters())


def test_the_learning_rate_is_a_function_of_pairs() -> None:
    how = Optimiser(learning_rate=1.0, schedule="linear", warmup_pairs=10)
    assert [learning_rate(how, pairs, 100) for pairs in (0, 4, 10, 50, 75, 100)] == [0.1, 0.5, 1.0, 1.0, 0.5, 0.0]
    assert learning_rate(replace(how, schedule="late-linear"), 60, 90) == 1.0
    assert abs(learning_rate(replace(how, schedule="cosine"), 100, 100) - 0.01) < 1e-9
