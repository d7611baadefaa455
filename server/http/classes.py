"""Creating a class, finding it, ending it, and letting people in: what the pages and the REST interface have in common.

Who comes in as what follows from the link used: its code names a role; without one, an instructor is an instructor.
What happens inside is not here (live, rooms).
"""

from __future__ import annotations

import contextlib
import hmac
import re
import secrets
import time
import unicodedata

from msgspec import Struct

from server.catalogue import CatalogueUnavailable, ClassRecord
from server.http import errors
from server.http.auth import Admission, Visitor, fresh_person
from server.http.errors import Problem
from server.http.services import Services
from server.live.host import ClassHost
from server.rooms.classroom import EndClass, Settings
from server.rooms.kernel import SYSTEM, ClassId, ParticipantId, Refused, Role
from server.rooms.plaintext import require_name
from server.rooms.recording import RecordingPhase
from server.rooms.roster import Presence, Roster

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: five bits a letter, and none to mistake for another when read aloud."""
ID_LETTERS = 12
CODE_LETTERS = 16
TITLE_LENGTH = 200


class Opening(Struct, frozen=True):
    """How somebody was let in."""

    visitor: Visitor
    """With the person and name to remember in the cookie."""
    admission: Admission
    token: str


def word(letters: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(letters))


def tidy(text: str) -> str:
    """One form for what looks the same (Unicode NFC), and single spaces."""
    return re.sub(" +", " ", unicodedata.normalize("NFC", text)).strip(" ")


async def create(services: Services, title: str, records: bool) -> ClassRecord:
    """A new class, open from now on. Raises Problem."""
    record = ClassRecord(
        id=ClassId(word(ID_LETTERS)),
        title=_required(tidy(title), "title", TITLE_LENGTH),
        records=records,
        created_at=services.clock.now(),
        ended_at=0,
        learner_code=word(CODE_LETTERS),
        assistant_code=word(CODE_LETTERS),
        guest_code=word(CODE_LETTERS),
    )
    # The catalogue first: a class nobody can find again would run for ever.
    await services.catalogue.add_class(record)
    try:
        await services.hosts.open(record.id, record.title, Settings(record_automatically=records))
    except Refused as refused:
        with contextlib.suppress(CatalogueUnavailable):  # then it stays: one that cannot be opened, but put away
            await services.catalogue.remove_class(record.id)
        raise _from_refusal(refused) from None
    return record


async def find(services: Services, class_id: ClassId) -> ClassRecord:
    record = await services.catalogue.class_(class_id)
    if record is None:
        raise errors.not_found("This class")
    return record


async def running(services: Services, record: ClassRecord) -> ClassHost:
    """Raises Problem 410 when the class has ended, 503 when its log cannot be used."""
    try:
        return await services.hosts.get(record.id)
    except KeyError:
        if record.ended_at:
            raise Problem(410, "class.ended", "This class has ended.") from None
        raise Problem(503, "class.unavailable", "This class cannot be opened right now.") from None


def people(services: Services, class_id: ClassId) -> int:
    """How many are inside now; 0 where the class does not run."""
    for host in services.hosts.running:
        if host.class_id == class_id:
            return sum(p.presence is Presence.CONNECTED for p in host.classroom.roster.people.values())
    return 0


def names(services: Services, record: ClassRecord, visitor: Visitor) -> list[str]:
    """Of those inside now, in the order they came; for the door, where one likes to know who is there.

    Not for who has been removed: he has nothing to do with it any more.
    """
    roster = _roster(services, record)
    if any(participant in roster.removed for participant in _participants(services, record, visitor.person).values()):
        return []
    inside = [person for person in roster.people.values() if person.presence is Presence.CONNECTED]
    return [person.name for person in sorted(inside, key=lambda person: person.joined_at)]


def recording(services: Services, class_id: ClassId) -> bool:
    """Is it being recorded now?"""
    return any(
        host.class_id == class_id and host.classroom.recording.phase is not RecordingPhase.OFF
        for host in services.hosts.running
    )


def links(record: ClassRecord, origin: str) -> dict[str, str]:
    """The invitations, by the role they give."""
    codes = {
        Role.LEARNER: record.learner_code,
        Role.ASSISTANT: record.assistant_code,
        Role.GUEST: record.guest_code,
    }
    return {role.value: f"{origin}/join/{record.id}/{code}" for role, code in codes.items()}


async def end(services: Services, record: ClassRecord) -> None:
    """Idempotent."""
    if record.ended_at:
        return
    try:
        host = await services.hosts.get(record.id)
        await host.submit(SYSTEM, EndClass())
    except KeyError:  # its log cannot be used
        await services.hosts.put_away(record.id)
    except Refused as refused:
        if refused.reason not in {"class.ended", "class.unavailable"}:
            raise _from_refusal(refused) from None
    await services.catalogue.end_class(record.id, services.clock.now())


def role_by_code(record: ClassRecord, code: str) -> Role | None:
    """Which invitation this is. Looks at all of them every time, in constant time each."""
    found = None
    for role, expected in (
        (Role.LEARNER, record.learner_code),
        (Role.ASSISTANT, record.assistant_code),
        (Role.GUEST, record.guest_code),
    ):
        if hmac.compare_digest(code.encode(), expected.encode()):
            found = role
    return found


def invited_as(services: Services, record: ClassRecord, visitor: Visitor, code: str | None, address: str) -> Role:
    """As what this visitor may come in. Raises Problem 403, or 429 after too many wrong codes."""
    if code is None:
        if visitor.hosts:
            return Role.INSTRUCTOR
        raise errors.forbidden("join.invitation", "You need an invitation link. Ask whoever teaches this class.")
    now = time.monotonic()
    attempt = (record.id, address)
    wait_s = services.limits.wrong_codes.wait_s(attempt, now)
    if wait_s > 0 and not _was_inside(services, record, visitor):
        raise errors.too_many(wait_s)
    role = role_by_code(record, code)
    if role is None:
        services.limits.wrong_codes.take(attempt, now)
        raise errors.forbidden("join.code", "This invitation does not fit the class. Ask for a new link.")
    return role


async def admit(
    services: Services, visitor: Visitor, record: ClassRecord, name: str, role: Role, person: str = ""
) -> Opening:
    """A join token for this visitor, or for the `person` a service vouches for. Raises Problem."""
    host = await running(services, record)
    name = _required(tidy(name), "name", 100)
    # A service's names for people live in a space of their own: nobody's cookie can be one of them.
    who = f"service/{person}" if person else visitor.person or fresh_person()
    participants = _participants(services, record, who)
    if any(participant in host.classroom.roster.removed for participant in participants.values()):
        raise errors.forbidden("join.removed", "You have been removed from this class.")
    # The token says what the invitation does; what an instructor made of this person since is the roster's to know,
    # at the moment of joining: a token from before a demotion must not undo it.
    admission = Admission(participants[role], record.id, role, name)
    token = services.tokens.write(admission, services.clock.now() // 1000)
    return Opening(Visitor(who, name, visitor.signed_in_at, visitor.service), admission, token)


def _was_inside(services: Services, record: ClassRecord, visitor: Visitor) -> bool:
    """Somebody who was let in before is not kept out by his neighbours' wrong guesses."""
    if not visitor.person:
        return False
    people = _roster(services, record).people
    return any(participant in people for participant in _participants(services, record, visitor.person).values())


