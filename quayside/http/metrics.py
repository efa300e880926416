"""Prometheus metrics of a process, in the text format, for `/metrics`.

Each application has its own registry. Label values are bounded: the door instead of the path, and only known
methods. With several worker processes, each reports its own numbers.
"""

from collections.abc import Callable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from quayside.version import __version__
from storage.space import Space

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
SLOW_STATEMENT_MS: Final = 100

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "WEBSOCKET"})
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)


class Metrics:
    """The counters and histograms of one application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "quayside_requests",
            "Requests answered, by door (v2, api, graphql, other).",
            ("door", "method", "status"),
            registry=self.registry,
        )
        self._request_seconds = Histogram(
            "quayside_request_seconds",
            "Time from the first byte of a request to the last of its answer, in seconds.",
            ("door", "method"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._statements = Counter("quayside_statements", "Database statements run.", registry=self.registry)
        self._slow_statements = Counter(
            "quayside_slow_statements",
            f"Database statements that took more than {SLOW_STATEMENT_MS} ms.",
            registry=self.registry,
        )
        self._statement_seconds = Counter(
            "quayside_statement_seconds", "Time spent in database statements.", registry=self.registry
        )
        self._jobs = Counter(
            "quayside_jobs",
            "Background jobs run, by kind and outcome (done, retried, failed, cancelled, given back, lost).",
            ("kind", "outcome"),
            registry=self.registry,
        )
        self._subscriptions = Gauge(
            "quayside_subscriptions", "GraphQL subscriptions being served.", registry=self.registry
        )
        self._free_bytes = Gauge(
            "quayside_free_bytes",
            "Free space of the disk on which something is kept (database, blobs).",
            ("kept",),
            registry=self.registry,
        )
        self._reserve_bytes = Gauge(
            "quayside_reserve_bytes",
            "Free space that uploads leave; they are refused with less.",
            ("kept",),
            registry=self.registry,
        )
        self._read_only = Gauge("quayside_read_only", "1 in read-only mode, else 0.", registry=self.registry)
        version = Gauge("quayside_build_info", "The version that runs.", ("version",), registry=self.registry)
        version.labels(__version__).set(1)
        # Cached, since looking up a labelled child costs more than counting, and every request counts.
        self._counters: dict[tuple[str, str, int], Counter] = {}
        self._histograms: dict[tuple[str, str], Histogram] = {}

    def request(self, door: str, method: str, status: int, seconds: float | None) -> None:
        """Count an answered request; `seconds` is None for streams, which are not timed."""
        if method not in _METHODS:
            method = "OTHER"
        counter = self._counters.get((door, method, status))
        if counter is None:
            counter = self._requests.labels(door, method, str(status))
            self._counters[door, method, status] = counter
        counter.inc()
        if seconds is None:
            return
        histogram = self._histograms.get((door, method))
        if histogram is None:
            histogram = self._request_seconds.labels(door, method)
            self._histograms[door, method] = histogram
        histogram.observe(seconds)

    def statement(self, elapsed_ms: float) -> None:
        """Count a database statement; the storage layer calls this after each."""
        self._statements.inc()
        self._statement_seconds.inc(elapsed_ms / 1000)
        if elapsed_ms > SLOW_STATEMENT_MS:
            self._slow_statements.inc()

    def job(self, kind: str, outcome: str) -> None:
        """Count a run of a background job."""
        self._jobs.labels(kind, outcome).inc()

    def watch_subscriptions(self, count: Callable[[], int]) -> None:
        """Report the number of subscriptions from `count`."""
        self._subscriptions.set_function(count)

    def spaces(self, spaces: Mapping[str, Space]) -> None:
        """Set the free space of disks, by what is kept there."""
        for kept, space in spaces.items():
            self._free_bytes.labels(kept).set(space.free_bytes)
            self._reserve_bytes.labels(kept).set(space.reserve_bytes)

    def read_only(self, *, is_on: bool) -> None:
        """Set whether read-only mode is on."""
        self._read_only.set(is_on)

    def exposition(self) -> bytes:
        """All numbers, as text."""
        return generate_latest(self.registry)
