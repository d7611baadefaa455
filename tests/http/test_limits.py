"""Token buckets: so many at once, then so many a second, and no memory for strangers to fill."""

from __future__ import annotations

from server.http.limits import Bucket, Buckets, Rate


def test_a_burst_is_let_through_and_then_the_rate() -> None:
    bucket = Bucket(Rate(per_s=2, burst=3), now=0)
    assert [bucket.take(0) for _ in range(4)] == [True, True, True, False]
    assert bucket.wait_s(0) == 0.5
    assert bucket.take(0.5)
    assert not bucket.take(0.5)


def test_waiting_long_saves_no_more_than_a_burst() -> None:
    bucket = Bucket(Rate(per_s=2, burst=3), now=0)
    assert [bucket.take(1000) for _ in range(4)] == [True, True, True, False]


def test_each_key_has_its_own() -> None:
    buckets = Buckets(Rate(per_s=1, burst=1))
    assert buckets.take("ann", 0)
    assert not buckets.take("ann", 0)
    assert buckets.take("bo", 0)
    assert buckets.wait_s("ann", 0) == 1
    assert buckets.wait_s("somebody new", 0) == 0


def test_strangers_do_not_fill_memory() -> None:
    buckets = Buckets(Rate(per_s=1, burst=1), most_keys=10)
    for stranger in range(100):
        buckets.take(stranger, 0)
    assert len(buckets._buckets) == 10


def test_who_has_waited_long_enough_is_forgotten() -> None:
    buckets = Buckets(Rate(per_s=1, burst=1))
    buckets.take("ann", 0)
    buckets.take("bo", 2)
    assert list(buckets._buckets) == ["bo"]
