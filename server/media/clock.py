"""When a packet was captured, on the server's clock: RTP timestamps mapped by sender reports (RFC 3550 6.4.1).

A sender's reports tie the timestamps of each of its tracks to one clock of its own (NTP format). What that clock is
ahead or behind of ours is the same for all its tracks, so it is learned once per sender, from the reports that took
the least time to get here; sound and picture of one person then share every remaining error and stay in step.

Reports come late (Chromium: sound every 5 s) and jitter, so a track follows them at 20 ms per report and jumps only if
it is more than 100 ms out. Before a track's first report, which is believed at once, its earliest arrivals stand in.

All walls are milliseconds since the Unix epoch as floats; no clock is read here.
"""

from __future__ import annotations

from collections import deque

from server.media.rtp.numbers import unwrap

SLEW_MS = 20.0
STEP_MS = 100.0

_NTP_EPOCH_MS = 2_208_988_800_000
"""1900 to 1970."""
_NTP_ERA_MS = (1 << 32) * 1000
_RTP_SPACE = 1 << 32
_COMPARED_MS = 60_000
"""Long enough for a quick report to be among those of a full link; a clock drifts by 3 ms meanwhile (50 ppm)."""

_AHEAD_MS = 500.0
_BEHIND_MS = 5000.0
"""What a track that follows reports may be off before it is not believed."""

_SET_MS = 1000.0
_SET_REPORTS = 3
"""So many reports in a row that are all late by so much say that the sender's clock was set back, not delayed."""


def ntp_from_wall(wall_ms: float) -> int:
    """64-bit NTP time, wrapping in 2036 as it must (RFC 5905 6)."""
    return round((wall_ms + _NTP_EPOCH_MS) * (1 << 32) / 1000) & 0xFFFFFFFFFFFFFFFF


def wall_from_ntp(ntp: int) -> float:
    """The wall of a 64-bit NTP time between 1968 and 2104 (RFC 4330 3)."""
    wall_ms = ntp * 1000 / (1 << 32) - _NTP_EPOCH_MS
    return wall_ms if ntp >> 63 else wall_ms + _NTP_ERA_MS


class SenderClock:
    """What one sender's clock is behind ours. Shared by its tracks."""

    def __init__(self) -> None:
        # (arrival_ms, behind_ms), both growing: the first is the quickest, the others take its place when it is old.
        self._quickest: deque[tuple[float, float]] = deque()
        self._late = 0

    def reported(self, sender_ms: float, arrival_ms: float) -> None:
        """Note a report made at `sender_ms` of the sender's clock and here at `arrival_ms` of ours."""
        behind_ms = arrival_ms - sender_ms
        quickest = self._quickest
        self._late = self._late + 1 if quickest and behind_ms - quickest[0][1] > _SET_MS else 0
        if self._late == _SET_REPORTS:
            quickest.clear()
            self._late = 0
        while quickest and quickest[-1][1] >= behind_ms:
            quickest.pop()
        quickest.append((arrival_ms, behind_ms))
        while arrival_ms - quickest[0][0] > _COMPARED_MS:
            quickest.popleft()

    def wall_ms(self, sender_ms: float) -> float:
        """The same moment on our clock, give or take the quickest report's travel. Needs one report."""
        return sender_ms + self._quickest[0][1]


class TrackClock:
    """Maps the timestamps of one SSRC. `arrived` every packet and `reported` every sender report."""

    def __init__(self, clock_rate: int, sender: SenderClock) -> None:
        self._per_ms = clock_rate / 1000
        self._sender = sender
        self._started = False
        self._follows_reports = False
        # The line: timestamp `_timestamp` (unwrapped) is wall `_wall_ms`.
        self._timestamp = 0
        self._wall_ms = 0.0
        self._latest = 0

    def arrived(self, timestamp: int, arrival_ms: float) -> float:
        """Note a packet; returns when it was captured."""
        if not self._started:
            self._start(timestamp, arrival_ms)
            return arrival_ms
        self._latest = unwrap(timestamp, self._latest, _RTP_SPACE)
        wall_ms = self._line(self._latest)
        ahead_ms, behind_ms = (_AHEAD_MS, _BEHIND_MS) if self._follows_reports else (0.0, 10 * STEP_MS)
        if not -ahead_ms <= arrival_ms - wall_ms <= behind_ms:
            # Nothing is captured after it arrives: the line was drawn through a late packet. The other way round the
            # timestamps stood still while the clock ran (a track replaced, a laptop asleep). With reports this takes
            # more, but a sender must not be able to put its frames wherever it likes: each leap of half a minute would
            # make a recorder begin another file.
            self._timestamp, self._wall_ms = self._latest, arrival_ms
            return arrival_ms
        return wall_ms

    def reported(self, ntp: int, timestamp: int, arrival_ms: float) -> None:
        """Note a sender report: the sender's clock read `ntp` at `timestamp`."""
        if ntp == 0:
            return  # the sender has no clock (RFC 3550 6.4.1)
        sender_ms = wall_from_ntp(ntp)
        self._sender.reported(sender_ms, arrival_ms)
        wall_ms = self._sender.wall_ms(sender_ms)
        if not self._started:
            self._start(timestamp, wall_ms)
        at = unwrap(timestamp, self._latest, _RTP_SPACE)
        present_ms = self._line(at)
        error_ms = wall_ms - present_ms
        if self._follows_reports and abs(error_ms) <= STEP_MS:
            error_ms = min(max(error_ms, -SLEW_MS), SLEW_MS)
        self._timestamp, self._wall_ms = at, present_ms + error_ms
        self._follows_reports = True

    def wall_ms(self, timestamp: int) -> float:
        """When `timestamp`, near the latest packet's, was captured. Raises ValueError before the first packet."""
        if not self._started:
            raise ValueError("a track's clock starts with its first packet")
        return self._line(unwrap(timestamp, self._latest, _RTP_SPACE))

    def timestamp_at(self, wall_ms: float) -> int:
        """The timestamp of a moment, for sender reports to viewers. Raises ValueError before the first packet."""
        if not self._started:
            raise ValueError("a track's clock starts with its first packet")
        return self._timestamp + round((wall_ms - self._wall_ms) * self._per_ms) & 0xFFFFFFFF

    def ahead_of(self, other: TrackClock) -> int | None:
        """By how many ticks timestamps of this track are ahead of those of another layer; None before both began."""
        if not (self._started and other._started):
            return None
        return self.timestamp_at(other._wall_ms) - other._timestamp & 0xFFFFFFFF

    def _start(self, timestamp: int, wall_ms: float) -> None:
        self._started = True
        self._timestamp = self._latest = timestamp
        self._wall_ms = wall_ms

    def _line(self, timestamp: int) -> float:
        return self._wall_ms + (timestamp - self._timestamp) / self._per_ms
