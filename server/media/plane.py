"""The media plane: tracks in, slots out, on one UDP port. The public face of server/media (live.ports.MediaPlane).

One received burst is one pass: read all datagrams, queue what each viewer gets, fan out once. Changes of circle,
permission and wishes stop what must stop at once and give the slots anew at the end of the loop's turn, together.
Time comes from one clock in microseconds; all timers are the one tick of 50 ms.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack

from server.media.answer import Endpoint, build_answer
from server.media.downlink import Downlink
from server.media.fanout import Departures, FanOut, Stream, abandon
from server.media.fanout.best import open_fan_out
from server.media.gathering import Gathering
from server.media.mishaps import Mishaps
from server.media.net.best import open_intake
from server.media.net.dtls import Identity
from server.media.net.intake import Open
from server.media.net.link import Lost
from server.media.net.tcp import TcpListener
from server.media.net.udpmux import UdpMux
from server.media.offer import Offer, parse_offer
from server.media.peer import Connection, Peer
from server.media.publisher import Encoding
from server.media.recording import Recording
from server.media.rounds import Rounds
from server.media.rtp.source import Packet
from server.media.seating import Seat
from server.media.shapes import Answer, Circle, LinkReport, MediaListener, PeerId, Want
from server.media.tap import FrameSink
from server.media.thinning import FORMS

TICK_SECONDS = 0.05
"""Transport feedback wants 50 to 100 ms; everything else is rarer."""

_TICKS_PER_ROUND = 5
"""What is not urgent is done every 250 ms: levels, layers that stopped or started, recordings, silent peers."""

_TICKS_PER_MEASURE = 80
"""Four seconds: quick enough for an indicator, long enough for a share of the packets to mean something."""

_MAX_WISHES = 64

# A free UDP port may be taken on TCP.
_FREE_PORT_ATTEMPTS = 10


def anchored_clock() -> Callable[[], int]:
    """Microseconds since the Unix epoch as of now, monotonic from here: setting the system's clock moves nothing."""
    wall_us, start_us = time.time_ns() // 1000, time.monotonic_ns() // 1000
    return lambda: wall_us + time.monotonic_ns() // 1000 - start_us


