"""What operators see: logs without people in them, and Prometheus metrics.

No log line holds a query string, a name, chat text, a token, a key or a person's address; what is logged of a request
is its route, not its path (invitation codes are in paths). Metrics have no label that a stranger can invent.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from server.live.ports import Less, LinkReport

LAG_LOOKED_AT_S = 0.02
"""How often the event loop is asked whether it is late. A packet of sound comes as often."""

_LAG_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0)

FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"


def log_to_stderr(level: str) -> None:
    """Log from `level` ("debug".."error") up. aiohttp's own access log stays off: it writes addresses and paths."""
    logging.basicConfig(level=level.upper(), format=FORMAT, stream=sys.stderr, force=True)
    for chatty in ("aiohttp.access", "aioice", "aiortc", "asyncio"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLevelName(level.upper())))
    # It writes a trace with the peer's address for every malformed request; what fails in our code we log ourselves.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)


_ROUND_TRIP_BUCKETS = (0.01, 0.03, 0.06, 0.1, 0.2, 0.4, 0.8, 1.6)
_LOST_BUCKETS = (0.0, 0.001, 0.01, 0.03, 0.08, 0.2, 0.5, 1.0)
"""3 and 8 percent are what participants are told of as a fair and a weak connection."""


class Metrics:
    """The counters of one server. Each has its registry, so that two in one process do not collide."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "bichron_http_requests", "Requests answered", ["method", "route", "status"], registry=self.registry
        )
        self.request_seconds = Histogram(
            "bichron_http_request_seconds", "Time to answer a request, sockets left out", registry=self.registry
        )
        self.sessions = Gauge("bichron_sessions", "Participants connected", registry=self.registry)
        self.frames_in = Counter("bichron_frames_received", "WebSocket frames", ["type"], registry=self.registry)
        self.bad_frames = Counter("bichron_frames_bad", "Frames not of the protocol", ["code"], registry=self.registry)
        self.byes = Counter("bichron_sessions_ended", "Sessions that ended", ["reason"], registry=self.registry)
        self.refusals = Counter("bichron_commands_refused", "Commands refused", registry=self.registry)
        self.commands = Counter("bichron_commands_done", "Commands done", registry=self.registry)
        self.loop_lag = Histogram(
            "bichron_loop_lag_seconds",
            "How late the event loop does what is due, as seen every 20 ms",
            buckets=_LAG_BUCKETS,
            registry=self.registry,
        )

        self.round_trip = Histogram(
            "bichron_media_round_trip_seconds",
            "To a participant and back, every four seconds for each who receives media",
            buckets=_ROUND_TRIP_BUCKETS,
            registry=self.registry,
        )
        self.lost = Histogram(
            "bichron_media_lost_ratio",
            "Share of the packets lost before repair, every four seconds for each participant, up (to us) and down",
            ["direction"],
            buckets=_LOST_BUCKETS,
            registry=self.registry,
        )
        self.reduced = Gauge(
            "bichron_media_reduced", "Participants shown less than they asked for: narrow links", registry=self.registry
        )
        self.pictures = Gauge(
            "bichron_media_pictures",
            "Pictures on participants' pages: as wished, or what their links leave of them",
            ["shown"],
            registry=self.registry,
        )

    def note_links(self, reports: Iterable[LinkReport]) -> None:
        """Count everyone's connection, nobody by name."""
        up, down = self.lost.labels("up"), self.lost.labels("down")
        reduced = 0
        pictures = dict.fromkeys(["as-wished", *(less.value for less in Less)], 0)
        for report in reports:
            up.observe(report.lost_up)
            down.observe(report.lost_down)
            if report.round_trip_ms is not None:
                self.round_trip.observe(report.round_trip_ms / 1000)
            reduced += len(report.reduced) > 0
            pictures["as-wished"] += report.pictures - len(report.reduced)
            for one in report.reduced:
                pictures[one.less.value] += 1
        self.reduced.set(reduced)
        for shown, count in pictures.items():
            self.pictures.labels(shown).set(count)

    def observe_classes(self, count: Callable[[], int]) -> None:
        """Report how many classes run, asked at each scrape."""
        Gauge("bichron_classes", "Classes running", registry=self.registry).set_function(count)

    def observe_media(self, counts: Mapping[str, int]) -> None:
        """Report the media plane's own counters, read at each scrape."""
        self.registry.register(_MediaCounts(counts))

    @asynccontextmanager
    async def loop_observed(self) -> AsyncIterator[None]:
        """Measure the running loop's lag for as long as the block lasts."""
        task = asyncio.create_task(self._observe_lag(), name="loop-lag")
        try:
            yield
        finally:
            task.cancel()

    async def _observe_lag(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + LAG_LOOKED_AT_S
        while True:
            await asyncio.sleep(due - loop.time())
            now = loop.time()
            # While the loop stood still, others would have found it late too: each look that was missed counts.
            while due <= now:
                self.loop_lag.observe(now - due)
                due += LAG_LOOKED_AT_S

    def ended(self) -> int:
        """Sessions that ended since the start."""
        samples = [sample for family in self.byes.collect() for sample in family.samples]
        return round(sum(sample.value for sample in samples if sample.name.endswith("_total")))

    def exposition(self) -> bytes:
        """Prometheus text format."""
        return generate_latest(self.registry)


class _MediaCounts(Collector):
    def __init__(self, counts: Mapping[str, int]) -> None:
        self._counts = counts

    def collect(self) -> Iterable[Metric]:
        family = CounterMetricFamily("bichron_media", "What the media plane counted", labels=["what"])
        for what, count in self._counts.items():
            family.add_metric([what], count)
        yield family
