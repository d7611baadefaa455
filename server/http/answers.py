"""Turning results into responses: pages through the templates, values into JSON, problems into either."""

from __future__ import annotations

from html import escape

import msgspec
from aiohttp import web

from server.http import identity, pages
from server.http.auth import Visitor, fresh_person
from server.http.errors import ErrorBody, ErrorDetail, Problem
from server.http.pages import ErrorPage, Page
from server.http.services import NONCE, VISITOR, services_of

_encoder = msgspec.json.Encoder()

_TITLES = {
    401: "Sign in first",
    403: "This is not open to you",
    404: "Nothing is here",
    410: "This is over",
    429: "Too many attempts",
    500: "Something went wrong on our side",
    503: "Not available right now",
}


def json(value: object, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        body=_encoder.encode(value), status=status, content_type="application/json", charset="utf-8", headers=headers
    )


def error_json(problem: Problem) -> web.Response:
    return json(ErrorBody(ErrorDetail(problem.code, problem.message)), problem.status, problem.headers)


def page(request: web.Request, shown: Page, status: int = 200) -> web.Response:
    """The page as this visitor sees it. Somebody without a cookie gets one, so that its forms can be answered."""
    services = services_of(request)
    assets = services.manifest.assets(shown.entry)
    if not assets.script:
        return _not_built()
    visitor = request.get(VISITOR) or Visitor()
    newcomer = not visitor.person and not visitor.service
    if newcomer:
        visitor = msgspec.structs.replace(visitor, person=fresh_person())
    frame = pages.Frame(
        nonce=request.get(NONCE, ""),
        csrf=services.cookies.csrf(visitor.person),
        instructor=visitor.hosts,
        section=shown.section,
        assets=assets,
    )
    html = pages.render(services.templates, frame, shown)
    response = web.Response(text=html, status=status, content_type="text/html")
    if newcomer:
        identity.remember(response, services.cookies, visitor, services.config.secure)
    return response


def error_page(request: web.Request, problem: Problem) -> web.Response:
    title = _TITLES.get(problem.status, "This did not work")
    signed_in = (request.get(VISITOR) or Visitor()).hosts
    action_url, action = ("/enter", "How to sign in") if problem.status == 401 and not signed_in else ("/", "Home")
    shown = ErrorPage(problem.status, title, problem.message, action_url, action)
    response = page(request, shown, problem.status)
    response.headers.update(problem.headers)
    return response


def see_other(where: str) -> web.Response:
    """After a form: a reload repeats nothing."""
    return web.Response(status=303, headers={"Location": where})


def _not_built() -> web.Response:
    """Before `make build` there is no style and no script: say so instead of showing half a page."""
    words = (
        "<!doctype html><html lang=en><meta charset=utf-8><title>Bichron: pages not built</title>"
        "<h1>The pages are not built yet</h1>"
        f"<p>Run <code>{escape('make build')}</code> in the project's folder (<code>make run</code> does it too), "
        "then reload. The server need not be restarted.</p>"
    )
    return web.Response(text=words, status=503, content_type="text/html")
