"""Which packets of an arriving stream are missing, and when to ask for them again (RFC 4585 6.2.1).

A gap is asked for once it has outlived ordinary reordering, then once per round trip, until the packet comes, is too
old to be of use, or too much is missing at once: then a keyframe is the cheaper repair.

Not here: answering NACKs (rewrite.py).
"""

from __future__ import annotations

from server.media.rtp.numbers import unwrap

REORDERING_MS = 10
MOST_TRIES = 10
OLDEST_MS = 1000
"""Past every jitter buffer and the recorder's patience."""

MOST_MISSING = 200
"""Half a second of a top layer; beyond that a keyframe is smaller than what is missing."""

_LEAST_RETRY_MS = 20


class GapDetector:
    """Watches the sequence numbers of one SSRC as they are on the wire, restored retransmissions included."""

    def __init__(self) -> None:
        self._highest: int | None = None
        # Missing number -> [noticed_ms, asked_ms, tries], oldest first.
        self._missing: dict[int, list[int]] = {}
        self._gave_up = False
        self.lost = 0
        """How many had to be asked for, or were too many to ask for; since the beginning."""

    @property
    def missing(self) -> int:
        return len(self._missing)

    def arrived(self, seq: int, now_ms: int) -> None:
        """Note a packet; whatever it skipped is missing from now on."""
        if self._highest is None:
            self._highest = seq
            return
        number = unwrap(seq, self._highest)
        if number <= self._highest:
            self._missing.pop(number, None)
            return
        skipped = number - self._highest - 1
        if skipped:
            if skipped + len(self._missing) > MOST_MISSING:
                self._missing.clear()
                self._gave_up = True
                self.lost += skipped
            else:
                for lost in range(self._highest + 1, number):
                    self._missing[lost] = [now_ms, 0, 0]
        self._highest = number

    def due(self, now_ms: int, rtt_ms: int = 100) -> list[int]:
        """The sequence numbers to ask for now, in sending order; they count as asked."""
        asked: list[int] = []
        retry_ms = max(rtt_ms, _LEAST_RETRY_MS)
        hopeless: list[int] = []
        for number, state in self._missing.items():
            noticed_ms, asked_ms, tries = state
            if now_ms - noticed_ms > OLDEST_MS or (tries >= MOST_TRIES and now_ms - asked_ms >= retry_ms):
                hopeless.append(number)
            elif tries < MOST_TRIES and now_ms >= (asked_ms + retry_ms if tries else noticed_ms + REORDERING_MS):
                state[1] = now_ms
                state[2] = tries + 1
                self.lost += not tries
                asked.append(number & 0xFFFF)
        for number in hopeless:
            del self._missing[number]
            self._gave_up = True
        return asked

    def gave_up(self) -> bool:
        """Whether packets were given up since the last call: video needs a keyframe then."""
        gave_up, self._gave_up = self._gave_up, False
        return gave_up
