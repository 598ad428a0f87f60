"""People rendered in memory are those of the written set, in an order that workers and interruptions leave alone."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from itertools import islice
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from posable.batch import PersonPair
from posable.data.corpora import read_corpus
from posable.data.people1 import People1, is_people1
from posable.data.streaming import PeopleStream, RenderedPeoplePairs
from posable.errors import ConfigError, ImageError, InputError
from posable.people import PEOPLE_1, make_benchmark
from posable.pose.pose import PoseBatch


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    """The first two test people of the smallest variant."""
    folder = tmp_path_factory.mktemp("people-1") / "market"
    return make_benchmark("people-1", folder, "test", "market", people=2, correspondence=True)


def tensors(value: object, path: str = "") -> dict[str, Tensor]:
    """All tensors inside a pair, by their place."""
    if isinstance(value, Tensor):
        return {path: value}
    if isinstance(value, PoseBatch) or is_dataclass(value):
        return {
            name: tensor
            for field in fields(value)
            for name, tensor in tensors(getattr(value, field.name), f"{path}.{field.name}").items()
        }
    return {}


def assert_same(first: PersonPair, second: PersonPair) -> None:
    one, other = tensors(first), tensors(second)
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert tensor.dtype == other[name].dtype
        assert torch.equal(tensor, other[name]), name


def test_rendered_pairs_are_the_written_ones_to_the_pixel(written):
    stored, rendered = People1(written, "test"), RenderedPeoplePairs("test", "market")
    assert len(stored) == sum(seed < 2 for seed, _, _ in rendered.pairs)
    for position in range(len(stored)):
        assert stored[position].correspondence is not None
        assert_same(stored[position], rendered[position])


def test_a_written_set_tells_depth_and_garments_of_the_person(written):
    stored = People1(written, "test")
    name = stored.pairs[0][1]
    pair = stored[0]
    parsing = pair.target_parsing
    assert parsing is not None
    on_person = (parsing[0] > 0).numpy()
    depth, garments = stored.depth(name), stored.garments(name)
    assert (depth[on_person] < 8).all()
    assert (depth[on_person] > 1).all()
    assert (garments[on_person] > 0).all()


def test_the_field_s_reader_and_ours_see_the_same_pairs(written):
    index = read_corpus(written)
    assert is_people1(written)
    assert index.corpus == "people-1"
    assert not index.problems
    assert len(index.images) == 2 * PEOPLE_1.views
    assert {image.person for image in index.images.values()} == {"00000", "00001"}
    assert index.splits == ("test",)


def test_a_stream_is_the_same_for_any_number_of_workers_and_when_resumed():
    def stream(first_batch: int = 0) -> PeopleStream:
        return PeopleStream("val", "market", people_per_batch=1, seed=3, first_batch=first_batch)

    alone = [stream().batch(number) for number in range(4)]
    assert len(alone[0]) == 2
    in_workers = islice(iter(DataLoader(stream(), batch_size=None, num_workers=2)), 4)
    for batch, other in zip(alone, in_workers, strict=True):
        assert_same(batch, other)
    assert_same(next(iter(stream(first_batch=3))), alone[3])


def test_ranks_share_the_stream(monkeypatch):
    def people(rank: int, world_size: int, count: int) -> list[list[int]]:
        stream = PeopleStream("test", "market", people_per_batch=3, seed=1, rank=rank, world_size=world_size)
        seen: list[list[int]] = []
        monkeypatch.setattr(stream, "_pairs_of", lambda seed, chosen: seen[-1].append(seed) or [])
        monkeypatch.setattr("posable.data.streaming.collate", lambda pairs: pairs)
        for number in range(count):
            seen.append([])
            stream.batch(number)
        return seen

    alone, first, second = people(0, 1, 8), people(0, 2, 4), people(1, 2, 4)
    assert [*alone] == [batch for both in zip(first, second, strict=True) for batch in both]
    everybody = [seed for batch in people(0, 1, 333) for seed in batch]
    assert len(set(everybody)) == 999, "everybody comes once before anybody comes again"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "dev"}, "no split 'dev'"),
        ({"variant": "64x64"}, "no size '64x64'"),
        ({"views_per_person": 1}, "views_per_person is 1; give from 2 to 6"),
        ({"rank": 2, "world_size": 2}, "rank is 2; give from 0 to 1"),
        ({"first_batch": -1}, "give 0 or more"),
    ],
)
def test_impossible_streams_are_refused(arguments, message):
    with pytest.raises(ConfigError, match=message):
        PeopleStream(**arguments)


def test_a_folder_that_is_no_benchmark_is_refused(tmp_path, written):
    with pytest.raises(InputError, match=r"no dataset\.json"):
        People1(tmp_path, "test")
    (tmp_path / "dataset.json").write_text('{"benchmark": "people-7"}')
    with pytest.raises(InputError, match="no benchmark that is known"):
        People1(tmp_path, "test")
    with pytest.raises(ConfigError, match="no split 'train'"):
        People1(written, "train")


def test_a_lost_label_is_told_by_name(written):
    stored = People1(written, "test")
    path = written / "mask" / stored.pairs[0][1]
    data = path.read_bytes()
    path.unlink()
    try:
        with pytest.raises(ImageError, match=rf"mask.*{path.name}"):
            stored[0]
    finally:
        path.write_bytes(data)
