"""Pulses: what is relayed to one's own room and never stored (typing, reactions).

They are worth something only now, so they may be dropped: a sender beyond its rate, a class beyond its budget and a
viewer that is behind lose pulses, never events.
"""

from __future__ import annotations

from enum import Enum

from msgspec import Struct


class ReactionName(Enum):
    """What one may show for a moment. A closed list: the name reaches other people's pages."""

    CLAP = "clap"
    HEART = "heart"
    LAUGH = "laugh"
    SURPRISED = "surprised"
    YES = "yes"
    NO = "no"
    SLOWER = "slower"
    FASTER = "faster"


class Typing(Struct, frozen=True, tag_field="type", tag="typing", forbid_unknown_fields=True):
    """Somebody is writing in the chat; the page forgets it after a few seconds."""


class Reaction(Struct, frozen=True, tag_field="type", tag="reaction", forbid_unknown_fields=True):
    """A face or a sign, shown for a moment."""

    name: ReactionName


Pulse = Typing | Reaction


class Allowance(Struct, frozen=True):
    """`burst` at once, and `per_second` for ever after."""

    per_second: int
    burst: int


PULSES_PER_SENDER = Allowance(per_second=4, burst=8)
PULSES_PER_CLASS = Allowance(per_second=60, burst=60)
"""A hundred people typing say no more than thirty do, and each goes to all."""


class TokenBucket:
    """Lets through what is allowed. Times in milliseconds, from the caller."""

    def __init__(self, allowance: Allowance) -> None:
        self._per_ms = allowance.per_second / 1000
        self._burst = allowance.burst
        self._tokens: float = allowance.burst
        self._at_ms: int | None = None

    def take(self, now_ms: int) -> bool:
        if self._at_ms is not None:
            self._tokens = min(self._burst, self._tokens + (now_ms - self._at_ms) * self._per_ms)
        self._at_ms = now_ms
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
