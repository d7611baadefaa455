"""One line of the REST interface: path, who may, what it takes and gives. Routes and OpenAPI are read off it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any

import msgspec
from aiohttp import web
from msgspec import Struct

from server.http import answers, body, errors
from server.http.auth import Visitor
from server.http.errors import Problem
from server.http.services import VISITOR, Services, services_of


class Access(Enum):
    ANYONE = "anyone"
    """The handler itself asks for what it needs (an invitation, the recording's visibility)."""
    HOSTS = "hosts"
    """Instructors by cookie, services by API key."""


class Call:
    """A request, authenticated and with its body checked."""

    def __init__(self, request: web.Request, body: Any) -> None:
        self.request = request
        self.body = body

    @property
    def services(self) -> Services:
        return services_of(self.request)

    @property
    def visitor(self) -> Visitor:
        return self.request[VISITOR]

    def part(self, name: str) -> str:
        """A part of the path. Its shape has been matched by the route."""
        return self.request.match_info[name]


class Endpoint(Struct, frozen=True):
    """`takes` is the type of the JSON body, `gives` that of the answer (or a media type, for an answer in bytes).

    A handler that gives bytes returns a response, any other returns the value.
    """

    method: str
    path: str
    handle: Callable[[Call], Awaitable[object]]
    summary: str
    access: Access
    gives: Any = None
    takes: Any = None
    status: int = 200


PATTERNS = {
    "class_id": "[a-z0-9]{12}",
    "code": "[a-z0-9]{16}",
    "spoilt": ".{0,100}",
    "recording_id": "[0-9a-f]{32}",
    "n": "[0-9]{1,6}",
}
"""The shape of each variable part of a path. Nothing else reaches a handler, so no id can name another folder."""


def pattern(path: str) -> str:
    """The path as aiohttp matches it: every part with its shape."""
    for name, shape in PATTERNS.items():
        path = path.replace(f"{{{name}}}", f"{{{name}:{shape}}}")
    return path


def route(endpoint: Endpoint) -> web.RouteDef:
    async def answer(request: web.Request) -> web.StreamResponse:
        if endpoint.access is Access.HOSTS and not request[VISITOR].hosts:
            raise errors.sign_in_first()
        given = await endpoint.handle(Call(request, await _body(request, endpoint.takes)))
        if isinstance(given, web.StreamResponse):
            return given
        return web.Response(status=204) if endpoint.gives is None else answers.json(given, endpoint.status)

    return web.route(endpoint.method, pattern(endpoint.path), answer)


async def _body(request: web.Request, wanted: Any) -> Any:
    """The JSON body as the wanted type. Raises Problem 415 or 400, the latter naming the field."""
    if wanted is None:
        return None
    if request.content_type != "application/json":
        raise Problem(415, "body.type", "The body has to be JSON (Content-Type: application/json).")
    try:
        return msgspec.json.decode(await body.read(request), type=wanted)
    except msgspec.ValidationError as wrong:
        raise Problem(400, "body.invalid", f"{wrong}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Problem(400, "body.not-json", "The body is not JSON.") from None
