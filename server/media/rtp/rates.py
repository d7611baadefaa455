"""How many bits a second go by, over a sliding second."""

from __future__ import annotations

_BUCKET_MS = 100
_BUCKETS = 10


class BitrateMeter:
    """Counts bytes in ten buckets of 100 ms; a silent second reads 0. Times are milliseconds of one clock."""

    def __init__(self) -> None:
        self._bytes = [0] * _BUCKETS
        self._bucket: int | None = None
        self._first = 0
        self._total = 0

    def add(self, size: int, now_ms: int) -> None:
        """Count `size` bytes."""
        bucket = now_ms // _BUCKET_MS
        if bucket != self._bucket:
            bucket = self._advance(bucket)
        self._bytes[bucket % _BUCKETS] += size
        self._total += size

    def bps(self, now_ms: int) -> int:
        """Bits per second over the last second, or over the time since the first byte if that is less."""
        if self._bucket is None:
            return 0
        buckets = min(_BUCKETS, self._advance(now_ms // _BUCKET_MS) - self._first + 1)
        return self._total * 8 * 1000 // (buckets * _BUCKET_MS)

    def _advance(self, bucket: int) -> int:
        if self._bucket is None:
            self._bucket = self._first = bucket
        for passed in range(self._bucket + 1, min(bucket, self._bucket + _BUCKETS) + 1):
            self._total -= self._bytes[passed % _BUCKETS]
            self._bytes[passed % _BUCKETS] = 0
        self._bucket = max(self._bucket, bucket)
        return self._bucket
