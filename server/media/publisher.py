"""The sending half of one peer: its tracks, their layers, and what the server owes it in return.

Whatever arrives is bound to a track by its MID and RID extensions, or by the SSRCs of the offer where a sender has no
such extensions (RFC 8843 9.2). Gaps are asked for again, arrivals are reported with kernel time
(transport-wide feedback) and once a second (receiver reports), keyframes are requested within reason.

Not here: who gets a packet (gathering.py, slot.py).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from server.media.clock import SenderClock, TrackClock
from server.media.demand import Demand
from server.media.net.link import Link
from server.media.offer import AUDIO_LEVEL, MID, REPAIRED_RID, RID, TRANSPORT_CC, Line
from server.media.reception import Reception
from server.media.recording import Recording
from server.media.rtp import layers, rtcp, rtx, twcc
from server.media.rtp.header import Header, audio_level, parse, u16
from server.media.rtp.keyframes import Throttle
from server.media.rtp.nack import GapDetector
from server.media.rtp.rates import BitrateMeter
from server.media.rtp.source import Packet, SourceStream
from server.media.rtp.temporal import EVERY_TID
from server.media.slot import Slot
from server.media.stills import Stills
from server.media.thinning import Thinning

AUDIO_CLOCK_HZ = 48_000
VIDEO_CLOCK_HZ = 90_000

# 512 packets are two seconds of a top layer, 128 are two and a half of sound.
_REMEMBERED_VIDEO = 512
_REMEMBERED_AUDIO = 128

# A participant may send four tracks of up to three layers with retransmissions; beyond that somebody is making them up.
_MAX_SSRCS = 64

_REPORT_INTERVAL_US = 1_000_000

_LEAST_LIFE_US = 500_000
"""Of a layer under one SSRC. Every viewer is served anew when it changes, so nobody may change it with every packet."""

# A sender that declares no level (RFC 6464) is taken for someone who speaks.
_UNDECLARED_LEVEL = 40

_GAP_CHECK_SECONDS = 0.012

# The meter looks at the last second.
_RATE_SETTLES_US = 1_000_000

_UNKNOWN_ROUND_TRIP_MS = 100.0
_LONGEST_ROUND_TRIP_MS = 500.0
_ROUND_TRIP_SLACK_MS = 10
"""The other side does not answer a NACK the moment it comes."""


class Encoding:
    """One SSRC: a simulcast layer, or the whole of a track without layers. `source` is its name among all streams."""

    highest_tid = EVERY_TID

    def __init__(self, track: Track, rid: str, ssrc: int, source: int, sender: SenderClock) -> None:
        is_video = track.kind == "video"
        self.track = track
        self.rid = rid
        self.ssrc = ssrc
        self.source = source
        self.stream = SourceStream(
            source,
            codec=track.format.kind.codec,
            remembered=_REMEMBERED_VIDEO if is_video else _REMEMBERED_AUDIO,
        )
        self.gaps = GapDetector()
        self.reception = Reception(ssrc, track.clock_hz)
        self.clock = TrackClock(track.clock_hz, sender)
        self.keyframes = Throttle()
        self.rate = BitrateMeter()
        self.slots: list[Slot] = []
        self.stills = Stills()
        self.thinning = Thinning(self)
        self.latest: Packet | None = None
        self.heard_us = 0
        self.keyframe_us = 0
        self.bound_us = 0
        self._begun_us = 0
        self._usual_bps = 0

    def watched_on(self) -> list[Slot]:
        """Every slot that carries it, live, thinned or in stills."""
        return [*self.thinning.viewers(), *self.stills.slots]

    @property
    def whole(self) -> Encoding:
        """Itself, as of any of its forms (thinning.py)."""
        return self

    def rests(self, now_us: int) -> bool:
        """Whether nothing has come for so long that what comes next is a new beginning."""
        return now_us - self.heard_us > layers.PAUSED_MS * 1000

    @property
    def lost(self) -> int:
        """Packets that had to be asked for. Sound is repeated on its own SSRC, where it looks as if just late."""
        if "nack" in self.track.format.feedback:
            return self.gaps.lost
        return max(0, self.reception.expected - self.reception.received)

    def begin(self, now_us: int) -> None:
        """It sends (again)."""
        self._begun_us = self.heard_us = now_us
        self.keyframes.begins(now_us // 1000)

    def bitrate_bps(self, now_us: int) -> int:
        """Its present rate; while it rests or has only just begun, at least what it had before."""
        present_bps = self.rate.bps(now_us // 1000)
        if self.rests(now_us) or now_us - self._begun_us < _RATE_SETTLES_US:
            return max(present_bps, self._usual_bps)
        self._usual_bps = present_bps
        return present_bps

    def layer(self, now_us: int) -> layers.Layer:
        """What it is to those who choose between layers."""
        bps = self.bitrate_bps(now_us)
        thinner_bps = tuple(round(bps * share) for share in self.thinning.shares())
        return layers.Layer(self.rid, bps, self.heard_us // 1000, thinner_bps)

    def request_keyframe(self, now_us: int) -> None:
        """Somebody needs one. Asked for at once, or as soon as the last request is old enough."""
        publisher = self.track.publisher
        if publisher is not None and self.track.kind == "video" and self.keyframes.want(now_us // 1000):
            publisher.send_pli(self)


class Track:
    """One sending line of the offer: a microphone, a camera, a screen or its sound."""

    def __init__(self, source: str, line: Line, now_us: int) -> None:
        self.source = source
        self.line = line
        self.format = line.format
        self.demand = Demand(line.rids, now_us)
        self.kind = line.kind
        self.clock_hz = VIDEO_CLOCK_HZ if line.kind == "video" else AUDIO_CLOCK_HZ
        self.allowed = False
        self.encodings: dict[str, Encoding] = {}
        self.publisher: Publisher | None = None
        self.recording: Recording | None = None

    def ladder(self, now_us: int) -> list[layers.Layer]:
        """Its layers as rtp.layers wants them, lowest first."""
        rids = self.line.rids
        known = sorted(self.encodings.values(), key=lambda encoding: rids.index(encoding.rid) if rids else 0)
        return [one.layer(now_us) for one in known]

    def best(self, now_us: int) -> Encoding | None:
        """The highest layer that is being sent; None before the first packet."""
        rid = layers.choose(self.ladder(now_us), "high")
        return self.encodings[rid] if rid is not None else None


class Audience(Protocol):
    """Whom a publisher's packets are for."""

    def deliver(self, encoding: Encoding, packet: Packet) -> None:
        """A packet of an allowed track, in order of arrival."""

    def voice(self, track: Track, level: int, now_ms: int) -> None:
        """How loud a sound packet of an allowed track is, in -dBov."""

    def learned(self, encoding: Encoding, replaced: Encoding | None) -> None:
        """A layer is heard for the first time (perhaps in place of another SSRC's), or again after a pause."""


