"""The queue: what waits together is drawn together, what is too much is refused, nothing is lost."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest
import torch
from PIL import Image
from tiny import CONFIGS, SIZE, network

from posable.errors import ConfigError
from posable.pose.library import shipped_pose
from posable.pose.pose import Pose
from posable.studio.http_errors import HttpError
from posable.studio.service_metrics import ServiceMetrics
from posable.studio.settings import Limits
from posable.studio.work_queue import Drawing, WorkQueue
from posable.transfer.encoded_source import EncodedSource
from posable.transfer.pipeline import PoseTransfer


@pytest.fixture(scope="module")
def person() -> EncodedSource:
    pipe = PoseTransfer(network(CONFIGS["weave"]))
    return pipe.encode(Image.new("RGB", (SIZE.width, SIZE.height)), source_pose=standing())


def standing() -> Pose:
    return shipped_pose("stand-front").resize(SIZE)


class HeldQueue:
    """A queue whose thread is busy until `release`."""

    def __init__(self, **limits: Any) -> None:
        self.metrics = ServiceMetrics()
        self.queue = WorkQueue(Limits(**limits), self.metrics)
        self.queue.start()
        self._free = threading.Event()
        begun = threading.Event()
        self.first = self.queue.call(lambda: begun.set() or self._free.wait(20))
        assert begun.wait(20)

    def release(self) -> None:
        self._free.set()

    def sample(self, name: str) -> float:
        lines = self.metrics.text().decode().splitlines()
        return float(next(line for line in lines if line.startswith(f"{name} ")).split()[1])


@pytest.fixture
def held(request: pytest.FixtureRequest) -> Iterator[HeldQueue]:
    queue = HeldQueue(**getattr(request, "param", {}))
    yield queue
    queue.release()
    assert queue.queue.close(20)


@pytest.mark.parametrize("held", [{"batch": 4}], indirect=True)
def test_drawings_that_wait_are_drawn_in_full_batches(held: HeldQueue, person: EncodedSource) -> None:
    futures = held.queue.draw([Drawing(person, standing())] * 6)
    futures += held.queue.draw([Drawing(person, standing())] * 3)
    held.release()
    images = [future.result(20).rendering.image for future in futures]
    assert held.sample("posable_batch_size_count") == 3, "nine drawings, four at a time"
    assert held.sample("posable_batch_size_sum") == 9
    for image in images[1:]:
        torch.testing.assert_close(image, images[0], atol=1e-4, rtol=0)


def test_a_drawing_overtakes_nothing_that_it_cannot_join(held: HeldQueue, person: EncodedSource) -> None:
    order: list[str] = []
    (drawn,) = held.queue.draw([Drawing(person, standing())])
    drawn.add_done_callback(lambda _: order.append("drawing"))
    called = held.queue.call(lambda: order.append("call"))
    held.release()
    called.result(20)
    assert order == ["drawing", "call"]


@pytest.mark.parametrize("held", [{"waiting": 3}], indirect=True)
def test_what_is_too_much_is_refused_with_the_time_to_wait(held: HeldQueue, person: EncodedSource) -> None:
    futures = held.queue.draw([Drawing(person, standing())] * 3)
    with pytest.raises(HttpError, match="3 pieces of work are waiting") as refused:
        held.queue.call(lambda: None)
    assert refused.value.status == 429
    assert refused.value.retry_after is not None
    held.release()
    assert all(future.result(20) for future in futures), "what was taken is done all the same"


@pytest.mark.parametrize("held", [{"waiting": 3}], indirect=True)
def test_one_sequence_may_be_longer_than_the_queue_when_nothing_waits(held: HeldQueue, person: EncodedSource) -> None:
    futures = held.queue.draw([Drawing(person, standing())] * 5)
    held.release()
    assert all(future.result(20) for future in futures)


def test_closing_refuses_new_work_and_finishes_the_old(person: EncodedSource) -> None:
    held = HeldQueue()
    (drawn,) = held.queue.draw([Drawing(person, standing())])
    threading.Timer(0.2, held.release).start()
    assert held.queue.close(20)
    assert drawn.done()
    with pytest.raises(HttpError, match="shutting down") as refused:
        held.queue.call(lambda: None)
    assert refused.value.status == 503


def test_work_that_nobody_waits_for_is_not_done(held: HeldQueue) -> None:
    done: list[int] = []
    futures: list[Future[Any]] = [held.queue.call(lambda i=i: done.append(i)) for i in range(3)]
    assert futures[1].cancel()
    held.release()
    futures[2].result(20)
    assert done == [0, 2]


@pytest.mark.parametrize("held", [{"seconds": 0.05}], indirect=True)
def test_work_that_waited_too_long_is_refused_instead_of_done(held: HeldQueue) -> None:
    late = held.queue.call(lambda: None)
    threading.Event().wait(0.1)
    held.release()
    with pytest.raises(HttpError, match="in time") as refused:
        late.result(20)
    assert refused.value.status == 503


def test_an_error_reaches_the_one_who_waits_and_the_thread_goes_on(held: HeldQueue) -> None:
    broken = held.queue.call(lambda: 1 // 0)
    fine = held.queue.call(lambda: 5)
    held.release()
    with pytest.raises(ZeroDivisionError):
        broken.result(20)
    assert fine.result(20) == 5


def test_one_drawing_s_mistake_does_not_spoil_its_neighbours_in_the_batch(held: HeldQueue) -> None:
    pipe = PoseTransfer(network(CONFIGS["dptn"]))  # draws no mask
    person = pipe.encode(Image.new("RGB", (SIZE.width, SIZE.height)), source_pose=standing())
    plain, masked = held.queue.draw([Drawing(person, standing()), Drawing(person, standing(), "keep")])
    held.release()
    assert plain.result(20).rendering.image.shape[0] == 1
    with pytest.raises(ConfigError, match="draws no person mask"):
        masked.result(20)
