"""Breakout rooms: planned, opened, recalled and closed; who is where; calls for help.

    none -> planned -> open -> closing -> none         (closing: recalled, people have until `closes_at`)

`where` names the room of everyone who is not in the main room; whoever leaves and joins again while the rooms are
open goes back to his group. Room ids are never used twice. Moving media between rooms is *not* here (server/live).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from random import Random
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from server.rooms.kernel import MAIN, NEVER, SYSTEM, Command, Envelope, Event, Instant, ParticipantId, Refused, RoomId
from server.rooms.plaintext import require_name, require_text
from server.rooms.roster import ParticipantLeft, Roster

GROUPS_MOST = 50
ANNOUNCEMENT_LENGTH = 1_000
ANNOUNCEMENTS_KEPT = 50
DURATION_LONGEST_MS = 24 * 3_600_000


class BreakoutPhase(Enum):
    NONE = "none"
    PLANNED = "planned"
    OPEN = "open"
    CLOSING = "closing"


class GroupPlan(Struct, frozen=True, forbid_unknown_fields=True):
    """A group as somebody plans it; it gets its id when the plan is accepted."""

    name: str
    members: tuple[ParticipantId, ...] = ()


class PlanBreakouts(Command, frozen=True, tag="breakouts.plan"):
    """Say who goes with whom. A new plan replaces the old one; no groups at all is no plan."""

    groups: tuple[GroupPlan, ...]


class ShuffleBreakouts(Command, frozen=True, tag="breakouts.shuffle"):
    """Plan groups of even size by chance. Hosts stay out of it: they walk between the groups."""

    groups: int


class AssignBreakout(Command, frozen=True, tag="breakouts.assign"):
    """Put somebody into another group, or with "main" into none; while the rooms are open this moves him."""

    participant: ParticipantId
    group: RoomId


class OpenBreakouts(Command, frozen=True, tag="breakouts.open"):
    """Send everyone to his group. `duration_ms` 0: until somebody recalls them."""

    duration_ms: int = 0


class AnnounceToBreakouts(Command, frozen=True, tag="breakouts.announce"):
    """Tell all rooms something."""

    text: str


class RecallBreakouts(Command, frozen=True, tag="breakouts.recall"):
    """Close the rooms after a countdown; recalling again may only shorten it."""

    countdown_ms: int = 60_000


class CloseBreakouts(Command, frozen=True, tag="breakouts.close"):
    """Bring everyone back to the main room now."""


class VisitBreakout(Command, frozen=True, tag="breakouts.visit"):
    """Walk into a room, or with "main" back out."""

    room: RoomId


class AskHelp(Command, frozen=True, tag="breakouts.ask-help"):
    """Call a host into one's group."""


class AnswerHelp(Command, frozen=True, tag="breakouts.answer-help"):
    """Take a call off the list."""

    participant: ParticipantId


Commands = (
    PlanBreakouts
    | ShuffleBreakouts
    | AssignBreakout
    | OpenBreakouts
    | AnnounceToBreakouts
    | RecallBreakouts
    | CloseBreakouts
    | VisitBreakout
    | AskHelp
    | AnswerHelp
)


class Group(Struct, frozen=True):
    """A breakout room and those who belong there; where they really are says `Breakouts.where`."""

    id: RoomId
    name: str
    members: tuple[ParticipantId, ...]


class BreakoutsPlanned(Event, frozen=True, tag="breakouts.planned"):
    groups: tuple[Group, ...]


class BreakoutsAssigned(Event, frozen=True, tag="breakouts.assigned"):
    """`group` "main": in none any more."""

    participant: ParticipantId
    group: RoomId


class BreakoutsOpened(Event, frozen=True, tag="breakouts.opened"):
    """Every member is in his room now. `closes_at` 0: open end."""

    groups: tuple[Group, ...]
    closes_at: Instant


class BreakoutsAnnounced(Event, frozen=True, tag="breakouts.announced"):
    text: str
    by: ParticipantId


class BreakoutsRecalled(Event, frozen=True, tag="breakouts.recalled"):
    closes_at: Instant


class BreakoutsClosed(Event, frozen=True, tag="breakouts.closed"):
    """Everyone is in the main room again."""


class ParticipantMoved(Event, frozen=True, tag="participant.moved"):
    participant: ParticipantId
    room: RoomId


class HelpAsked(Event, frozen=True, tag="help.asked"):
    participant: ParticipantId
    room: RoomId


class HelpAnswered(Event, frozen=True, tag="help.answered"):
    participant: ParticipantId
    by: ParticipantId


Concerns = (
    BreakoutsPlanned
    | BreakoutsAssigned
    | BreakoutsOpened
    | BreakoutsAnnounced
    | BreakoutsRecalled
    | BreakoutsClosed
    | ParticipantMoved
    | HelpAsked
    | HelpAnswered
    | ParticipantLeft
)