def _roster(services: Services, record: ClassRecord) -> Roster:
    """Empty where the class does not run."""
    running = (host for host in services.hosts.running if host.class_id == record.id)
    return next((host.classroom.roster for host in running), Roster())


def _participants(services: Services, record: ClassRecord, person: str) -> dict[Role, ParticipantId]:
    """Who this person is in a class, by the invitation used."""
    return {role: services.cookies.participant(person, record.id, role) for role in Role}


def _required(text: str, what: str, longest: int) -> str:
    try:
        require_name(text, what, longest)
    except Refused as refused:
        raise Problem(400, refused.reason, _WORDS[refused.reason.partition(".")[2]].format(what=what)) from None
    return text


def title_or_empty(title: str) -> str:
    """A title to give, tidied; empty stays empty. Raises Problem 400."""
    tidied = tidy(title)
    return _required(tidied, "title", TITLE_LENGTH) if tidied else ""


_WORDS = {
    "empty": "The {what} is empty.",
    "too-long": "The {what} is too long.",
    "control-characters": "The {what} holds characters that cannot be shown.",
}


def _from_refusal(refused: Refused) -> Problem:
    if refused.reason == "log.unavailable":
        return errors.disk_unavailable(refused.reason)
    return Problem(409, refused.reason, f"The class refused this: {refused.reason}.")
