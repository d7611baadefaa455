"""Light people in a class, hundreds in one process: all that a page says to the server, without the page.

HTTP join, WebSocket, hello, the page's whole offer, real ICE and DTLS; then what comes is counted, by kind. Some may
send: sound with a level, simulcast pictures with keyframes when asked. Told what to do in JSON lines, as light.py:

    {"do": "enter", "port", "class_id", "people": [{"name", "code" | "token"}], "within_s", "limit_s", "wanted"}
        -> {"entered", "failed": {reason: n}, "first": {"connected": [s], "audio": [s], "video": [s]}, "participants"}
    {"do": "send", "streams": [{"who", "source", "rid", "pps", "burst", "size", "level"}]}   -> {}
    {"do": "sent"}                                                                            -> {"packets": {...}}
    {"do": "command", "who", "command"}                 -> {"asked_at", "acked_at"}  (CLOCK_MONOTONIC, seconds)
    {"do": "listen_for", "voices": {who: [ssrc...]}}   from now on open sound and note when one of these is heard
    {"do": "heard", "limit_s"}                          -> {"at": [s | null]}
    {"do": "count"}                                     -> {"audio", "video", "holes", "cpu_s", "left", "mapped"}
"""

from __future__ import annotations

import heapq
import select
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from bench.learner import Learner, Place
from bench.orders import obey
from bench.peer import CHECK_SECONDS, Identity
from bench.stream import Stream

READ_SECONDS = 0.025
LISTEN_SECONDS = 0.004
REPORT_SECONDS = 0.1


