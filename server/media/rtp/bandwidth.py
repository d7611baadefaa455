"""What rate one viewer's downlink carries, told from transport-wide feedback.

A link that is full shows it in two ways: packets queue, or packets are lost. So the rate follows four rules:

    queue    even the least delayed packet of 300 ms waited > 50 ms: go down to 85 % of what arrives.
             The least, as CoDel has it (RFC 8289 3): a keyframe queues for a moment on any link.
    loss     more than a tenth of a second's packets, unless sending less turns out to be of no use (loss.py): the same.
             Less is left to retransmission.
    growth   while what is sent is near the rate and nothing queues: up 8 % a second
    probe    a stream of fixed layers never fills more than it has, so what lies beyond must be tried: for a moment
             (100 ms on a narrow link) twice the rate is sent, by repeats; as fast as that arrives is the new rate. A
             failure doubles the wait before the next, and so does a success after which a queue comes soon.

The start is optimistic: most classrooms have the rate, and a picture that is good at once is worth a stumble where
they have not. Delays are compared with the least of the last half minute, so clocks need not agree.

Arrivals are the viewer's clock, all else is one clock of ours, in microseconds.
"""

from __future__ import annotations

from collections import deque

from server.media.rtp.loss import LossJudge, Verdict
from server.media.rtp.numbers import unwrap
from server.media.rtp.sent import ARRIVED, LOST, SENT, SentLog
from server.media.rtp.twcc import REFERENCE_US, TransportFeedback

START_BPS = 2_500_000
LEAST_BPS = 60_000
"""Sound and a little; whoever has less cannot take part."""

MOST_BPS = 20_000_000

_FULL_QUEUE_US = 50_000
_JUDGED_US = 300_000
"""How long a queue must stand to count, and how long it is given to drain before it counts again."""

_BACK_OFF = 0.85
_GROWTH_PER_SECOND = 0.08

_SENT_WINDOW_US = 1_000_000
_LITTLE = 0.25
"""Of the rate: who is sent less does not fill his link."""

_BASE_WINDOW_US = 15_000_000
_STUBBORN_US = 3_000_000
"""A queue that stands so long whatever we do is none of ours, but a longer route."""

_LEAST_PROBE_US = 100_000
_MOST_PROBE_US = 300_000
_PROBE_US_PER_BPS = 0.2
"""What a probe leaves waiting takes a narrow link long to carry. From 1.5 Mbit/s on it is as long as wavering needs."""

_PROBE_TOLD_US = 600_000
"""By then the viewer has told what became of a probe, and no queue is left of it."""

_PROBE_TURN_US = 50_000
"""How often a probe is asked what to send now."""

_PROBE_WAIT_US = 1_200_000
_WORTH_ANOTHER = 1.3
"""After a probe that found so much, more is likely."""

_NEXT_PROBE_WAIT_US = 300_000
_DOUBTED_US = 5_000_000
"""A shaper may let a burst pass that it would not carry for long: then a queue comes soon after the probe."""

_LONGEST_PROBE_WAIT_US = 15_000_000
_PROBE_FACTOR = 2.0
_RATE_WINDOW_US = 300_000
_MOST_ARRIVED = 4096  # however close together a viewer says they came


