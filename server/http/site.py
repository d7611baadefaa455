"""The pages: what each address shows and what each form does.

GET shows and changes nothing (it may set the visitor's own cookie). A form is answered by 303, so a reload repeats
nothing. The class room and the player are shells: here they get their first data, the REST interface does the rest.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs, urlsplit

from aiohttp import web

from server.catalogue import ClassRecord, Visibility
from server.http import answers, body, classes, errors, identity, library, pages
from server.http.auth import Visitor, fresh_person
from server.http.errors import Problem
from server.http.identity import unix_s
from server.http.services import VISITOR, Services, services_of
from server.rooms.kernel import ClassId, Role

RECENT = 5

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def for_hosts(handle: Handler) -> Handler:
    """Instructors only; others are told how to sign in."""

    async def guarded(request: web.Request) -> web.StreamResponse:
        if not request[VISITOR].hosts:
            raise errors.sign_in_first()
        return await handle(request)

    return guarded


async def fields(request: web.Request) -> dict[str, str]:
    """The fields of a form of ours. Raises Problem 403 when its token is not this visitor's."""
    posted = await body.form(request)
    visitor = request[VISITOR]
    if not visitor.service and not services_of(request).cookies.csrf_fits(visitor.person, posted.get("csrf", "")):
        raise errors.forbidden("form.stale", "This form is too old to be sent. Go back, reload the page and try again.")
    return posted


def class_card(services: Services, record: ClassRecord) -> pages.ClassCard:
    return pages.ClassCard(
        id=record.id,
        title=record.title,
        url=f"/classes/{record.id}",
        enter_url=f"/join/{record.id}",
        phase="ended" if record.ended_at else "open",
        created_at=record.created_at,
        people=classes.people(services, record.id),
    )


async def home(request: web.Request) -> web.Response:
    """GET /"""
    if not request[VISITOR].hosts:
        return answers.page(request, pages.HomePage((), ()))
    services = services_of(request)
    records = await services.catalogue.classes()
    cards = tuple(class_card(services, record) for record in records)
    return answers.page(request, pages.HomePage(cards, tuple((await library.cards(services))[:RECENT])))


async def enter(request: web.Request) -> web.Response:
    """GET /enter?key=…, the instructor link."""
    key = request.query.get("key")
    if key is None:
        return answers.page(request, pages.EnterPage(wrong=False))
    return _let_in(request, key)


async def enter_by_form(request: web.Request) -> web.Response:
    """POST /enter"""
    return _let_in(request, _key_in((await fields(request)).get("key", "")))


def _key_in(pasted: str) -> str:
    """The key itself, or the whole link that ends in it."""
    pasted = pasted.strip()
    try:
        return parse_qs(urlsplit(pasted).query).get("key", [pasted])[0]
    except ValueError:
        return pasted


def _let_in(request: web.Request, key: str) -> web.Response:
    services = services_of(request)
    if not services.cookies.opens_the_door(key):
        return _turn_away(request, services)
    before = request[VISITOR]
    # A new person: whoever set a cookie here before the key was shown does not get to share what it opens. But who
    # was signed in already stays himself, also inside a class.
    person = before.person if before.instructor else fresh_person()
    signed_in = Visitor(person, before.name, signed_in_at=unix_s())
    response = answers.see_other("/")
    identity.remember(response, services.cookies, signed_in, services.config.secure)
    return response


def _turn_away(request: web.Request, services: Services) -> web.Response:
    """The right key always opens: it has 256 bits, and a learner guessing next door must not lock the teacher out."""
    attempt, now = identity.address(request, services.config), time.monotonic()
    if not services.limits.wrong_keys.take(attempt, now):
        raise errors.too_many(services.limits.wrong_keys.wait_s(attempt, now))
    return answers.page(request, pages.EnterPage(wrong=True), status=403)


async def sign_out(request: web.Request) -> web.Response:
    """GET /sign-out asks."""
    return answers.page(request, pages.SignedOutPage(done=not request[VISITOR].hosts))


async def sign_out_by_form(request: web.Request) -> web.Response:
    """POST /sign-out does it."""
    await fields(request)
    services = services_of(request)
    request[VISITOR] = stranger = Visitor(fresh_person())
    response = answers.page(request, pages.SignedOutPage(done=True))
    identity.remember(response, services.cookies, stranger, services.config.secure)
    return response


async def create_class(request: web.Request) -> web.Response:
    """POST /classes; `then` "enter" leads on into the class room."""
    form = await fields(request)
    record = await classes.create(services_of(request), form.get("title", ""), records="record" in form)
    return answers.see_other(f"/join/{record.id}" if form.get("then") == "enter" else f"/classes/{record.id}")


