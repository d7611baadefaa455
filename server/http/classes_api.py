"""The REST interface to classes. What it does is in classes; here are the shapes."""

from __future__ import annotations

import time
from typing import Annotated

from aiohttp import web
from msgspec import UNSET, Meta, Struct, UnsetType

from server.catalogue import ClassRecord
from server.http import answers, classes, errors, identity
from server.http.endpoint import Call
from server.http.errors import Problem
from server.http.relay import IceServer
from server.rooms.kernel import ClassId, ParticipantId, Role


class NewClass(Struct, frozen=True, forbid_unknown_fields=True):
    title: Annotated[str, Meta(min_length=1, max_length=classes.TITLE_LENGTH)]
    record: bool = False
    """Record from the moment an instructor is inside."""


class ClassDetail(Struct, frozen=True):
    """Instants are Unix milliseconds; `ended_at` is 0 while the class is open."""

    id: ClassId
    title: str
    phase: str
    """"open" or "ended"."""
    record: bool
    created_at: int
    ended_at: int
    people: int
    """How many are inside now."""
    links: dict[str, str]
    """Invitations by role: "learner", "assistant", "guest"."""


class ClassList(Struct, frozen=True):
    """Open ones first, newest first."""

    classes: tuple[ClassDetail, ...]


class Join(Struct, frozen=True, forbid_unknown_fields=True):
    """Ask to be let in. An instructor needs no code."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    code: Annotated[str, Meta(max_length=64)] | None = None
    """The last part of an invitation link."""
    person: Annotated[str, Meta(min_length=1, max_length=200)] | UnsetType = UNSET
    """With the API key only: who this is in the calling system. The same person is the same participant."""
    role: Role | UnsetType = UNSET
    """With the API key only."""


class Joined(Struct, frozen=True):
    """`token` opens one live connection, once, within five minutes."""

    token: str
    participant: ParticipantId
    role: Role
    name: str
    ice: tuple[IceServer, ...] = ()
    """For the RTCPeerConnection: the TURN server, if there is one, with a name and password good for six hours."""


def detail(call: Call, record: ClassRecord) -> ClassDetail:
    services = call.services
    return ClassDetail(
        id=record.id,
        title=record.title,
        phase="ended" if record.ended_at else "open",
        record=record.records,
        created_at=record.created_at,
        ended_at=record.ended_at,
        people=classes.people(services, record.id),
        links=classes.links(record, identity.origin(call.request, services.config)),
    )


async def create(call: Call) -> ClassDetail:
    body: NewClass = call.body
    return detail(call, await classes.create(call.services, body.title, body.record))


async def listing(call: Call) -> ClassList:
    return ClassList(tuple(detail(call, record) for record in await call.services.catalogue.classes()))


async def show(call: Call) -> ClassDetail:
    return detail(call, await _record(call))


async def end(call: Call) -> ClassDetail:
    record = await _record(call)
    await classes.end(call.services, record)
    return detail(call, await _record(call))


async def join(call: Call) -> web.Response:
    """Remembers the person and the name in the cookie, so that he is the same participant when he comes back."""
    services, visitor, body = call.services, call.visitor, call.body
    address = identity.address(call.request, services.config)
    if not visitor.service and not services.limits.joins.take(address, time.monotonic()):
        raise errors.too_many(services.limits.joins.wait_s(address, time.monotonic()))
    record = await _record(call)
    role, person = _as_what(call, record, body, address)
    opening = await classes.admit(services, visitor, record, body.name, role, person)
    admission = opening.admission
    ice = services.relay.servers(services.clock.now() // 1000)
    joined = Joined(opening.token, admission.participant, admission.role, admission.name, ice)
    response = answers.json(joined)
    if not visitor.service:
        identity.remember(response, services.cookies, opening.visitor, services.config.secure)
    return response


def _as_what(call: Call, record: ClassRecord, body: Join, address: str) -> tuple[Role, str]:
    """The role, and the person a service vouches for ("": the visitor himself)."""
    if call.visitor.service:
        if body.person is UNSET:
            raise Problem(400, "body.invalid", "With an API key, `person` says who joins.")
        return (Role.LEARNER if body.role is UNSET else body.role), body.person
    if body.person is not UNSET or body.role is not UNSET:
        raise errors.forbidden("join.service-only", "Only a service with the API key may say who joins, and as what.")
    return classes.invited_as(call.services, record, call.visitor, body.code, address), ""


async def _record(call: Call) -> ClassRecord:
    return await classes.find(call.services, ClassId(call.part("class_id")))
