"""What every event log promises, asked of each implementation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.log.eventlog import Conflict, EventLog, Fenced, Loaded
from server.log.file import FileLog
from server.log.memory import MemoryLog
from server.rooms.kernel import ClassId
from tests.log.entries import CLASS, replayed, said, story


@pytest.fixture(params=["memory", "file"])
async def log(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[EventLog]:
    chosen: EventLog = MemoryLog() if request.param == "memory" else FileLog(tmp_path)
    yield chosen
    await chosen.close()


async def test_what_was_appended_is_read_in_order(log: EventLog) -> None:
    await log.append(CLASS, 0, story(3))
    await log.append(CLASS, 3, [said(4), said(5)])
    assert await log.read(CLASS) == story(5)
    assert await log.read(CLASS, after=3) == [said(4), said(5)]
    assert await log.read(CLASS, after=5) == []


async def test_a_class_never_opened_is_empty(log: EventLog) -> None:
    assert await log.read(CLASS) == []
    assert await log.load(CLASS) == Loaded(None, ())
    assert await log.classes() == []


@pytest.mark.parametrize("after", [0, 1, 4])
async def test_appending_anywhere_but_at_the_end_is_a_conflict(log: EventLog, after: int) -> None:
    await log.append(CLASS, 0, story(3))
    with pytest.raises(Conflict):
        await log.append(CLASS, after, [said(after + 1)])
    assert await log.read(CLASS) == story(3)


async def test_a_class_is_opened_once(log: EventLog) -> None:
    await log.append(CLASS, 0, story(1))
    with pytest.raises(Conflict):
        await log.append(CLASS, 0, story(1))


async def test_an_owner_whose_time_is_over_is_fenced_off(log: EventLog) -> None:
    await log.append(CLASS, 0, story(1), epoch=2)
    with pytest.raises(Fenced):
        await log.append(CLASS, 1, [said(2)], epoch=1)
    await log.append(CLASS, 1, [said(2)], epoch=3)
    with pytest.raises(Fenced):
        await log.append(CLASS, 2, [said(3)], epoch=2)
    assert await log.read(CLASS) == story(2)


async def test_entries_that_do_not_follow_on_one_another_are_an_error(log: EventLog) -> None:
    with pytest.raises(ValueError, match="do not follow"):
        await log.append(CLASS, 0, [story(1)[0], said(3)])
    assert await log.read(CLASS) == []
    await log.append(CLASS, 0, story(1))


async def test_appends_made_at_once_keep_their_order(log: EventLog) -> None:
    await log.append(CLASS, 0, story(1))
    await asyncio.gather(*(log.append(CLASS, seq - 1, [said(seq)]) for seq in range(2, 100)))
    assert await log.read(CLASS) == story(99)


async def test_classes_do_not_mix(log: EventLog) -> None:
    names = [ClassId(f"class-{n}") for n in range(8)]

    async def teach(class_id: ClassId) -> None:
        for seq in range(1, 20):
            await log.append(class_id, seq - 1, story(seq, class_id)[-1:])

    await asyncio.gather(*(teach(class_id) for class_id in names))
    for class_id in names:
        assert await log.read(class_id) == story(19, class_id)
    assert sorted(await log.classes()) == names


@pytest.mark.parametrize("cut", [1, 2, 5, 9])
async def test_a_snapshot_and_the_tail_make_the_whole(log: EventLog, cut: int) -> None:
    await log.append(CLASS, 0, story(9))
    await log.save_snapshot(CLASS, replayed(story(cut)))
    snapshot, tail = await log.load(CLASS)
    assert snapshot == replayed(story(cut))
    assert list(tail) == story(9)[cut:]


async def test_the_newest_snapshot_is_loaded(log: EventLog) -> None:
    await log.append(CLASS, 0, story(9))
    for cut in (3, 5, 8):
        await log.save_snapshot(CLASS, replayed(story(cut)))
    loaded = await log.load(CLASS)
    assert loaded.snapshot == replayed(story(8))
    assert loaded.tail == (said(9),)


async def test_a_retired_class_is_readable_but_no_longer_listed(log: EventLog) -> None:
    await log.append(CLASS, 0, story(3))
    await log.append(ClassId("other"), 0, story(1, ClassId("other")))
    await log.retire(CLASS)
    assert await log.classes() == ["other"]
    assert await log.read(CLASS) == story(3)


async def test_a_caller_who_stops_waiting_does_not_disturb_the_others(log: EventLog) -> None:
    await log.append(CLASS, 0, story(1))
    impatient = asyncio.ensure_future(log.append(CLASS, 1, [said(2)]))
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.wait([impatient])
    last = len(await log.read(CLASS))
    while True:  # the contract: it may have been written, load before appending again
        try:
            await log.append(CLASS, last, [said(last + 1)])
            break
        except Conflict:
            last += 1
    assert await log.read(CLASS) == story(last + 1)
