"""Passes for the TURN server: short-lived names and passwords that it can check by itself, without asking us.

The name says until when it is good, the password proves that we made it: HMAC-SHA1 of the name under a secret that both
servers hold (draft-uberti-behave-turn-rest-00; coturn's use-auth-secret). Nothing in it says who it is for.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence

from msgspec import Struct

LIFETIME_S = 6 * 3600
"""Asked for with every join, needed again whenever media reconnects without one: the longest class."""


class IceServer(Struct, frozen=True):
    """As RTCPeerConnection wants it (RTCIceServer)."""

    urls: tuple[str, ...]
    username: str
    credential: str


class Relay:
    """The TURN server under some addresses; without any, there is none."""

    def __init__(self, urls: Sequence[str] = (), secret: str = "") -> None:
        self._urls = tuple(urls)
        self._secret = secret.encode()

    def servers(self, now_s: int) -> tuple[IceServer, ...]:
        """For one participant, from now on."""
        if not self._urls:
            return ()
        username = f"{now_s + LIFETIME_S}:{secrets.token_hex(8)}"
        proof = hmac.new(self._secret, username.encode(), hashlib.sha1).digest()
        return (IceServer(self._urls, username, base64.b64encode(proof).decode()),)