class Crowd:
    """The people of this process."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._identity = Identity()
        self._people: list[Learner] = []
        self._arriving: dict[int, Learner] = {}
        self._by_tcp: dict[int, Learner] = {}
        self._by_udp: dict[int, Learner] = {}
        self._due: list[tuple[float, int, Stream]] = []
        self._streams: list[Stream] = []
        self._epoll = select.epoll()
        self._epoll.register(0, select.EPOLLIN)
        self._drained_at = self._checked_at = self._turned_at = self._reported_at = 0.0
        self._quarter = self._twentieth = 0
        self._read_seconds = READ_SECONDS

    def turn(self) -> bool:
        """One look at everything; whether there is an order to be read."""
        ready = {fd for fd, _ in self._epoll.poll(self._idle_s())}
        for fd in ready:
            if (learner := self._by_tcp.get(fd)) is not None:
                learner.take_tcp()
                if learner.tcp is None:
                    del self._by_tcp[fd]
            elif (learner := self._by_udp.get(fd)) is not None:
                self._take_udp(fd, learner)
        now = time.monotonic()
        if self._arriving and now - self._turned_at > 0.1:
            self._turned_at = now
            for learner in self._arriving.values():
                if learner.is_connecting:
                    learner.turn(now)
        while self._due and self._due[0][0] <= now:
            at, number, stream = heapq.heappop(self._due)
            stream.send(now)
            heapq.heappush(self._due, (at + stream.interval, number, stream))
        if now - self._drained_at > self._read_seconds:
            self._drained_at = now
            for learner in self._people:
                if learner.connected and learner.socket.fileno() not in self._by_udp:
                    learner.drain()
        self._renew_consent(now)
        self._report(now)
        return 0 in ready

    def _report(self, now: float) -> None:
        """A quarter of them every 25 ms."""
        if now - self._reported_at < REPORT_SECONDS / 4:
            return
        self._reported_at, self._quarter = now, (self._quarter + 1) % 4
        for learner in self._people[self._quarter :: 4]:
            if learner.reports:
                learner.report(now)

    def _take_udp(self, fd: int, learner: Learner) -> None:
        """Until the first packets are there; then sockets are only looked into now and then."""
        if learner.is_connecting:
            learner.turn(time.monotonic())
        if learner.connected:
            learner.first.setdefault("connected", time.monotonic() - learner.began)
            learner.drain()
        if learner.is_ready:
            self._epoll.unregister(fd)
            del self._by_udp[fd]
            self._arriving.pop(learner.index, None)

    def _idle_s(self) -> float:
        now = time.monotonic()
        wakes = [self._drained_at + self._read_seconds]
        wakes += [self._due[0][0]] if self._due else []
        return max(0.0, min(wakes) - now)

    def _renew_consent(self, now: float) -> None:
        # A twentieth of them at a time: a browser's checks do not come together with everyone else's.
        if now - self._checked_at < CHECK_SECONDS / 20:
            return
        self._checked_at = now
        # Not by the clock: a slow loop would leave out the same ones each time.
        self._twentieth = (self._twentieth + 1) % 20
        for learner in self._people[self._twentieth :: 20]:
            if learner.connected and not learner.failed:
                learner.check()

    def enter(
        self,
        port: int,
        class_id: str,
        people: Sequence[Mapping[str, Any]],
        within_s: float,
        limit_s: float,
        wanted: Sequence[Mapping[str, str]] = (),
        until: Sequence[str] = ("audio", "video"),
        feedback: bool = False,
    ) -> dict[str, object]:
        """Join, spread evenly over `within_s`, and wait until each has got `until`; `feedback`: they report it."""
        place = Place(port, class_id, wanted, until, feedback=feedback)
        first = len(self._people)
        coming = [
            Learner(self._identity, self._address, first + index, person, place) for index, person in enumerate(people)
        ]
        start, used = time.monotonic(), time.process_time()
        waiting = list(reversed(coming))
        while time.monotonic() < start + limit_s:
            now = time.monotonic()
            while waiting and now >= start + (len(coming) - len(waiting)) * within_s / len(coming):
                self._arrive(waiting.pop())
            self.turn()
            if not waiting and all(learner.is_ready for learner in coming):
                break
        for learner in coming:
            if not learner.is_ready:
                learner.failed = f"nothing of {sorted(place.kinds - learner.first.keys())}"
        firsts = {
            kind: [learner.first[kind] for learner in coming if kind in learner.first]
            for kind in ("welcome", "connected", "audio", "video")
        }
        return {
            "entered": sum(not learner.failed for learner in coming),
            "failed": Counter(learner.failed for learner in coming if learner.failed),
            "first": firsts,
            "participants": [learner.participant for learner in coming],
            "took_s": time.monotonic() - start,
            "cpu_s": time.process_time() - used,
        }

    def _arrive(self, learner: Learner) -> None:
        self._people.append(learner)
        learner.begin()
        if learner.tcp is not None:
            self._by_tcp[learner.tcp.fileno()] = learner
            self._epoll.register(learner.tcp, select.EPOLLIN)
        self._by_udp[learner.socket.fileno()] = learner
        self._epoll.register(learner.socket, select.EPOLLIN)
        self._arriving[learner.index] = learner

    def send(self, streams: Sequence[Mapping[str, Any]]) -> dict[str, object]:
        """Start sending, and go on until the end."""
        start = time.monotonic()
        for order in streams:
            sender = self._people[order["who"]]
            stream = Stream(sender, order)
            sender.streams[stream.ssrc] = stream
            # Not all at the same moment, as nobody's microphone is.
            at = start + stream.interval * (len(self._streams) * 0.37 % 1)
            heapq.heappush(self._due, (at, len(self._streams), stream))
            self._streams.append(stream)
        return {"ssrcs": [stream.ssrc for stream in self._streams[-len(streams) :]]}

    def sent(self) -> dict[str, object]:
        return {
            "packets": [stream.packets for stream in self._streams],
            "cpu_s": time.process_time(),
            "late_s": max((time.monotonic() - at for at, *_ in self._due), default=0),
        }

    def command(self, who: int, command: Mapping[str, Any], limit_s: float = 10) -> dict[str, object]:
        """Ask, and wait for the answer."""
        learner = self._people[who]
        asked_at = time.monotonic()
        counter = learner.ask(command)
        while counter not in learner.answered:
            if learner.failed or time.monotonic() > asked_at + limit_s:
                raise RuntimeError(f"{command['type']}: {learner.failed or 'no answer'}")
            self.turn()
        return {"asked_at": asked_at, "acked_at": learner.answered[counter]}

    def listen_for(self, voices: Mapping[str, Sequence[int]]) -> dict[str, object]:
        self._read_seconds = LISTEN_SECONDS
        for who, ssrcs in voices.items():
            learner = self._people[int(who)]
            learner.voices, learner.heard_at = frozenset(ssrcs), None
        return {}

    def heard(self, limit_s: float) -> dict[str, object]:
        listening = [learner for learner in self._people if learner.voices]
        end = time.monotonic() + limit_s
        while time.monotonic() < end and any(learner.heard_at is None for learner in listening):
            self.turn()
        at = [learner.heard_at for learner in listening]
        for learner in listening:
            learner.voices = frozenset()
        self._read_seconds = READ_SECONDS
        return {"at": at}

    def count(self) -> dict[str, object]:
        for learner in self._people:
            learner.drain()
        sums: Counter[str] = Counter()
        for learner in self._people:
            sums.update(learner.counts)
        return {
            **{kind: sums[kind] for kind in ("audio", "video", "holes", "mapped")},
            "cpu_s": time.process_time(),
            "failed": Counter(learner.failed for learner in self._people if learner.failed),
        }


def main() -> None:
    crowd = Crowd(sys.argv[1])
    obey(crowd, crowd.turn)


if __name__ == "__main__":
    main()
