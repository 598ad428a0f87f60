"""What the service counts, in Prometheus's words; each service has a registry of its own."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class ServiceMetrics:
    """Counters of one service; `text` is what GET /v1/metrics gives, in `CONTENT_TYPE`."""

    CONTENT_TYPE = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self.requests = Counter(
            "posable_requests",
            "Requests answered, by endpoint and status.",
            ("endpoint", "method", "status"),
            registry=self._registry,
        )
        self.request_seconds = Histogram(
            "posable_request_seconds",
            "From the request's first byte to the response's last.",
            ("endpoint",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.in_flight = Gauge("posable_requests_in_flight", "Requests being answered.", registry=self._registry)
        self.queue_length = Gauge("posable_queue_length", "Pieces of work that wait.", registry=self._registry)
        self.batch_size = Histogram(
            "posable_batch_size",
            "Drawings in one call of the network.",
            buckets=(1, 2, 3, 4, 6, 8, 12, 16, 32),
            registry=self._registry,
        )
        self.network_seconds = Histogram(
            "posable_network_seconds", "One call of the network.", buckets=_SECONDS, registry=self._registry
        )
        self._sources = Gauge("posable_sources_held", "Sources in memory.", registry=self._registry)
        self._source_bytes = Gauge("posable_sources_bytes", "Memory of the sources.", registry=self._registry)
        self.forgotten = Counter(
            "posable_sources_forgotten", "Sources dropped, by reason.", ("reason",), registry=self._registry
        )

    def watch_sources(self, count: Callable[[], float], held_bytes: Callable[[], float]) -> None:
        """Asks these two whenever the metrics are read."""
        self._sources.set_function(count)
        self._source_bytes.set_function(held_bytes)

    def text(self) -> bytes:
        return generate_latest(self._registry)
