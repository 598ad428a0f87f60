"""Several drawings in one call of the network are what each would be alone."""

from dataclasses import dataclass, replace

import pytest
import torch
from PIL import Image
from tiny import CONFIGS, SIZE, network
from torch import Tensor

from posable.memory import memory_of
from posable.pose.library import shipped_pose
from posable.pose.pose import Pose
from posable.studio import joined_sources
from posable.studio.joined_sources import draw_together
from posable.transfer.encoded_source import EncodedSource
from posable.transfer.pipeline import PoseTransfer

POSES = ["wave", "walk-left", "arms-up"]


def sources(family: str, count: int) -> tuple[PoseTransfer, list[EncodedSource]]:
    pipe = PoseTransfer(network(CONFIGS[family]))
    rng = torch.Generator().manual_seed(1)
    pictures = [torch.randint(0, 256, (*SIZE, 3), generator=rng, dtype=torch.uint8).numpy() for _ in range(count)]
    standing = shipped_pose("stand-front").resize(SIZE)
    return pipe, [pipe.encode(Image.fromarray(picture), source_pose=standing) for picture in pictures]


def posed(people: list[EncodedSource]) -> list[Pose]:
    return [person.place(name) for person, name in zip(people, POSES, strict=True)]


@pytest.mark.parametrize("family", sorted(CONFIGS))
@pytest.mark.parametrize("same_person", [True, False])
def test_a_batch_draws_what_single_calls_draw(family: str, same_person: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe, people = sources(family, 3)
    if same_person:
        people = [people[0]] * 3
    poses = posed(people)
    alone = [person.draw(pose) for person, pose in zip(people, poses, strict=True)]
    calls: list[int] = []
    render = pipe.generator.render
    monkeypatch.setattr(pipe.generator, "render", lambda *given: calls.append(1) or render(*given))
    together = draw_together(people, poses)
    assert len(calls) == 1, "this family's encoded sources could not be joined"
    for one, other in zip(together, alone, strict=True):
        # Untrained networks amplify rounding: 3.9e-4 was measured with TFJR on one thread.
        torch.testing.assert_close(one.image, other.image, atol=1e-3, rtol=0)
        assert (one.mask is None) == (other.mask is None)


def test_sources_that_cannot_be_joined_are_drawn_one_by_one() -> None:
    pipe, (first, second) = sources("weave", 2)
    larger = pipe.encode(
        first.picture.resize((96, 128)), source_pose=first.pose.resize(first.pose.size._replace(height=128, width=96))
    )
    assert larger.frame.size != second.frame.size
    poses = [larger.place("wave"), second.place("wave")]
    drawn = draw_together([larger, second], poses)
    torch.testing.assert_close(drawn[0].image, larger.draw(poses[0]).image)
    torch.testing.assert_close(drawn[1].image, second.draw(poses[1]).image)


@dataclass(frozen=True)
class Parts:
    features: Tensor
    table: tuple[Tensor, ...] = ()
    label: str = ""


def test_what_has_no_entry_per_person_is_not_joined() -> None:
    assert joined_sources._joined_or_none([Parts(torch.zeros(1, 2)), Parts(torch.ones(1, 2))]) is not None
    for odd in (
        Parts(torch.zeros(2, 2)),
        Parts(torch.zeros(1, 3)),
        Parts(torch.zeros(1, 2), label="other"),
        Parts(torch.zeros(1, 2), table=(torch.zeros(()),)),
    ):
        assert joined_sources._joined_or_none([Parts(torch.zeros(1, 2)), odd]) is None
    scalar = Parts(torch.zeros(1, 2), table=(torch.zeros(()),))
    assert joined_sources._joined_or_none([scalar, replace(scalar)]) is None


def test_memory_is_counted_through_nested_parts() -> None:
    assert memory_of({"a": [Parts(torch.zeros(1, 2), (torch.zeros(3, dtype=torch.uint8),))]}) == 8 + 3
