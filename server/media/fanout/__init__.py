"""The hot path's seam: one call per received burst, for all viewers at once.

The plane decides which packet goes to whom; what stands behind `FanOut` writes headers (rtp.rewrite), protects and
sends. native/fanout.pyx is compiled where there is a C compiler; pure.py says the same in Python, and byte for byte it
is the same that goes out. best.py chooses.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from server.media.net.link import Link
from server.media.rtp.rewrite import StreamRewriter
from server.media.rtp.sent import SentLog
from server.media.rtp.source import Packet


class Departures:
    """What one viewer gets besides what flows on its slots (repeats), and the log of all it is ever sent.

    The third part of a parcel says that its packets went out before (write_again instead of write).
    """

    __slots__ = ("link", "log", "parcels")

    def __init__(self, link: Link) -> None:
        self.link = link
        self.log = SentLog()
        self.parcels: list[tuple[StreamRewriter, Sequence[Packet], bool]] = []


class Receiver(Protocol):
    """One slot of one viewer."""

    @property
    def departures(self) -> Departures: ...

    @property
    def rewriter(self) -> StreamRewriter: ...


class Stream(Protocol):
    """What goes to a number of slots."""

    @property
    def slots(self) -> Sequence[Receiver]: ...


Flow = tuple[Stream, Sequence[Packet]]
"""A stretch of one stream within a burst; all of them are in the order of arrival."""


class FanOut(Protocol):
    """Sends now or never. What cannot be sent is counted and gone: late media is worth nothing."""

    @property
    def native(self) -> bool:
        """Whether it is the compiled one."""

    @property
    def gso(self) -> bool:
        """Whether runs of packets are still sent as one message; never comes back once the kernel has refused."""

    def send(self, departing: Iterable[Departures], flows: Iterable[Flow], now_us: int) -> None:
        """Send every viewer the parcels that wait in its departures, which are empty then, and what flows to it."""


def gather(departing: Iterable[Departures], flows: Iterable[Flow]) -> list[Departures]:
    """Put what flows behind what waits, viewer by viewer, so that all that goes to one address goes out together."""
    batch = list(departing)
    for stream, packets in flows:
        for slot in stream.slots:
            departures = slot.departures
            if not departures.parcels:
                batch.append(departures)
            departures.parcels.append((slot.rewriter, packets, False))
    return batch


def abandon(departing: Iterable[Departures], flows: Iterable[Flow]) -> None:
    """After `send` failed: nothing waits any more, so that the next burst goes out whole."""
    for departures in departing:
        departures.parcels.clear()
    for stream, _ in flows:
        for slot in stream.slots:
            slot.departures.parcels.clear()
