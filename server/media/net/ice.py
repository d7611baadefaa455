"""ICE-lite (RFC 8445 2.5) for one peer: who may speak from where, and which path we send on.

A lite agent never probes. It answers binding requests that prove knowledge of our password (RFC 8489 9.1), and obeys
USE-CANDIDATE; a nomination from a new address is how a change of network looks from here. Nothing that fails a check
is answered, so we cannot be used to reflect.

Every peer asks again every few seconds for as long as it is there, so the one kind of request and the one kind of
response that a lite agent needs are read and written here, in a fraction of the time a STUN library takes.
"""

from __future__ import annotations

import hmac
import secrets
import socket
from binascii import crc32
from enum import Enum
from struct import Struct as Layout
from typing import NamedTuple, Protocol

from msgspec import Struct

_HEADER_BYTES = 20
_BINDING_REQUEST = b"\x00\x01"
_BINDING_SUCCESS = b"\x01\x01"
_COOKIE = b"\x21\x12\xa4\x42"
_PORT_XOR = 0x2112
_ATTRIBUTE = Layout("!HH")
_MAPPED = Layout("!HHxBH")
_USERNAME = 0x0006
_MESSAGE_INTEGRITY = 0x0008
_XOR_MAPPED_ADDRESS = 0x0020
_USE_CANDIDATE = 0x0025
_FINGERPRINT = 0x8028
_INTEGRITY_ATTRIBUTE = b"\x00\x08\x00\x14"
_DIGEST_BYTES = 20
_INTEGRITY_BYTES = 4 + _DIGEST_BYTES
_FINGERPRINT_ATTRIBUTE = b"\x80\x28\x00\x04"
_FINGERPRINT_BYTES = 8
_FINGERPRINT_XOR = 0x5354554E

# Browsers send about 110 bytes; long SOFTWARE or USERNAME attributes stay below this by far.
_MAX_REQUEST_BYTES = 600

# A phone roaming between two networks shows three or four; the one heard longest ago makes room.
MAX_PATHS = 8

CONSENT_TIMEOUT_US = 15_000_000
"""RFC 7675 says 30 s; browsers check every 2.5 s to 5 s, so three to six checks in a row were lost."""


class Path(Protocol):
    """A way to reach a peer: a UDP address or a TCP connection."""

    @property
    def address(self) -> tuple[str, int]:
        """Where the peer is, as we see it."""

    def send(self, datagram: bytes) -> None:
        """Never blocks and never raises: what cannot be sent now is dropped and counted."""

    def close(self) -> None:
        """Give up what the path holds; it is not used again."""


class Credentials(Struct, frozen=True):
    """One side's ICE user fragment and password."""

    ufrag: str
    password: str


def fresh_credentials() -> Credentials:
    """Our side's for one peer: 48 and 144 bits of chance (RFC 8445 5.3 asks for 24 and 128)."""
    return Credentials(secrets.token_hex(6), secrets.token_hex(18))


class Rejection(Enum):
    """Why a binding request was not answered."""

    MALFORMED = "stun-malformed"
    FORGED = "stun-forged"


def addressee(datagram: bytes) -> str | None:
    """Our user fragment in a binding request that looks whole, else None. Cheap: this runs for strangers.

    Stricter than RFC 8489: FINGERPRINT must be there and last (every ICE agent sends it so).
    """
    end = len(datagram)
    if not _HEADER_BYTES + _FINGERPRINT_BYTES <= end <= _MAX_REQUEST_BYTES or end % 4:
        return None
    if datagram[:2] != _BINDING_REQUEST or datagram[4:8] != _COOKIE:
        return None
    body = end - _FINGERPRINT_BYTES
    if (
        int.from_bytes(datagram[2:4], "big") != end - _HEADER_BYTES
        or datagram[body : body + 4] != _FINGERPRINT_ATTRIBUTE
    ):
        return None
    if crc32(datagram[:body]) ^ _FINGERPRINT_XOR != int.from_bytes(datagram[body + 4 :], "big"):
        return None
    position = _HEADER_BYTES
    while position + 4 <= body:
        kind = int.from_bytes(datagram[position : position + 2], "big")
        size = int.from_bytes(datagram[position + 2 : position + 4], "big")
        position += 4
        if kind == _USERNAME:
            ours, colon, _ = datagram[position : position + size].partition(b":")
            return ours.decode("ascii", "replace") if colon and position + size <= body else None
        position += size + (-size % 4)
    return None


class _Request(NamedTuple):
    """What a binding request says; all but `digest` is as true as that is."""

    username: bytes
    nominates: bool
    signed_bytes: int
    """How much of the datagram comes before the signature and is signed."""
    digest: bytes


