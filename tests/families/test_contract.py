"""What every family of generators promises. A new family inherits these tests by its line in FAMILIES."""

import re
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from torch import Tensor
from torch.nn import functional

from posable.batch import PoseCondition
from posable.errors import SizeError
from posable.imaging.frame import Frame
from posable.imaging.size import Size
from posable.models import FAMILIES
from posable.models.editing import Explains
from posable.models.generator import Generator, PerPerson, Rendering
from posable.pose.pose import PoseBatch
from posable.zoo.checkpoint import load_checkpoint, save_checkpoint

PREDICTS = {
    "gfla": {"visibility", "flow"},
    "pise": {"parsing"},
    "puppet": {"mask", "visibility", "flow"},
    "rsagan": {"parsing"},
    "tfjr": {"parsing"},
    "weave": {"mask", "visibility", "flow"},
}
"""What a family's renderings have besides the image."""
ALONE = {"pise": 3e-4}
"""Allowed difference of a person in a batch, for untrained weights that amplify rounding (measured: 1e-4)."""


@dataclass(frozen=True)
class Case:
    generator: Generator[Any]
    condition: PoseCondition


@pytest.fixture(params=sorted(FAMILIES))
def case(request: pytest.FixtureRequest) -> Case:
    generator = tiny.network(tiny.CONFIGS[request.param], seed=3, noisier=0.02)
    return Case(generator, tiny.pair(3, hidden=0.2).condition)


def encoded(case: Case) -> Any:
    return tiny.encoded(case.generator, case.condition)


def outputs(rendering: Rendering) -> dict[str, Tensor]:
    named = {field.name: getattr(rendering, field.name) for field in fields(Rendering)}
    return {name: value for name, value in named.items() if value is not None}


@torch.inference_mode()
def test_what_is_drawn_has_the_source_s_frame_and_its_range(case: Case) -> None:
    drawn = outputs(case.generator(case.condition))
    h, w = case.generator.size
    channels = {"image": 3, "mask": 1, "visibility": 1, "flow": 2}
    assert set(drawn) == {"image"} | PREDICTS.get(case.generator.family, set())
    for name, value in drawn.items():
        assert value.shape == (3, channels.get(name, value.shape[1]), h, w), name
        assert value.isfinite().all(), name
    assert drawn["image"].abs().max() <= 1
    for share in {"mask", "visibility", "parsing"} & set(drawn):
        assert drawn[share].min() >= 0
        assert drawn[share].max() <= 1 + 1e-6
    if "parsing" in drawn:
        torch.testing.assert_close(drawn["parsing"].sum(1), torch.ones(3, h, w))


@torch.inference_mode()
def test_a_person_in_a_batch_is_drawn_as_alone(case: Case) -> None:
    c = case.condition
    together = case.generator(c).image
    one = lambda pose: PoseBatch(pose.keypoints[1:2], pose.visible[1:2], pose.size)  # noqa: E731
    alone = case.generator(
        PoseCondition(
            source_image=c.source_image[1:2],
            source_pose=one(c.source_pose),
            target_pose=one(c.target_pose),
            source_parsing=c.source_parsing[1:2],
        )
    ).image
    torch.testing.assert_close(together[1:2], alone, atol=ALONE.get(case.generator.family, 5e-5), rtol=0)


@torch.inference_mode()
@pytest.mark.parametrize("role", ["source_pose", "target_pose"])
def test_hidden_keypoints_do_not_matter(case: Case, role: str) -> None:
    pose = getattr(case.condition, role)
    moved = PoseBatch(torch.where(pose.visible[..., None], pose.keypoints, torch.tensor(37.0)), pose.visible, pose.size)
    other = replace(case.condition, **{role: moved})
    assert torch.equal(case.generator(case.condition).image, case.generator(other).image)


@torch.inference_mode()
def test_an_encoded_source_can_be_rendered_again_and_gives_the_same_bytes(case: Case) -> None:
    c, source = case.condition, encoded(case)
    first = case.generator.render(source, c.target_pose).image
    case.generator.render(source, c.source_pose)
    assert torch.equal(first, case.generator.render(source, c.target_pose).image)
    assert torch.equal(first, case.generator(c).image)


def check_encoding(part: Any, people: int, where: str) -> None:
    """Tensors with the batch first, in dataclasses and tuples, values per person, and frames."""
    if isinstance(part, Tensor):
        assert part.ndim >= 1, f"{where} is a scalar"
        assert part.shape[0] == people, f"{where} is {tuple(part.shape)}; the batch comes first"
    elif isinstance(part, PerPerson):
        assert len(part) == people, f"{where} has {len(part)} values"
    elif isinstance(part, PoseBatch):
        assert len(part) == people, f"{where} has {len(part)} poses"
    elif isinstance(part, (tuple, list)):
        for index, one in enumerate(part):
            check_encoding(one, people, f"{where}[{index}]")
    elif not isinstance(part, Frame) and part is not None:
        assert is_dataclass(part), f"{where} is a {type(part).__name__}"
        for field in fields(part):
            check_encoding(getattr(part, field.name), people, f"{where}.{field.name}")


