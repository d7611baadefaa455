"""The receiving half of one peer: its slots, and what it says about them (RTCP).

Seats are given by the circle; which layer of a seat flows is decided here. A NACK is answered from the memory of the
source, within a budget: on a link that loses packets because it is full, repeating them all would fill it for good.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from server.media.answer import CNAME
from server.media.clock import ntp_from_wall
from server.media.fanout import Departures
from server.media.formats import Format, Kind, shown_as
from server.media.net.link import Link
from server.media.offer import TRANSPORT_CC, Line
from server.media.publisher import AUDIO_CLOCK_HZ, VIDEO_CLOCK_HZ, Track
from server.media.rtp import bandwidth, layers, rtcp, twcc
from server.media.rtp.layers import Choice
from server.media.rtp.rewrite import PayloadTypes, StreamRewriter
from server.media.rtp.source import Packet
from server.media.rtp.temporal import EVERY_TID
from server.media.seating import Seat, assign
from server.media.shapes import Less, PeerId, Reduced, Shown, SlotContent
from server.media.slot import Slot

# The first report of what a slot carries goes at once. Later ones follow the drift of clocks, well below 1 ms a second;
# RFC 3550 6.2 would have them every five seconds.
_REPORT_INTERVAL_US = 3_000_000

# Of so many packets a viewer may say each second what became of them: several times what the fastest link carries.
_NAMED_PER_SECOND = 16_000

# One NACK packet can name hundreds of numbers; more than this at once is a keyframe's job.
_MAX_REPEATS_PER_NACK = 100

# Repeats may be a fifth of what is sent, and a burst of a keyframe's size at any time.
_REPEAT_SHARE = 5
_REPEAT_BURST_BYTES = 64_000


# 50 ms of 10 Mbit/s.
_MAX_PROBE_PACKETS = 50

# A layer is only added where there is room to spare, so a probe for its bare rate would never bring it back.
_ROOM_TO_TRY = 1.3

# A queue that holds up the keyframe of a lower layer longer than a viewer minds a frozen picture, and grows while the
# higher one goes on. Where it is another's, or the viewer's machine is busy, nothing is won by stopping.
_JAMMED_MS = 100
_JAMMING = 1.5

# With so much room to spare nothing needs to be weighed.
_ROOM_FOR_ALL = 1.5


class Showing(NamedTuple):
    """A track that may be shown, and its layers, lowest first: found out once for all who watch."""

    track: Track
    ladder: list[layers.Layer]
    whole: list[layers.Layer]
    """As if those that rest were sent."""
    chosen: Mapping[str, Choice | None]
    """What to forward on a link without limits, by quality."""
    rates_bps: Mapping[str, int]
    """What `whole` then takes, by quality."""

    def want(self, quality: str, now_us: int) -> None:
        """Somebody is to see this well, or small."""
        demand = self.track.demand
        demand.want(demand.rids[-1 if quality == "high" else 0], now_us)


def show(track: Track, now_us: int) -> Showing:
    """A track as it is now."""
    ladder = track.ladder(now_us)
    whole = layers.awake(ladder)
    chosen = {quality: _best(ladder, quality) for quality in layers.QUALITIES}
    rates_bps = {quality: layers.rate_of(whole, quality) for quality in layers.QUALITIES}
    return Showing(track, ladder, whole, chosen, rates_bps)


def _best(ladder: list[layers.Layer], quality: str) -> Choice | None:
    rid = layers.choose(ladder, quality)
    return Choice(rid) if rid is not None else None


def _reduced(seat: Seat | None, choice: Choice | None, best: Choice | None) -> Reduced | None:
    """What the choice is short of the best; None for nothing."""
    if seat is None or best is None or choice == best:
        return None
    if choice is None and seat.source == "screen":
        return Reduced(*seat, Less.FEWER, best.rid, None)  # in stills
    if choice is None:
        return Reduced(*seat, Less.NOTHING, "", None)
    less = Less.FEWER if choice.rid == best.rid else Less.SMALLER
    return Reduced(*seat, less, choice.rid, choice.highest_tid if choice.highest_tid != EVERY_TID else None)


def _wish(slot: Slot, ladder: list[layers.Layer]) -> layers.Wish:
    flowing = slot.encoding if not slot.is_still else None
    return layers.Wish(ladder, slot.quality, Choice(flowing.rid, slot.highest_tid) if flowing is not None else None)


def _flow_in_stills(slot: Slot, showing: Showing, now_us: int) -> None:
    showing.want("high", now_us)
    choice = showing.chosen["high"]
    if choice is None:
        slot.carry_nothing()
        return
    encoding = showing.track.encodings[choice.rid]
    slot.shown = Shown.STILLS
    slot.carry_stills(encoding)
    if slot.is_switching or encoding.stills.due(now_us):
        encoding.request_keyframe(now_us)


@lru_cache(maxsize=4096)
def _names(ssrcs: tuple[int, ...]) -> bytes:
    """Who sends these, in RTCP: told with every sender report, and always the same."""
    return rtcp.SourceDescription(tuple((ssrc, CNAME) for ssrc in ssrcs)).encode()


class Downlink:
    """One viewer."""

    def __init__(self, link: Link, lines: Sequence[Line], counts: Counter[str]) -> None:
        self.departures = Departures(link)
        self._link = link
        self._counts = counts
        self._repeat_budget = _REPEAT_BURST_BYTES
        self._room_to_name: float = _NAMED_PER_SECOND
        self._named_us = 0
        self._sent_bytes = 0
        self._bandwidth = bandwidth.DownlinkRate(self.departures.log)
        self._wanted_bps = 0
        self.pictures = 0
        self.reduced: tuple[Reduced, ...] = ()
        """Which of the pictures the link does not carry as wished."""
        self._seated: dict[Seat, Slot] = {}
        self.slots: dict[str, Slot] = {}
        self._by_ssrc: dict[int, Slot] = {}
        self.ssrcs: dict[str, tuple[int, int]] = {}
        """Media and retransmission SSRC of each slot, by mid."""
        shown: dict[tuple[Format, ...], Mapping[Kind, PayloadTypes]] = {}  # the lines of a browser are alike
        for line in lines:
            if line.formats not in shown:
                shown[line.formats] = shown_as(line.formats)
            self._add(line, shown[line.formats])
        self._places = Counter(slot.kind for slot in self.slots.values())

    def _add(self, line: Line, types: Mapping[Kind, PayloadTypes]) -> None:
        ssrc, rtx_ssrc = self._fresh_ssrc(), self._fresh_ssrc()
        first = line.format.types
        rewriter = StreamRewriter(
            ssrc,
            first.media,
            VIDEO_CLOCK_HZ if line.kind == "video" else AUDIO_CLOCK_HZ,
            waits_for_keyframe=line.kind == "video",
            twcc_id=line.extensions.get(TRANSPORT_CC, 0),
            rtx_ssrc=rtx_ssrc,
            rtx_payload_type=first.rtx,
            first_seq=secrets.randbelow(1 << 15),
            first_timestamp=secrets.randbits(32),
        )
        slot = Slot(line.mid, line.kind, self.departures, rewriter, types)
        self.slots[line.mid] = self._by_ssrc[ssrc] = slot
        self.ssrcs[line.mid] = (ssrc, rtx_ssrc)

    def _fresh_ssrc(self) -> int:
        taken = {ssrc for pair in self.ssrcs.values() for ssrc in pair}
        while (ssrc := secrets.randbits(32)) in taken or ssrc == 0:
            pass
        return ssrc

    def places(self, kind: str) -> int:
        """How many slots of a kind there are."""
        return self._places[kind]

    def seat(self, pictures: Mapping[Seat, str], voices: Sequence[Seat]) -> bool:
        """Give the slots to these sources; True if any changed hands."""
        changed = False
        for kind, chosen in (("video", list(pictures)), ("audio", list(voices))):
            slots = {mid: slot.seat for mid, slot in self.slots.items() if slot.kind == kind}
            for mid, seat in assign(slots, chosen).items():
                slot = self.slots[mid]
                if slot.seat != seat:
                    slot.carry_nothing()
                    slot.seat = seat
                    changed = True
                if seat is not None and kind == "video":
                    slot.quality, slot.rank = pictures[seat], chosen.index(seat)
        self._seated = {slot.seat: slot for slot in self.slots.values() if slot.seat is not None}
        return changed

    def has(self, seat: Seat) -> bool:
        """Whether one of the slots is this seat's."""
        return seat in self._seated

    def flow(self, show: Callable[[Seat], Showing | None], now_us: int) -> bool:
        """Let each slot carry a layer of its seat, asking for a keyframe where that needs one.

        Sound always flows. Pictures get the quality they are wished in, as far as the link carries them; a screen that
        it does not carry comes in stills. True if how a picture is shown has changed.
        """
        if not self._seated:
            self._wanted_bps = self.pictures = 0
            self.reduced = ()
            return False
        before = [slot.shown for slot in self._seated.values()]
        self._flow(show, now_us)
        return before != [slot.shown for slot in self._seated.values()]

    def _flow(self, show: Callable[[Seat], Showing | None], now_us: int) -> None:
        pictures: list[tuple[Slot, Showing]] = []
        sound_bps = 0
        for seat, slot in self._seated.items():
            showing = show(seat)
            playable = showing is None or showing.track.format.kind in slot.types
            slot.shown = Shown.LIVE if playable else Shown.UNPLAYABLE
            if showing is None or not playable:
                slot.carry_nothing()
            elif slot.quality == "stills":
                _flow_in_stills(slot, showing, now_us)
            elif slot.kind == "video":
                pictures.append((slot, showing))
            elif showing.ladder:
                sound_bps += showing.ladder[0].bitrate_bps
                slot.carry(showing.track.encodings[showing.ladder[0].rid])
        if len(pictures) > 1:
            pictures.sort(key=lambda pair: pair[0].rank)
        for (slot, showing), choice in zip(pictures, self._ration(pictures, sound_bps, now_us), strict=True):
            encoding = showing.track.encodings[choice.rid] if choice is not None else None
            if choice is None or encoding is None:
                if showing.track.source == "screen":
                    _flow_in_stills(slot, showing, now_us)
                else:
                    slot.carry_nothing()
            elif encoding is slot.encoding and not slot.is_still:
                if choice.highest_tid != slot.highest_tid:
                    slot.carry(encoding, choice.highest_tid)
            else:
                if self._is_jammed(pictures, now_us):
                    slot.carry_nothing()  # what goes on until the keyframe would stand in its way
                slot.carry(encoding, choice.highest_tid)
                encoding.request_keyframe(now_us)

    def _is_jammed(self, pictures: Sequence[tuple[Slot, Showing]], now_us: int) -> bool:
        if self._bandwidth.queue_ms <= _JAMMED_MS or self._bandwidth.bps is None:
            return False
        flowing_bps = sum(slot.encoding.bitrate_bps(now_us) for slot, _ in pictures if slot.encoding is not None)
        return flowing_bps > _JAMMING * self._bandwidth.bps

    def _ration(self, pictures: Sequence[tuple[Slot, Showing]], sound_bps: int, now_us: int) -> list[Choice | None]:
        """The layer of each picture, most important first. What rests but could be shown is asked for (demand.py)."""
        self.pictures = len(pictures)
        self._wanted_bps = sound_bps
        for slot, showing in pictures:
            self._wanted_bps += showing.rates_bps[slot.quality]
        carried_bps = self._bandwidth.bps
        if carried_bps is None or self._wanted_bps * _ROOM_FOR_ALL < carried_bps:
            self.reduced = ()
            for slot, showing in pictures:
                showing.want(slot.quality, now_us)
            return [showing.chosen[slot.quality] for slot, showing in pictures]
        room_bps = max(0, carried_bps - sound_bps)
        possible = layers.allocate([_wish(slot, showing.whole) for slot, showing in pictures], room_bps)
        each = zip(pictures, possible, strict=True)
        reduced = (_reduced(slot.seat, choice, _best(showing.whole, slot.quality)) for (slot, showing), choice in each)
        self.reduced = tuple(one for one in reduced if one is not None)
        for (slot, showing), choice in zip(pictures, possible, strict=True):
            # Above the highest layer that was ever heard there may be one that fits.
            highest = not showing.whole or (choice is not None and choice.rid == showing.whole[-1].rid)
            showing.want(slot.quality if highest else "low", now_us)
            if choice is not None:
                showing.track.demand.want(choice.rid, now_us)
        return layers.allocate([_wish(slot, showing.ladder) for slot, showing in pictures], room_bps)

    def contents(self) -> list[SlotContent]:
        """What every slot carries, for the viewer's page."""
        nothing = Seat(PeerId(""), "")
        return [
            SlotContent(mid, *slot.seat, slot.shown) if slot.seat is not None else SlotContent(mid, *nothing)
            for mid, slot in self.slots.items()
        ]

    def feedback(self, message: rtcp.Message, recall: Callable[[int, int], Packet | None], now_us: int) -> bool:
        """Take one message of the viewer's; True if packets now wait in `departures`."""
        if not self._may_name(rtcp.packets_named(message), now_us):
            self._counts["rtcp-over-budget"] += 1
            return False
        match message:
            case rtcp.Nack():
                return self._repeat(message, recall)
            case rtcp.Pli():
                self._picture_lost(message.media_ssrc, now_us)
            case rtcp.Fir():
                for ssrc, _ in message.demands:
                    self._picture_lost(ssrc, now_us)
            case twcc.TransportFeedback():
                self._bandwidth.feedback(message, now_us)
            case _:
                pass
        return False

    def _may_name(self, packets: int, now_us: int) -> bool:
        room = self._room_to_name + (now_us - self._named_us) * _NAMED_PER_SECOND / 1e6
        self._named_us = now_us
        self._room_to_name = min(_NAMED_PER_SECOND, room)
        if self._room_to_name < packets:
            return False
        self._room_to_name -= packets
        return True

    def _picture_lost(self, ssrc: int, now_us: int) -> None:
        slot = self._by_ssrc.get(ssrc)
        if slot is None or slot.encoding is None:
            return
        self._counts["pli-in"] += 1
        if slot.is_still and not slot.is_switching:
            slot.encoding.stills.lost(now_us)
        elif slot.may_ask(now_us):
            slot.encoding.request_keyframe(now_us)
        else:
            self._counts["pli-over-budget"] += 1

    def _repeat(self, nack: rtcp.Nack, recall: Callable[[int, int], Packet | None]) -> bool:
        slot = self._by_ssrc.get(nack.media_ssrc)
        if slot is None:
            return False
        self._counts["nack-in"] += len(nack.seqs)
        waiting = len(self.departures.parcels)
        sent_bytes = self.departures.log.total_bytes
        self._repeat_budget += (sent_bytes - self._sent_bytes) // _REPEAT_SHARE
        self._repeat_budget = min(_REPEAT_BURST_BYTES, self._repeat_budget)
        self._sent_bytes = sent_bytes
        for seq in nack.seqs[:_MAX_REPEATS_PER_NACK]:
            origin = slot.rewriter.origin(seq)
            packet = recall(origin.source, origin.number) if origin is not None else None
            if packet is None:
                self._counts["nack-unanswered"] += 1
            elif self._repeat_budget < len(packet.payload):
                self._counts["nack-over-budget"] += 1
            else:
                self._repeat_budget -= len(packet.payload)
                self.departures.parcels.append((slot.rewriter, (packet,), True))
        return len(self.departures.parcels) > waiting

    def counted(self) -> tuple[int, int, int]:
        """Since the beginning: packets whose fate is known, lost ones among them, bytes sent."""
        return self._bandwidth.told, self._bandwidth.lost, self.departures.log.total_bytes

    @property
    def bps(self) -> int | None:
        """What the link carries by the viewer's feedback; None if there was none."""
        return self._bandwidth.bps

    def probe(self, now_us: int) -> bool:
        """Every 50 ms: repeat packets if it is time to try whether the link carries more; True if some now wait."""
        missing = self._bandwidth.padding(round(self._wanted_bps * _ROOM_TO_TRY), now_us)
        if missing <= 0:
            return False
        flowing = [(slot.rank, slot, slot.latest) for slot in self.slots.values() if slot.rewriter.can_repeat]
        _, slot, latest = min(flowing, key=lambda one: (one[2] is None, one[0]), default=(0, None, None))
        if slot is None or latest is None:
            return False
        repeats = min(missing // (len(latest.payload) + 1) + 1, _MAX_PROBE_PACKETS)
        self._counts["probes-out"] += repeats
        self.departures.parcels.append((slot.rewriter, [latest] * repeats, True))
        return True

    def tick(self, now_us: int) -> None:
        """A few times a second: sender reports that are due."""
        reports: list[rtcp.SenderReport] = []
        for slot in self._seated.values():
            encoding = slot.encoding
            if encoding is None:
                continue
            slot.settle()
            if slot.is_switching or now_us - slot.reported_us < _REPORT_INTERVAL_US:
                continue
            wall_ms = now_us / 1000
            report = slot.rewriter.report(ntp_from_wall(wall_ms), encoding.clock.timestamp_at(wall_ms))
            if report is not None:
                slot.reported_us = now_us
                reports.append(report)
        for first in range(0, len(reports), 20):  # 20 reports and their names stay below 1000 bytes
            some = reports[first : first + 20]
            names = _names(tuple(report.ssrc for report in some))
            self._link.send_rtcp(rtcp.build_compound(some) + names)
