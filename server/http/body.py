"""Reading the body of a request by anybody: the application bounds its size, here its time and its letters are."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qsl

from aiohttp import web

from server.http.errors import Problem
from server.http.services import services_of

FIELDS_MOST = 32
"""More than any form of ours has."""


async def read(request: web.Request) -> bytes:
    """All of it. Raises Problem 408 when it does not come, or too slowly: a socket and a task wait for it."""
    try:
        async with asyncio.timeout(services_of(request).body_within_s):
            return await request.read()
    except TimeoutError:
        raise Problem(408, "body.timeout", "The request took too long to arrive. Please try again.") from None


async def form(request: web.Request) -> dict[str, str]:
    """The fields of a form, always in UTF-8 as our pages are. Raises Problem 415, 408 or 400."""
    if request.content_type != "application/x-www-form-urlencoded":
        raise Problem(415, "form.type", "This address takes the form of its own page.")
    try:
        text = (await read(request)).decode()
        return dict(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=FIELDS_MOST))
    except ValueError:
        raise Problem(400, "form.unreadable", "This form cannot be read.") from None