@torch.inference_mode()
def test_an_encoding_is_a_dataclass_of_tensors_with_the_batch_first(case: Case) -> None:
    source = encoded(case)
    assert is_dataclass(source)
    check_encoding(source, 3, type(source).__name__)


def test_the_record_is_whole(case: Case) -> None:
    family = FAMILIES[case.generator.family]
    assert family.name == case.generator.family
    assert case.generator.config == family.tiny
    assert (family.tiny.height, family.tiny.width) == (64, 48)
    assert 2015 <= family.year <= 2100
    assert family.parameters == sum(p.numel() for p in family.build_empty(family.config()).parameters())


@torch.inference_mode()
def test_the_target_pose_matters(case: Case) -> None:
    c, source = case.condition, encoded(case)
    first, second = (case.generator.render(source, pose).image for pose in (c.target_pose, c.source_pose))
    assert (first - second).abs().max() > 1e-3


def test_every_parameter_gets_a_gradient(case: Case) -> None:
    # Some weights only serve to draw a garment in another material.
    drawn = case.generator.train()(replace(case.condition, texture=case.condition.source_image))
    rng = torch.Generator().manual_seed(5)
    torch.stack(
        [(value * torch.randn(value.shape, generator=rng)).mean() for value in outputs(drawn).values()]
    ).sum().backward()
    trained = [(name, p) for name, p in case.generator.named_parameters() if p.requires_grad]
    assert [name for name, p in trained if p.grad is None or not p.grad.isfinite().all()] == []


@torch.inference_mode()
def test_the_source_mask_covers_the_source_s_frame(case: Case) -> None:
    mask = case.generator.source_mask(encoded(case))
    if mask is not None:
        assert mask.shape == (3, 1, *case.generator.size)
        assert mask.min() >= 0
        assert mask.max() <= 1


@torch.inference_mode()
@pytest.mark.parametrize("by", [(0, 4), (3, -5), (37, 20)])
def test_other_sizes_are_drawn_at_their_size_or_refused_with_a_good_one(case: Case, by: tuple[int, int]) -> None:
    size = Size(case.generator.size.height + by[0], case.generator.size.width + by[1])
    c = case.condition
    source = functional.interpolate(c.source_image, size, mode="bilinear", align_corners=False)
    parsing = functional.interpolate(c.source_parsing[:, None], size)[:, 0]
    poses = c.source_pose.resize(size), c.target_pose.resize(size)
    try:
        drawn = case.generator.render(case.generator.encode(source, poses[0], parsing), poses[1])
    except SizeError as error:
        message = str(error)
        good = re.findall(r"\d+x\d+", message)
        pytest.skip(f"refused: {message}") if len(good) >= 2 else pytest.fail(f"names no good size: {message}")
    assert all(value.shape[-2:] == tuple(size) for value in outputs(drawn).values())


@torch.inference_mode()
def test_a_saved_model_draws_the_same_picture(case: Case, tmp_path: Path) -> None:
    loaded = load_checkpoint(save_checkpoint(tmp_path / "model", case.generator, {}))
    assert torch.equal(loaded(case.condition).image, case.generator(case.condition).image)


@torch.inference_mode()
def test_pictures_of_what_it_looks_at_have_the_source_s_frame(case: Case) -> None:
    assert isinstance(case.generator, Explains)
    pictures = case.generator.explain(encoded(case), case.condition.target_pose)
    assert pictures
    for name, picture in pictures.items():
        assert picture.shape == case.condition.source_image.shape, name
        assert picture.isfinite().all(), name
        assert picture.abs().max() <= 1 + 1e-5, name


def test_four_pairs_begin_to_be_learned_by_heart(case: Case) -> None:
    generator, c = case.generator.train(), tiny.pair(4, hidden=0.2).condition
    smooth = functional.interpolate(c.source_image[:, :, ::16, ::16], generator.size, mode="bilinear")
    condition, target = replace(c, source_image=smooth), 0.7 * smooth.flip(-1)
    optimizer = torch.optim.Adam([p for p in generator.parameters() if p.requires_grad], 5e-3, (0.5, 0.999))
    losses: list[float] = []
    while len(losses) < 2 or losses[-1] > 0.85 * losses[0]:
        loss = functional.l1_loss(generator(condition).image, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
        assert len(losses) <= 50, f"{losses[0]:.3f} only came down to {losses[-1]:.3f}"
