"""The class as one: `decide` asks the feature a command belongs to, `apply` passes an event to all it concerns.

These two are the only places where a classroom changes. Both are pure, and neither calls the other; `commit` is what a
host does before it appends. What an event means for a feature is in that feature's module alone: nobody lists "hands,
stage, breakouts" when somebody leaves, the table below is built from what each module says it is concerned with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any, get_args

from msgspec.structs import replace

from server.rooms import breakouts, chat, hands, polls, recording, roster, stage
from server.rooms.classroom import ClassEnded, ClassOpened, ClassPhase, Classroom, EndClass, Settings, room_of
from server.rooms.kernel import SYSTEM, ClientId, Entry, Envelope, Event, Instant, Refused, Role
from server.rooms.messages import AnyCommand, AnyEvent, StoredEntry
from server.rooms.permissions import authorize
from server.rooms.plaintext import require_name
from server.rooms.roster import JoinClass

__all__ = [
    "AnyCommand",
    "AnyEvent",
    "ClassEnded",
    "ClassOpened",
    "ClassPhase",
    "Classroom",
    "EndClass",
    "Settings",
    "StoredEntry",
    "apply",
    "commit",
    "decide",
    "done_at",
    "open_classroom",
    "room_of",
]

TITLE_LENGTH = 200
COMMANDS_REMEMBERED = 32
"""Per client, so that a command that is sent again gets the seq it got. Still older ones are not done again either."""
CLIENTS_REMEMBERED = 1_000
"""Those that spoke last. A page that was reloaded is a new client, so the list would grow for ever."""


def open_classroom(title: str, settings: Settings, now: Instant) -> Entry:
    """The first entry of a class; `apply` it to `Classroom.empty(id)`. Raises Refused for an unusable title."""
    require_name(title, "title", TITLE_LENGTH)
    opened = ClassOpened(title, replace(settings, locked=tuple(dict.fromkeys(settings.locked))))
    return Entry(seq=1, at=now, actor=SYSTEM, client=ClientId(""), counter=0, events=(opened,))


def decide(classroom: Classroom, envelope: Envelope) -> tuple[Event, ...]:
    """What the command does; empty if that is so already. Raises Refused, and nothing else."""
    authorize(classroom, envelope.actor, envelope.command)
    return tuple(_decide(classroom, envelope))


def _decide(classroom: Classroom, envelope: Envelope) -> Sequence[Event]:
    command = envelope.command
    match command:
        case JoinClass():
            return _join(classroom, command, envelope)
        case EndClass():
            return _end(classroom, envelope)
    if isinstance(command, roster.Commands):
        return roster.decide(classroom.roster, command, envelope)
    if isinstance(command, chat.Commands):
        return chat.decide(classroom.chat, command, envelope, room_of(classroom, envelope.actor))
    if isinstance(command, hands.Commands):
        return hands.decide(classroom.hands, command, envelope)
    if isinstance(command, polls.Commands):
        return polls.decide(classroom.polls, command, envelope)
    if isinstance(command, breakouts.Commands):
        return breakouts.decide(classroom.breakouts, command, envelope, classroom.roster)
    if isinstance(command, stage.Commands):
        return stage.decide(classroom.stage, command, envelope, classroom.roster)
    if isinstance(command, recording.Commands):
        return recording.decide(classroom.recording, command, envelope)
    raise Refused("not-allowed")


def _join(classroom: Classroom, command: JoinClass, envelope: Envelope) -> Sequence[Event]:
    arrival = list(roster.decide(classroom.roster, command, envelope))
    arrival += breakouts.returning(classroom.breakouts, command.participant)
    first_take = classroom.settings.record_automatically and classroom.recording.takes == 0
    if first_take and command.role is Role.INSTRUCTOR:
        arrival.append(recording.RecordingStarted())
    return arrival


def _end(classroom: Classroom, envelope: Envelope) -> Sequence[Event]:
    """Everything that runs is brought to its end first, so that whoever comes later finds results and no loose ends."""
    return [
        *polls.closing(classroom.polls),
        *breakouts.closing(classroom.breakouts),
        *recording.stopping(classroom.recording),
        ClassEnded(by=envelope.actor),
    ]


Step = Callable[[Any, Any, Instant], Any]
"""(a feature's state, an event, when) -> the state after it."""


def _concerned(features: Mapping[str, ModuleType]) -> Mapping[type[Event], Sequence[tuple[str, Step]]]:
    table: dict[type[Event], list[tuple[str, Step]]] = {}
    for name, module in features.items():
        for event in get_args(module.Concerns):
            table.setdefault(event, []).append((name, module.apply))
    return table


_CONCERNED = _concerned(
    {
        "roster": roster,
        "chat": chat,
        "hands": hands,
        "polls": polls,
        "breakouts": breakouts,
        "stage": stage,
        "recording": recording,
    }
)


def apply(classroom: Classroom, entry: Entry) -> Classroom:
    """The class after an entry that is in the log, or a viewer's part of it after what he is told of the entry."""
    changed: dict[str, Any] = {"seq": entry.seq}
    if entry.client:
        changed["done"] = _remember(classroom.done, entry.client, entry.counter, entry.seq)
    for event in entry.events:
        match event:
            case ClassOpened(title, settings):
                changed |= {"title": title, "settings": settings, "opened_at": entry.at}
                changed["stage"] = replace(changed.get("stage", classroom.stage), locked=settings.locked)
            case ClassEnded():
                changed |= {"phase": ClassPhase.ENDED, "ended_at": entry.at, "hands": hands.Hands()}
                changed["stage"] = stage.cleared(changed.get("stage", classroom.stage))
            case _:
                for name, step in _CONCERNED[type(event)]:
                    changed[name] = step(
                        changed[name] if name in changed else getattr(classroom, name), event, entry.at
                    )
    return replace(classroom, **changed)


def commit(classroom: Classroom, envelope: Envelope) -> Entry | None:
    """The entry to append for a command; None if there is nothing to append or it was done before. Raises Refused."""
    if done_at(classroom, envelope.client, envelope.counter) is not None:
        return None
    events = decide(classroom, envelope)
    if not events:
        return None
    return Entry(classroom.seq + 1, envelope.now, envelope.actor, envelope.client, envelope.counter, events)


def done_at(classroom: Classroom, client: ClientId, counter: int) -> int | None:
    """The seq by which this command was carried out, or None if it still has to be.

    A client counts upwards and sends in that order, so what lies below its newest carried-out command has been dealt
    with too: carried out, without effect, or refused. It must not be tried again, later in the story.
    """
    done = classroom.done.get(client, ())
    if not done or counter > done[-1][0]:
        return None
    return max((seq for number, seq in done if number <= counter), default=0)


def _remember(
    done: Mapping[ClientId, tuple[tuple[int, int], ...]], client: ClientId, counter: int, seq: int
) -> dict[ClientId, tuple[tuple[int, int], ...]]:
    mine = (*done.get(client, ())[1 - COMMANDS_REMEMBERED :], (counter, seq))
    remembered = dict(done)
    remembered.pop(client, None)  # so that whoever spoke last stands last
    if len(remembered) >= CLIENTS_REMEMBERED:
        del remembered[next(iter(remembered))]
    remembered[client] = mine
    return remembered
