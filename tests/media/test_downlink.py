"""What one viewer's slots carry, by what its link has told; no sockets."""

from __future__ import annotations

from collections import Counter
from typing import cast

from server.media.clock import SenderClock
from server.media.downlink import Downlink, show
from server.media.formats import Format, Kind
from server.media.net.link import Link
from server.media.offer import TRANSPORT_CC, Line
from server.media.publisher import Encoding, Track
from server.media.rtp import rtcp
from server.media.rtp.source import Packet
from server.media.rtp.twcc import FeedbackBuilder
from server.media.seating import Seat
from server.media.shapes import Less, PeerId, Reduced

RATES = {"l": 150_000, "m": 500_000, "h": 1_700_000}
SEAT = Seat(PeerId("ann"), "camera")
TURN_US = 20_000


def line(mid: str, rids: tuple[str, ...] = (), *, sends: bool = False) -> Line:
    vp8 = Format(Kind("vp8"), 96, 97, "", frozenset())
    return Line(mid, "video", sends, not sends, (vp8,), rids, (), {}, {TRANSPORT_CC: 3})


class Viewer:
    """Bo sees Ann's camera large, over a link of which the test says how long packets wait on it."""

    def __init__(self) -> None:
        self.now_us = 1_000_000_000
        self.track = Track("camera", line("camera", tuple(RATES), sends=True), self.now_us)
        self.track.allowed = True
        for number, rid in enumerate(RATES):
            self.track.encodings[rid] = Encoding(self.track, rid, number, 4 * number, SenderClock())
        self.downlink = Downlink(cast(Link, None), [line("v0")], Counter())
        self.downlink.seat({SEAT: "high"}, [])
        self.slot = self.downlink.slots["v0"]
        self._reports = FeedbackBuilder(1)
        self._free_us = 0

    def watches(self, seconds: float, *, waits_ms: int = 20, capacity_bps: int = 100_000_000) -> None:
        """All layers are sent; packets of what is on the slot arrive, and the layer is chosen anew."""
        for _ in range(int(seconds * 1_000_000 / TURN_US)):
            self.now_us += TURN_US
            for rid, bps in RATES.items():
                encoding = self.track.encodings[rid]
                encoding.heard_us = self.now_us
                encoding.rate.add(bps * TURN_US // 8_000_000, self.now_us // 1000)
                if self.slot in encoding.slots and not self.slot.is_switching:
                    self._send(bps * TURN_US // 8_000_000, waits_ms * 1000, capacity_bps)
            for report in self._reports.build():
                for message in rtcp.parse_compound(report):
                    self.downlink.feedback(message, lambda source, number: None, self.now_us)
            self.downlink.flow(lambda seat: show(self.track, self.now_us), self.now_us)

    def _send(self, size: int, waits_us: int, capacity_bps: int) -> None:
        log = self.downlink.departures.log
        seq = log.next_seq
        log.note(size, self.now_us)
        self._free_us = max(self._free_us, self.now_us) + size * 8_000_000 // capacity_bps
        self._reports.arrived(seq, self._free_us + waits_us)

    def keyframe(self) -> None:
        """Of the layer that is awaited."""
        encoding = self.slot.encoding
        assert encoding is not None
        packet = Packet(encoding.source, 1, 0, True, memoryview(b"k"), self.now_us, keyframe=True)
        assert self.slot.rewriter.write(packet, bytearray(100), 0)
        self.slot.settle()

    def flowing(self) -> list[str]:
        """The layers whose packets go out, the awaited one included."""
        return [rid for rid, encoding in self.track.encodings.items() if self.slot in encoding.slots]


def test_the_old_layer_goes_on_until_the_keyframe_though_the_viewers_machine_is_busy() -> None:
    viewer = Viewer()
    viewer.watches(0.1)
    viewer.keyframe()
    viewer.watches(2)
    assert viewer.flowing() == ["h"]

    viewer.watches(1, waits_ms=300)  # it does not get round to its socket

    assert viewer.slot.is_switching
    assert viewer.flowing() == ["m", "h"]


def test_on_a_link_that_is_jammed_the_old_layer_stops_at_once() -> None:
    viewer = Viewer()
    viewer.watches(0.1)
    viewer.keyframe()
    viewer.watches(2)

    viewer.watches(1, capacity_bps=400_000)

    assert viewer.flowing() == ["l"]


def test_what_the_link_leaves_of_a_picture_is_reported() -> None:
    viewer = Viewer()
    viewer.watches(0.1)
    viewer.keyframe()
    viewer.watches(2)
    assert (viewer.downlink.pictures, viewer.downlink.reduced) == (1, ())

    viewer.watches(1, capacity_bps=400_000)
    assert viewer.downlink.reduced == (Reduced(*SEAT, Less.SMALLER, "l", None),)


def test_a_viewer_may_tell_the_fate_of_so_many_packets_a_second() -> None:
    counts: Counter[str] = Counter()
    downlink = Downlink(cast(Link, None), [line("v0")], counts)
    nack = rtcp.Nack(1, 2, tuple(range(4_000)))
    for now_us in (1_000_000,) * 5:
        downlink.feedback(nack, lambda *_: None, now_us)
    assert counts["rtcp-over-budget"] == 1
    downlink.feedback(nack, lambda *_: None, 1_500_000)
    assert counts["rtcp-over-budget"] == 1
