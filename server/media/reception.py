"""What we tell a sender about its stream: loss and jitter for receiver reports (RFC 3550 6.4.1, A.3, A.8)."""

from __future__ import annotations

from server.media.rtp.rtcp import ReportBlock, SenderReport


class Reception:
    """Counts the packets of one SSRC. Give it those that arrived on the SSRC itself, not restored retransmissions:
    the sender wants to know what the network lost.
    """

    def __init__(self, ssrc: int, clock_rate: int) -> None:
        self._ssrc = ssrc
        self._clock_rate = clock_rate
        self._first: int | None = None
        self._highest = 0
        self._received = 0
        self._expected_before = 0
        self._received_before = 0
        self._jitter = 0.0
        self._timestamp = 0
        self._arrival_us = 0
        self._last_sr = 0
        self._last_sr_us = 0

    @property
    def expected(self) -> int:
        """Packets sent, by their numbers."""
        return 0 if self._first is None else self._highest - self._first + 1

    @property
    def received(self) -> int:
        """Packets that arrived."""
        return self._received

    def arrived(self, seq: int, timestamp: int, arrival_us: int) -> None:
        """Note one packet."""
        self._received += 1
        if self._first is None:
            self._first = self._highest = seq
        else:
            # rtp.numbers.unwrap, spelled out: this is done for every packet.
            ahead = seq - self._highest & 0xFFFF
            if ahead < 0x8000:
                self._highest += ahead
            ticks = (arrival_us - self._arrival_us) * self._clock_rate / 1e6
            later = (timestamp - self._timestamp + 0x80000000 & 0xFFFFFFFF) - 0x80000000
            self._jitter += (abs(ticks - later) - self._jitter) / 16
        self._timestamp = timestamp
        self._arrival_us = arrival_us

    def reported(self, report: SenderReport, arrival_us: int) -> None:
        """Note a sender report, which the next block echoes: so the sender learns the round trip."""
        self._last_sr = report.middle
        self._last_sr_us = arrival_us

    def block(self, now_us: int) -> ReportBlock | None:
        """What to report now; the loss fraction is of the time since the last call. None before the first packet."""
        if self._first is None:
            return None
        expected = self.expected
        new = expected - self._expected_before
        lost = new - (self._received - self._received_before)
        self._expected_before = expected
        self._received_before = self._received
        fraction = min(255, lost * 256 // new) if new > 0 and lost > 0 else 0
        delay = (now_us - self._last_sr_us) * 65536 // 1_000_000 if self._last_sr else 0
        return ReportBlock(
            self._ssrc,
            fraction,
            expected - self._received,
            self._highest & 0xFFFFFFFF,
            int(self._jitter) & 0xFFFFFFFF,
            self._last_sr,
            min(max(delay, 0), 0xFFFFFFFF),
        )