class _Repair:
    """A retransmission SSRC and the layer it repairs."""

    def __init__(self, encoding: Encoding) -> None:
        self.encoding = encoding


class Publisher:
    """Takes one peer's RTP, in the clear."""

    def __init__(
        self,
        link: Link,
        tracks: Mapping[str, Track],
        ssrc: int,
        next_source: Callable[[], int],
        now_us: Callable[[], int],
        audience: Audience,
        counts: Counter[str],
    ) -> None:
        """`tracks` by mid; `ssrc` names us in what we report."""
        self._link = link
        self._tracks = tracks
        self._ssrc = ssrc
        self._next_source = next_source
        self._now_us = now_us
        self._audience = audience
        self._counts = counts
        self._by_ssrc: dict[int, Encoding | _Repair] = {}
        self._announced = {ssrc: track for track in tracks.values() for ssrc in track.line.ssrcs}
        ids: dict[str, int] = {}
        for track in tracks.values():
            ids.update(track.line.extensions)
        self._mid_id, self._rid_id = ids.get(MID, 0), ids.get(RID, 0)
        self._repaired_id, self._twcc_id = ids.get(REPAIRED_RID, 0), ids.get(TRANSPORT_CC, 0)
        self._level_id = ids.get(AUDIO_LEVEL, 0)
        self._feedback = twcc.FeedbackBuilder(ssrc)
        self._clock = SenderClock()
        self._reported_us = 0
        self._gap_check: asyncio.TimerHandle | None = None
        self.heard_us = 0
        self._round_trip_ms = _UNKNOWN_ROUND_TRIP_MS
        for track in tracks.values():
            track.publisher = self

    def tracks(self) -> Iterator[Track]:
        """All of them, sending or not."""
        return iter(self._tracks.values())

    def track(self, source: str) -> Track | None:
        """The one that carries this source."""
        return next((track for track in self._tracks.values() if track.source == source), None)

    def encodings(self) -> Iterator[Encoding]:
        """Every layer heard so far."""
        return (encoding for track in self._tracks.values() for encoding in track.encodings.values())

    def rtp(self, datagram: bytes, header: Header, arrival_us: int) -> None:
        """Take one packet. Raises ValueError if it is not the codec that was agreed on."""
        known = self._by_ssrc.get(header.ssrc) or self._learn(header, arrival_us)
        if known is None:
            self._counts["drop-unknown-ssrc"] += 1
            return
        stamp = header.extensions.get(self._twcc_id)
        if stamp is not None:
            self._feedback.arrived(u16(stamp), arrival_us, header.ssrc)
        if isinstance(known, _Repair):
            encoding = known.encoding
            restored = rtx.unwrap(datagram, header, encoding.ssrc, encoding.track.format.payload_type)
            if restored is None:
                self._counts["rtp-in-probe"] += 1
                return
            datagram, header = restored, parse(restored)
            self._counts["rtp-in-rtx"] += 1
        else:
            encoding = known
            encoding.reception.arrived(header.seq, header.timestamp, arrival_us)
        if header.payload_type != encoding.track.format.payload_type:
            self._counts["drop-payload-type"] += 1
            return
        self._accept(encoding, datagram, header, arrival_us)

    def _accept(self, encoding: Encoding, datagram: bytes, header: Header, arrival_us: int) -> None:
        now_ms = arrival_us // 1000
        self.heard_us = arrival_us
        packet = encoding.stream.accept(datagram, header, arrival_us)
        track = encoding.track
        if "nack" in track.format.feedback:
            encoding.gaps.arrived(header.seq, now_ms)
            if encoding.gaps.missing and self._gap_check is None:
                self._check_gaps_soon()
        if packet is None:
            # Firefox probes with megabits of repeats: they are no sign of life of a layer, nor part of its rate.
            self._counts["rtp-in-duplicate"] += 1
            return
        resumes = track.kind == "video" and encoding.rests(arrival_us)
        if resumes:
            encoding.begin(arrival_us)
        encoding.heard_us = arrival_us
        encoding.rate.add(len(datagram), now_ms)
        encoding.latest = packet
        if packet.temporal_id >= 0 and track.format.kind.codec == "vp8":
            encoding.thinning.note(packet, len(datagram))
        if resumes and track.allowed and not encoding.watched_on():
            self._audience.learned(encoding, None)  # who waits for it gets it from this packet on
        captured_ms = encoding.clock.arrived(header.timestamp, arrival_us / 1000)
        if packet.keyframe:
            encoding.keyframe_us = arrival_us
            encoding.keyframes.arrived(now_ms)
            self._counts["keyframes-in"] += 1
        if not track.allowed:
            self._counts["drop-not-allowed"] += 1
            return
        if track.source == "mic":
            level = header.extensions.get(self._level_id)
            self._audience.voice(track, audio_level(level)[0] if level else _UNDECLARED_LEVEL, now_ms)
        self._audience.deliver(encoding, packet)
        if track.recording is not None:
            track.recording.take(packet, captured_ms, track.format.kind.codec)

    def _learn(self, header: Header, arrival_us: int) -> Encoding | _Repair | None:
        """Bind a new SSRC to a track, by extension or by the offer."""
        if len(self._by_ssrc) >= _MAX_SSRCS:
            return None
        ssrc = header.ssrc
        mid = header.extensions.get(self._mid_id, b"").decode("ascii", "replace")
        track = self._tracks.get(mid) or self._announced.get(ssrc)
        if track is not None and header.payload_type == track.format.payload_type:
            return self._bind(track, header, arrival_us)
        if track is None:
            track = next((track for track in self._tracks.values() if ssrc in track.line.repairs), None)
        if track is None or header.payload_type != track.format.rtx_payload_type:
            return None
        rid = header.extensions.get(self._repaired_id)
        if rid is not None:
            encoding = track.encodings.get(rid.decode("ascii", "replace"))
        else:
            repaired = self._by_ssrc.get(track.line.repairs.get(ssrc, 0))
            encoding = repaired if isinstance(repaired, Encoding) else None
            if encoding is None and not track.line.rids and not track.line.repairs:
                encoding = next(iter(track.encodings.values()), None)
        if encoding is None:
            return None
        self._by_ssrc[ssrc] = repair = _Repair(encoding)
        return repair

    def _bind(self, track: Track, header: Header, arrival_us: int) -> Encoding | None:
        named = header.extensions.get(self._rid_id)
        rid = named.decode("ascii", "replace") if named is not None else self._announced_rid(track, header.ssrc)
        if track.line.rids and rid not in track.line.rids:
            return None
        present = track.encodings.get(rid)
        if present is not None and arrival_us - present.bound_us < _LEAST_LIFE_US:
            return None
        encoding = Encoding(track, rid, header.ssrc, self._next_source(), self._clock)
        encoding.bound_us = arrival_us
        encoding.begin(arrival_us)  # it sends, so it may be chosen at once
        replaced = track.encodings.get(rid)
        if replaced is not None:  # the sender chose another SSRC for the same layer
            self._by_ssrc = {
                ssrc: known
                for ssrc, known in self._by_ssrc.items()
                if known is not replaced and not (isinstance(known, _Repair) and known.encoding is replaced)
            }
        track.encodings[rid] = self._by_ssrc[header.ssrc] = encoding
        self._audience.learned(encoding, replaced)
        return encoding

    def _announced_rid(self, track: Track, ssrc: int) -> str:
        """Firefox lists the SSRCs of its layers in the order of its rids."""
        line = track.line
        if line.rids and ssrc in line.ssrcs and line.ssrcs.index(ssrc) < len(line.rids):
            return line.rids[line.ssrcs.index(ssrc)]
        return ""

    def sender_report(self, report: rtcp.SenderReport, arrival_us: int) -> None:
        """What a stream's sender says of its clock."""
        known = self._by_ssrc.get(report.ssrc)
        if isinstance(known, Encoding):
            known.reception.reported(report, arrival_us)
            known.clock.reported(report.ntp, report.rtp_timestamp, arrival_us / 1000)

    def round_trip(self, ms: float) -> None:
        """What the peer's reports say of the way there and back; smoothed as TCP does (RFC 6298 2)."""
        self._round_trip_ms += (min(ms, _LONGEST_ROUND_TRIP_MS) - self._round_trip_ms) / 8

    def _check_gaps_soon(self) -> None:
        # Only while something is missing; the 50 ms tick would be late for a jitter buffer.
        self._gap_check = asyncio.get_running_loop().call_later(_GAP_CHECK_SECONDS, self._ask_again)

    def _ask_again(self) -> None:
        """Send NACKs that are due."""
        self._gap_check = None
        missing = False
        now_us = self._now_us()
        for encoding in self.encodings():
            if not encoding.gaps.missing:
                continue
            seqs = encoding.gaps.due(now_us // 1000, round(self._round_trip_ms) + _ROUND_TRIP_SLACK_MS)
            if seqs:
                self._counts["nack-out"] += len(seqs)
                self._link.send_rtcp(rtcp.Nack(self._ssrc, encoding.ssrc, tuple(seqs)).encode())
            missing = missing or encoding.gaps.missing > 0
        if missing:
            self._check_gaps_soon()

    def counted(self) -> tuple[int, int]:
        """Packets expected of all streams there are, and how many of them came without being asked for."""
        expected = sum(encoding.reception.expected for encoding in self.encodings())
        return expected, expected - sum(encoding.lost for encoding in self.encodings())

    def bps(self, now_us: int) -> int:
        """What arrives now."""
        return sum(encoding.rate.bps(now_us // 1000) for encoding in self.encodings())

    def close(self) -> None:
        """No timer of ours fires any more."""
        if self._gap_check is not None:
            self._gap_check.cancel()
            self._gap_check = None

    def tick(self, now_us: int) -> None:
        """Every 50 ms: transport feedback, pending keyframe requests, and once a second a receiver report."""
        for feedback in self._feedback.build():
            self._link.send_rtcp(feedback)
        for encoding in self.encodings():
            if encoding.keyframes.wanted and encoding.keyframes.due(now_us // 1000):
                self.send_pli(encoding)
            if encoding.gaps.gave_up() and encoding.watched_on():
                encoding.request_keyframe(now_us)
        if now_us - self._reported_us >= _REPORT_INTERVAL_US:
            self._reported_us = now_us
            blocks = (encoding.reception.block(now_us) for encoding in self.encodings())
            present = tuple(block for block in blocks if block is not None)
            if present:
                self._link.send_rtcp(rtcp.ReceiverReport(self._ssrc, present[:31]).encode())

    def send_pli(self, encoding: Encoding) -> None:
        """Ask for a keyframe now; within reason only through Encoding.request_keyframe."""
        self._counts["pli-out"] += 1
        self._link.send_rtcp(rtcp.Pli(self._ssrc, encoding.ssrc).encode())
