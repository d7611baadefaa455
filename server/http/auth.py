"""Who is asking: a visitor by signed cookie, a service by API key, a participant by join token.

- The cookie names a *person* (random, no account behind it) and says whether that person came through the instructor
  link. It is signed, not encrypted, and void when either key is replaced.
- A join token (JWT, RFC 7519) lets one person into one class in one role, once, within five minutes. It travels in the
  body of a request and in the first WebSocket frame, never in a URL. Its key lives as long as the process, so a token
  from before a restart cannot be replayed after it.

Time comes in as Unix seconds. What is *not* here: what a role may do (rooms/permissions), reading requests (identity).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

import jwt
import msgspec
from msgspec import Struct

from server.http.keys import Keys
from server.rooms.kernel import ClassId, ParticipantId, Role

AUDIENCE = "bichron-live"
TOKEN_LIFETIME_S = 300
CLOCK_SKEW_S = 5
INSTRUCTOR_LIFETIME_S = 30 * 86_400
PERSON_LIFETIME_S = 400 * 86_400
"""Browsers keep no cookie longer than 400 days."""
MAX_COOKIE = 1024


class Visitor(Struct, frozen=True):
    """The person behind a request. `person` is "" for somebody without a cookie yet."""

    person: str = ""
    name: str = ""
    """The name last joined with, to suggest it again."""
    signed_in_at: int = 0
    """When this person came through the instructor link, Unix seconds; 0: never, or too long ago."""
    service: bool = False
    """Authenticated by the API key: may do what an instructor may, for others."""

    @property
    def instructor(self) -> bool:
        return self.signed_in_at > 0

    @property
    def hosts(self) -> bool:
        """May create, see and end classes."""
        return self.instructor or self.service


class TokenRefused(Exception):
    """A join token that opens nothing. `reason`: "token.expired", "token.used" or "token.invalid"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Admission(Struct, frozen=True):
    """What a join token says."""

    participant: ParticipantId
    class_id: ClassId
    role: Role
    name: str


