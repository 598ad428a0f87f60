"""Held sources: bounded in number, memory and time; the one used longest ago goes first."""

from typing import Any

import pytest
import torch
from PIL import Image

from posable.imaging.size import Size
from posable.pose.library import shipped_pose
from posable.studio.http_errors import HttpError
from posable.studio.service_metrics import ServiceMetrics
from posable.studio.settings import Limits
from posable.studio.source_store import Seen, Source, SourceStore

FRAME = Size(100, 50)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def add(store: SourceStore) -> Source:
    picture = Image.new("RGB", (FRAME.width, FRAME.height))
    return store.add(Seen(picture, shipped_pose("wave").resize(FRAME), 1, (), "the picture", FRAME))


def is_held(store: SourceStore, source: Source) -> bool:
    try:
        return store.get(source.id) is source
    except HttpError:
        return False


def held(store: SourceStore, *sources: Source) -> list[bool]:
    return [is_held(store, source) for source in sources]


def test_the_source_used_longest_ago_gives_way() -> None:
    store = SourceStore(Limits(sources=2), ServiceMetrics())
    first, second = add(store), add(store)
    store.get(first.id)
    third = add(store)
    assert held(store, first, second, third) == [True, False, True]


def test_memory_is_bounded() -> None:
    one = FRAME.height * FRAME.width * 4
    store = SourceStore(Limits(sources_bytes=3 * one), ServiceMetrics())
    sources = [add(store) for _ in range(5)]
    assert store.held_bytes <= 3 * one
    assert held(store, *sources) == [False, False, True, True, True]


def test_a_source_alone_is_held_however_large_it_is() -> None:
    store = SourceStore(Limits(sources_bytes=1), ServiceMetrics())
    first, second = add(store), add(store)
    assert held(store, first, second) == [False, True]


def test_what_edits_add_to_a_source_counts_and_others_give_way() -> None:
    one = FRAME.height * FRAME.width * 4
    store = SourceStore(Limits(sources_bytes=4 * one), ServiceMetrics())
    old, edited = add(store), add(store)
    grown: Any = {"drawn": (None, [torch.zeros(3 * one // 4)])}
    edited.encodings["weave", None] = grown
    store.make_room(edited)
    assert held(store, old, edited) == [False, True]
    assert store.held_bytes == 4 * one


def test_unused_sources_are_forgotten_after_a_while() -> None:
    clock = Clock()
    store = SourceStore(Limits(source_seconds=60), ServiceMetrics(), clock)
    first, second = add(store), add(store)
    clock.now = 50
    store.get(second.id)
    clock.now = 70
    store.forget_the_old()
    assert len(store) == 1
    assert held(store, first, second) == [False, True]


def test_ids_cannot_be_guessed() -> None:
    store = SourceStore(Limits(), ServiceMetrics())
    ids = {add(store).id for _ in range(20)}
    assert len(ids) == 20
    assert all(len(one) >= 16 for one in ids)


def test_a_removed_source_is_gone() -> None:
    store = SourceStore(Limits(), ServiceMetrics())
    source = add(store)
    store.remove(source.id)
    assert held(store, source) == [False]
    with pytest.raises(HttpError, match="send the picture to /v1/sources again") as refused:
        store.remove(source.id)
    assert refused.value.status == 404
