"""The named runs: each can be built and does what its name says, and the small ones can stand in one table."""

import json
from dataclasses import fields
from pathlib import Path

import pytest
import torch
from torch import nn

from posable.errors import CheckpointError
from posable.models import FAMILIES
from posable.nn.pretrained.published_weights import PUBLISHED
from posable.nn.pretrained.vgg19 import Vgg19
from posable.recipes import RECIPES
from posable.recipes.perceptual_choice import features_named, found_features
from posable.recipes.settings import SMALL_PAIRS, small_people, tiny_data
from posable.train.people_batches import PeoplePairs
from posable.train.recipe import Recipe, described
from posable.train.textured_pairs import TexturedPairs
from posable.train.weave_objective import WeaveGroups

TINY_OF_PAIRS = sorted(name for name in RECIPES if name.endswith(".tiny") and not name.startswith("weave"))
SMALL = sorted(name for name in RECIPES if name.endswith(".small"))
STEPS = [(name, stage) for name in TINY_OF_PAIRS for stage in range(len(RECIPES[name]().stages))]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    tiny_data().prepare(folder, 1, lambda _done, _total: None)
    return folder


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_a_recipe_is_of_its_name_s_family_and_its_networks_can_be_built(name: str) -> None:
    recipe = RECIPES[name]()
    assert recipe.name == name
    assert name.split(".")[0] == recipe.family
    assert type(recipe.config) is FAMILIES[recipe.family].config
    with torch.device("meta"):
        assert FAMILIES[recipe.family].generator(recipe.config).size.height == recipe.config.height


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_stages_have_rates_for_discriminators_just_where_there_are_some(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("posable.recipes.perceptual_choice.find_weights", lambda _name: None)
    for user in ("nn.perceptual_features", "train.weave_objective"):  # feature networks take time to load
        monkeypatch.setattr(f"posable.{user}.StageFeatures", nn.Identity)
    recipe = RECIPES[name]()
    with torch.device("meta"):
        generator = FAMILIES[recipe.family].generator(recipe.config)
        for stage in recipe.stages:
            objective = stage.objective.build(recipe.config)
            discriminator_parameters = [p for p in objective.parameters() if p.requires_grad]
            assert bool(discriminator_parameters) == (stage.discriminators is not None), stage.name
            assert any(group.parameters for group in objective.parameter_groups(generator)), stage.name


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_a_recipe_s_description_is_plain_json(name: str) -> None:
    text = json.dumps(described(RECIPES[name]()))
    assert json.loads(text)["name"] == name


def test_every_family_has_a_run_of_each_kind() -> None:
    for family in sorted(name for name, record in FAMILIES.items() if record.recipes is not None):
        kinds = {name.removeprefix(f"{family}.") for name in RECIPES if name.split(".")[0] == family}
        wanted = {"weave", "first", "small", "tiny"} if family == "weave" else {"published", "people", "small", "tiny"}
        assert wanted <= kinds, family


@pytest.mark.parametrize("name", SMALL)
def test_small_runs_differ_in_the_family_alone(name: str) -> None:
    recipe = RECIPES[name]()
    assert sum(stage.pairs for stage in recipe.stages) == SMALL_PAIRS
    assert (recipe.config.height, recipe.config.width) == small_people().size
    for stage in recipe.stages:
        data = stage.data.pairs if isinstance(stage.data, TexturedPairs) else stage.data
        assert isinstance(data, (PeoplePairs, WeaveGroups))
        assert data.people == small_people()
    reference = RECIPES["dptn.small"]()
    kept = {"name", "family", "config", "stages"}
    for field in fields(Recipe):
        if field.name not in kept:
            assert getattr(recipe, field.name) == getattr(reference, field.name), field.name


@pytest.mark.parametrize(("name", "index"), STEPS)
def test_a_step_of_each_stage_of_a_tiny_run_teaches_all_that_it_should(name: str, index: int, cache: Path) -> None:
    torch.manual_seed(0)
    recipe = RECIPES[name]()
    stage = recipe.stages[index]
    batch = stage.data.open(cache, 0).batch(0)
    generator = FAMILIES[recipe.family].generator(recipe.config).train()
    objective = stage.objective.build(recipe.config).train()
    drawn = objective.draw(generator, batch)
    discriminator_losses = objective.discriminator_losses(drawn, batch, 0)
    discriminator_parameters = [p for p in objective.parameters() if p.requires_grad]
    assert bool(discriminator_losses) == bool(discriminator_parameters)
    teach(discriminator_losses)
    assert all(p.grad is not None for p in discriminator_parameters)
    losses = objective.generator_losses(generator, drawn, batch)
    teach(losses)
    learning = [p for group in objective.parameter_groups(generator) for p in group.parameters]
    assert learning
    assert any(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in learning)


def teach(losses: dict[str, torch.Tensor]) -> None:
    for name, value in losses.items():
        assert bool(torch.isfinite(value)), name
    if losses:
        torch.stack(list(losses.values())).sum().backward()


def test_a_run_that_looks_through_vgg19_says_how_to_get_its_weights(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("POSABLE_WEIGHTS_DIR", raising=False)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    assert found_features() == "efficientnet-lite0"
    with pytest.raises(CheckpointError, match="posable weights fetch vgg19"):
        features_named("vgg19-imagenet")


def test_vgg19_in_the_folder_that_the_user_names_is_what_losses_look_through(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    torch.save(Vgg19().state_dict(), tmp_path / PUBLISHED["vgg19"].file)
    monkeypatch.setenv("POSABLE_WEIGHTS_DIR", str(tmp_path))
    assert found_features() == "vgg19-imagenet"
    assert features_named("vgg19-imagenet").name == "vgg19-imagenet"
