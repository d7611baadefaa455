"""Full collections happen when there is something to collect, and not while a class fills."""

from __future__ import annotations

import gc

from server.garbage import Sweeping, swept


def test_a_class_that_fills_is_not_interrupted() -> None:
    sweeping = Sweeping()
    assert not any(sweeping.is_due(ended=0, present=people) for people in range(0, 1000, 10))


def test_when_as_many_have_gone_as_stay_everything_is_collected_once() -> None:
    sweeping = Sweeping()
    assert not sweeping.is_due(ended=200, present=300)
    assert sweeping.is_due(ended=300, present=200)
    assert not sweeping.is_due(ended=310, present=190)


def test_those_who_come_and_go_count_as_well() -> None:
    sweeping = Sweeping()
    assert not sweeping.is_due(ended=400, present=500)
    assert sweeping.is_due(ended=500, present=500)


def test_twice_an_hour_everything_is_collected_anyway() -> None:
    sweeping = Sweeping()
    assert [sweeping.is_due(ended=0, present=10) for _ in range(360)].count(True) == 2


async def test_the_process_is_as_it_was_afterwards() -> None:
    before = gc.get_threshold()
    with swept(lambda: 0, lambda: 0):
        assert gc.get_threshold() != before
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