class Announcement(Struct, frozen=True):
    text: str
    at: Instant
    by: ParticipantId


class HelpCall(Struct, frozen=True):
    participant: ParticipantId
    room: RoomId
    at: Instant


class Breakouts(Struct, frozen=True):
    """`closes_at` 0: open end. `where` leaves out the main room."""

    phase: BreakoutPhase = BreakoutPhase.NONE
    groups: tuple[Group, ...] = ()
    closes_at: Instant = NEVER
    where: dict[ParticipantId, RoomId] = {}
    announcements: tuple[Announcement, ...] = ()
    help: tuple[HelpCall, ...] = ()

    @property
    def running(self) -> bool:
        return self.phase is BreakoutPhase.OPEN or self.phase is BreakoutPhase.CLOSING

    def room_of(self, participant: ParticipantId) -> RoomId:
        return self.where.get(participant, MAIN)

    def group_of(self, participant: ParticipantId) -> RoomId:
        """Where somebody belongs, "main" if to no group."""
        return next((group.id for group in self.groups if participant in group.members), MAIN)


def decide(breakouts: Breakouts, command: Commands, envelope: Envelope, roster: Roster) -> Sequence[Event]:
    match command:
        case PlanBreakouts(groups):
            return _plan(breakouts, groups, envelope, roster)
        case ShuffleBreakouts(groups):
            return _shuffle(breakouts, groups, envelope, roster)
        case AssignBreakout():
            return _assign(breakouts, command, roster)
        case OpenBreakouts(duration_ms):
            if breakouts.phase is not BreakoutPhase.PLANNED:
                raise Refused("breakouts.open" if breakouts.running else "breakouts.not-planned")
            return [BreakoutsOpened(breakouts.groups, _deadline(envelope.now, duration_ms) if duration_ms else NEVER)]
        case AnnounceToBreakouts(text):
            _require_running(breakouts)
            require_text(text, "announcement", ANNOUNCEMENT_LENGTH)
            return [BreakoutsAnnounced(text, by=envelope.actor)]
        case RecallBreakouts(countdown_ms):
            return _recall(breakouts, countdown_ms, envelope)
        case CloseBreakouts():
            # The clock may be late: rooms closed by hand and opened anew are not its business any more.
            early = envelope.actor == SYSTEM and not 0 < breakouts.closes_at <= envelope.now
            return [] if early else closing(breakouts)
        case VisitBreakout(room):
            _require_running(breakouts)
            _require_room(breakouts, room)
            return [] if breakouts.room_of(envelope.actor) == room else [ParticipantMoved(envelope.actor, room)]
        case AskHelp():
            room = breakouts.room_of(envelope.actor)
            if room == MAIN:
                raise Refused("help.not-in-group")
            return [] if _has_called(breakouts, envelope.actor) else [HelpAsked(envelope.actor, room)]
        case AnswerHelp(participant):
            # Two hosts may answer at once; the second finds it done.
            return [HelpAnswered(participant, by=envelope.actor)] if _has_called(breakouts, participant) else []
        case _:
            assert_never(command)


def returning(breakouts: Breakouts, participant: ParticipantId) -> Sequence[Event]:
    """What brings somebody who joins (again) back to his group."""
    group = breakouts.group_of(participant)
    if not breakouts.running or group == MAIN or breakouts.room_of(participant) == group:
        return []
    return [ParticipantMoved(participant, group)]


def closing(breakouts: Breakouts) -> Sequence[Event]:
    return [BreakoutsClosed()] if breakouts.running else []


def _plan(breakouts: Breakouts, plans: tuple[GroupPlan, ...], envelope: Envelope, roster: Roster) -> Sequence[Event]:
    if breakouts.running:
        raise Refused("breakouts.open")
    if len(plans) > GROUPS_MOST:
        raise Refused("breakouts.too-many")
    seen: set[ParticipantId] = set()
    for plan in plans:
        require_name(plan.name, "group")
        for member in plan.members:
            roster.require(member)
            if member in seen:
                raise Refused("breakouts.twice")
            seen.add(member)
    if not plans and breakouts.phase is BreakoutPhase.NONE:
        return []
    return [_planned(plans, envelope)]


def _shuffle(breakouts: Breakouts, groups: int, envelope: Envelope, roster: Roster) -> Sequence[Event]:
    if breakouts.running:
        raise Refused("breakouts.open")
    if not 1 <= groups <= GROUPS_MOST:
        raise Refused("breakouts.too-many" if groups > 0 else "breakouts.too-few")
    members = [person for person in roster.people if roster.present(person) and not roster.is_host(person)]
    Random(envelope.seed).shuffle(members)
    # Every n-th of a shuffled list: sizes differ by one at most.
    return [_planned([GroupPlan(f"Group {n + 1}", tuple(members[n::groups])) for n in range(groups)], envelope)]


