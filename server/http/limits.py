"""Token buckets: how often one person, address or class may do a thing.

A bucket holds up to `burst` tokens and regains `rate_per_s`; an attempt takes one. Time comes in as monotonic seconds.
Buckets that are full again are forgotten, and the oldest go when there are too many, so strangers cannot fill memory.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

from msgspec import Struct

MOST_KEYS = 10_000


class Rate(Struct, frozen=True):
    """`burst` at once, then `per_s` a second."""

    per_s: float
    burst: int


class Bucket:
    """One bucket, for something that already has an owner (a connection)."""

    __slots__ = ("_at", "_rate", "_tokens")

    def __init__(self, rate: Rate, now: float) -> None:
        self._rate, self._tokens, self._at = rate, float(rate.burst), now

    def take(self, now: float, tokens: float = 1.0) -> bool:
        """Take, if there is enough."""
        self._refill(now)
        if self._tokens < tokens:
            return False
        self._tokens -= tokens
        return True

    def wait_s(self, now: float) -> float:
        """How long until one token is there; 0 when it is."""
        self._refill(now)
        return max(0.0, (1.0 - self._tokens) / self._rate.per_s)

    def full(self, now: float) -> bool:
        self._refill(now)
        return self._tokens >= self._rate.burst

    def _refill(self, now: float) -> None:
        self._tokens = min(float(self._rate.burst), self._tokens + max(0.0, now - self._at) * self._rate.per_s)
        self._at = max(self._at, now)


class Buckets:
    """A bucket for each key: an address, a person, (class, address)."""

    def __init__(self, rate: Rate, most_keys: int = MOST_KEYS) -> None:
        self._rate = rate
        self._most = most_keys
        self._buckets: OrderedDict[Hashable, Bucket] = OrderedDict()

    def take(self, key: Hashable, now: float) -> bool:
        return self._bucket(key, now).take(now)

    def wait_s(self, key: Hashable, now: float) -> float:
        """How long this key has to wait; 0 for one never seen. Takes nothing."""
        bucket = self._buckets.get(key)
        return bucket.wait_s(now) if bucket else 0.0

    def _bucket(self, key: Hashable, now: float) -> Bucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            self._forget(now)
            bucket = self._buckets[key] = Bucket(self._rate, now)
        self._buckets.move_to_end(key)
        return bucket

    def _forget(self, now: float) -> None:
        while self._buckets:
            oldest = next(iter(self._buckets))
            if len(self._buckets) < self._most and not self._buckets[oldest].full(now):
                return
            del self._buckets[oldest]
