"""The file log among faults: power loss, full disks, failed syncs, torn and damaged files, a second process."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from random import Random

import pytest
from msgspec.structs import replace

from server.log.eventlog import LogUnavailable
from server.log.file import FileLog
from server.log.record import MAX_PAYLOAD_BYTES, Damaged
from server.rooms.kernel import ClassId, Entry
from tests.log.disks import ForgetfulDisk
from tests.log.entries import CLASS, replayed, said, story

ROOT = Path("/data/log")


class Held:
    """Holds the next sync until told to go on."""

    def __init__(self, disk: ForgetfulDisk) -> None:
        self._begun, self._may_go_on = threading.Event(), threading.Event()
        self._disk = disk
        disk.before_sync = self._hold

    async def begun(self) -> None:
        await asyncio.to_thread(self._begun.wait, 10)

    def go_on(self) -> None:
        self._may_go_on.set()

    def _hold(self) -> None:
        self._disk.before_sync = lambda: None
        self._begun.set()
        assert self._may_go_on.wait(10)


async def stored(disk: ForgetfulDisk, class_id: ClassId = CLASS) -> list[Entry]:
    """What a fresh start finds."""
    log = FileLog(ROOT, disk)
    try:
        _, tail = await log.load(class_id)
        return list(tail)
    finally:
        await log.close()


@pytest.mark.parametrize("seed", range(60))
async def test_a_power_loss_takes_nothing_that_was_acknowledged(seed: int) -> None:
    dice = Random(seed)
    disk = ForgetfulDisk()
    log = FileLog(ROOT, disk)
    acknowledged = 0
    power_fails_at = dice.randint(1, 25)
    survivor: list[ForgetfulDisk] = []

    def fail_power_once() -> None:
        if disk.syncs == power_fails_at and not survivor:
            survivor.append(disk.after_power_loss(dice))  # written, not yet synced

    disk.before_sync = fail_power_once
    while not survivor and acknowledged < 60:
        run = dice.randint(1, 4)
        await log.append(CLASS, acknowledged, story(acknowledged + run)[-run:])
        if not survivor:
            acknowledged += run
    await log.close()
    found = await stored(survivor[0] if survivor else disk.after_power_loss(dice))
    assert found[:acknowledged] == story(acknowledged)
    assert found == story(len(found))


@pytest.mark.parametrize("seed", range(20))
async def test_a_log_found_after_a_power_loss_survives_the_next_one(seed: int) -> None:
    """Entries a first start finds and tells people are as safe as acknowledged ones."""
    dice = Random(seed)
    disk = ForgetfulDisk()
    log = FileLog(ROOT, disk)
    await log.append(CLASS, 0, story(3))
    survivors: list[ForgetfulDisk] = []
    disk.before_sync = lambda: survivors.append(disk.after_power_loss(dice))
    await log.append(CLASS, 3, story(9)[3:])
    await log.close()
    found = await stored(survivors[0])
    assert await stored(survivors[0].after_power_loss(dice)) == found


@pytest.mark.parametrize("seed", range(20))
async def test_a_power_loss_while_saving_a_snapshot_costs_no_entry(seed: int) -> None:
    dice = Random(seed)
    disk = ForgetfulDisk()
    log = FileLog(ROOT, disk)
    await log.append(CLASS, 0, story(9))
    await log.save_snapshot(CLASS, replayed(story(4)))
    survivors: list[ForgetfulDisk] = []
    disk.before_sync = lambda: survivors.append(disk.after_power_loss(dice))
    await log.save_snapshot(CLASS, replayed(story(9)))
    survivors.append(disk.after_power_loss(dice))
    await log.close()
    snapshot = None
    for survivor in survivors:
        again = FileLog(ROOT, survivor)
        snapshot, tail = await again.load(CLASS)
        assert snapshot is not None
        assert [*story(9)[: snapshot.seq], *tail] == story(9)
        assert snapshot == replayed(story(snapshot.seq))
        await again.close()
    assert snapshot == replayed(story(9))  # the last survivor is from after the saving


async def test_every_truncation_of_a_file_gives_its_whole_entries(tmp_path: Path) -> None:
    log = FileLog(tmp_path)
    for entry in story(6):
        await log.append(CLASS, entry.seq - 1, [entry])
    await log.close()
    events = tmp_path / CLASS / "events.log"
    whole = events.read_bytes()
    for size in range(0, len(whole), 7):
        for left in (tmp_path / CLASS).glob("*.torn"):
            left.unlink()
        events.write_bytes(whole[:size])
        log = FileLog(tmp_path)
        found = (await log.load(CLASS)).tail
        await log.append(CLASS, len(found), [*story(6), said(7)][len(found) : len(found) + 1])
        assert await log.read(CLASS) == [*story(6), said(7)][: len(found) + 1]
        await log.close()
        torn = b"".join(path.read_bytes() for path in (tmp_path / CLASS).glob("*.torn"))
        assert whole[:size].endswith(torn)
        assert events.read_bytes().startswith(whole[: size - len(torn)])


async def test_a_damaged_class_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    log = FileLog(tmp_path)
    for entry in story(6):
        await log.append(CLASS, entry.seq - 1, [entry])
    await log.close()
    events = tmp_path / CLASS / "events.log"
    damaged = bytearray(events.read_bytes())
    damaged[90] ^= 1
    events.write_bytes(damaged)
    log = FileLog(tmp_path)
    with pytest.raises(Damaged):
        await log.load(CLASS)
    with pytest.raises(Damaged):
        await log.append(CLASS, 6, [said(7)])
    await log.append(ClassId("other"), 0, story(1, ClassId("other")))
    await log.close()
    assert events.read_bytes() == damaged


async def test_a_log_shorter_than_its_snapshot_is_damaged(tmp_path: Path) -> None:
    log = FileLog(tmp_path)
    await log.append(CLASS, 0, story(6))
    await log.save_snapshot(CLASS, replayed(story(6)))
    await log.close()
    events = tmp_path / CLASS / "events.log"
    events.write_bytes(events.read_bytes()[:-10])
    log = FileLog(tmp_path)
    with pytest.raises(Damaged, match="snapshot"):
        await log.load(CLASS)
    await log.close()


async def test_an_unreadable_snapshot_costs_only_time(tmp_path: Path) -> None:
    log = FileLog(tmp_path)
    await log.append(CLASS, 0, story(9))
    for cut in (2, 4, 7):
        await log.save_snapshot(CLASS, replayed(story(cut)))
    snapshots = sorted((tmp_path / CLASS).glob("snapshot.*"))
    assert [path.name for path in snapshots] == ["snapshot.4", "snapshot.7"]
    snapshots[1].write_bytes(snapshots[1].read_bytes()[:-1])
    assert await log.load(CLASS) == (replayed(story(4)), tuple(story(9)[4:]))
    snapshots[0].write_bytes(b"")
    assert await log.load(CLASS) == (None, tuple(story(9)))
    await log.close()


@pytest.mark.parametrize("free", [0, 1, 40, 130])
async def test_a_full_disk_refuses_everything_at_once_and_goes_on_when_there_is_room(free: int) -> None:
    disk = ForgetfulDisk()
    log = FileLog(ROOT, disk)
    await log.append(CLASS, 0, story(3))
    before = disk.files()["events.log"]
    disk.free_bytes = free
    refused = await asyncio.gather(
        *(log.append(CLASS, seq - 1, [said(seq, "x" * 100)]) for seq in range(4, 8)), return_exceptions=True
    )
    assert [type(error) for error in refused] == [LogUnavailable] * 4
    assert "No space left" in str(refused[0])
    assert disk.files()["events.log"] == before
    disk.free_bytes = None
    await log.append(CLASS, 3, [said(4)])
    await log.close()
    assert await stored(disk) == story(4)


async def test_a_class_cannot_be_opened_on_a_full_disk_but_later_it_can() -> None:
    disk = ForgetfulDisk()
    log = FileLog(ROOT, disk)
    disk.free_bytes = 0
    with pytest.raises(LogUnavailable):
        await log.append(CLASS, 0, story(1))
    assert await log.load(CLASS) == (None, ())
    disk.free_bytes = None
    await log.append(CLASS, 0, story(1))
    await log.close()
    assert await stored(disk) == story(1)


async def test_after_a_failed_sync_the_file_is_opened_anew_and_nothing_refused_comes_back() -> None:
    disk = ForgetfulDisk()
    log = FileLog(ROOT, disk)
    await log.append(CLASS, 0, story(3))
    disk.syncs_to_fail = 1
    with pytest.raises(LogUnavailable, match="Input/output"):
        await log.append(CLASS, 3, [said(4, "refused"), said(5, "refused as well")])
    await log.append(CLASS, 3, [said(4, "granted")])
    await log.close()
    assert (await stored(disk))[3:] == [said(4, "granted")]
    assert (await stored(disk.after_power_loss(Random(1))))[3:] == [said(4, "granted")]


async def test_a_file_that_lost_acknowledged_entries_while_open_is_damaged() -> None:
    disk = ForgetfulDisk()
    log = FileLog(ROOT, disk)
    await log.append(CLASS, 0, story(3))
    disk.syncs_to_fail = 1
    with pytest.raises(LogUnavailable):
        await log.append(CLASS, 3, [said(4)])
    disk.open(ROOT / CLASS / "events.log").truncate(30)
    with pytest.raises(Damaged, match="acknowledged"):
        await log.append(CLASS, 3, [said(4)])
    await log.close()


async def test_a_disk_that_cannot_be_read_makes_the_log_unavailable_until_it_can() -> None:
    disk = ForgetfulDisk()
    log = FileLog(ROOT, disk)
    await log.append(CLASS, 0, story(3))
    disk.syncs_to_fail = 1
    with pytest.raises(LogUnavailable):
        await log.append(CLASS, 3, [said(4)])
    disk.reads_fail = True
    with pytest.raises(LogUnavailable):
        await log.append(CLASS, 3, [said(4)])
    disk.reads_fail = False
    await log.append(CLASS, 3, [said(4)])
    assert await log.read(CLASS) == story(4)
    await log.close()


async def test_appends_that_arrive_during_a_sync_share_the_next_one() -> None:
    disk = ForgetfulDisk()
    log = FileLog(ROOT, disk)
    await log.append(CLASS, 0, story(1))
    before = disk.syncs
    held = Held(disk)
    first = asyncio.ensure_future(log.append(CLASS, 1, [said(2)]))
    await held.begun()
    others = [asyncio.ensure_future(log.append(CLASS, seq - 1, [said(seq)])) for seq in range(3, 53)]
    await asyncio.sleep(0)
    assert not first.done()
    held.go_on()
    await asyncio.gather(first, *others)
    assert disk.syncs - before == 2
    assert await log.read(CLASS) == story(52)
    await log.close()


async def test_appends_that_build_on_a_failed_one_fail_with_it() -> None:
    disk = ForgetfulDisk()
    log = FileLog(ROOT, disk)
    await log.append(CLASS, 0, story(3))
    held = Held(disk)
    disk.syncs_to_fail = 1
    first = asyncio.ensure_future(log.append(CLASS, 3, [said(4)]))
    await held.begun()
    second = asyncio.ensure_future(log.append(CLASS, 4, [said(5)]))
    await asyncio.sleep(0)
    held.go_on()
    outcomes = await asyncio.gather(first, second, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [LogUnavailable, LogUnavailable]
    await log.append(CLASS, 3, [said(4)])
    await log.close()
    assert await stored(disk) == story(4)


async def test_a_snapshot_under_way_is_finished_though_its_caller_is_cancelled() -> None:
    disk = ForgetfulDisk()
    log = FileLog(ROOT, disk)
    await log.append(CLASS, 0, story(3))
    held = Held(disk)
    saving = asyncio.ensure_future(log.save_snapshot(CLASS, replayed(story(3))))
    await held.begun()
    saving.cancel()
    for _ in range(10):
        await asyncio.sleep(0)
    assert not saving.done()
    held.go_on()
    with pytest.raises(asyncio.CancelledError):
        await saving
    assert (await log.load(CLASS)).snapshot == replayed(story(3))
    await log.close()


async def test_one_class_does_not_wait_for_the_disk_of_another() -> None:
    disk = ForgetfulDisk()
    log = FileLog(ROOT, disk)
    other = ClassId("other")
    await log.append(CLASS, 0, story(1))
    await log.append(other, 0, story(1, other))
    held = Held(disk)
    first = asyncio.ensure_future(log.append(CLASS, 1, [said(2)]))
    await held.begun()
    await log.append(other, 1, [said(2)])
    assert not first.done()
    held.go_on()
    await first
    await log.close()


async def test_closing_waits_for_what_is_being_appended() -> None:
    disk = ForgetfulDisk()
    log = FileLog(ROOT, disk)
    await log.append(CLASS, 0, story(1))
    under_way = asyncio.ensure_future(log.append(CLASS, 1, [said(2)]))
    await asyncio.sleep(0)
    await log.close()
    await under_way
    with pytest.raises(LogUnavailable, match="closed"):
        await log.append(CLASS, 2, [said(3)])


async def test_a_second_process_on_the_same_folder_is_turned_away(tmp_path: Path) -> None:
    log = FileLog(tmp_path)
    with pytest.raises(BlockingIOError):
        FileLog(tmp_path)
    await log.close()
    await FileLog(tmp_path).close()


@pytest.mark.parametrize("class_id", ["", "..", "a/b", "/etc", "a\0", "ä", "x" * 65])
async def test_an_id_that_is_not_a_plain_name_reaches_no_path(tmp_path: Path, class_id: str) -> None:
    log = FileLog(tmp_path)
    with pytest.raises(ValueError, match="not a class id"):
        await log.append(ClassId(class_id), 0, story(1))
    with pytest.raises(ValueError, match="not a class id"):
        await log.read(ClassId(class_id))
    await log.close()


async def test_a_state_too_large_for_a_snapshot_costs_the_snapshot_only(tmp_path: Path) -> None:
    log = FileLog(tmp_path)
    await log.append(CLASS, 0, story(3))
    huge = replace(replayed(story(3)), title="x" * (MAX_PAYLOAD_BYTES + 1))
    with pytest.raises(LogUnavailable, match="snapshot"):
        await log.save_snapshot(CLASS, huge)
    await log.append(CLASS, 3, story(4)[3:])
    assert (await log.load(CLASS)).snapshot is None
    await log.close()