class _Cookie(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    person: str
    name: str
    issued_at: int
    signed_in_at: int
    instructor_key: str
    """Fingerprint of the key that opened the door, so that replacing the key closes it."""


class _Claims(Struct, frozen=True, forbid_unknown_fields=True):
    """RFC 7519 registered names, and ours: `class` and `role` and `name`."""

    exp: int
    iat: int
    aud: str
    sub: str
    jti: str
    role: Role
    name: str
    class_id: str = msgspec.field(name="class")


def fresh_person() -> str:
    return secrets.token_urlsafe(16)


class Cookies:
    """Signs visitors into cookies and reads them back."""

    def __init__(self, keys: Keys, secure: bool = False) -> None:
        self._key = keys.session
        self._instructor_key = keys.instructor
        self._fingerprint = self._mac("instructor-key", keys.instructor)
        # Cookies of one host are shared by all its ports: two servers on one machine must not overwrite each other's.
        # `__Host-` (RFC 6265bis 4.1.3): no other host of the same domain, and no plain http, can set it for us.
        self.name = ("__Host-" if secure else "") + "bichron-" + self._mac("cookie-name", "")[:8]

    def opens_the_door(self, key: str) -> bool:
        """Is this the key of the instructor link? Constant time."""
        return hmac.compare_digest(key.encode(), self._instructor_key.encode())

    def write(self, visitor: Visitor, now: int) -> str:
        """The cookie's value."""
        fingerprint = self._fingerprint if visitor.instructor else ""
        cookie = _Cookie(visitor.person, visitor.name, now, visitor.signed_in_at, fingerprint)
        body = _encode(msgspec.json.encode(cookie))
        return f"{body}.{self._mac('cookie', body)}"

    def read(self, value: str, now: int) -> Visitor:
        """Who this is. Anything forged, foreign or too old is a stranger."""
        cookie = self._cookie(value)
        # One from the future is ours too: the clock was set back since, and nobody is to lose his name by that.
        if cookie is None or now - cookie.issued_at > PERSON_LIFETIME_S:
            return Visitor()
        signed_in = (
            hmac.compare_digest(cookie.instructor_key, self._fingerprint)
            and now - cookie.signed_in_at <= INSTRUCTOR_LIFETIME_S
        )
        return Visitor(cookie.person, cookie.name, cookie.signed_in_at if signed_in else 0)

    def csrf(self, person: str) -> str:
        """The hidden field of this person's forms."""
        return self._mac("csrf", person)

    def csrf_fits(self, person: str, token: str) -> bool:
        return bool(person) and hmac.compare_digest(self.csrf(person).encode(), token.encode())

    def participant(self, person: str, class_id: ClassId, role: Role) -> ParticipantId:
        """The same person is the same participant each time, and a different one in every class.

        And one per invitation: an instructor who tries the learners' link in a second tab does not push himself out.
        """
        return ParticipantId(self._mac("participant", f"{class_id}/{role.value}/{person}")[:20])

    def _cookie(self, value: str) -> _Cookie | None:
        body, dot, mac = value.partition(".")
        if len(value) > MAX_COOKIE or not dot or not hmac.compare_digest(self._mac("cookie", body), _ascii(mac)):
            return None
        try:
            return msgspec.json.decode(_decode(body), type=_Cookie)
        except ValueError:
            return None

    def _mac(self, purpose: str, text: str) -> str:
        """One key, several purposes: the purpose is part of what is signed."""
        signed = f"{purpose}\0{text}".encode()
        return _encode(hmac.digest(self._key, signed, hashlib.sha256))


class JoinTokens:
    """Writes join tokens and takes each at most once."""

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key or secrets.token_bytes(32)
        self._used: dict[str, int] = {}

    def write(self, admission: Admission, now: int) -> str:
        claims = _Claims(
            exp=now + TOKEN_LIFETIME_S,
            iat=now,
            aud=AUDIENCE,
            sub=admission.participant,
            jti=secrets.token_urlsafe(16),
            role=admission.role,
            name=admission.name,
            class_id=admission.class_id,
        )
        return jwt.encode(msgspec.to_builtins(claims), self._key, algorithm="HS256")

    def take(self, token: str, class_id: ClassId, now: int) -> Admission:
        """Whom this token lets into this class. Raises TokenRefused; a token taken once is spent."""
        claims = self._claims(token)
        if claims.exp <= now or claims.exp - claims.iat > TOKEN_LIFETIME_S:
            raise TokenRefused("token.expired")
        if claims.iat > now + CLOCK_SKEW_S or claims.class_id != class_id:
            raise TokenRefused("token.invalid")
        if claims.jti in self._used:
            raise TokenRefused("token.used")
        self._used[claims.jti] = claims.exp
        self._forget(now)
        return Admission(ParticipantId(claims.sub), class_id, claims.role, claims.name)

    def _forget(self, now: int) -> None:
        """Spent tokens that have expired, oldest first, need no more remembering."""
        while self._used:
            oldest = next(iter(self._used))
            if self._used[oldest] > now:
                return
            del self._used[oldest]

    def _claims(self, token: str) -> _Claims:
        try:
            # The hours are checked by the caller, on the clock it was given; everything else here.
            decoded = jwt.decode(
                token,
                self._key,
                algorithms=["HS256"],
                audience=AUDIENCE,
                options={
                    "require": ["exp", "iat", "aud", "sub", "jti", "class", "role"],
                    "verify_exp": False,
                    "verify_iat": False,
                },
            )
            return msgspec.convert(decoded, _Claims)
        except (jwt.PyJWTError, ValueError):
            raise TokenRefused("token.invalid") from None


def api_key_fits(keys: Keys, given: str) -> bool:
    return hmac.compare_digest(given.encode(), keys.api.encode())


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _ascii(text: str) -> str:
    """compare_digest takes no other text."""
    return text if text.isascii() else ""
