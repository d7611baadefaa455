"""Tell a class as a story: `room = classroom("ann:instructor", "bo")`, then `room.at(5_000).bo(RaiseHand())`.

Names are participant ids, time is milliseconds on the class's own clock (it opens at 1,000), a refusal raises Refused.
Every step also checks the laws that hold for any step (`check_step`), so each story is a test of those too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

from server.rooms.audience import LATER, Viewer, needs_fresh_view, redact, redact_entry, told_alike
from server.rooms.kernel import SYSTEM, ClassId, ClientId, Command, Entry, Envelope, Event, Instant, ParticipantId, Role
from server.rooms.room import Classroom, Settings, apply, commit, open_classroom
from server.rooms.roster import JoinClass
from server.rooms.view import view

CLASS = ClassId("algebra")
OPENED = Instant(1_000)


class Story:
    """A class, its log, and a clock that stands still unless told to move."""

    def __init__(self, settings: Settings) -> None:
        self.before = Classroom.empty(CLASS)
        self.now = OPENED
        self.seed = 0
        self.entries: list[Entry] = [open_classroom("Algebra", settings, OPENED)]
        self.state = apply(self.before, self.entries[0])

    def at(self, now: int) -> Self:
        self.now = Instant(now)
        return self

    def by(self, actor: str, command: Command, *, client: str = "", counter: int = 0) -> tuple[Event, ...]:
        """What the command does. Raises Refused."""
        fresh = f"new{len(self.entries)}"
        envelope = Envelope(
            ParticipantId(actor), command, self.now, fresh, self.seed, client=ClientId(client), counter=counter
        )
        entry = commit(self.state, envelope)
        return self.append(entry) if entry is not None else ()

    def append(self, entry: Entry) -> tuple[Event, ...]:
        self.before, self.state = self.state, apply(self.state, entry)
        self.entries.append(entry)
        check_step(self.before, entry, self.state)
        return entry.events

    def clock(self, command: Command) -> tuple[Event, ...]:
        return self.by(SYSTEM, command)

    def join(self, who: str) -> tuple[Event, ...]:
        """`who` is "ann:instructor" or, for a learner, "bo"."""
        name, _, role = who.partition(":")
        return self.clock(JoinClass(ParticipantId(name), name.capitalize(), Role(role or "learner")))

    def __getattr__(self, actor: str) -> Callable[[Command], tuple[Event, ...]]:
        if actor.startswith("_"):
            raise AttributeError(actor)
        return lambda command: self.by(actor, command)

    def sees(self, viewer: str | Viewer) -> Classroom:
        return view(self.state, ParticipantId(viewer) if isinstance(viewer, str) else viewer)

    def told(self, viewer: str | Viewer) -> tuple[Event, ...]:
        """What a viewer is told of the last entry."""
        viewer = ParticipantId(viewer) if isinstance(viewer, str) else viewer
        return redact_entry(self.before, self.state, self.entries[-1], viewer).events

    def gets_fresh_view(self, viewer: str) -> bool:
        return needs_fresh_view(self.before, self.state, ParticipantId(viewer))


def classroom(*people: str, settings: Settings | None = None) -> Story:
    """An open class into which these people came, in this order."""
    story = Story(settings or Settings())
    for person in people:
        story.join(person)
    return story


def viewers(classroom: Classroom) -> list[Viewer]:
    """Everyone who ever came, somebody who never did, and somebody who comes when it is over."""
    return [*classroom.roster.people, ParticipantId("stranger"), LATER]


def check_step(before: Classroom, entry: Entry, after: Classroom) -> None:
    """The law of views, and that those who are told alike are told the same."""
    alike: dict[object, Entry] = {}
    for viewer in viewers(after):
        told = redact_entry(before, after, entry, viewer)
        assert told.events == tuple(
            shown for event in entry.events if (shown := redact(before, after, event, viewer)) is not None
        )
        if not needs_fresh_view(before, after, viewer):
            assert apply(view(before, viewer), told) == view(after, viewer), viewer
        assert alike.setdefault(told_alike(after, entry, viewer), told) == told