class UdpPlane:
    """See live.ports.MediaPlane for what the calls promise. Everything runs on the loop that opened it."""

    def __init__(
        self,
        mux: UdpMux,
        listener: MediaListener,
        clock: Callable[[], int],
        addresses: Sequence[str],
        counts: Counter[str],
        fan_out: Callable[[UdpMux, Counter[str]], FanOut] = open_fan_out,
    ) -> None:
        self.counts = counts
        self._mux = mux
        self._tcp = TcpListener(mux, clock, counts)
        self._listener = listener
        self._addresses = tuple(addresses)
        self._clock = clock
        self._identity = Identity()
        self._fan_out: FanOut = fan_out(mux, counts)
        self._peers: dict[PeerId, Peer] = {}
        self._gatherings: dict[Circle, Gathering] = {}
        self._circle_of: dict[PeerId, Gathering] = {}
        self._streams: dict[int, Encoding] = {}
        self._sources_named = 0
        self._departing: list[Departures] = []
        self._flowing: list[tuple[Stream, list[Packet]]] = []
        self._unsettled: set[Gathering] = set()
        self._reseating: asyncio.Handle | None = None
        self._mishaps = Mishaps(clock, counts, self._fail)
        self._rounds = Rounds(_TICKS_PER_ROUND, self._mishaps)
        self._ticks = 0
        self._ticking: asyncio.TimerHandle | None = None
        mux.after_burst = self._send

    @classmethod
    async def open(
        cls,
        host: str,
        port: int,
        public_address: str,
        listener: MediaListener,
        clock: Callable[[], int] | None = None,
        fan_out: Callable[[UdpMux, Counter[str]], FanOut] = open_fan_out,
        other_addresses: Sequence[str] = (),
        intake: Open = open_intake,
    ) -> UdpPlane:
        """Bind UDP and TCP on `port` (0: a free one) and start. `clock` counts microseconds since the Unix epoch.

        Browsers are told `public_address` and, for instance of the other family, `other_addresses`.

        Raises OSError when the port is taken.
        """
        clock = clock or anchored_clock()
        counts: Counter[str] = Counter()
        addresses = (public_address, *other_addresses)
        attempts = 1 if port else _FREE_PORT_ATTEMPTS
        while True:
            attempts -= 1
            plane = cls(UdpMux.open(host, port, clock, counts, intake), listener, clock, addresses, counts, fan_out)
            try:
                await plane._tcp.open(host, plane.port)
                break
            except OSError:
                plane._mux.close()
                if not attempts:
                    raise
        plane._ticking = asyncio.get_running_loop().call_later(TICK_SECONDS, plane._tick)
        return plane

    @property
    def port(self) -> int:
        """The one port, UDP and TCP."""
        return self._mux.port

    async def close(self) -> None:
        """Say goodbye to everyone and give the port back. Recordings are closed."""
        for peer in tuple(self._peers.values()):
            with self._mishaps.serving(peer):
                self.disconnect(peer.id)
        for handle in (self._ticking, self._reseating):
            if handle is not None:
                handle.cancel()
        await self._tcp.close()
        self._mux.close()

    async def connect(self, peer: PeerId, offer: str, sources: Mapping[str, str]) -> Answer:
        """See MediaPlane. The peer keeps its circle, permissions, wishes and recordings."""
        parsed = parse_offer(offer)
        known = self._peers.get(peer) or Peer(peer)
        present = known.connection
        if present is not None and present.goes_on_in(parsed, sources):
            self._mux.forget_ufrags(present.link)
            present.restart_ice(parsed.remote)
            self._mux.add(present.link)
            self.counts["ice-restarts"] += 1
            return self._answer(present, parsed)
        connection = Connection(known, parsed, sources, self._identity, self)
        answer = self._answer(connection, parsed)
        self._hang_up(known)
        self._peers[peer] = known
        known.connection = connection
        self._mux.add(connection.link)
        self._rounds.wakes(known)
        self.counts["connects"] += 1
        return answer

    def disconnect(self, peer: PeerId) -> None:
        """See MediaPlane."""
        known = self._peers.pop(peer, None)
        if known is None:
            return
        with ExitStack() as steps:  # the last comes first, and none is left out if another fails
            for source in known.recordings:
                steps.callback(known.stop_recording, source)
            steps.callback(self._hang_up, known)
            steps.callback(self._leave, known)

    def place(self, peer: PeerId, circle: Circle) -> None:
        """See MediaPlane. A peer may be placed before it connects."""
        known = self._peers.setdefault(peer, Peer(peer))
        present = self._circle_of.get(peer)
        if present is not None and present.circle == circle:
            return
        self._leave(known)
        gathering = self._gatherings.setdefault(circle, Gathering(circle, self._mishaps))
        gathering.add(known)
        self._circle_of[peer] = gathering
        self._unsettle(gathering)

    def allow(self, peer: PeerId, sources: frozenset[str]) -> None:
        """See MediaPlane. What is not allowed stops with this call."""
        known = self._peers.get(peer)
        if known is None or known.allowed == sources:
            return
        known.allow(sources, self._clock())
        self._tell_layers((known,))
        gathering = self._circle_of.get(peer)
        if gathering is not None:
            if "mic" not in sources:
                gathering.silence(peer)
            self._unsettle(gathering)

    def watch(self, peer: PeerId, wanted: Sequence[Want], cameras: int | None = None) -> None:
        """See MediaPlane."""
        known = self._peers.get(peer)
        if known is None:
            return
        known.wanted, known.cameras = tuple(wanted[:_MAX_WISHES]), cameras
        known.is_seated = False
        gathering = self._circle_of.get(peer)
        if gathering is not None:
            self._unsettle(gathering)

    def record(self, peer: PeerId, source: str, sink: FrameSink) -> None:
        """See MediaPlane. A second sink for the same source closes the first; an unknown peer's is closed at once."""
        known = self._peers.get(peer)
        if known is None:
            sink.close()
            return
        known.stop_recording(source)
        known.record(source, Recording(sink))
        self._tell_layers((known,))
        track = known.track(source)
        best = track.best(self._clock()) if track is not None else None
        if best is not None:
            best.request_keyframe(self._clock())

    def stop_recording(self, peer: PeerId, source: str) -> None:
        """See MediaPlane."""
        known = self._peers.get(peer)
        if known is not None:
            known.stop_recording(source)

    def stats(self) -> dict[str, int]:
        """Counters since the start, and what there is now (`now-…`), for /metrics."""
        connections = [peer.connection for peer in self._peers.values() if peer.connection is not None]
        return {
            **self.counts,
            "now-fanout-gso": int(self._fan_out.gso),
            "now-fanout-native": int(self._fan_out.native),
            "now-intake-native": int(self._mux.intake.native),
            "now-peers": len(self._peers),
            "now-connected": sum(connection.is_up for connection in connections),
            "now-circles": len(self._gatherings),
            "now-streams": len(self._streams),
            "now-recordings": sum(len(peer.recordings) for peer in self._peers.values()),
        }

    # What peers ask of their surroundings.

    def now_us(self) -> int:
        """See Surroundings."""
        return self._clock()

    def next_source(self) -> int:
        """See Surroundings."""
        self._sources_named += FORMS
        return self._sources_named

    def recall(self, source: int, number: int) -> Packet | None:
        """See Surroundings."""
        encoding = self._streams.get(source - source % FORMS)
        return encoding.thinning.recall(source, number) if encoding is not None else None

    def up(self, peer: Peer) -> None:
        """See Surroundings."""
        peer.is_seated = False
        gathering = self._circle_of.get(peer.id)
        if gathering is not None:
            self._unsettle(gathering)
        self._listener.media_connected(peer.id)
        self._tell_slots(peer)

    def lost(self, peer: Peer, reason: Lost) -> None:
        """See Surroundings."""
        self.counts[f"lost-{reason.value}"] += 1
        try:
            self.disconnect(peer.id)
        finally:
            self._listener.media_lost(peer.id, reason.value)

    def stirs(self, peer: Peer) -> None:
        """See Surroundings."""
        self._rounds.wakes(peer)

    def _fail(self, peer: Peer) -> None:
        if self._peers.get(peer.id) is peer:
            self.lost(peer, Lost.ERROR)

    def voice(self, peer: Peer, level: int, now_ms: int) -> None:
        """See Surroundings."""
        gathering = self._circle_of.get(peer.id)
        if gathering is not None and gathering.voice(peer.id, level, now_ms) and gathering.listen(now_ms):
            self._unsettle(gathering)

    def deliver(self, encoding: Encoding, packet: Packet) -> None:
        """See Surroundings. Whoever watches gets it at the end of the burst, with the rest of it."""
        if encoding.stills.slots and encoding.stills.take(packet):
            self._let_flow(encoding.stills, packet)
        thinning = encoding.thinning
        if not thinning.in_use:
            self._let_flow(encoding, packet)
            return
        forms, moves = thinning.spread(packet)
        if moves:
            self._send()  # what came before still goes where it went
            for move in moves:
                move.slot.turn(move.form, move.packet, move.number, move.picture)
        for form, thinned in forms:
            self._let_flow(form, thinned)

    def _let_flow(self, stream: Stream, packet: Packet) -> None:
        flowing = self._flowing
        if not stream.slots:
            return
        if flowing and flowing[-1][0] is stream:
            flowing[-1][1].append(packet)
        else:
            flowing.append((stream, [packet]))

    def departing(self, downlink: Downlink) -> None:
        """See Surroundings."""
        if downlink.departures not in self._departing:
            self._departing.append(downlink.departures)

    def learned(self, peer: Peer, encoding: Encoding, replaced: Encoding | None) -> None:
        """See Surroundings."""
        self._send()  # first what waits: slots may change over now, and must not miss the keyframe they awaited
        self._streams[encoding.source] = encoding
        if replaced is not None:
            self._retire(replaced)
        gathering = self._circle_of.get(peer.id)
        if gathering is not None:
            for viewer in gathering.flow(self._clock(), only=Seat(peer.id, encoding.track.source)):
                self._tell_slots(viewer)

    # Changes.

    def _answer(self, connection: Connection, offer: Offer) -> Answer:
        endpoint = Endpoint(self._addresses, self.port, tcp=True, fingerprint=self._identity.fingerprint)
        local = connection.link.ice.local
        sdp = build_answer(offer, connection.roles(offer), local, endpoint, connection.session)
        return Answer(sdp, {mid: slot.kind for mid, slot in connection.downlink.slots.items()})

    def _leave(self, peer: Peer) -> None:
        gathering = self._circle_of.pop(peer.id, None)
        if gathering is None:
            return
        peer.stop_flowing()
        gathering.remove(peer)
        if len(gathering):
            self._unsettle(gathering)
        else:
            self._unsettled.discard(gathering)
            del self._gatherings[gathering.circle]

    def _hang_up(self, peer: Peer) -> None:
        connection = peer.connection
        if connection is None:
            return
        peer.stop_flowing()
        for encoding in connection.publisher.encodings():
            self._retire(encoding)
        try:
            connection.close()
        finally:
            self._mux.remove(connection.link)
            peer.connection = None
        gathering = self._circle_of.get(peer.id)
        if gathering is not None:
            gathering.silence(peer.id)
            self._unsettle(gathering)

    def _retire(self, encoding: Encoding) -> None:
        for slot in encoding.watched_on():
            slot.carry_nothing()
        self._streams.pop(encoding.source, None)

    def _unsettle(self, gathering: Gathering) -> None:
        self._unsettled.add(gathering)
        if self._reseating is None:
            self._reseating = asyncio.get_running_loop().call_soon(self._reseat)

    def _reseat(self) -> None:
        self._reseating = None
        unsettled, self._unsettled = self._unsettled, set()
        for gathering in unsettled:
            for viewer in list(gathering.reseat(self._clock())):
                with self._mishaps.serving(viewer):
                    self._tell_slots(viewer)
            self._tell_layers(gathering.seen())

    def _tell_layers(self, peers: Iterable[Peer]) -> None:
        now_us = self._clock()
        for peer in peers:
            with self._mishaps.serving(peer):
                for source, rids in list(peer.demanded(now_us)):
                    self._listener.layers_wanted(peer.id, source, rids)

    def _tell_slots(self, viewer: Peer) -> None:
        downlink = viewer.receiving()
        if downlink is not None:
            self._listener.slots_changed(viewer.id, downlink.contents())

    # Time.

    def _send(self) -> None:
        departing, self._departing = self._departing, []
        flowing, self._flowing = self._flowing, []
        if not departing and not flowing:
            return
        try:
            self._fan_out.send(departing, flowing, self._clock())
        except Exception as error:  # noqa: BLE001  logged, within bounds
            self._mishaps.note("a burst was dropped on an error of ours", error)
            abandon(departing, flowing)

    def _tick(self) -> None:
        self._ticking = asyncio.get_running_loop().call_later(TICK_SECONDS, self._tick)
        self._ticks += 1
        now_us = self._clock()
        self._rounds.tick(list(self._peers.values()), now_us)
        self._send()
        for gathering in self._gatherings.values():
            if gathering.listen(now_us // 1000):
                self._unsettle(gathering)
        if self._ticks % _TICKS_PER_ROUND == 0:
            self._survey(now_us)
        if self._ticks % _TICKS_PER_MEASURE == 0:
            self._measure(now_us)

    def _measure(self, now_us: int) -> None:
        reports: dict[PeerId, LinkReport] = {}
        for peer in tuple(self._peers.values()):
            with self._mishaps.serving(peer):
                report = peer.measure(now_us)
                if report is not None:
                    reports[peer.id] = report
        self._listener.links(reports)

    def _survey(self, now_us: int) -> None:
        for gathering in tuple(self._gatherings.values()):
            for viewer in gathering.flow(now_us):
                self._tell_slots(viewer)
            self._tell_layers(gathering.seen())
            levels = gathering.levels(now_us // 1000)
            if levels is not None:
                self._listener.levels(gathering.circle, *levels)
        for peer in [peer for peer in self._peers.values() if peer.recordings]:
            with self._mishaps.serving(peer):
                peer.tick_recordings(now_us)
