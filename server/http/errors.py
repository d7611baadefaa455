"""What a request is told when it does not get what it wants: one JSON shape for programs, one page for people.

    {"error": {"code": "join.code-unknown", "message": "This invitation does not fit the class."}}

`code` is stable and dotted, `message` is English for a reader and may change. Refusals of *commands* are not here: they
travel on the WebSocket (wire.Refused) with the reasons of the rules.
"""

from __future__ import annotations

from aiohttp import web
from msgspec import Struct


class ErrorDetail(Struct, frozen=True):
    code: str
    message: str


class ErrorBody(Struct, frozen=True):
    """The one shape of every error of the REST interface."""

    error: ErrorDetail


class Problem(Exception):
    """A request that is answered with an error. Raised anywhere below the middleware, which writes it down."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}


class BadFrame(ValueError):
    """A WebSocket frame that is not of the protocol. `code` says how; it costs its sender alone."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def not_found(what: str) -> Problem:
    """404: `what` begins the sentence, as "This class"."""
    return Problem(404, "not-found", f"{what} does not exist, or no longer.")


def disk_unavailable(code: str) -> Problem:
    return Problem(503, code, "The server cannot write to its disk right now.")


def forbidden(code: str, message: str) -> Problem:
    return Problem(403, code, message)


def sign_in_first() -> Problem:
    return Problem(401, "sign-in", "Open the instructor link first; the server prints it when it starts.")


def too_many(wait_s: float) -> Problem:
    """429, with how long to wait."""
    whole = max(1, round(wait_s + 0.5))
    return Problem(429, "too-many", f"Too many attempts. Try again in {whole} s.", {"Retry-After": str(whole)})


def from_http(error: web.HTTPException) -> Problem:
    """aiohttp's own refusals (unknown path, wrong method, body too large) in our words."""
    match error.status:
        case 404:
            return not_found("This page")
        case 405:
            return Problem(405, "method", "This address does not take that method.", _allowed(error))
        case 413:
            return Problem(413, "too-large", "The request is larger than this server reads.")
        case status:
            return Problem(status, "bad-request", error.reason)


def _allowed(error: web.HTTPException) -> dict[str, str]:
    return {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