def _read(datagram: bytes) -> _Request | None:
    """A signed request, its FINGERPRINT left to `addressee`; None if it is malformed."""
    end = len(datagram) - _FINGERPRINT_BYTES
    if end < _HEADER_BYTES or datagram[:2] != _BINDING_REQUEST or datagram[4:8] != _COOKIE:
        return None
    if int.from_bytes(datagram[2:4], "big") != len(datagram) - _HEADER_BYTES:
        return None
    username: bytes | None = None
    nominates = False
    signed_bytes = 0
    position = _HEADER_BYTES
    while position + 4 <= end:
        kind, size = _ATTRIBUTE.unpack_from(datagram, position)
        value = position + 4
        if value + size > end or kind == _FINGERPRINT:  # that is the last one
            return None
        if signed_bytes:
            pass  # what follows the signature is not signed, so it says nothing (RFC 8489 14.5)
        elif kind == _USERNAME and username is None:  # of several the first counts (RFC 8489 14)
            username = datagram[value : value + size]
        elif kind == _USE_CANDIDATE:
            nominates = True
        elif kind == _MESSAGE_INTEGRITY:
            if size != _DIGEST_BYTES:
                return None
            signed_bytes = position
        position = value + size + (-size % 4)
    if username is None or not signed_bytes:
        return None
    return _Request(username, nominates, signed_bytes, datagram[signed_bytes + 4 : signed_bytes + _INTEGRITY_BYTES])


def _digest(key: bytes, signed: bytes) -> bytes:
    """MESSAGE-INTEGRITY over what comes before it, the length counted up to its own end (RFC 8489 14.5)."""
    size = len(signed) - _HEADER_BYTES + _INTEGRITY_BYTES
    return hmac.digest(key, signed[:2] + size.to_bytes(2, "big") + signed[4:], "sha1")


def _response(transaction: bytes, address: tuple[str, int], key: bytes) -> bytes:
    """Success, and where the request came from (XOR-MAPPED-ADDRESS, RFC 8489 14.2), signed."""
    host, port = address
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    packed = socket.inet_pton(family, host.partition("%")[0])
    pad = (_COOKIE + transaction)[: len(packed)]
    hidden = (int.from_bytes(packed, "big") ^ int.from_bytes(pad, "big")).to_bytes(len(packed), "big")
    mapped = _MAPPED.pack(_XOR_MAPPED_ADDRESS, 4 + len(packed), 2 if ":" in host else 1, port ^ _PORT_XOR) + hidden
    size = len(mapped) + _INTEGRITY_BYTES + _FINGERPRINT_BYTES
    response = _BINDING_SUCCESS + size.to_bytes(2, "big") + _COOKIE + transaction + mapped
    response += _INTEGRITY_ATTRIBUTE + _digest(key, response)
    return response + _FINGERPRINT_ATTRIBUTE + (crc32(response) ^ _FINGERPRINT_XOR).to_bytes(4, "big")


class IceLite:
    """One peer's ICE state: its authenticated paths, the one we send on, and when it last proved to be alive."""

    __slots__ = ("_generations", "_heard_on", "_nominated", "heard_us", "local", "selected")

    def __init__(self, remote: Credentials, now_us: int) -> None:
        self.local = fresh_credentials()
        self._generations = {f"{self.local.ufrag}:{remote.ufrag}".encode(): self.local}
        """By the username that requests carry; after a restart the one before goes on until there is another."""
        self._heard_on: dict[Path, int] = {}
        self.selected: Path | None = None
        self._nominated = False
        self.heard_us = now_us

    def answer(self, datagram: bytes, path: Path, now_us: int) -> bytes | Rejection:
        """Check a request whose `addressee` is us; returns the response to send back on `path`."""
        request = _read(datagram)
        if request is None:
            return Rejection.MALFORMED
        known = self._generations.get(request.username)
        if known is None:
            return Rejection.FORGED
        key = known.password.encode()
        if not hmac.compare_digest(request.digest, _digest(key, datagram[: request.signed_bytes])):
            return Rejection.FORGED
        self._heard_on[path] = self.heard_us = now_us
        if request.nominates:
            self.selected, self._nominated = path, True
        elif not self._nominated:
            self.selected = path
        return _response(datagram[8:_HEADER_BYTES], path.address, key)

    def restart(self, remote: Credentials) -> None:
        """Take new credentials, ours and theirs (RFC 8445 9). What flows goes on where it does until a path of the
        new ones is nominated.
        """
        latest = list(self._generations.items())[-1]
        self.local = fresh_credentials()
        self._generations = dict([latest, (f"{self.local.ufrag}:{remote.ufrag}".encode(), self.local)])
        self._nominated = False

    def ufrags(self) -> tuple[str, ...]:
        """Our user fragments that requests may name."""
        return tuple(known.ufrag for known in self._generations.values())

    def forget(self, path: Path) -> None:
        """A path is gone (a TCP connection closed, a stale address made room)."""
        self._heard_on.pop(path, None)
        if self.selected is path:
            self.selected, self._nominated = next(iter(self._heard_on), None), False

    def surplus(self) -> Path | None:
        """The path to give up when there are more than MAX_PATHS."""
        if len(self._heard_on) <= MAX_PATHS:
            return None
        return min((path for path in self._heard_on if path is not self.selected), key=self._heard_on.__getitem__)

    def paths(self) -> tuple[Path, ...]:
        """Every authenticated path."""
        return tuple(self._heard_on)

    def has_consent(self, now_us: int) -> bool:
        """Whether the peer has proved to be there of late."""
        return now_us - self.heard_us <= CONSENT_TIMEOUT_US
