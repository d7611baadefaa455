"""One connected participant, and what waits to be told to him.

The outbox is bounded in bytes and age; who does not keep up is cut and comes back with the last seq he has. Nobody
waits for a client: telling only appends here, and the edge takes one message at a time. Events keep their order, a
fresh view stands in place of everything before it, of media reports only the newest counts, pulses coalesce.

Which entries a viewer is told, and how redacted, is *not* decided here (gathering.py asks rooms/audience.py).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from server.live.links import UNMEASURED, Link, Quality
from server.live.ports import Answer
from server.live.pulses import PULSES_PER_SENDER, Pulse, TokenBucket
from server.live.telling import (
    Bye,
    ByeReason,
    FreshView,
    LayersWanted,
    Levels,
    LinkTold,
    MediaLost,
    Message,
    PoorLinks,
    Pulsed,
    Slot,
    Slots,
    Told,
)
from server.rooms.kernel import ClientId, Command, Instant, ParticipantId, Refused, Role

if TYPE_CHECKING:
    from server.live.host import ClassHost

__all__ = [
    "Bye",
    "ByeReason",
    "FreshView",
    "LayersWanted",
    "Levels",
    "LinkTold",
    "MediaLost",
    "Message",
    "PoorLinks",
    "Pulsed",
    "Session",
    "Slot",
    "Slots",
    "Told",
    "Wish",
]

HELD_BYTES_MOST = 2**20
HELD_MS_MOST = 10_000
PULSES_HELD_MOST = 64
WISHES_MOST = 64

_AT_ONCE = {ByeReason.SLOW, ByeReason.ELSEWHERE}
"""Nothing that waits is worth sending before these."""


class Wish(Struct, frozen=True):
    """A picture the viewer wants, most important first. `quality` "high", "low" or "stills"."""

    participant: ParticipantId
    source: str
    quality: str


class _Held(NamedTuple):
    told: Told
    size_bytes: int
    since: Instant


class Session:
    """Made by `ClassHost.enter`; the edge reads it and must call `leave` when the socket ends.

    `async for message in session` gives one message at a time, the last one a Bye. The first is a FreshView or, on a
    resume (`resumed`), the first of the missed entries, if any.
    """

    def __init__(self, host: ClassHost, participant: ParticipantId, client: ClientId) -> None:
        self.host = host
        self.participant = participant
        self.client = client
        self.resumed = False
        self.left = False
        self._begun = False
        self._held: deque[_Held] = deque()
        self._held_bytes = 0
        self._stale_since: Instant | None = None
        self._media_lost: MediaLost | None = None
        self._slots: Slots | None = None
        self._layers: dict[str, LayersWanted] = {}
        self._levels: Levels | None = None
        self._link, self._link_is_news = UNMEASURED, False
        self._poor: Mapping[ParticipantId, Quality] = {}
        self._poor_is_news = False
        self._pulses: dict[tuple[ParticipantId, type], Pulsed] = {}
        self._pulse_rate = TokenBucket(PULSES_PER_SENDER)
        self._farewell: ByeReason | None = None
        self._over = False
        self._ready = asyncio.Event()
        self._cut = asyncio.Event()

    # For the edge.

    @property
    def name(self) -> str:
        return self.host.classroom.roster.people[self.participant].name

    @property
    def role(self) -> Role:
        """As it is now in the class."""
        return self.host.classroom.roster.people[self.participant].role

    def __aiter__(self) -> AsyncIterator[Message]:
        return self

    async def __anext__(self) -> Message:
        while not self._over:
            message = self._next()
            if message is not None:
                return message
            self._ready.clear()
            await self._ready.wait()
        raise StopAsyncIteration

    async def wait_cut(self) -> None:
        """Returns once the session is over (slow, elsewhere, ended, ...): a send still stuck then may be aborted."""
        await self._cut.wait()

    async def submit(self, command: Command, counter: int) -> int:
        """Do a command of this participant; returns the seq that contains it. Same counter = done once.

        Raises Refused.
        """
        self._require_open()
        return await self.host.submit(self.participant, command, self.client, counter)

    def pulse(self, pulse: Pulse) -> None:
        """Relay to everyone in the same room; dropped when there are too many."""
        now = self.host.now()
        if self._farewell is None and self._pulse_rate.take(now):
            self.host.relay(self.participant, pulse)

    async def offer(self, sdp: str, sources: Mapping[str, str]) -> Answer:
        """Connect media: one offer per RTCPeerConnection. Raises Refused, or ValueError where nobody can answer it."""
        self._require_open()
        return await self.host.offer(self, sdp, sources)

    def watch(self, wanted: Sequence[Wish], cameras: int | None = None) -> None:
        """What this viewer wants to see, most important first, in place of what he wanted before; see MediaPlane."""
        if self._farewell is None:
            self.host.watch(self.participant, wanted[:WISHES_MOST], cameras)

    def leave(self) -> None:
        """The socket ended. Never blocks; idempotent; harmless where a newer session took over."""
        if not self.left:
            self.left = True
            self._finish()
            self.host.departed(self)

    # For the host.

    @property
    def over(self) -> bool:
        return self._farewell is not None or self.left

    @property
    def begun(self) -> bool:
        """Not while the participant's joining is being decided."""
        return self._begun

    @property
    def up_to_date(self) -> bool:
        """Whether entries can be told one by one; not while a fresh view is due, which will contain them."""
        return self._begun and self._stale_since is None and not self.over

    def begin(self, now: Instant, missed: Iterable[tuple[Told, int]] | None) -> None:
        """Start telling: the entries missed since the client's last seq, or None for a fresh view."""
        self._begun = True
        if missed is None:
            self.refresh(now)
            return
        self.resumed = True
        for told, size_bytes in missed:
            self.tell(told, size_bytes, now)

    def tell(self, told: Told, size_bytes: int, now: Instant) -> None:
        self._held.append(_Held(told, size_bytes, now))
        self._held_bytes += size_bytes
        if self._held_bytes > HELD_BYTES_MOST or now - self._held[0].since > HELD_MS_MOST:
            self.cut(ByeReason.SLOW)
        self._ready.set()

    def refresh(self, now: Instant) -> None:
        """Give up telling what changed; tell how things are, as of the moment the edge takes it."""
        if not self._begun or self.over:
            return
        if self._stale_since is None:
            self._stale_since = self._held[0].since if self._held else now
        elif now - self._stale_since > HELD_MS_MOST:
            self.cut(ByeReason.SLOW)
        self._forget_entries()  # the view will contain them
        self._ready.set()

    def report_slots(self, slots: Slots) -> None:
        self._slots = slots
        self._ready.set()

    def report_layers(self, layers: LayersWanted) -> None:
        self._layers[layers.source] = layers
        self._ready.set()

    def report_levels(self, levels: Levels) -> None:
        self._levels = levels
        self._ready.set()

    def report_link(self, link: Link, poor: Mapping[ParticipantId, Quality]) -> None:
        """One's own connection, and those of others as far as this participant may see; told where they changed."""
        if link != self._link:
            self._link, self._link_is_news = link, True
            self._ready.set()
        if poor != self._poor:
            self._poor, self._poor_is_news = poor, True
            self._ready.set()

    def report_media_lost(self, reason: str) -> None:
        self._media_lost, self._slots = MediaLost(reason), None
        self._layers.clear()
        self._ready.set()

    def relay(self, pulsed: Pulsed) -> None:
        """Of one sender and kind only the newest waits."""
        key = (pulsed.participant, type(pulsed.pulse))
        if key in self._pulses or len(self._pulses) < PULSES_HELD_MOST:
            self._pulses[key] = pulsed
            self._ready.set()

    def cut(self, reason: ByeReason) -> None:
        """End the session, after what already waits where that is still of use. The first reason stays."""
        if self._farewell is not None:
            return
        self._farewell = reason
        if reason in _AT_ONCE:
            self._forget_entries()
            self._stale_since = self._slots = self._levels = self._media_lost = None
            self._layers.clear()
            self._pulses.clear()
        self._cut.set()
        self._ready.set()

    def _next(self) -> Message | None:
        if self._stale_since is not None:
            self._stale_since = None
            return FreshView(self.host.view(self.participant))
        if self._held:
            held = self._held.popleft()
            self._held_bytes -= held.size_bytes
            return held.told
        if self._farewell is not None:
            self._finish()
            return Bye(self._farewell)
        return self._next_report()

    def _next_report(self) -> Message | None:
        report: Message | None
        if self._media_lost is not None:
            report, self._media_lost = self._media_lost, None
        elif self._slots is not None:
            report, self._slots = self._slots, None
        elif self._layers:
            report = self._layers.pop(next(iter(self._layers)))
        elif self._levels is not None:
            report, self._levels = self._levels, None
        elif self._link_is_news:
            report, self._link_is_news = LinkTold(self._link), False
        elif self._poor_is_news:
            report, self._poor_is_news = PoorLinks(self._poor), False
        elif self._pulses:
            report = self._pulses.pop(next(iter(self._pulses)))
        else:
            report = None
        return report

    def _finish(self) -> None:
        self._over = True
        self._forget_entries()
        self._cut.set()
        self._ready.set()

    def _forget_entries(self) -> None:
        self._held.clear()
        self._held_bytes = 0

    def _require_open(self) -> None:
        if self.over:
            raise Refused("session.over")
