"""One participant as the media plane knows him: what he may send, what he wants to see, and his present connection.

A connection comes and goes (reload, change of network beyond ICE, a crash of the page); the rest stays until he is
disconnected for good.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from server.media.answer import Idle, Publishing, Role, Session, Slotted
from server.media.clock import ntp_from_wall
from server.media.downlink import Downlink
from server.media.gauge import LinkGauge, Totals
from server.media.net.dtls import Identity
from server.media.net.ice import Credentials
from server.media.net.link import Link, Lost
from server.media.offer import Line, Offer
from server.media.publisher import Audience, Encoding, Publisher, Track
from server.media.recording import Recording
from server.media.rtp import rtcp
from server.media.rtp.header import Header
from server.media.rtp.rtcp import ReportBlock
from server.media.rtp.source import Packet
from server.media.shapes import LinkReport, PeerId, Want

SOURCES = {"mic": "audio", "screen_audio": "audio", "camera": "video", "screen": "video"}
"""What a peer may send, and of what kind it is."""

PICTURES = frozenset(source for source, kind in SOURCES.items() if kind == "video")


# Who sends, and who is being probed, is looked after at every tick.
_SENDING_US = 1_000_000
_PROBING_US = 200_000

# Whoever has been silent for so long is told nothing more about what he sent: most people never send.
_SILENT_US = 10_000_000


class Surroundings(Protocol):
    """What a peer needs of the plane."""

    counts: Counter[str]

    def now_us(self) -> int:
        """Microseconds since the Unix epoch, never running backwards."""

    def next_source(self) -> int:
        """A name for a stream that was never given before."""

    def recall(self, source: int, number: int) -> Packet | None:
        """What a stream, or a thinned form of it, sent as this number, if it is remembered."""

    def up(self, peer: Peer) -> None: ...
    def lost(self, peer: Peer, reason: Lost) -> None: ...
    def stirs(self, peer: Peer) -> None:
        """He is to be looked after at every tick from the next one on."""

    def voice(self, peer: Peer, level: int, now_ms: int) -> None: ...
    def deliver(self, encoding: Encoding, packet: Packet) -> None: ...
    def learned(self, peer: Peer, encoding: Encoding, replaced: Encoding | None) -> None: ...
    def departing(self, downlink: Downlink) -> None:
        """Packets wait in a downlink's departures."""


