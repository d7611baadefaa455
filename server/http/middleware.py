"""Around every request: who asks, is it from our own pages, what headers go out, and errors in their one shape.

What browsers are told (Content-Security-Policy Level 3, Trusted Types): scripts run only with this response's nonce,
nothing is framed, no string becomes markup. A new page gets all of it without doing anything.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Middleware

from server.catalogue import CatalogueUnavailable
from server.http import answers, errors, identity
from server.http.auth import Visitor
from server.http.errors import Problem
from server.http.services import NONCE, SERVICES, VISITOR, Services, services_of

log = logging.getLogger(__name__)

Next = Callable[[web.Request], Awaitable[web.StreamResponse]]

_FIXED_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    # Not "no-referrer": that would make browsers send "Origin: null" with our own forms.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self), geolocation=(), usb=()",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def content_security_policy(nonce: str) -> str:
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src 'nonce-{nonce}' 'strict-dynamic'",
            f"style-src 'self' 'nonce-{nonce}'",
            "img-src 'self' data: blob:",
            "media-src 'self' blob:",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        )
    )


async def harden(request: web.Request, response: web.StreamResponse) -> None:
    """Signal on_response_prepare: the headers of every response, files and sockets too."""
    headers = response.headers
    for name, value in _FIXED_HEADERS.items():
        headers.setdefault(name, value)
    headers.setdefault("Content-Security-Policy", content_security_policy(request.get(NONCE, "")))
    headers.setdefault("Cache-Control", "no-store")
    headers["Server"] = "bichron"
    config = request.app[SERVICES].config
    # Not for a self-signed certificate: a browser told to insist on TLS no longer lets its owner accept one.
    if config.secure and config.tls != "self-signed" and not config.local_only:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")


def for_programs(request: web.Request) -> bool:
    """Errors go out as JSON here, as a page elsewhere."""
    return request.path.startswith("/api/") or request.path in {"/healthz", "/metrics"}


@web.middleware
async def observed(request: web.Request, handler: Next) -> web.StreamResponse:
    """Count and log, by route and never by path: invitations are in paths."""
    metrics = services_of(request).metrics
    started = time.monotonic()
    response = await handler(request)
    resource = request.match_info.route.resource
    route = resource.canonical if resource is not None else "unknown"
    metrics.requests.labels(request.method if route != "unknown" else "any", route, str(response.status)).inc()
    if not isinstance(response, web.WebSocketResponse):
        took_s = time.monotonic() - started
        metrics.request_seconds.observe(took_s)
        log.debug("%s %s %d %.1f ms", request.method, route, response.status, took_s * 1000)
    return response


@web.middleware
async def explained(request: web.Request, handler: Next) -> web.StreamResponse:
    """Whatever goes wrong below is answered in one shape; only what is our fault is logged with a trace."""
    request[NONCE] = secrets.token_urlsafe(16)
    try:
        return await handler(request)
    except Problem as raised:
        problem = raised
    except web.HTTPException as raised:
        problem = errors.from_http(raised)
    except CatalogueUnavailable as raised:
        log.error("while answering %s: the catalogue is unavailable: %s", request.match_info.route.resource, raised)
        problem = errors.disk_unavailable("catalogue.unavailable")
    except Exception:  # the top frame of a request
        log.exception("while answering %s", request.match_info.route.resource)
        problem = Problem(500, "server", "The server failed at this. It has been noted; please try again.")
    return _answer(request, problem)


def _answer(request: web.Request, problem: Problem) -> web.StreamResponse:
    if for_programs(request):
        return answers.error_json(problem)
    try:
        return answers.error_page(request, problem)
    except Exception:  # the page about errors must not be the next one
        log.exception("while rendering the error page")
        return web.Response(status=problem.status, text=problem.message)


@web.middleware
async def guarded(request: web.Request, handler: Next) -> web.StreamResponse:
    """Only names of ours; only our own pages change anything or open a socket (facts, rule 15)."""
    services = services_of(request)
    if not identity.known_host(request, services.config):
        raise Problem(421, "host", "This server is not known by that name.")
    request[VISITOR] = _visitor(request, services)
    changes = request.method not in identity.SAFE_METHODS or "Upgrade" in request.headers
    if changes and not request[VISITOR].service and not identity.same_origin(request, services.config):
        raise errors.forbidden("origin", "This request did not come from a page of this server.")
    return await handler(request)


def _visitor(request: web.Request, services: Services) -> Visitor:
    if request.method not in identity.SAFE_METHODS | {"POST", "PATCH", "DELETE"}:
        raise Problem(405, "method", "This address does not take that method.")
    return identity.visitor(request, services.cookies, services.keys)


MIDDLEWARES: tuple[Middleware, ...] = (observed, explained, guarded)
"""Outermost first."""
