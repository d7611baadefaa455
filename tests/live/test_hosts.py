"""Many classes: opened once, finished for certain, and none the victim of another."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from server.log.codec import encode
from server.log.eventlog import Conflict, Loaded
from server.log.memory import MemoryLog
from server.log.record import Damaged
from server.rooms.chat import MessageSent, SendMessage
from server.rooms.kernel import MAIN, ClassId, ClientId, Entry, Instant, MessageId, ParticipantId, Refused, Role
from server.rooms.recording import StartRecording
from server.rooms.room import EndClass, Settings
from server.rooms.roster import ParticipantDropped
from tests.live.world import CLASS, TroubledLog, World, settle

OTHER = ClassId("geometry")


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World(TroubledLog())
    yield world
    await world.hosts.close()


async def test_a_class_is_opened_once(world: World) -> None:
    await world.opened()
    with pytest.raises(Refused, match=r"class\.exists"):
        await world.opened()
    assert await world.hosts.get(CLASS) is world.host


async def test_a_class_that_cannot_be_written_down_is_not_opened(world: World) -> None:
    assert isinstance(world.log, TroubledLog)
    world.log.full = True
    with pytest.raises(Refused, match=r"log\.unavailable"):
        await world.opened()
    with pytest.raises(KeyError):
        await world.hosts.get(CLASS)
    world.log.full = False
    await world.opened()


async def test_an_unusable_title_is_refused(world: World) -> None:
    with pytest.raises(Refused, match="title"):
        await world.hosts.open(CLASS, "", Settings())
    assert await world.log.classes() == []


async def test_an_unknown_class_is_a_key_error(world: World) -> None:
    with pytest.raises(KeyError):
        await world.hosts.get(ClassId("nowhere"))


async def test_an_ended_class_is_retired_and_not_revived(world: World) -> None:
    await world.opened()
    ann = await world.comes("ann", Role.INSTRUCTOR)
    await ann.says(EndClass())
    assert await world.log.classes() == []
    assert world.recorder.published == []  # it was never recorded
    await world.restart_after_crash()
    assert world.hosts.running == ()
    with pytest.raises(Refused, match=r"class\.exists"):
        await world.opened()


async def test_publishing_is_tried_until_it_succeeds(world: World) -> None:
    await world.opened()
    ann = await world.comes("ann", Role.INSTRUCTOR)
    await ann.says(StartRecording())
    world.recorder.failing_publishes = 3
    await ann.says(EndClass())
    assert world.recorder.published == []
    assert await world.log.classes() == [CLASS]
    await world.clock.pass_ms(60_000)
    assert world.recorder.published == [CLASS]
    assert await world.log.classes() == []


async def test_what_could_not_be_published_before_a_crash_is_published_after(world: World) -> None:
    await world.opened()
    ann = await world.comes("ann", Role.INSTRUCTOR)
    await ann.says(StartRecording())
    world.recorder.failing_publishes = 1
    await ann.says(EndClass())
    await world.restart_after_crash()
    assert world.recorder.published == [CLASS]
    assert world.recorder.calls == []
    assert world.hosts.running == ()
    assert world.ended == [CLASS, CLASS]


async def test_what_was_recorded_of_a_class_that_failed_is_published() -> None:
    log = TroubledLog()
    world = World(log)
    await world.opened()
    ann = await world.comes("ann", Role.INSTRUCTOR)
    await ann.says(StartRecording())
    log.broken = Conflict("somebody else appended")
    with pytest.raises(Refused, match=r"class\.unavailable"):
        await ann.says(SendMessage("hello"))
    await settle()
    assert list(world.hosts.quarantined) == [CLASS]
    assert world.recorder.published == [CLASS]
    assert world.ended == []  # it may go on when the server starts again
    assert await world.log.classes() == [CLASS]


class PoisonedLog(MemoryLog):
    """Gives out something else than it was given for one class."""

    poison: Exception | Entry | None = None

    async def load(self, class_id: ClassId) -> Loaded:
        found = await super().load(class_id)
        if class_id != CLASS or self.poison is None:
            return found
        if isinstance(self.poison, Exception):
            raise self.poison
        return Loaded(found.snapshot, (*found.tail, self.poison))


@pytest.mark.parametrize(
    "poison",
    [
        Damaged("bad bytes"),
        ValueError("unknown event"),
        Entry(3, Instant(0), ParticipantId(""), ClientId(""), 0, (ParticipantDropped(ParticipantId("nobody")),)),
    ],
)
async def test_a_poisoned_class_is_set_aside_and_the_others_run(poison: Exception | Entry) -> None:
    log = PoisonedLog()
    world = World(log)
    await world.opened()
    await world.hosts.open(OTHER, "Geometry", Settings())
    log.poison = poison
    await world.restart_after_crash()
    assert [host.class_id for host in world.hosts.running] == [OTHER]
    assert list(world.hosts.quarantined) == [CLASS]
    with pytest.raises(KeyError):
        await world.hosts.get(CLASS)
    await world.hosts.put_away(CLASS)
    assert world.recorder.published == [CLASS]
    other = await world.hosts.get(OTHER)
    session = await other.enter(ParticipantId("ann"), "Ann", Role.INSTRUCTOR, ClientId("tab"))
    await session.submit(SendMessage("hello"), 1)
    await world.hosts.close()


async def test_an_opening_that_was_never_acknowledged_is_no_class(world: World) -> None:
    class Beginning(MemoryLog):
        async def classes(self) -> list[ClassId]:
            return [CLASS]

    beginning = World(Beginning())
    await beginning.hosts.recover()
    assert beginning.hosts.running == ()
    assert not beginning.hosts.quarantined


async def test_an_event_that_could_not_be_read_back_is_never_written(world: World) -> None:
    """The codec is strict on the way back, so an entry with a wrong type in it must not get in."""
    wrong = MessageSent(MessageId("m"), MAIN, ParticipantId("ann"), 7)  # type: ignore[arg-type]
    encode(Entry(1, Instant(0), ParticipantId("ann"), ClientId(""), 0, (wrong,)))  # which does not complain
    await world.opened()
    ann = await world.comes("ann", Role.INSTRUCTOR)
    before = len(await world.log.read(CLASS))
    with pytest.raises(Refused):
        await ann.session.submit(SendMessage("\ud800"), 1)
    await settle()
    assert len(await world.log.read(CLASS)) == before
    await ann.says(SendMessage("the class goes on"))


async def test_closing_twice_is_fine(world: World) -> None:
    await world.opened()
    await world.hosts.close()
    await world.hosts.close()