async def class_page(request: web.Request) -> web.Response:
    """GET /classes/{class_id}"""
    services = services_of(request)
    record = await classes.find(services, ClassId(request.match_info["class_id"]))
    links = classes.links(record, identity.origin(request, services.config))
    return answers.page(
        request,
        pages.ClassPage(
            classroom=class_card(services, record),
            links=tuple(pages.Link(role, url) for role, url in links.items()),
            records=record.records,
            recordings=tuple(await library.cards(services, record.id)),
        ),
    )


async def end_class(request: web.Request) -> web.Response:
    """POST /classes/{class_id}/end"""
    await fields(request)
    services = services_of(request)
    record = await classes.find(services, ClassId(request.match_info["class_id"]))
    await classes.end(services, record)
    return answers.see_other(f"/classes/{record.id}")


async def room(request: web.Request) -> web.Response:
    """GET /join/{class_id} and /join/{class_id}/{code}"""
    services, visitor = services_of(request), request[VISITOR]
    record = await classes.find(services, ClassId(request.match_info["class_id"]))
    code = request.match_info.get("code")
    role = _role_shown(request, services, record, visitor, code)
    recordings = await library.cards(services, record.id) if record.ended_at and role is not None else []
    open_to_them = [card for card in recordings if visitor.hosts or card.visibility == Visibility.LINK.value]
    recorded = bool(open_to_them) if record.ended_at else record.records or classes.recording(services, record.id)
    boot: dict[str, object] = {
        "classId": record.id,
        "title": record.title,
        "phase": "ended" if record.ended_at else "open",
        "role": role.value if role else None,
        "suggestedName": visitor.name,
        "needsName": not visitor.name,
        "recorded": recorded,
        "code": code,
        "recordingUrl": open_to_them[0].url if open_to_them else None,
        "inside": classes.names(services, record, visitor) if role else [],
    }
    return answers.page(request, pages.RoomPage(record.title, boot))


async def spoilt_link(request: web.Request) -> web.Response:
    """GET /join/{class_id}/…: an invitation that lost or gained something on its way, or a guess that cannot be right.

    Nothing is tried, so it costs nobody an attempt: a whole class may have been sent the same half of a link.
    """
    record = await classes.find(services_of(request), ClassId(request.match_info["class_id"]))
    boot: dict[str, object] = {
        "classId": record.id,
        "title": record.title,
        "phase": "ended" if record.ended_at else "open",
        "role": None,
        "suggestedName": "",
        "needsName": True,
        "recorded": False,
        "code": None,
        "recordingUrl": None,
        "inside": [],
    }
    return answers.page(request, pages.RoomPage(record.title, boot))


def _role_shown(
    request: web.Request, services: Services, record: ClassRecord, visitor: Visitor, code: str | None
) -> Role | None:
    """As what the visitor would come in; None: not at all, with this link. Too many wrong codes are an error page."""
    try:
        return classes.invited_as(services, record, visitor, code, identity.address(request, services.config))
    except Problem as problem:
        if problem.status != 403:
            raise
        return None


async def library_page(request: web.Request) -> web.Response:
    """GET /recordings"""
    return answers.page(request, pages.LibraryPage(tuple(await library.cards(services_of(request)))))


async def player(request: web.Request) -> web.Response:
    """GET /recordings/{recording_id}"""
    services, visitor = services_of(request), request[VISITOR]
    found = await library.open_to(services, visitor, request.match_info["recording_id"])
    boot: dict[str, object] = {"recordingId": found.id, "title": found.title, "instructor": visitor.hosts}
    return answers.page(request, pages.PlayerPage(found.title, boot))


async def delete_recording(request: web.Request) -> web.Response:
    """POST /recordings/{recording_id}/delete"""
    await fields(request)
    await library.delete(services_of(request), request.match_info["recording_id"])
    return answers.see_other("/recordings")


async def show_recording_to(request: web.Request) -> web.Response:
    """POST /recordings/{recording_id}/visibility"""
    form = await fields(request)
    try:
        visibility = Visibility(form.get("visibility", ""))
    except ValueError:
        raise Problem(400, "visibility", "A recording is open by link, or private.") from None
    await library.change(services_of(request), request.match_info["recording_id"], visibility=visibility)
    return answers.see_other("/recordings")


async def help_page(request: web.Request) -> web.Response:
    """GET /help"""
    return answers.page(request, pages.HelpPage())