class DownlinkRate:
    """One viewer's link. `log` is what goes out on it, `feedback` what its viewer says; `bps` is what it carries."""

    def __init__(self, log: SentLog, start_bps: int = START_BPS) -> None:
        self._log = log
        self._bps = float(start_bps)
        self.queue_ms = 0.0
        """How long packets wait on the way at the least, for the curious."""
        self.told = self.lost = 0
        """Packets whose fate the viewer has told, and how many of them are missing; since the beginning."""
        self._reported_us = 0
        # What arrived: (arrival_us, bytes).
        self._arrived: deque[tuple[int, int]] = deque()
        self._arrived_bytes = 0
        self._loss = LossJudge()
        self._unsuspected_bps: float | None = None
        """The rate before loss first lowered it, while it is in doubt whether that was right."""
        self._arrival_us: int | None = None
        # Delays relative to an unknown constant: the least of this window and of the one before.
        self._least_us: int | None = None
        self._least_before_us: int | None = None
        self._window_since_us = 0
        self._judging_since_us = 0
        self._judged_least_us: int | None = None
        self._latest_least_us: int | None = None
        self._standing_since_us: int | None = None
        self._settled_us = 0
        # The probe: when it began, what it aims at, what was sent before it.
        self._probe_from_us: int | None = None
        self._probe_bps = 0.0
        self._probe_us = 0
        self._probe_sent_bytes = 0
        self._probe_arrived_bytes = 0
        self._probe_found_bps = 0.0
        self._next_wait_us = self._probe_wait_us = _PROBE_WAIT_US
        # When a probe last found more, until that has stood its test.
        self._found_us: int | None = None

    @property
    def bps(self) -> int | None:
        """Bits per second the link carries, IP headers aside; None if the viewer never told."""
        return round(self._bps) if self._reported_us else None

    def feedback(self, message: TransportFeedback, now_us: int) -> None:
        """Take the viewer's word for what arrived when."""
        log = self._log
        arrived = lost = 0
        self._latest_least_us = None
        for seq, told_us in message.arrivals():
            place = log.place(seq)
            if place is None or log.fates[place] == ARRIVED:
                continue
            if told_us is None:
                if log.fates[place] == SENT:
                    log.fates[place] = LOST
                    lost += 1
                continue
            if log.fates[place] == LOST:
                lost -= 1
            log.fates[place] = ARRIVED
            arrived += 1
            self._note_arrival(told_us, log.times_us[place], log.sizes[place], now_us)
        if arrived or lost:
            self._reported_us = now_us
            self.told += arrived + lost
            self.lost += lost
            self._judge(self._loss.judge(arrived, lost, now_us), now_us)

    def padding(self, wanted_bps: int, now_us: int) -> int:
        """How many bytes of repeats to send now, 0 nearly always. Call it every 50 ms or so.

        `wanted_bps` is what would be sent if the link had no end; as long as `bps` is less, more is tried now and then.
        """
        if not self._reported_us or now_us - self._reported_us > 1_000_000:
            return 0
        start_us = self._probe_from_us
        if start_us is None:
            waited = now_us - self._settled_us >= self._next_wait_us
            if wanted_bps <= self._bps or not waited or self._standing_since_us is not None:
                return 0
            self._probe_from_us = start_us = now_us
            self._probe_bps = min(wanted_bps * 1.1, self._bps * _PROBE_FACTOR, MOST_BPS)
            self._probe_us = min(max(_LEAST_PROBE_US, round(self._bps * _PROBE_US_PER_BPS)), _MOST_PROBE_US)
            self._probe_sent_bytes = self._log.total_bytes
            self._probe_arrived_bytes, self._probe_found_bps = 0, 0.0
        elapsed_us = now_us - start_us
        if elapsed_us >= self._probe_us or self._queues_now():
            return 0
        due = self._probe_bps * min(elapsed_us + _PROBE_TURN_US, self._probe_us) / 8_000_000
        return max(0, round(due) - (self._log.total_bytes - self._probe_sent_bytes))

    def _note_arrival(self, told_us: int, sent_us: int, size: int, now_us: int) -> None:
        # The reference time has 24 bits.
        near_us = told_us if self._arrival_us is None else self._arrival_us
        arrival_us = unwrap(told_us, near_us, REFERENCE_US << 24)
        self._arrival_us = max(near_us, arrival_us)
        self._arrived.append((arrival_us, size))
        self._arrived_bytes += size
        delay_us = arrival_us - sent_us
        if now_us - self._window_since_us > _BASE_WINDOW_US:
            self._least_before_us, self._least_us = self._least_us, None
            self._window_since_us = now_us
        if self._least_us is None or delay_us < self._least_us:
            self._least_us = delay_us
        if self._judged_least_us is None or delay_us < self._judged_least_us:
            self._judged_least_us = delay_us
        if self._latest_least_us is None or delay_us < self._latest_least_us:
            self._latest_least_us = delay_us
        start_us = self._probe_from_us
        if start_us is not None and 0 <= sent_us - start_us < self._probe_us:
            self._note_probe(size, arrival_us - start_us - self._base_us())

    def _note_probe(self, size: int, took_us: int) -> None:
        # So long after the first could have come, all of this has: the link carries that at least. The way may delay
        # the last, and a shaper let the first half pass, so the best of the second half counts.
        self._probe_arrived_bytes += size
        if self._probe_arrived_bytes * 16e6 > self._probe_bps * self._probe_us:
            self._probe_found_bps = max(self._probe_found_bps, self._probe_arrived_bytes * 8e6 / max(took_us, 1))

    def _judge(self, loss: Verdict, now_us: int) -> None:
        rate_bps = self._arriving_bps()
        if loss is Verdict.OURS:
            if self._unsuspected_bps is None:
                self._unsuspected_bps = self._bps
            self._lower(rate_bps, now_us)
            return
        if loss is Verdict.WEATHER:
            self._bps = max(self._bps, self._unsuspected_bps or 0)
        if loss is Verdict.WEATHER or not self._loss.suspects:
            self._unsuspected_bps = None
        if now_us - self._judging_since_us < _JUDGED_US:
            return
        seconds = min(now_us - self._judging_since_us, 1_000_000) / 1e6
        least_us, self._judged_least_us = self._judged_least_us, None
        self._judging_since_us = now_us
        if least_us is None:
            return
        queue_us = least_us - self._base_us()
        self.queue_ms = queue_us / 1000
        if queue_us <= _FULL_QUEUE_US:
            self._standing_since_us = None
            self._end_probe(now_us)
            self._grow(rate_bps, seconds, now_us)
            return
        if self._standing_since_us is None:
            self._standing_since_us = now_us
        if now_us - self._standing_since_us > _STUBBORN_US:
            self._least_us, self._least_before_us = least_us, None
            self._standing_since_us = None
            return
        self._lower(rate_bps, now_us)

    def _lower(self, rate_bps: float, now_us: int) -> None:
        # While a queue drains, what arrives is what the link carries. But where little was sent little can arrive: the
        # queue may be another's, or the viewer's machine busy, so the rate goes down step by step.
        little = self._sending_bps(now_us) < _LITTLE * self._bps
        self._bps = max(LEAST_BPS, min(self._bps, (self._bps if little else rate_bps) * _BACK_OFF))
        self._settled_us = now_us
        if self._probe_from_us is not None or self._found_us is not None:
            self._probe_from_us = self._found_us = None
            self._wait_longer()

    def _grow(self, rate_bps: float, seconds: float, now_us: int) -> None:
        if self._probe_from_us is not None:
            return
        if self._found_us is not None and now_us - self._found_us > _DOUBTED_US:
            self._found_us, self._probe_wait_us = None, _PROBE_WAIT_US
        if rate_bps > 0.8 * self._bps:
            self._bps *= 1 + _GROWTH_PER_SECOND * seconds
        self._bps = min(max(self._bps, rate_bps), MOST_BPS)

    def _end_probe(self, now_us: int) -> None:
        start_us = self._probe_from_us
        if start_us is None or now_us - start_us < _PROBE_TOLD_US:
            return
        self._probe_from_us = None
        self._settled_us = now_us
        found_bps = min(self._probe_found_bps, self._probe_bps)
        if found_bps > self._bps * _WORTH_ANOTHER:
            self._found_us, self._next_wait_us = now_us, _NEXT_PROBE_WAIT_US
        else:
            self._wait_longer()
        self._bps = max(self._bps, found_bps)

    def _wait_longer(self) -> None:
        self._next_wait_us = self._probe_wait_us = min(2 * self._probe_wait_us, _LONGEST_PROBE_WAIT_US)

    def _sending_bps(self, now_us: int) -> float:
        return self._log.bytes_since(now_us - _SENT_WINDOW_US) * 8e6 / _SENT_WINDOW_US

    def _arriving_bps(self) -> float:
        if self._arrival_us is None:
            return 0.0
        arrived = self._arrived
        while arrived and (self._arrival_us - arrived[0][0] > _RATE_WINDOW_US or len(arrived) > _MOST_ARRIVED):
            self._arrived_bytes -= arrived.popleft()[1]
        if not arrived:
            return 0.0
        # From the first arrival to the last: what came with the first came before.
        first_us, first_bytes = arrived[0]
        return (self._arrived_bytes - first_bytes) * 8e6 / max(self._arrival_us - first_us, _RATE_WINDOW_US // 2)

    def _queues_now(self) -> bool:
        latest_us = self._latest_least_us
        return latest_us is not None and latest_us - self._base_us() > _FULL_QUEUE_US // 2

    def _base_us(self) -> int:
        candidates = [least for least in (self._least_us, self._least_before_us) if least is not None]
        return min(candidates)