def _planned(plans: Sequence[GroupPlan], envelope: Envelope) -> BreakoutsPlanned:
    return BreakoutsPlanned(
        tuple(Group(RoomId(f"{envelope.fresh}-{n}"), plan.name, plan.members) for n, plan in enumerate(plans, start=1))
    )


def _assign(breakouts: Breakouts, command: AssignBreakout, roster: Roster) -> Sequence[Event]:
    participant, group = command.participant, command.group
    roster.require(participant)
    if breakouts.phase is BreakoutPhase.NONE:
        raise Refused("breakouts.not-planned")
    _require_room(breakouts, group)
    events: list[Event] = []
    if breakouts.group_of(participant) != group:
        events.append(BreakoutsAssigned(participant, group))
    if breakouts.running and breakouts.room_of(participant) != group:
        events.append(ParticipantMoved(participant, group))
    return events


def _recall(breakouts: Breakouts, countdown_ms: int, envelope: Envelope) -> Sequence[Event]:
    _require_running(breakouts)
    if countdown_ms == 0:
        return closing(breakouts)
    closes_at = _deadline(envelope.now, countdown_ms)
    if breakouts.closes_at and breakouts.closes_at <= closes_at:
        if breakouts.phase is BreakoutPhase.CLOSING:
            return []
        closes_at = breakouts.closes_at
    return [BreakoutsRecalled(closes_at)]


def _deadline(now: Instant, duration_ms: int) -> Instant:
    if not 0 < duration_ms <= DURATION_LONGEST_MS:
        raise Refused("breakouts.duration")
    return Instant(now + duration_ms)


def _require_running(breakouts: Breakouts) -> None:
    if not breakouts.running:
        raise Refused("breakouts.not-open")


def _require_room(breakouts: Breakouts, room: RoomId) -> None:
    if room != MAIN and all(group.id != room for group in breakouts.groups):
        raise Refused("breakouts.unknown")


def _has_called(breakouts: Breakouts, participant: ParticipantId) -> bool:
    return any(call.participant == participant for call in breakouts.help)


def apply(breakouts: Breakouts, event: Concerns, at: Instant) -> Breakouts:
    match event:
        case BreakoutsPlanned(groups):
            return Breakouts(BreakoutPhase.PLANNED, groups) if groups else Breakouts()
        case BreakoutsAssigned(participant, group):
            return replace(breakouts, groups=tuple(_regrouped(g, participant, group) for g in breakouts.groups))
        case BreakoutsOpened(groups, closes_at):
            where = {member: group.id for group in groups for member in group.members}
            return Breakouts(BreakoutPhase.OPEN, groups, closes_at, where)
        case BreakoutsAnnounced(text, by):
            kept = breakouts.announcements[1 - ANNOUNCEMENTS_KEPT :]
            return replace(breakouts, announcements=(*kept, Announcement(text, at, by)))
        case BreakoutsRecalled(closes_at):
            return replace(breakouts, phase=BreakoutPhase.CLOSING, closes_at=closes_at)
        case BreakoutsClosed():
            return Breakouts()
        case ParticipantMoved(participant, room):
            return replace(
                breakouts, where=_placed(breakouts.where, participant, room), help=_without_call(breakouts, participant)
            )
        case ParticipantLeft(participant):
            if participant not in breakouts.where:
                return breakouts
            return replace(
                breakouts, where=_placed(breakouts.where, participant, MAIN), help=_without_call(breakouts, participant)
            )
        case HelpAsked(participant, room):
            return replace(breakouts, help=(*breakouts.help, HelpCall(participant, room, at)))
        case HelpAnswered(participant):
            return replace(breakouts, help=_without_call(breakouts, participant))
        case _:
            assert_never(event)


def _regrouped(group: Group, participant: ParticipantId, chosen: RoomId) -> Group:
    if participant in group.members:
        if group.id == chosen:
            return group
        return replace(group, members=tuple(member for member in group.members if member != participant))
    return replace(group, members=(*group.members, participant)) if group.id == chosen else group


def _placed(
    where: dict[ParticipantId, RoomId], participant: ParticipantId, room: RoomId
) -> dict[ParticipantId, RoomId]:
    placed = dict(where)
    placed.pop(participant, None)
    if room != MAIN:
        placed[participant] = room
    return placed


def _without_call(breakouts: Breakouts, participant: ParticipantId) -> tuple[HelpCall, ...]:
    return tuple(call for call in breakouts.help if call.participant != participant)
