"""The server's half of DTLS-SRTP (RFC 5764), without sockets or clocks: datagrams in, flights out, then SRTP keys.

Rules it keeps: no keys before the peer's certificate matches the fingerprint of its offer; plaintext alerts are
ignored (anybody can forge one); a handshake that fails starts afresh, a few times, instead of killing the peer.
The caller hands in only datagrams from a path that ICE has authenticated. The one home of pyOpenSSL.

We speak DTLS 1.2 only: its records can be walked in the clear, which the two filters here need.
"""

from __future__ import annotations

import datetime
import secrets
from collections.abc import Iterator, Sequence
from enum import Enum

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from msgspec import Struct
from OpenSSL import SSL

from server.media.net.srtp import PROFILES, SrtpPair

_DTLS_1_2 = 0xFEFD
_RECORD_HEADER_BYTES = 13
_ALERT = 21

# What fits any path that carries IPv6 at all (1280) less headers; a whole flight of ours is below 900 bytes.
_FLIGHT_DATAGRAM_BYTES = 1200

# Each restart needs a fresh ClientHello from an authenticated path; ten failures are no accident.
_MAX_RESTARTS = 10

_CIPHERS = b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA"

_DIGESTS: dict[str, hashes.HashAlgorithm] = {
    "sha-256": hashes.SHA256(),
    "sha-384": hashes.SHA384(),
    "sha-512": hashes.SHA512(),
}


class Fingerprint(Struct, frozen=True):
    """A certificate's digest as SDP writes it: `algorithm` in lower case, `value` as upper-case hex pairs."""

    algorithm: str
    value: str


class Identity:
    """Our certificate and the OpenSSL context every session shares. One per process, never stored."""

    def __init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _self_signed(key)
        self.fingerprint = Fingerprint("sha-256", _digest(certificate, "sha-256"))
        self.context = SSL.Context(SSL.DTLS_METHOD)
        self.context.set_min_proto_version(_DTLS_1_2)
        self.context.set_max_proto_version(_DTLS_1_2)
        self.context.set_options(SSL.OP_NO_TICKET)
        # Any certificate may be shown: it is the fingerprint in the offer that identifies the peer (RFC 8827 6.5).
        self.context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
        self.context.use_certificate(certificate)
        self.context.use_privatekey(key)
        self.context.set_cipher_list(_CIPHERS)
        self.context.set_tlsext_use_srtp(b":".join(profile.name for profile in PROFILES))


class DtlsState(Enum):
    """Where a session stands. CLOSED is the peer's close_notify, FAILED our verdict after too many restarts."""

    HANDSHAKE = "handshake"
    CONNECTED = "connected"
    CLOSED = "closed"
    FAILED = "failed"


class DtlsServer:
    """One peer's DTLS association."""

    def __init__(self, identity: Identity, fingerprints: Sequence[Fingerprint]) -> None:
        self._identity = identity
        self._fingerprints = tuple(print_ for print_ in fingerprints if print_.algorithm in _DIGESTS)
        if not self._fingerprints:
            raise ValueError("no fingerprint of a known algorithm")
        self.state = DtlsState.HANDSHAKE
        self.restarts = 0
        self.srtp: SrtpPair | None = None
        self._connection = self._fresh()

    def receive(self, datagram: bytes) -> list[bytes]:
        """Take one datagram from a validated path; returns the datagrams to send back."""
        if self.state in (DtlsState.CLOSED, DtlsState.FAILED) or not _worth_reading(datagram):
            return []
        try:
            self._connection.bio_write(datagram)
            if self.state is DtlsState.HANDSHAKE:
                self._shake_hands()
            else:
                # Nothing but close_notify is expected; OpenSSL also repeats our last flight here if it was lost.
                self._connection.recv(2048)
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self.state = DtlsState.CLOSED
        except SSL.Error:
            if self.state is DtlsState.HANDSHAKE:
                self._restart()
        return self._flight()

    def tick(self) -> list[bytes]:
        """Retransmit the last flight when OpenSSL's timer says so; call about every 50 ms while in HANDSHAKE."""
        if self.state is not DtlsState.HANDSHAKE:
            return []
        try:
            due = self._connection.DTLSv1_get_timeout()
            if due is None or due > 0:
                return []
            self._connection.DTLSv1_handle_timeout()
        except SSL.Error:
            self._restart()
        return self._flight()

    def close(self) -> list[bytes]:
        """Say close_notify, if there is anyone to say it to."""
        if self.state is not DtlsState.CONNECTED:
            return []
        self.state = DtlsState.CLOSED
        try:
            self._connection.shutdown()
        except SSL.Error:
            return []
        return self._flight()

    def _shake_hands(self) -> None:
        self._connection.do_handshake()
        if not self._peer_is_who_it_says():
            self._restart()
            return
        name = self._connection.get_selected_srtp_profile()
        profile = next((profile for profile in PROFILES if profile.name == name), None)
        if profile is None:
            self._restart()
            return
        size = 2 * (profile.key_bytes + profile.salt_bytes)
        self.srtp = SrtpPair(profile, self._connection.export_keying_material(b"EXTRACTOR-dtls_srtp", size))
        self.state = DtlsState.CONNECTED

    def _peer_is_who_it_says(self) -> bool:
        certificate = self._connection.get_peer_certificate(as_cryptography=True)
        return certificate is not None and all(
            secrets.compare_digest(_digest(certificate, known.algorithm), known.value) for known in self._fingerprints
        )

    def _restart(self) -> None:
        self.restarts += 1
        if self.restarts > _MAX_RESTARTS:
            self.state = DtlsState.FAILED
        else:
            self._connection = self._fresh()

    def _fresh(self) -> SSL.Connection:
        connection = SSL.Connection(self._identity.context)
        connection.set_accept_state()
        connection.set_ciphertext_mtu(_FLIGHT_DATAGRAM_BYTES)
        return connection

    def _flight(self) -> list[bytes]:
        out = bytearray()
        try:
            while True:
                out += self._connection.bio_read(8192)
        except SSL.WantReadError:
            pass
        except SSL.Error:
            return []
        return list(_datagrams(bytes(out)))


def _worth_reading(datagram: bytes) -> bool:
    """Whether every record is whole and none is a plaintext alert."""
    position, end = 0, len(datagram)
    while position < end:
        if end - position < _RECORD_HEADER_BYTES:
            return False
        kind = datagram[position]
        plaintext = datagram[position + 3 : position + 5] == b"\x00\x00"
        if not 20 <= kind <= 23 or (plaintext and kind == _ALERT):
            return False
        position += _RECORD_HEADER_BYTES + int.from_bytes(datagram[position + 11 : position + 13], "big")
    return position == end and end > 0


def _datagrams(flight: bytes) -> Iterator[bytes]:
    """Cut what OpenSSL wrote (its memory BIO forgets datagrams) into datagrams of whole records."""
    start = position = 0
    while position < len(flight):
        size = _RECORD_HEADER_BYTES + int.from_bytes(flight[position + 11 : position + 13], "big")
        if position > start and position + size - start > _FLIGHT_DATAGRAM_BYTES:
            yield flight[start:position]
            start = position
        position += size
    if start < len(flight):
        yield flight[start:]


def _digest(certificate: x509.Certificate, algorithm: str) -> str:
    return certificate.fingerprint(_DIGESTS[algorithm]).hex(":").upper()


def _self_signed(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    # The name says nothing on purpose (RFC 8827 6.5): a certificate must not identify a deployment.
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, secrets.token_hex(16))])
    now = datetime.datetime.now(tz=datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=365))
        .sign(key, hashes.SHA256())
    )