class Peer:
    """See above. `gathering` membership is the plane's business."""

    def __init__(self, peer: PeerId) -> None:
        self.id = peer
        self.allowed: frozenset[str] = frozenset()
        self.wanted: tuple[Want, ...] = ()
        self.cameras: int | None = None
        self.recordings: dict[str, Recording] = {}
        self.connection: Connection | None = None
        self.is_seated = False
        """False if the slots must be given anew even though the circle shows the same."""

    def allow(self, sources: frozenset[str], now_us: int) -> None:
        """Forward these and no others, from the next packet on."""
        self.allowed = sources
        if self.connection is not None:
            for track in self.connection.publisher.tracks():
                track.allowed = track.source in sources
                track.demand.want_all(now_us)

    def record(self, source: str, recording: Recording) -> None:
        """Copy a source, also across reconnects."""
        self.recordings[source] = recording
        track = self.track(source)
        if track is not None:
            track.recording = recording

    def stop_recording(self, source: str) -> None:
        """Close the copy, if there is one."""
        recording = self.recordings.pop(source, None)
        track = self.track(source)
        if track is not None:
            track.recording = None
        if recording is not None:
            recording.close()

    def tick_recordings(self, now_us: int) -> None:
        """A few times a second; see Recording."""
        for source, recording in self.recordings.items():
            track = self.track(source)
            if track is not None:
                recording.tick(track, now_us)

    def track(self, source: str) -> Track | None:
        """The track of a source, if a line of the present connection carries it."""
        return self.connection.publisher.track(source) if self.connection is not None else None

    def shown(self) -> Iterator[Track]:
        """Tracks that may be forwarded now."""
        if self.connection is not None and self.connection.is_up:
            yield from (track for track in self.connection.publisher.tracks() if track.allowed)

    def demanded(self, now_us: int) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Pictures of which other layers are wanted than when this was last asked: source and rids."""
        if self.connection is None:
            return
        for track in self.connection.publisher.tracks():
            if track.kind != "video":
                continue
            demand = track.demand
            if track.source in self.recordings or not track.allowed:  # who may send again begins with everything
                demand.want_all(now_us)
            wanted = demand.wanted(now_us)
            if wanted != demand.told:
                demand.told = wanted
                yield track.source, wanted

    def receiving(self) -> Downlink | None:
        """The downlink, once packets can be sent on it."""
        return self.connection.downlink if self.connection is not None and self.connection.is_up else None

    def measure(self, now_us: int) -> LinkReport | None:
        """How the connection did since the last call; None without one, or where too little went by to tell."""
        return self.connection.measure(now_us) if self.connection is not None and self.connection.is_up else None

    def stop_flowing(self) -> None:
        """Take the peer's sources off everybody's slots, and everything off his, at once."""
        if self.connection is None:
            return
        for encoding in self.connection.publisher.encodings():
            for slot in encoding.watched_on():
                slot.carry_nothing()
        for slot in self.connection.downlink.slots.values():
            slot.carry_nothing()


class Connection(Audience):
    """One transport of a peer with both halves on it; hears what the link reports."""

    def __init__(
        self, peer: Peer, offer: Offer, sources: Mapping[str, str], identity: Identity, around: Surroundings
    ) -> None:
        """Raises ValueError if `sources` does not fit the offer."""
        self._peer = peer
        self._around = around
        self._counts = around.counts
        tracks = _tracks(offer, sources, around.now_us())
        for track in tracks.values():
            track.allowed = track.source in peer.allowed
            track.recording = peer.recordings.get(track.source)
        self.is_up = False
        self.awake_until_us = 0
        self._gauge = LinkGauge(around.now_us())
        self._round_trip_ms: float | None = None
        self.session = Session(secrets.randbits(62), 1)
        self._fingerprints = frozenset(offer.fingerprints)
        self._shape = _shape(offer, sources)
        self.link = Link(identity, offer.remote, offer.fingerprints, self, self._counts, around.now_us())
        receiving = [
            line for line in offer.lines if isinstance(line, Line) and line.receives and line.mid not in tracks
        ]
        self.downlink = Downlink(self.link, receiving, self._counts)
        ours = next((ssrc for ssrc, _ in self.downlink.ssrcs.values()), 1)
        self.publisher = Publisher(self.link, tracks, ours, around.next_source, around.now_us, self, self._counts)

    def goes_on_in(self, offer: Offer, sources: Mapping[str, str]) -> bool:
        """Whether an offer is of the very same connection, so that all it wants is other ICE credentials."""
        return frozenset(offer.fingerprints) == self._fingerprints and _shape(offer, sources) == self._shape

    def restart_ice(self, remote: Credentials) -> None:
        """Take new credentials. DTLS, SRTP and every stream go on."""
        self.session = Session(self.session.number, self.session.version + 1)
        self.link.ice.restart(remote)

    def roles(self, offer: Offer) -> dict[str, Role]:
        """What each line of the offer is for."""
        publishing = {track.line.mid for track in self.publisher.tracks()}
        roles: dict[str, Role] = {}
        for line in offer.lines:
            if line.mid in publishing:
                roles[line.mid] = Publishing()
            elif line.mid in self.downlink.ssrcs:
                roles[line.mid] = Slotted(*self.downlink.ssrcs[line.mid])
            else:
                roles[line.mid] = Idle()
        return roles

    def tick(self, now_us: int, in_turn: bool) -> None:
        """Every 250 ms, then `in_turn`, and every 50 ms until it is up and while `awake_until_us` says so."""
        if not self.is_up:
            self.link.tick(now_us)
            return
        if self.downlink.probe(now_us):
            self._around.departing(self.downlink)
            self.awake_until_us = now_us + _PROBING_US
        silent_us = now_us - self.publisher.heard_us
        if silent_us < (_SILENT_US if in_turn else _SENDING_US):
            self.publisher.tick(now_us)
            self.awake_until_us = max(self.awake_until_us, self.publisher.heard_us + _SENDING_US)
        if in_turn:
            self.downlink.tick(now_us)
            self.link.tick(now_us)

    def measure(self, now_us: int) -> LinkReport | None:
        """See Peer."""
        return self._gauge.report(
            Totals(*self.publisher.counted(), *self.downlink.counted()),
            now_us,
            round_trip_ms=None if self._round_trip_ms is None else round(self._round_trip_ms),
            up_bps=self.publisher.bps(now_us),
            pictures=self.downlink.pictures,
            reduced=self.downlink.reduced,
        )

    def close(self) -> None:
        """Say goodbye; no slot of anybody's carries our streams any more."""
        self.publisher.close()
        self.link.close()
        self.is_up = False

    def link_up(self) -> None:
        """See LinkListener."""
        self.is_up = True
        self._around.up(self._peer)

    def link_lost(self, reason: Lost) -> None:
        """See LinkListener."""
        self._around.lost(self._peer, reason)

    def rtp(self, packet: bytes, header: Header, arrival_us: int) -> None:
        """See LinkListener."""
        try:
            self.publisher.rtp(packet, header, arrival_us)
            if arrival_us > self.awake_until_us:  # who begins to send is told at the next tick how it arrives
                self.awake_until_us = arrival_us + _SENDING_US
                self._around.stirs(self._peer)
            self._counts["rtp-in"] += 1
        except ValueError:
            self._counts["drop-rtp-malformed"] += 1

    def rtcp(self, compound: bytes, arrival_us: int) -> None:
        """See LinkListener."""
        try:
            messages = rtcp.parse_compound(compound)
        except ValueError:
            self._counts["drop-rtcp-malformed"] += 1
            return
        self._counts["rtcp-in"] += 1
        departing = False
        for message in messages:
            if isinstance(message, rtcp.SenderReport):
                self.publisher.sender_report(message, arrival_us)
            if isinstance(message, rtcp.SenderReport | rtcp.ReceiverReport):
                self._note_round_trip(message.blocks, arrival_us)
            departing |= self.downlink.feedback(message, self._around.recall, arrival_us)
        if departing:
            self._around.departing(self.downlink)

    def _note_round_trip(self, blocks: Sequence[ReportBlock], arrival_us: int) -> None:
        now_ntp = ntp_from_wall(arrival_us / 1000)
        for block in blocks:
            round_trip_ms = rtcp.round_trip_ms(block, now_ntp)
            if round_trip_ms is not None:
                self.publisher.round_trip(round_trip_ms)
                known_ms = self._round_trip_ms if self._round_trip_ms is not None else round_trip_ms
                self._round_trip_ms = known_ms + (round_trip_ms - known_ms) / 8  # as TCP does (RFC 6298 2)
                return  # the others echo the same moment

    def deliver(self, encoding: Encoding, packet: Packet) -> None:
        """See Audience."""
        self._around.deliver(encoding, packet)

    def voice(self, track: Track, level: int, now_ms: int) -> None:
        """See Audience."""
        self._around.voice(self._peer, level, now_ms)

    def learned(self, encoding: Encoding, replaced: Encoding | None) -> None:
        """See Audience."""
        self._around.learned(self._peer, encoding, replaced)


def _shape(offer: Offer, sources: Mapping[str, str]) -> object:
    """What all offers of one connection have in common."""
    return dict(sources), [
        (line.mid, line.kind, line.sends, line.receives, line.formats, line.rids)
        if isinstance(line, Line)
        else line.mid
        for line in offer.lines
    ]


def check_sources(offer: Offer, sources: Mapping[str, str]) -> None:
    """Raises ValueError unless every named line is there, sends, is of the source's kind, and no source comes twice."""
    lines: Mapping[str, object] = {line.mid: line for line in offer.lines}
    named: Sequence[str] = list(sources.values())
    if len(set(named)) != len(named):
        raise ValueError("a source is named for two lines")
    for mid, source in sources.items():
        line = lines.get(mid)
        if not isinstance(line, Line) or not line.sends:
            raise ValueError("a source is named for a line that cannot send")
        if SOURCES.get(source) != line.kind:
            raise ValueError("a source is named for a line of another kind")


def _tracks(offer: Offer, sources: Mapping[str, str], now_us: int) -> dict[str, Track]:
    check_sources(offer, sources)
    return {
        line.mid: Track(sources[line.mid], line, now_us)
        for line in offer.lines
        if isinstance(line, Line) and line.mid in sources
    }
