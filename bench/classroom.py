"""A real server on one core with a class in it, for benches: pinned, asked for its metrics, and its CPU time read.

Server and clients get a core each, and priority over whatever else the machine does, where that is allowed; how long
the server had to wait for its core all the same is told (`server_waited`). The clients are processes of
bench/learners.py, all on the other core.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from bench.fanout import Program, cpu_seconds
from server.synthetic.serving import Server, start_server

SERVER_CPU, CLIENT_CPU = 0, 1
SATURATED = 0.9
"""Of its core; a client that is busier cannot be told from a slow server."""
NICE = -20

AUDIO = {"pps": 50, "size": 120}


class Class(NamedTuple):
    """A class that runs."""

    id: str
    learner_code: str


class Used(NamedTuple):
    """What has happened so far; two of these make a measurement."""

    at: float
    server_cpu_s: float
    clients_cpu_s: float
    server_waited_s: float
    lag: Mapping[float, float]


class School:
    """The server, and what a bench wants to know of it."""

    def __init__(self, server: Server, data: Path, *, pinned: bool) -> None:
        self.server = server
        self._key = (data / "keys" / "api.key").read_text().strip()
        self.pinned = pinned and pin(server.process.pid, SERVER_CPU, first=True)
        self.clients: list[Program] = []

    def clients_start(self) -> Program:
        """One more process of light people, on the clients' core."""
        program = Program(sys.executable, "-m", "bench.learners", "127.0.0.1")
        pin(program.pid, CLIENT_CPU)
        self.clients.append(program)
        return program

    def new_class(self) -> Class:
        made = self._api("POST", "/api/classes", {"title": "Bench", "record": False})
        return Class(made["id"], made["links"]["learner"].rsplit("/", 1)[1])

    def token(self, class_id: str, name: str, role: str) -> str:
        """To enter as; from the server's API."""
        person = {"name": name, "person": name, "role": role}
        return str(self._api("POST", f"/api/classes/{class_id}/join", person)["token"])

    def used(self) -> Used:
        return Used(
            time.monotonic(),
            cpu_seconds(self.server.process.pid),
            sum(cpu_seconds(client.pid) for client in self.clients),
            waited_s(self.server.process.pid),
            self._lag(),
        )

    def metric(self, name: str) -> dict[str, float]:
        """The samples of a family, by their label."""
        samples: dict[str, float] = {}
        for family in text_string_to_metric_families(self._get("/metrics").decode()):
            if family.name == name:
                samples |= {next(iter(sample.labels.values()), ""): sample.value for sample in family.samples}
        return samples

    def _lag(self) -> dict[float, float]:
        lag = {}
        for family in text_string_to_metric_families(self._get("/metrics").decode()):
            if family.name == "bichron_loop_lag_seconds":
                lag = {float(s.labels["le"]): s.value for s in family.samples if s.name.endswith("_bucket")}
        return lag

    def _get(self, path: str) -> bytes:
        return self._open(urllib.request.Request(self.server.url + path))

    def _api(self, method: str, path: str, body: Mapping[str, object]) -> Any:
        request = urllib.request.Request(self.server.url + path, json.dumps(body).encode(), method=method)
        request.add_header("Content-Type", "application/json")
        request.add_header("Origin", self.server.url)
        return json.loads(self._open(request))

    def _open(self, request: urllib.request.Request) -> bytes:
        request.add_header("Authorization", f"Bearer {self._key}")
        with urllib.request.urlopen(request, timeout=30) as response:
            body: bytes = response.read()
            return body


@contextlib.asynccontextmanager
async def school(*, pinned: bool = True) -> AsyncIterator[School]:
    """Open a server for as long as the block lasts, and close it and its clients. A browser needs both cores itself."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        server = await start_server(data)
        here = School(server, data, pinned=pinned)
        try:
            yield here
        finally:
            with contextlib.ExitStack() as exit_:
                for client in here.clients:
                    exit_.push(client)
            await server.stop()


@contextlib.contextmanager
def priority() -> Iterator[None]:
    """Put everything of this session before what else the machine does (sched(7), autogroups), where allowed."""
    group = Path("/proc/self/autogroup")
    try:
        group.write_text(str(NICE), encoding="ascii")
    except OSError:
        yield
        return
    try:
        yield
    finally:
        group.write_text("0", encoding="ascii")


def waited_s(pid: int) -> float:
    """How long a process's first thread could have run but was not let (proc(5), schedstat)."""
    return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[1]) / 1e9


def pin(pid: int, cpu: int, *, first: bool = False) -> bool:
    """Give a process one core, on request before everything else on it; False where there are not two cores."""
    if len(os.sched_getaffinity(0)) < 2:
        return False
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), {cpu})
        with contextlib.suppress(PermissionError):
            if first:
                os.sched_setscheduler(int(task.name), os.SCHED_RR, os.sched_param(1))
    return True


def lag_quantile_ms(before: Used, after: Used, quantile: float) -> float:
    """A quantile of the loop's lag between two moments, interpolated within its bucket."""
    counts = {bound: after.lag[bound] - before.lag.get(bound, 0) for bound in sorted(after.lag)}
    total = counts[float("inf")]
    below = low = 0.0
    for bound, count in counts.items():
        if count >= quantile * total and count > below:
            high = bound if bound != float("inf") else 2 * low
            return round(1000 * (low + (high - low) * (quantile * total - below) / (count - below)), 1)
        below, low = count, bound
    return 0.0


def shares(before: Used, after: Used) -> dict[str, object]:
    """How busy both sides were; whether the clients' core was the limit."""
    seconds = after.at - before.at
    server = (after.server_cpu_s - before.server_cpu_s) / seconds
    clients = (after.clients_cpu_s - before.clients_cpu_s) / seconds
    waited = (after.server_waited_s - before.server_waited_s) / seconds
    return {
        "server_core": round(server, 3),
        "clients_core": round(clients, 3),
        "server_waited": round(waited, 3),
        "client_limited": clients > SATURATED and clients > server,
        "loop_lag_ms_p50": lag_quantile_ms(before, after, 0.5),
        "loop_lag_ms_p99": lag_quantile_ms(before, after, 0.99),
    }


def quantile(values: Sequence[float], part: float) -> float:
    """The smallest value that at least `part` of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -int(-part * len(ordered) // 1) - 1)] if ordered else float("nan")
