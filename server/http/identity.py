"""Reading a request: who asks, from where, and whether the page it came from is ours.

A request with an API key is that service and nobody else: its cookies are not looked at, so no page can forge it.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from aiohttp import web

from server.config import Config
from server.http import errors
from server.http.auth import PERSON_LIFETIME_S, Cookies, Visitor, api_key_fits
from server.http.keys import Keys

BEARER = "Bearer "
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def unix_s() -> int:
    """Wall clock: for display and expiry only (facts, rule 39)."""
    return int(time.time())


def visitor(request: web.Request, cookies: Cookies, keys: Keys) -> Visitor:
    """Who asks. Raises Problem 401 for an API key that is not ours."""
    header = request.headers.get("Authorization", "")
    if header:
        if header.startswith(BEARER) and api_key_fits(keys, header.removeprefix(BEARER)):
            return Visitor(service=True)
        raise errors.Problem(401, "api-key", "This API key is not valid here.", {"WWW-Authenticate": "Bearer"})
    return cookies.read(request.cookies.get(cookies.name, ""), unix_s())


def remember(response: web.StreamResponse, cookies: Cookies, who: Visitor, secure: bool) -> None:
    """Set the cookie. HttpOnly: no script reads it. Lax: other sites' forms do not send it."""
    response.set_cookie(
        cookies.name,
        cookies.write(who, unix_s()),
        max_age=PERSON_LIFETIME_S,
        path="/",
        httponly=True,
        secure=secure,
        samesite="Lax",
    )


def origin(request: web.Request, config: Config) -> str:
    """Our own origin as this browser sees it. The host name has been checked before (`known_host`)."""
    return config.public_url or f"{request.scheme}://{request.host}".lower()


def known_host(request: web.Request, config: Config) -> bool:
    """Is the Host header a name of ours? Keeps a foreign name that resolves to us (DNS rebinding) out."""
    name = _name_of(f"//{request.host}")
    if not name:
        return False
    if config.public_url and name == _name_of(config.public_url):
        return True
    if name in {"localhost", "127.0.0.1", "::1", config.host, *config.public_address}:
        return True
    return not config.local_only and not config.public_url


def same_origin(request: web.Request, config: Config) -> bool:
    """Did a page of ours send this? By exact Origin; where a browser sends none, by Sec-Fetch-Site."""
    sent = request.headers.get("Origin")
    if sent is None:
        return request.headers.get("Sec-Fetch-Site") == "same-origin"
    return sent.lower() == origin(request, config)


def address(request: web.Request, config: Config) -> str:
    """Whose attempts these are: the peer's address, or what a trusted proxy says; an IPv6 host is its /64."""
    networks = [ipaddress.ip_network(network) for network in config.trusted_proxies]
    # Some proxies append to the line, some add one of their own below it: all of them count, in order (RFC 9110 5.3).
    forwarded = ",".join(request.headers.getall("X-Forwarded-For", ()))
    hops = [hop.strip() for hop in forwarded.split(",") if hop.strip()]
    return _grouped(_first_untrusted([*hops, request.remote or ""], networks))


def _first_untrusted(hops: Sequence[str], networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> str:
    """Each proxy appends whom it heard from: walk back from our side while those are trusted."""
    for hop in reversed(hops):
        try:
            parsed = ipaddress.ip_address(hop)
        except ValueError:
            return hop[:64]
        if not any(parsed in network for network in networks):
            return hop
    return hops[0]


def _grouped(hop: str) -> str:
    """One household has a whole IPv6 /64 to try from."""
    try:
        parsed = ipaddress.ip_address(hop)
    except ValueError:
        return hop
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else hop


def _name_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
