"""Everything at once, by dice: whatever happens, views are true, nothing acknowledged is lost, nobody is forgotten."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from random import Random

import pytest

from server.live.clock import SystemClock
from server.live.hosts import Hosts, MediaSwitchboard
from server.log.file import FileLog
from server.rooms.breakouts import CloseBreakouts, OpenBreakouts, ShuffleBreakouts, VisitBreakout
from server.rooms.chat import SendMessage
from server.rooms.hands import LowerHand, RaiseHand
from server.rooms.kernel import ClientId, Command, ParticipantId, Refused, Role
from server.rooms.polls import CastVote, ClosePoll, DraftPoll, PublishPoll
from server.rooms.recording import PauseRecording, ResumeRecording, StartRecording
from server.rooms.room import Classroom, Settings
from server.rooms.roster import LeaveClass, Presence, RemoveParticipant, SetRole
from server.rooms.stage import MuteAll, PublishSource, Source, UnpublishSource
from tests.live.world import CLASS, NotedMedia, NotedRecorder, Person, TroubledLog, World, settle

NAMES = ["ann", "bo", "cy", "di", "ed"]


class Weather:
    """A class of five in which anything may happen next."""

    def __init__(self, seed: int) -> None:
        self.dice = Random(seed)
        self.log = TroubledLog()
        self.world = World(self.log)
        self.here: dict[str, Person] = {}
        self.known: dict[str, Classroom] = {}
        self.acknowledged = 0

    async def run(self, steps: int) -> None:
        await self.world.opened()
        for _ in range(steps):
            happening = self.dice.choice(
                [self.comes, self.comes, self.goes, self.crashes, self.disk, self.time, *[self.speaks] * 12]
            )
            await happening()
            if self.log.may_go_on.is_set() and self.dice.random() < 0.3:
                await self.check()
        await self.calm_down()
        await self.check()
        await self.world.hosts.close()

    async def comes(self) -> None:
        name = self.dice.choice(NAMES)
        role = Role.INSTRUCTOR if name == "ann" else Role.LEARNER
        known = self.known.get(name) if self.dice.random() < 0.7 else None
        older = self.here.pop(name, None)
        try:
            self.here[name] = await self.world.comes(name, role, known=known)
        except Refused:
            if older is not None and older.bye is None:
                self.here[name] = older
            return
        if self.dice.random() < 0.5:
            await self.offers(self.here[name])

    async def offers(self, person: Person) -> None:
        with contextlib.suppress(Refused):  # the newcomer may have been sent away already
            await person.session.offer("offer", {"0": "mic"})

    async def goes(self) -> None:
        if self.here:
            name = self.dice.choice(sorted(self.here))
            person = self.here.pop(name)
            if person.bye is None:
                self.known[name] = person.view
            await person.hangs_up()

    async def crashes(self) -> None:
        if self.dice.random() < 0.3:
            await self.world.restart_after_crash()
            self.known |= {name: person.view for name, person in self.here.items()}
            self.here.clear()

    async def disk(self) -> None:
        self.log.full = not self.log.full and self.dice.random() < 0.3

    async def time(self) -> None:
        await self.world.clock.pass_ms(self.dice.choice([10, 1_000, 5_000, 70_000]))

    async def speaks(self) -> None:
        """Some at once, without waiting for one another; some change their mind about waiting."""
        people = [person for person in self.here.values() if person.bye is None]
        if not people:
            return
        speaking = [
            asyncio.ensure_future(person.says(self.command(person)))
            for person in self.dice.choices(people, k=self.dice.randint(1, 4))
        ]
        if self.dice.random() < 0.1:
            await asyncio.sleep(0)
            speaking[0].cancel()
        for outcome in await asyncio.gather(*speaking, return_exceptions=True):
            if isinstance(outcome, int):
                self.acknowledged = max(self.acknowledged, outcome)
            else:
                assert isinstance(outcome, Refused | asyncio.CancelledError), outcome
                assert not isinstance(outcome, Refused) or outcome.reason not in {"internal", "class.unavailable"}

    def command(self, person: Person) -> Command:
        dice, someone = self.dice, ParticipantId(self.dice.choice(NAMES))
        state = self.world.host.classroom
        polls = [poll.id for poll in state.polls.polls]
        groups = [group.id for group in state.breakouts.groups]
        choices: list[Command] = [
            SendMessage(f"hello {dice.random()}"),
            RaiseHand(),
            LowerHand(person.id),
            PublishSource(dice.choice(list(Source))),
            UnpublishSource(dice.choice(list(Source))),
            DraftPoll("Ready?", ("yes", "no"), open=dice.random() < 0.7, duration_ms=dice.choice([0, 2_000])),
            ShuffleBreakouts(dice.randint(1, 3)),
            OpenBreakouts(duration_ms=dice.choice([0, 3_000])),
            CloseBreakouts(),
            SetRole(someone, dice.choice([Role.LEARNER, Role.PRESENTER, Role.ASSISTANT])),
            MuteAll(),
            StartRecording(),
            PauseRecording(),
            ResumeRecording(),
        ]
        choices += [vote for poll in polls for vote in (CastVote(poll, dice.randint(0, 1)), ClosePoll(poll))]
        choices += [PublishPoll(poll) for poll in polls]
        choices += [VisitBreakout(group) for group in groups]
        if dice.random() < 0.1:
            choices += [LeaveClass(), RemoveParticipant(ParticipantId("ed"))]
        return dice.choice(choices)

    async def calm_down(self) -> None:
        self.log.full = False
        await self.world.clock.pass_ms(6_000)

    async def check(self) -> None:
        await settle()
        self.here = {name: person for name, person in self.here.items() if person.bye is None}
        classroom = self.world.host.classroom
        for person in self.here.values():
            assert self.world.sees_all(person)
        assert self.world.host.sessions == len(self.here)
        assert classroom.seq >= self.acknowledged
        assert [entry.seq for entry in await self.log.read(CLASS)] == list(range(1, classroom.seq + 1))
        if not self.log.full:
            await self.world.clock.pass_ms(1_001)  # a drop that was refused is tried again
            people = self.world.host.classroom.roster.people.values()
            connected = {person.id for person in people if person.presence is Presence.CONNECTED}
            assert connected == set(self.here)
            self.check_media()

    def check_media(self) -> None:
        state = self.world.host.classroom
        for peer, allowed in self.world.media.allowed.items():
            who = ParticipantId(peer.split("/")[1])
            assert allowed == {source.value for source in state.stage.live.get(who, ())}
            assert self.world.media.circles[peer] == f"{CLASS}/{state.breakouts.room_of(who)}"
        for participant, source, room in self.world.recorder.open_tracks:
            assert (f"{CLASS}/{participant}", source) in self.world.media.sinks
            assert room == state.breakouts.room_of(ParticipantId(participant))


@pytest.mark.parametrize("seed", range(25))
async def test_views_stay_true_in_any_weather(seed: int) -> None:
    await Weather(seed).run(120)


async def test_a_class_on_a_real_disk_and_clock_survives_a_restart(tmp_path: Path) -> None:
    def server(log: FileLog) -> Hosts:
        return Hosts(log, NotedMedia(), NotedRecorder(), clock=SystemClock(), switchboard=MediaSwitchboard())

    log = FileLog(tmp_path)
    hosts = server(log)
    host = await hosts.open(CLASS, "Algebra", Settings())
    people = await asyncio.gather(
        *(host.enter(ParticipantId(f"p{n}"), f"P {n}", Role.INSTRUCTOR, ClientId(f"c{n}")) for n in range(20))
    )
    await asyncio.gather(*(person.submit(SendMessage(f"{n}"), n) for person in people for n in range(1, 31)))
    before = host.classroom
    await hosts.close()
    await log.close()
    log = FileLog(tmp_path)
    hosts = server(log)
    await hosts.recover()
    again = await hosts.get(CLASS)
    session = await again.enter(ParticipantId("p0"), "P 0", Role.INSTRUCTOR, ClientId("c0"), before.seq)
    assert session.resumed
    assert again.classroom.chat == before.chat
    await hosts.close()
    await log.close()
