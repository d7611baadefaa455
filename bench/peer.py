"""One light WebRTC peer: real ICE checks, DTLS and SRTP on a socket of its own; what comes is counted, not decoded."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

from aioice import stun
from aiortc import RTCCertificate
from OpenSSL import SSL
from pylibsrtp import Policy, Session

PROFILE = b"SRTP_AEAD_AES_128_GCM"
KEY_BYTES, SALT_BYTES = 16, 12
PAYLOAD_TYPE = 96
CHECK_SECONDS = 4.0
_RESEND_SECONDS = 0.25


class Identity:
    """One certificate for all: making hundreds would take longer than the rest."""

    def __init__(self) -> None:
        certificate = RTCCertificate.generateCertificate()
        fingerprint = next(one for one in certificate.getFingerprints() if one.algorithm == "sha-256")
        self.fingerprint = fingerprint.value
        self.context = SSL.Context(SSL.DTLS_METHOD)
        self.context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
        self.context.use_certificate(certificate._cert)
        self.context.use_privatekey(certificate._key)
        self.context.set_tlsext_use_srtp(PROFILE)


class Peer:
    """One socket that first connects and then only counts."""

    def __init__(self, identity: Identity, address: str, index: int) -> None:
        self.ufrag, self.password = f"light{index:04}", f"light-password-number-{index:04}".replace("-", "+")
        self.index = index
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind((address, 0))
        self.socket.setblocking(False)
        self._identity = identity
        self._remote: Mapping[str, Any] = {}
        self._dtls: SSL.Connection | None = None
        self._checked = False
        self._resend_at = 0.0
        self._receiving: Session | None = None
        self._sending: Session | None = None
        self.connected = False
        self.packets = self.opened = self.holes = 0
        self._expected = -1
        self._buffer = bytearray(2048)

    def connect(self, remote: Mapping[str, Any]) -> None:
        """Begin; `turn` goes on."""
        self._remote = remote
        self._dtls = SSL.Connection(self._identity.context)
        self._dtls.set_connect_state()

    def turn(self, now: float) -> None:
        """Answer what came, and repeat what went unanswered."""
        while (datagram := self._receive()) is not None:
            self._take(datagram)
        if not self.connected and now >= self._resend_at:
            self._resend_at = now + _RESEND_SECONDS
            self.check()
            if self._checked:
                self._shake_hands()

    def check(self) -> None:
        """A connectivity check that nominates; later it renews our consent."""
        request = stun.Message(
            message_method=stun.Method.BINDING,
            message_class=stun.Class.REQUEST,
            attributes={"USERNAME": f"{self._remote['ufrag']}:{self.ufrag}", "PRIORITY": 1},
        )
        if self._remote.get("lite", False):
            request.attributes["ICE-CONTROLLING"] = 1
            request.attributes["USE-CANDIDATE"] = None
        else:
            request.attributes["ICE-CONTROLLED"] = 1
        request.add_message_integrity(self._remote["password"].encode())
        request.add_fingerprint()
        self.send(bytes(request))

    def send(self, datagram: bytes) -> None:
        self.socket.sendto(datagram, (self._remote["host"], self._remote["port"]))

    def send_rtp(self, packet: bytes) -> None:
        if self._sending is None:
            raise ConnectionError("not connected")
        self.send(self._sending.protect(packet))

    def _receive(self) -> bytes | None:
        try:
            return self.socket.recv(2048)
        except (BlockingIOError, ConnectionRefusedError):
            return None

    def _take(self, datagram: bytes) -> None:
        first = datagram[0]
        if first < 4:
            self._stun(datagram)
        elif 20 <= first < 64 and self._dtls is not None and not self.connected:
            self._dtls.bio_write(datagram)
            self._shake_hands()

    def _stun(self, datagram: bytes) -> None:
        message = stun.parse_message(datagram)
        if message.message_class == stun.Class.RESPONSE:
            if not self._checked:
                self._checked = True
                self._shake_hands()
        elif message.message_class == stun.Class.REQUEST:
            answer = stun.Message(
                message_method=stun.Method.BINDING,
                message_class=stun.Class.RESPONSE,
                transaction_id=message.transaction_id,
                attributes={"XOR-MAPPED-ADDRESS": (self._remote["host"], self._remote["port"])},
            )
            answer.add_message_integrity(self.password.encode())
            answer.add_fingerprint()
            self.send(bytes(answer))

    def _shake_hands(self) -> None:
        dtls = self._dtls
        if dtls is None or self.connected:
            return
        try:
            dtls.do_handshake()
        except SSL.WantReadError:
            due = dtls.DTLSv1_get_timeout()
            if due is not None and due <= 0:
                dtls.DTLSv1_handle_timeout()
        else:
            self._keys(dtls)
        try:
            while flight := dtls.bio_read(4096):
                self.send(flight)
        except SSL.WantReadError:
            pass

    def _keys(self, dtls: SSL.Connection) -> None:
        """RFC 5764 4.2: the client's key, the server's, then the salts in the same order."""
        material = dtls.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (KEY_BYTES + SALT_BYTES))
        salts = 2 * KEY_BYTES
        profile = Policy.SRTP_PROFILE_AEAD_AES_128_GCM
        ours = material[:KEY_BYTES] + material[salts : salts + SALT_BYTES]
        theirs = material[KEY_BYTES:salts] + material[salts + SALT_BYTES :]
        self._sending = Session(Policy(ours, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile))
        self._receiving = Session(Policy(theirs, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=profile))
        self.connected = True

    def drain(self) -> None:
        """Count what waits on the socket."""
        # Bytes beyond the headers are only copied where they are looked at.
        buffer = self._buffer
        size = 2048 if self.index == 0 else 12
        receive = self.socket.recv_into
        while True:
            try:
                got = receive(buffer, size)
            except (BlockingIOError, ConnectionRefusedError):
                return
            if 128 <= buffer[0] < 192 and buffer[1] & 0x7F == PAYLOAD_TYPE:
                self.packets += 1
                if size > 12:
                    self._open(bytes(buffer[:got]))

    def _open(self, packet: bytes) -> None:
        if self._receiving is not None:
            self._receiving.unprotect(packet)
            self.opened += 1
        seq = int.from_bytes(packet[2:4], "big")
        self.holes += self._expected not in (-1, seq)
        self._expected = seq + 1 & 0xFFFF
